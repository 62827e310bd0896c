/**
 * Turns: how many requests each connection of a ROUTER gets through before the others are looked at again.
 *
 * A peer that sends one request after the other without waiting would otherwise have a whole read of them done, while a REQ
 * peer has one at a time. Where several ask, each gets one in a turn; who is alone gets many, which costs less.
 */

/** Who takes turns. */
export interface TurnTaker {
  /** Goes on with what waits; takes turns as before. */
  onTurn(): void;
}

const ALONE = 64;

interface Taken {
  turn: number;
  count: number;
}

/** The turns of one socket. One turn is one round of the event loop. */
export class Turns {
  readonly #schedule: (next: () => void) => void;
  readonly #taken = new WeakMap<TurnTaker, Taken>();
  readonly #next: () => void;
  #waiting = new Set<TurnTaker>();
  #turn = 0;
  #active = 0;
  #each = ALONE;
  #isScheduled = false;

  /** @param schedule - runs something when the other connections were looked at */
  constructor(schedule: (next: () => void) => void = setImmediate) {
    this.#schedule = schedule;
    this.#next = () => {
      this.#begin();
    };
  }

  /** Whether a connection may get one more request through now; where not, it is called when it may. */
  take(taker: TurnTaker): boolean {
    let taken = this.#taken.get(taker);
    if (taken === undefined) {
      taken = { turn: -1, count: 0 };
      this.#taken.set(taker, taken);
    }
    if (taken.turn !== this.#turn) {
      taken.turn = this.#turn;
      taken.count = 0;
      this.#active += 1;
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#schedule(this.#next);
    }
    if (taken.count >= this.#each) {
      this.#waiting.add(taker);
      return false;
    }
    taken.count += 1;
    return true;
  }

  #begin(): void {
    this.#isScheduled = false;
    this.#turn += 1;
    this.#each = this.#active > 1 ? 1 : ALONE;
    this.#active = 0;
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const taker of waiting) taker.onTurn();
  }
}
