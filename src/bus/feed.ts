/**
 * The reading side of a bus: one connection to the publish socket, kept up while somebody listens, split into event bodies.
 */
import type { Duplex } from 'node:stream';
import { findBody } from '../codec/envelope.ts';
import { FrameSplitter } from '../codec/frame-splitter.ts';
import type { Framing } from '../codec/framing.ts';
import { SaltbusError, withoutStack } from '../errors.ts';
import type { GapReason } from './queue.ts';
import { Link } from '../transport/link.ts';
import type { LinkOptions, LinkOwner } from '../transport/link.ts';

/** Who is told of what comes. */
export interface FeedOwner {
  /** Bodies from `start` to `end` of a chunk that is not changed afterwards. */
  onBody(buffer: Buffer, start: number, end: number): void;
  /** A frame in which there is no body. */
  onBadFrame(frame: Buffer, error: SaltbusError): void;
  /** All frames of a chunk were handed over. */
  onChunkEnd(): void;
  /** The connection is open. After the first time, events may have been missed since `lostAt` (milliseconds since 1970). */
  onFeedOpen(missed: { readonly reason: GapReason; readonly lostAt: number } | undefined): void;
  /** The connection could not be made; `final`: it is not tried again. */
  onFeedFailed(error: unknown, final: boolean): void;
}

/** How the feed reads. */
export interface FeedOptions extends LinkOptions {
  /** What the socket speaks; without it, the first byte of each connection decides. */
  readonly framing?: Framing;
  /** Longest frame that is read, in bytes. */
  readonly maxFrameBytes?: number;
}

/** One connection to a publish socket. */
export class Feed implements LinkOwner {
  readonly #owner: FeedOwner;
  readonly #options: FeedOptions;
  readonly #link: Link;
  #splitter: FrameSplitter | undefined;
  #users = 0;
  #lost: { readonly reason: GapReason; readonly lostAt: number } | undefined;
  #framesSeen = 0;

  constructor(owner: FeedOwner, options: FeedOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#link = new Link(this, options);
  }

  /** What the socket speaks on the present connection; `undefined` until its first byte has come. */
  get framing(): Framing | undefined {
    return this.#splitter?.framing;
  }

  /** Whether the connection is open. */
  get isOpen(): boolean {
    return this.#link.state === 'open';
  }

  /** Whether an event came over the present connection, which proves that the daemon serves it. */
  get isProven(): boolean {
    return this.isOpen && this.#framesSeen > 0;
  }

  /** Keeps the connection up until the matching {@link release}. */
  acquire(): void {
    this.#users += 1;
    this.#link.want();
  }

  /** Ends one {@link acquire}; without users the connection is closed. */
  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#link.release();
    this.#splitter = undefined;
    this.#lost = undefined;
    this.#framesSeen = 0;
  }

  /** Closes for good. */
  close(): void {
    this.#link.close();
  }

  onOpen(stream: Duplex): void {
    this.#framesSeen = 0;
    const { framing, maxFrameBytes } = this.#options;
    const splitter = new FrameSplitter(
      (buffer, start, end, bodyStart) => {
        this.#framesSeen += 1;
        if (bodyStart === -1) this.#oddFrame(buffer, start, end);
        else this.#owner.onBody(buffer, bodyStart, end);
      },
      {
        ...(framing === undefined ? {} : { framing }),
        ...(maxFrameBytes === undefined ? {} : { maxFrameBytes }),
      },
    );
    this.#splitter = splitter;
    stream.on('data', (chunk: Buffer) => {
      this.#read(splitter, chunk);
    });
    const missed = this.#lost;
    this.#lost = undefined;
    this.#owner.onFeedOpen(missed);
  }

  #read(splitter: FrameSplitter, chunk: Buffer): void {
    try {
      splitter.push(chunk);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#owner.onChunkEnd();
      this.#lost = { reason: 'desync', lostAt: Date.now() };
      this.#link.reset(error);
      return;
    }
    this.#owner.onChunkEnd();
  }

  #oddFrame(buffer: Buffer, start: number, end: number): void {
    try {
      const body = withoutStack(() => findBody(buffer, start, end));
      this.#owner.onBody(buffer, body.start, body.end);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#owner.onBadFrame(buffer.subarray(start, end), error);
    }
  }

  onLost(): void {
    this.#lost ??= { reason: 'reconnect', lostAt: Date.now() };
  }

  onFailed(error: unknown, final: boolean): void {
    this.#owner.onFeedFailed(error, final);
  }
}
