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

  /**
   * Puts the members of each topic that `bytes` begin with into `found`, from its beginning; one member may be in several.
   * @returns how many sets were put there
   */
  find(bytes: Uint8Array, found: Set<Member>[]): number {
    let count = 0;
    let text = '';
    if (this.#longest > 0) {
      const length = Math.min(bytes.length, this.#longest);
      text = Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
    }
    for (const [length, topics] of this.#byLength) {
      if (length > bytes.length) continue;
      const members = topics.get(length === text.length ? text : text.slice(0, length));
      if (members === undefined) continue;
      found[count] = members;
      count += 1;
    }
    return count;
  }
}
