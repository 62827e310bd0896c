/**
 * Which entry is next. Pure: no clock, no disk.
 *
 * - Within a lane and priority: first in, first out. While one of them is out, those behind it stay.
 * - Between priorities: the oldest entry of each competes, as if each step of priority were worth a given time of waiting.
 *   So an urgent one goes first, and none is overtaken by what comes later than that time.
 * - Between lanes: in turn; every fourth goes to the lane whose entry is the oldest, so that lanes that come and go cannot
 *   hold up one that waits.
 */
import { PRIORITIES } from './entry.ts';
import type { Priority } from './entry.ts';

/** What the order has to know of an entry. The links are the order's own: an entry stands in one order at the most. */
export interface Ordered<T> {
  readonly seq: number;
  readonly lane: string;
  readonly priority: Priority;
  /** In milliseconds. */
  readonly arrivedAt: number;
  before: T | undefined;
  behind: T | undefined;
  queue: Queue<T> | undefined;
}

/** The entries of one lane and priority. */
export class Queue<T> {
  readonly lane: string;
  head: T | undefined;
  tail: T | undefined;
  /** How many of its entries are out. */
  out = 0;
  /** The call of take() that has taken from it last. */
  takenIn = 0;
  inRing = false;

  constructor(lane: string) {
    this.lane = lane;
  }

  isReady(call: number): boolean {
    return this.head !== undefined && (this.out === 0 || this.takenIn === call);
  }
}

interface HeapEntry<T> {
  readonly arrivedAt: number;
  readonly seq: number;
  readonly queue: Queue<T>;
}

function isLess<T>(a: HeapEntry<T>, b: HeapEntry<T>): boolean {
  return a.arrivedAt === b.arrivedAt ? a.seq < b.seq : a.arrivedAt < b.arrivedAt;
}

/** The queues by the age of what is first in each; entries that are not true any more are dropped when they come up. */
class OldestFirst<T extends Ordered<T>> {
  readonly #heap: HeapEntry<T>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(queue: Queue<T>): void {
    const head = queue.head;
    if (head === undefined) return;
    const entry = { arrivedAt: head.arrivedAt, seq: head.seq, queue };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !isLess(entry, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = entry;
  }

