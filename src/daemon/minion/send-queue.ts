/**
 * What waits to be sent to one master: in order, one at a time, bounded in count and bytes, and kept while the master is away.
 */

/** What came of sending one. */
export type Sent =
  /** the master has it */
  | 'done'
  /** the master is away: it stays at the head until {@link SendQueue.resume} */
  | 'keep'
  /** it stays at the head, and is sent again after a moment */
  | 'again'
  /** it will never be taken */
  | 'drop';

/** Bounds of a {@link SendQueue}. */
export interface QueueLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
}

/** How a queue sends. */
export interface QueueOptions<Item> extends QueueLimits {
  /** Sends one. Never rejects. */
  readonly send: (item: Item, signal: AbortSignal) => Promise<Sent>;
  /** The wait after `again`, in milliseconds. @defaultValue 1000 */
  readonly againMs?: number;
}

/** A bounded queue with one sender. */
export class SendQueue<Item> {
  readonly #options: QueueOptions<Item>;
  readonly #items: { readonly item: Item; readonly bytes: number }[] = [];
  #at = 0;
  #bytes = 0;
  #isOpen = false;
  #isSending = false;
  // A master that came back while one was being sent must not be taken for away when that one fails.
  #resumes = 0;
  readonly #ended: AbortController = new AbortController();
  #whenIdle: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: QueueOptions<Item>) {
    this.#options = options;
  }

  /** How many wait, the one that is being sent included. */
  get length(): number {
    return this.#items.length - this.#at;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes one, or says that there is no room. */
  push(item: Item, bytes: number): boolean {
    const { maxItems, maxBytes } = this.#options;
    if (this.#ended.signal.aborted || this.length >= maxItems || this.#bytes + bytes > maxBytes) return false;
    this.#items.push({ item, bytes });
    this.#bytes += bytes;
    this.#next();
    return true;
  }

  /** Sends what waits, from now on. */
  resume(): void {
    this.#isOpen = true;
    this.#resumes += 1;
    this.#next();
  }

  /** Sends nothing more until {@link resume}; one that is being sent is left to its sender. */
  pause(): void {
    this.#isOpen = false;
    this.#checkIdle();
  }

  /** Resolves when nothing waits, or nothing is being sent because the master is away. */
  drain(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Ends for good; gives what was not sent, in order. */
  end(): readonly Item[] {
    this.#isOpen = false;
    this.#ended.abort();
    clearTimeout(this.#timer);
    const left = this.#items.splice(this.#at).map(({ item }) => item);
    this.#items.length = 0;
    this.#at = 0;
    this.#bytes = 0;
    this.#checkIdle();
    return left;
  }

  #isIdle(): boolean {
    return !this.#isSending && (this.length === 0 || !this.#isOpen);
  }

  #checkIdle(): void {
    if (!this.#isIdle()) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  #next(): void {
    const head = this.#items[this.#at];
    if (head === undefined || !this.#isOpen || this.#isSending || this.#timer !== undefined) return;
    this.#isSending = true;
    const resumes = this.#resumes;
    void this.#options.send(head.item, this.#ended.signal).then((sent) => {
      this.#isSending = false;
      if (!this.#ended.signal.aborted)
        this.#after(sent === 'keep' && this.#resumes !== resumes ? 'again' : sent, head.bytes);
      this.#checkIdle();
    });
  }

  #after(sent: Sent, bytes: number): void {
    if (sent === 'done' || sent === 'drop') {
      this.#at += 1;
      this.#bytes -= bytes;
      // what was sent is let go of in bulk
      if (this.#at === this.#items.length || this.#at >= 1024) {
        this.#items.splice(0, this.#at);
        this.#at = 0;
      }
    } else if (sent === 'keep') {
      this.#isOpen = false;
    } else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#next();
      }, this.#options.againMs ?? 1000);
      return;
    }
    this.#next();
  }
}
