/**
 * Turns: how many requests each connection of a ROUTER gets through before the others are looked at again.
 *
 * A peer that sends one request after the other without waiting would otherwise have a whole read of them done, while a REQ
 * peer has one at a time. Where several ask, each gets one in a turn; who is alone gets many, which costs less.
 */

/** Who takes turns. The numbers are kept for it here, and begin with -1 and 0. */
export interface TurnTaker {
  /** The last turn in which it got something through. */
  turn: number;
  /** How many it got through in that. */
  taken: number;
  /** Goes on with what waits; takes turns as before. */
  onTurn(): void;
}

const ALONE = 64;
// Who waits for replies is between two requests most of the time, and not gone: so many turns have to pass until somebody counts as alone.
const CALM_TURNS = 256;

/** The turns of one socket. One turn is one round of the event loop. */
export class Turns {
  readonly #schedule: (next: () => void) => void;
  readonly #next: () => void;
  #waiting = new Set<TurnTaker>();
  #turn = 0;
  #active = 0;
  #each = ALONE;
  #calm = 0;
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
    if (taker.turn !== this.#turn) {
      taker.turn = this.#turn;
      taker.taken = 0;
      this.#active += 1;
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#schedule(this.#next);
    }
    if (taker.taken >= this.#each) {
      this.#waiting.add(taker);
      return false;
    }
    taker.taken += 1;
    return true;
  }

  #begin(): void {
    this.#isScheduled = false;
    this.#turn += 1;
    if (this.#active > 1) this.#calm = CALM_TURNS;
    else if (this.#calm > 0) this.#calm -= 1;
    this.#each = this.#calm > 0 ? 1 : ALONE;
    this.#active = 0;
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const taker of waiting) taker.onTurn();
  }
}
