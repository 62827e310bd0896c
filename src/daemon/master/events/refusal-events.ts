/**
 * `saltbus/refused`: what verified minions asked for and was not done, told on the bus of the master at a bounded rate.
 */
import type { Refusal } from '../load.ts';
import { mapOf } from '../load.ts';
import type { BusEvent } from '../load.ts';

/** The tag; no minion may fire it. */
export const REFUSED_TAG = 'saltbus/refused';

const SECOND_MS = 1000;
const MOST_A_SECOND = 10;

/** Makes the events: at most one a second for each minion, and ten a second in all. What is left out is counted in the next. */
export class RefusalEvents {
  readonly #now: () => number;
  readonly #told = new Set<string>();
  #since = -Infinity;
  #left = 0;

  /** @param now - a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The event of a refusal; `undefined` when it is only counted. */
  of(id: string, { reason, subject }: Refusal): BusEvent | undefined {
    const now = this.#now();
    if (now - this.#since >= SECOND_MS) {
      this.#since = now;
      this.#told.clear();
    }
    if (this.#told.has(id) || this.#told.size >= MOST_A_SECOND) {
      this.#left += 1;
      return undefined;
    }
    this.#told.add(id);
    const data = mapOf({ id, reason, subject, not_told: this.#left });
    this.#left = 0;
    return { tag: REFUSED_TAG, data };
  }
}
