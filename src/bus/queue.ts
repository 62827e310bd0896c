/**
 * A bounded queue between a reader that never stops and a consumer that may.
 *
 * When it is full, what comes is dropped and counted until there is room again; the place of the loss is then marked by
 * one gap in the queue. So the order holds, and what was kept is the older part.
 */
import type { BadEvent, SaltEvent } from '../event.ts';

/** Why events may be missing at this place of a subscription. */
export type GapReason =
  /** the queue of this subscription was full */
  | 'overflow'
  /** the connection was lost and made again: what was fired in between was not seen */
  | 'reconnect'
  /** bytes came that are no frames: the connection was made again to get in step */
  | 'desync';

/** A place in a subscription where events are missing, or may be. */
export interface Gap {
  readonly kind: 'gap';
  readonly reason: GapReason;
  /** How many are missing; `undefined` when that cannot be known. */
  readonly dropped: number | undefined;
  /** When it began and ended, in milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
}

/** What a subscription yields. */
export type BusItem = SaltEvent | BadEvent | Gap;

/** The bounds of a queue. */
export interface QueueLimit {
  /** Most items. */
  readonly items: number;
  /** Most bytes of event bodies. */
  readonly bytes: number;
}

function sizeOf(item: BusItem): number {
  if (item.kind === 'event') return item.size;
  return item.kind === 'gap' ? 0 : item.raw.length;
}

/** The queue of one subscription. */
export class ItemQueue {
  readonly #limit: QueueLimit;
  #items: BusItem[] = [];
  #head = 0;
  #bytes = 0;
  #dropped = 0;
  #droppedSince = 0;

  constructor(limit: QueueLimit) {
    this.#limit = limit;
  }

  /** Items waiting. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Adds an item; returns `false` when it was dropped. */
  push(item: BusItem, now: number): boolean {
    const size = sizeOf(item);
    const full =
      this.length >= this.#limit.items || (this.length > 0 && this.#bytes + size > this.#limit.bytes);
    if (full && item.kind !== 'gap') {
      if (this.#dropped === 0) this.#droppedSince = now;
      this.#dropped += 1;
      return false;
    }
    this.#markLoss(now);
    this.#append(item, size);
    return true;
  }

  /** The next item; `undefined` when there is none. */
  shift(): BusItem | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#head += 1;
    if (item !== undefined) this.#bytes -= sizeOf(item);
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
      this.#markLoss(Date.now());
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** All items, at once. */
  takeAll(): BusItem[] {
    const items = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#markLoss(Date.now());
    return items;
  }

  /** Forgets everything. */
  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#dropped = 0;
  }

  #append(item: BusItem, size: number): void {
    this.#items.push(item);
    this.#bytes += size;
  }

  #markLoss(now: number): void {
    if (this.#dropped === 0) return;
    const gap: Gap = {
      kind: 'gap',
      reason: 'overflow',
      dropped: this.#dropped,
      since: this.#droppedSince,
      // the clock may have been set back meanwhile
      until: Math.max(now, this.#droppedSince),
    };
    this.#dropped = 0;
    this.#append(gap, 0);
  }
}
