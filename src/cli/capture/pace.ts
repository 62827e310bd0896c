/**
 * When a recorded event is due again. Pure: it is told the time.
 */

// A clock that jumped while the file was written must not hold the replay for days.
const LONGEST_WAIT_MS = 24 * 3_600_000;

/** Keeps the distances between records, divided by a speed. Each run of the capturing program begins anew. */
export class Pace {
  readonly #speed: number;
  #origin: { readonly time: number; readonly now: number } | undefined;

  /** @param speed - 2 is twice as fast, `Infinity` is at once */
  constructor(speed: number) {
    this.#speed = speed;
  }

  /** Forgets what came before: the next record is due at once. */
  restart(): void {
    this.#origin = undefined;
  }

  /**
   * How long to wait, in milliseconds, before a record is due; 0 when it is.
   * @param time - of the record, in microseconds
   * @param now - of a monotonic clock, in milliseconds
   */
  waitFor(time: number, now: number): number {
    if (this.#speed === Infinity) return 0;
    this.#origin ??= { time, now };
    const due = this.#origin.now + (time - this.#origin.time) / 1000 / this.#speed;
    return Math.min(Math.max(0, due - now), LONGEST_WAIT_MS);
  }
}
