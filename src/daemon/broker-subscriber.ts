import type { Duplex } from 'node:stream';
import type { Framing } from '../codec/framing.ts';

/** What a subscriber tells the broker. */
export interface SubscriberOwner {
  /** Something of what waited was taken. */
  onProgress(): void;
  /** The connection ended. */
  onGone(subscriber: BrokerSubscriber): void;
}

/** A connection on which the broker sends events. */
export class BrokerSubscriber {
  readonly framing: Framing;
  readonly principal: string;
  readonly #duplex: Duplex;
  readonly #owner: SubscriberOwner;
  #lastProgress: number = performance.now();
  readonly #onWritten: (error?: Error | null) => void;

  constructor(duplex: Duplex, framing: Framing, principal: string, owner: SubscriberOwner) {
    this.framing = framing;
    this.principal = principal;
    this.#duplex = duplex;
    this.#owner = owner;
    this.#onWritten = () => {
      this.#lastProgress = performance.now();
      owner.onProgress();
    };
    duplex.on('error', () => duplex.destroy());
    duplex.on('close', () => {
      owner.onGone(this);
    });
    // A subscriber has nothing to say (Salt 3006 ignores it too), but its end is seen only by reading. One that closed
    // only its own direction goes on receiving.
    duplex.resume();
  }

  /** Whether the other end has closed its direction: most often it is gone, which the next write will tell. */
  get hasEnded(): boolean {
    return this.#duplex.readableEnded;
  }

  /** Bytes that wait to be taken. */
  get waitingBytes(): number {
    return this.#duplex.writableLength;
  }

  /** For how long something has waited without any of it being taken, in milliseconds; 0 when nothing waits. */
  stalledMs(now: number): number {
    return this.waitingBytes === 0 ? 0 : now - this.#lastProgress;
  }

  /** Sends bytes; they must not be changed afterwards. */
  send(buffers: readonly Buffer[]): void {
    if (this.waitingBytes === 0) this.#lastProgress = performance.now();
    if (buffers.length > 1) this.#duplex.cork();
    for (const buffer of buffers) this.#duplex.write(buffer, this.#onWritten);
    if (buffers.length > 1) this.#duplex.uncork();
  }

  /** Ends the connection after what waits was taken, or at once when nobody takes it. */
  finish(): Promise<void> {
    return new Promise((resolve) => {
      this.#duplex.once('close', resolve);
      this.#duplex.end(() => this.#duplex.destroy());
      setTimeout(() => this.#duplex.destroy(), FINISH_MS).unref();
    });
  }

  /** Ends the connection now. */
  destroy(): void {
    this.#duplex.destroy();
    this.#owner.onGone(this);
  }
}

const FINISH_MS = 1000;
