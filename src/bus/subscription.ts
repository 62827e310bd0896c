/**
 * What a program holds of its listening: an async iterable of events, bad events and gaps.
 */
import { publish } from '../diagnostics.ts';
import type { SaltEvent } from '../event.ts';
import type { TagMatch } from '../match/index.ts';
import { ItemQueue } from './queue.ts';
import type { BusItem, Gap, QueueLimit } from './queue.ts';

/** Counters of a subscription, since it began. */
export interface SubscriptionCounters {
  /** Items that were put into the queue: events, bad events and gaps. */
  readonly queued: number;
  /** Events that matched and were dropped because the queue was full. */
  readonly dropped: number;
  /** Gaps of all kinds. */
  readonly gaps: number;
  /** Matching events that could not be read. */
  readonly bad: number;
  /** Items in the queue now. */
  readonly waiting: number;
}

/** What the bus does for a subscription. */
export interface SubscriptionHost {
  /** Resolves when the next event fired anywhere on the bus will be seen. */
  ready(): Promise<void>;
  /** The subscription has ended and takes nothing more. */
  ended(subscription: Subscription): void;
}

interface Waiter {
  readonly resolve: (result: IteratorResult<BusItem, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorResult<BusItem, undefined> = { done: true, value: undefined };

/**
 * An open subscription: iterate it with `for await`, and leave the loop or call {@link close} to end it.
 *
 * The bus is read whether or not items are taken; see {@link Gap} for what happens when the queue is full.
 */
export class Subscription implements AsyncIterable<BusItem, undefined>, AsyncDisposable {
  /** Which tags are delivered; `undefined`: all. */
  readonly match: TagMatch | undefined;
  readonly #host: SubscriptionHost;
  readonly #queue: ItemQueue;
  #waiters: Waiter[] = [];
  #ready: Promise<void> | undefined;
  #ended = false;
  #error: unknown;
  #queued = 0;
  #dropped = 0;
  #gaps = 0;
  #bad = 0;

  /** Made by `bus.listen()`. */
  constructor(host: SubscriptionHost, match: TagMatch | undefined, limit: QueueLimit) {
    this.#host = host;
    this.match = match;
    this.#queue = new ItemQueue(limit);
  }

  /**
   * Resolves when the next event fired anywhere on the bus will be seen.
   *
   * A connection alone does not prove that: asking for this sends one small event of our own (`saltbus/probe/...`) and
   * waits for it to come back, unless an event came first.
   * @throws SaltbusError `ERR_SALTBUS_NOT_READY` where this user may read but not write, `ERR_SALTBUS_DIALECT` when nothing comes back
   */
  get ready(): Promise<void> {
    return (this.#ready ??= this.#host.ready());
  }

  /** Counters since the beginning. */
  get counters(): SubscriptionCounters {
    return {
      queued: this.#queued,
      dropped: this.#dropped,
      gaps: this.#gaps,
      bad: this.#bad,
      waiting: this.#queue.length,
    };
  }

  /** Used by the bus: hands over an item. */
  deliver(item: BusItem, now: number): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (item.kind === 'gap') this.#countGap(item);
    else if (item.kind === 'bad-event') this.#bad += 1;
    if (waiter !== undefined) {
      this.#queued += 1;
      waiter.resolve({ done: false, value: item });
    } else if (this.#queue.push(item, now)) this.#queued += 1;
    else {
      this.#dropped += 1;
    }
  }

  #countGap(gap: Gap): void {
    this.#gaps += 1;
    publish('saltbus:gap', { reason: gap.reason, dropped: gap.dropped });
  }

  /** Used by the bus: no more items come. What waits is still yielded, then the iteration ends, or throws `error`. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#host.ended(this);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      const failure = this.#takeError();
      if (failure === undefined) waiter.resolve(DONE);
      else waiter.reject(failure.error);
    }
  }

  /** The next item. */
  next(): Promise<IteratorResult<BusItem, undefined>> {
    const item = this.#queue.shift();
    if (item !== undefined) {
      this.#noteOverflow(item);
      return Promise.resolve({ done: false, value: item });
    }
    const failure = this.#takeError();
    if (failure !== undefined) return Promise.reject(failure.error);
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  // The queue makes overflow gaps by itself; they are counted when they come out.
  #noteOverflow(item: BusItem): void {
    if (item.kind === 'gap' && item.reason === 'overflow') this.#countGap(item);
  }

  #takeError(): { readonly error: unknown } | undefined {
    if (this.#error === undefined) return undefined;
    const error = this.#error;
    this.#error = undefined;
    return { error };
  }

  /**
   * The items in groups, as many at a time as wait: cheaper than one by one where every event is looked at.
   */
  async *batches(): AsyncGenerator<BusItem[], undefined> {
    try {
      for (;;) {
        const first = await this.next();
        if (first.done === true) return;
        const items = this.#queue.takeAll();
        for (const item of items) this.#noteOverflow(item);
        items.unshift(first.value);
        yield items;
      }
    } finally {
      this.#stop();
    }
  }

  /** The events alone: gaps and bad events are counted and left out. */
  async *events(): AsyncGenerator<SaltEvent, undefined> {
    for await (const item of this) if (item.kind === 'event') yield item;
  }

  [Symbol.asyncIterator](): AsyncIterator<BusItem, undefined> {
    return {
      next: () => this.next(),
      return: () => {
        this.#stop();
        return Promise.resolve(DONE);
      },
    };
  }

  #stop(): void {
    this.end();
    this.#queue.clear();
  }

  /** Ends the subscription; what waits is dropped. Idempotent. */
  close(): Promise<void> {
    this.#stop();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
