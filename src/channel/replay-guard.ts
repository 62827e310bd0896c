/**
 * Keeps a request from being played again under the same session key.
 *
 * Exact with bounded memory: two generations of nonces are kept, and of what is older the latest `ts` only. A request older than
 * that cannot be told from a replay and is refused. No clock is compared with another: `ts` is the minion's own.
 */

const GENERATION = 128;
// A minion that sends this many within one second of its clock loses exactness for that second only.
const MOST = 8192;

/** What is to be made of a request. */
export type ReplayVerdict = 'fresh' | 'replay' | 'too-old';

/** The memory of one session key. */
export class ReplayGuard {
  #now = new Set<string>();
  #before = new Set<string>();
  #latest = -Infinity;
  /** What `#floor` is once the generation before is forgotten. */
  #nextFloor = -Infinity;
  #floor = -Infinity;

  /** Looks at a request, and remembers it when it is fresh. */
  check(nonce: string, ts: number): ReplayVerdict {
    if (this.#now.has(nonce) || this.#before.has(nonce)) return 'replay';
    if (ts < this.#floor) return 'too-old';
    const isNextSecond = ts > this.#latest;
    if ((this.#now.size >= GENERATION && isNextSecond) || this.#now.size >= MOST) {
      this.#floor = Math.max(this.#floor, this.#nextFloor);
      this.#before = this.#now;
      // a generation that ends with its second takes all of that second with it
      this.#nextFloor = isNextSecond ? this.#latest + 1 : this.#latest;
      this.#now = new Set();
    }
    this.#now.add(nonce);
    if (isNextSecond) this.#latest = ts;
    return 'fresh';
  }
}
