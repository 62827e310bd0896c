/**
 * How many keys of strangers are written in a second: anybody can send a new one with each sign-in.
 */

const BURST_SECONDS = 10;

/** A bucket that fills by the clock. */
export class KeyRate {
  readonly #perSecond: number;
  readonly #most: number;
  #left: number;
  #at: number;

  /** @param now - milliseconds */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#most = perSecond * BURST_SECONDS;
    this.#left = this.#most;
    this.#at = now;
  }

  /** Takes one; false when there is none left. A clock that goes back fills nothing. */
  take(now: number): boolean {
    const passed = Math.max(0, now - this.#at);
    this.#at = now;
    this.#left = Math.min(this.#most, this.#left + (passed * this.#perSecond) / 1000);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