  /** The queue whose first entry is the oldest, of those that are ready. */
  top(call: number): HeapEntry<T> | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (top.queue.head?.seq === top.seq && top.queue.isReady(call)) return top;
      this.#pop();
    }
    return undefined;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      const right = heap[childAt + 1];
      if (child !== undefined && right !== undefined && isLess(right, child)) {
        childAt += 1;
        child = right;
      }
      if (child === undefined || !isLess(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

/** The queues of one priority. */
class Rank<T extends Ordered<T>> {
  readonly priority: Priority;
  readonly queues = new Map<string, Queue<T>>();
  readonly oldest = new OldestFirst<T>();
  #ring: Queue<T>[] = [];
  #ringAt = 0;
  #turn = 0;

  constructor(priority: Priority) {
    this.priority = priority;
  }

  enter(queue: Queue<T>): void {
    this.oldest.push(queue);
    if (queue.inRing) return;
    queue.inRing = true;
    this.#ring.push(queue);
  }

  next(call: number): Queue<T> | undefined {
    this.#turn += 1;
    if (this.#turn % OLDEST_EVERY === 0) return this.oldest.top(call)?.queue;
    while (this.#ringAt < this.#ring.length) {
      const queue = this.#ring[this.#ringAt];
      this.#ringAt += 1;
      if (this.#ringAt > 1024 && this.#ringAt * 2 > this.#ring.length) {
        this.#ring = this.#ring.slice(this.#ringAt);
        this.#ringAt = 0;
      }
      if (queue === undefined) continue;
      queue.inRing = false;
      if (queue.isReady(call)) return queue;
    }
    return undefined;
  }
}

const OLDEST_EVERY = 4;

/** All that waits, and what is out. */
export class SpoolOrder<T extends Ordered<T>> {
  readonly #ranks: readonly Rank<T>[] = PRIORITIES.map((priority) => new Rank<T>(priority));
  readonly #ageingMs: number;
  #call = 0;
  #waiting = 0;

  /** @param ageingMs - how much waiting one step of priority is worth */
  constructor(ageingMs: number) {
    this.#ageingMs = ageingMs;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Puts an entry behind all others of its lane and priority. */
  push(item: T): void {
    const { rank, queue } = this.#queueOf(item);
    this.#link(item, queue, queue.tail, undefined);
    if (queue.head === item && queue.out === 0) rank.enter(queue);
  }

  /** The next entries, at most `most`, of the queues of which nothing is out; they are out from now on. */
  take(most: number): T[] {
    this.#call += 1;
    const taken: T[] = [];
    while (taken.length < most) {
      const rank = this.#bestRank();
      if (rank === undefined) break;
      // the ring may be exhausted where the heap is not: then the turn goes to the oldest
      const queue = rank.next(this.#call) ?? rank.oldest.top(this.#call)?.queue;
      const head = queue?.head;
      if (queue === undefined || head === undefined) break;
      this.#unlink(head);
      queue.out += 1;
      queue.takenIn = this.#call;
      if (queue.head !== undefined) rank.enter(queue);
      taken.push(head);
    }
    return taken;
  }

  /** An entry that was out has left for good. */
  settle(item: T): void {
    const { rank, queue } = this.#queueOf(item);
    this.#back(rank, queue);
  }

  /** Entries that were out wait again, before all that is behind them. */
  putBack(items: readonly T[]): void {
    for (const item of [...items].sort((a, b) => b.seq - a.seq)) {
      const { rank, queue } = this.#queueOf(item);
      // Those that were put back already and are older stay before it.
      let behind = queue.head;
      while (behind !== undefined && behind.seq < item.seq) behind = behind.behind;
      const before = behind === undefined ? queue.tail : behind.before;
      this.#link(item, queue, before, behind);
      this.#back(rank, queue);
    }
  }

  /** Takes out an entry that waits; false when it does not. */
  remove(item: T): boolean {
    const { queue } = item;
    if (queue === undefined) return false;
    const wasFirst = queue.head === item;
    this.#unlink(item);
    const rank = this.#rankOf(item.priority);
    if (wasFirst && queue.head !== undefined && queue.out === 0) rank.enter(queue);
    this.#forgetEmpty(rank, queue);
    return true;
  }

  /** The oldest of a priority that waits, whether or not something of its queue is out. */
  oldest(priority: Priority): T | undefined {
    let oldest: T | undefined;
    for (const { head } of this.#rankOf(priority).queues.values()) {
      if (head === undefined) continue;
      if (
        oldest === undefined ||
        head.arrivedAt < oldest.arrivedAt ||
        (head.arrivedAt === oldest.arrivedAt && head.seq < oldest.seq)
      )
        oldest = head;
    }
    return oldest;
  }

  #bestRank(): Rank<T> | undefined {
    let best: Rank<T> | undefined;
    let bestKey = Infinity;
    for (const rank of this.#ranks) {
      const top = rank.oldest.top(this.#call);
      if (top === undefined) continue;
      const key = top.arrivedAt + rank.priority * this.#ageingMs;
      if (key >= bestKey) continue;
      best = rank;
      bestKey = key;
    }
    return best;
  }

  #rankOf(priority: Priority): Rank<T> {
    const rank = this.#ranks[priority];
    if (rank === undefined) throw new RangeError(`There is no priority ${String(priority)}`);
    return rank;
  }

  #queueOf({ lane, priority }: T): { readonly rank: Rank<T>; readonly queue: Queue<T> } {
    const rank = this.#rankOf(priority);
    let queue = rank.queues.get(lane);
    if (queue === undefined) {
      queue = new Queue(lane);
      rank.queues.set(lane, queue);
    }
    return { rank, queue };
  }

  #back(rank: Rank<T>, queue: Queue<T>): void {
    if (queue.out > 0) queue.out -= 1;
    if (queue.out > 0) return;
    if (queue.head !== undefined) rank.enter(queue);
    else this.#forgetEmpty(rank, queue);
  }

  #forgetEmpty(rank: Rank<T>, queue: Queue<T>): void {
    if (queue.head === undefined && queue.out === 0) rank.queues.delete(queue.lane);
  }

  #link(item: T, queue: Queue<T>, before: T | undefined, behind: T | undefined): void {
    item.before = before;
    item.behind = behind;
    item.queue = queue;
    if (before === undefined) queue.head = item;
    else before.behind = item;
    if (behind === undefined) queue.tail = item;
    else behind.before = item;
    this.#waiting += 1;
  }

  #unlink(item: T): void {
    const { queue, before, behind } = item;
    if (queue === undefined) return;
    if (before === undefined) queue.head = behind;
    else before.behind = behind;
    if (behind === undefined) queue.tail = before;
    else behind.before = before;
    item.before = undefined;
    item.behind = undefined;
    item.queue = undefined;
    this.#waiting -= 1;
  }
}
