/**
 * Work that costs time beside the loop, so many at once and a bounded number that waits: RSA operations for minions.
 */

/** Bounds of a {@link WorkQueue}. */
export interface WorkQueueLimits {
  /** How many are worked on at once. */
  readonly concurrency: number;
  /** How many may wait beside those; one more is turned away. */
  readonly waiting: number;
}

/** A queue whose items are worked on in their order. */
export class WorkQueue<Item> {
  readonly #limits: WorkQueueLimits;
  readonly #work: (item: Item) => Promise<void>;
  #queue: Item[] = [];
  #at = 0;
  #running = 0;

  /** @param work - never rejects */
  constructor(limits: WorkQueueLimits, work: (item: Item) => Promise<void>) {
    this.#limits = limits;
    this.#work = work;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#queue.length - this.#at;
  }

  /** How many are worked on now. */
  get running(): number {
    return this.#running;
  }

  /** Takes an item; false when as many wait as may. */
  add(item: Item): boolean {
    if (this.#running >= this.#limits.concurrency) {
      if (this.waiting >= this.#limits.waiting) return false;
      this.#queue.push(item);
      return true;
    }
    this.#begin(item);
    return true;
  }

  #begin(item: Item): void {
    this.#running += 1;
    void this.#work(item).finally(() => {
      this.#running -= 1;
      this.#next();
    });
  }

  #next(): void {
    const item = this.#queue[this.#at];
    if (this.waiting === 0 || item === undefined) return;
    this.#at += 1;
    if (this.#at === this.#queue.length) {
      this.#queue = [];
      this.#at = 0;
    }
    this.#begin(item);
  }
}
