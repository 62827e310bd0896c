/**
 * The job ids a minion has seen lately: a job that comes a second time is not run again.
 */

/** A bounded memory of job ids; shared by the masters of a minion with several. */
export class RecentJids {
  readonly #most: number;
  readonly #seen = new Set<string>();

  /** @param most - how many are remembered, the minion option `minion_jid_queue_hwm`; beyond, the oldest is forgotten */
  constructor(most = 100) {
    this.#most = Math.max(1, most);
  }

  /** Remembers the id; whether it was new. */
  add(jid: string): boolean {
    if (this.#seen.has(jid)) return false;
    if (this.#seen.size >= this.#most) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    this.#seen.add(jid);
    return true;
  }
}
