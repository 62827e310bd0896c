/**
 * Which subscriptions a publication meets: by prefix, without a look at each subscription.
 *
 * Topics are kept by their length; a publication is looked up once for each length in use. Salt has three (0, 9 for
 * `broadcast`, 40 for a minion's hash), and however many a hostile peer makes, there are no more than topic lengths allowed.
 */
export class TopicIndex<Member> {
  readonly #byLength = new Map<number, Map<string, Set<Member>>>();
  #longest = 0;

  /** Adds a member to a topic, given as latin1 text. */
  add(topic: string, member: Member): void {
    let topics = this.#byLength.get(topic.length);
    if (topics === undefined) {
      topics = new Map();
      this.#byLength.set(topic.length, topics);
      this.#longest = Math.max(this.#longest, topic.length);
    }
    const members = topics.get(topic);
    if (members === undefined) topics.set(topic, new Set([member]));
    else members.add(member);
  }

  /** Takes a member from a topic. */
  delete(topic: string, member: Member): void {
    const topics = this.#byLength.get(topic.length);
    const members = topics?.get(topic);
    if (topics === undefined || members === undefined) return;
    members.delete(member);
    if (members.size > 0) return;
    topics.delete(topic);
    if (topics.size > 0) return;
    this.#byLength.delete(topic.length);
    this.#longest = Math.max(0, ...this.#byLength.keys());
  }

  /** Puts the members of each topic that `bytes` begin with into `found`; one member may be in several. */
  find(bytes: Buffer, found: Set<Member>[]): void {
    found.length = 0;
    const text =
      this.#longest === 0 ? '' : bytes.toString('latin1', 0, Math.min(bytes.length, this.#longest));
    for (const [length, topics] of this.#byLength) {
      if (length > bytes.length) continue;
      const members = topics.get(text.slice(0, length));
      if (members !== undefined) found.push(members);
    }
  }
}
