/** Part of the time that may be given away. */
const SHARE = 0.05;
/** Most that is saved up, and least that is worth beginning with, in milliseconds. */
const MOST_MS = 1000;
const LEAST_MS = 20;

/**
 * A small budget of time in which the bus waits for a subscriber that reads and has fallen behind.
 *
 * Several equal readers drift apart by chance, and without anything that brings them together again one of them
 * reaches the bound of its outbox in the end, though all keep up on average. With this, one that is slower for good
 * costs the bus a twentieth of its speed at the most, and is cut in the end as before.
 */
export class Grace {
  #left = MOST_MS;
  #at: number;
  #isGiven = false;

  constructor(now: number) {
    this.#at = now;
  }

  /** Whether the bus is to wait from `now` on, when somebody would be helped by it. */
  ask(wanted: boolean, now: number): boolean {
    const passed = now - this.#at;
    this.#at = now;
    this.#left = this.#isGiven ? this.#left - passed : Math.min(MOST_MS, this.#left + passed * SHARE);
    this.#isGiven = wanted && this.#left > (this.#isGiven ? 0 : LEAST_MS);
    return this.#isGiven;
  }

  /** For how long it may still be given, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#left);
  }
}
