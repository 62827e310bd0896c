import type { Duplex } from 'node:stream';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import type { ConnectionOwner, ZmtpConnection } from './connection.ts';
import type { RemoteAddress, ZmtpServer } from './server.ts';

/** What a subscriber needs of its PUB socket. */
export interface PubCore {
  readonly server: ZmtpServer;
  readonly maxOutboxMessages: number;
  readonly maxOutboxBytes: number;
  readonly drainTimeoutMs: number;
  readonly maxSubscriptions: number;
  readonly maxTopicBytes: number;
  /** Something waits to be written at the end of this tick. */
  onDirty(subscriber: PubSubscriber): void;
  onReady(subscriber: PubSubscriber): void;
  onSubscription(subscriber: PubSubscriber, topic: string, on: boolean): void;
  onGone(subscriber: PubSubscriber, error: SaltbusError | undefined): void;
  /** A message that is no subscription came. */
  onIgnored(): void;
  onDropped(): void;
}

/** Bytes and messages of one write that may not have been taken. */
interface Batch {
  bytes: number;
  readonly messages: number;
}

/** The connection of one subscriber of a PUB socket. */
export class PubSubscriber implements ConnectionOwner {
  readonly address: RemoteAddress;
  readonly #core: PubCore;
  readonly #connection: ZmtpConnection;
  readonly #topics = new Set<string>();
  #dropped = 0;

  /** the number of the last publication it was offered: it gets each once, however many of its topics meet */
  #stamp = 0;
  /** what was published in this tick: runs of bytes shared with the other subscribers */
  #runs: Buffer[] = [];
  #run: Buffer | undefined;
  #runStart = 0;
  #runEnd = 0;
  #dirty = false;
  #messages = 0;
  #bytes = 0;
  /** what was written and may wait in the stream */
  #written: Batch[] = [];
  #writtenMessages = 0;
  #writtenBytes = 0;

  #dropping = false;
  #stalledSince = -1;
  #stalledBytes = 0;

  constructor(core: PubCore, duplex: Duplex, address: RemoteAddress) {
    this.#core = core;
    this.address = address;
    this.#connection = core.server.connect(duplex, address, this);
  }

  /** Who it is, as a person reads it. */
  get remote(): string {
    return this.#connection.remote;
  }

  get closed(): boolean {
    return this.#connection.closed;
  }

  /** Topics that it is subscribed to. */
  get topics(): readonly Buffer[] {
    return [...this.#topics].map((topic) => Buffer.from(topic, 'latin1'));
  }

  /** Publications that were dropped for it. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes that wait for it. */
  get outboxBytes(): number {
    return this.#bytes + this.#connection.streamBytes;
  }

  /** Ends it now. */
  destroy(error?: SaltbusError): void {
    this.#connection.destroy(error);
  }

  /**
   * Takes a publication that stands in a buffer shared with other subscribers; it is not copied.
   * @param stamp - the number of the publication
   * @returns whether it was taken; not when its outbox is full, or it has it already
   * @internal
   */
  offer(stamp: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.#stamp === stamp || this.#connection.closed) return false;
    this.#stamp = stamp;
    if (this.#full(end - start) && !this.#makeRoom(end - start)) return false;
    this.#messages += 1;
    this.#bytes += end - start;
    if (this.#run === buffer && this.#runEnd === start) this.#runEnd = end;
    else {
      this.#endRun();
      this.#run = buffer;
      this.#runStart = start;
      this.#runEnd = end;
    }
    if (!this.#dirty) {
      this.#dirty = true;
      this.#core.onDirty(this);
    }
    return true;
  }

  /**
   * Hands what waits to the stream.
   * @internal
   */
  flush(): void {
    this.#dirty = false;
    if (this.#messages === 0) return;
    this.#settle();
    this.#endRun();
    this.#written.push({ bytes: this.#bytes, messages: this.#messages });
    this.#writtenBytes += this.#bytes;
    this.#writtenMessages += this.#messages;
    this.#bytes = 0;
    this.#messages = 0;
    const runs = this.#runs;
    this.#runs = [];
    for (const run of runs) this.#connection.write(run);
  }

  /**
   * Cuts it when nothing was taken for too long.
   * @internal
   */
  sweep(now: number): void {
    this.#settle();
    const { drainTimeoutMs, server } = this.#core;
    const waiting = this.#connection.streamBytes;
    if (waiting === 0) this.#dropping = false;
    if (waiting === 0 || drainTimeoutMs === 0) {
      this.#stalledSince = -1;
      return;
    }
    // What waits grows by what is published, and only a write that was taken makes the written part fewer.
    if (this.#stalledSince === -1 || this.#writtenBytes < this.#stalledBytes) this.#stalledSince = now;
    this.#stalledBytes = this.#writtenBytes;
    if (now - this.#stalledSince >= drainTimeoutMs)
      server.cut(this.#connection, this.outboxBytes, `no write was taken for ${drainTimeoutMs} ms`);
  }

  /** @internal */
  onReady(): void {
    this.#core.onReady(this);
  }

  /** @internal */
  onFrame(_connection: ZmtpConnection, buffer: Buffer, start: number, end: number, more: boolean): void {
    // The subscription of ZMTP 3.0, which peers of 3.1 may use too; PUB passes over any other message (libzmq 4.3.5).
    const first = start < end ? buffer[start] : undefined;
    if (more || (first !== 0 && first !== 1)) this.#core.onIgnored();
    else this.#subscribe(buffer.subarray(start + 1, end), first === 1);
  }

  /** @internal */
  onSubscription(_connection: ZmtpConnection, topic: Buffer, on: boolean): void {
    this.#subscribe(topic, on);
  }

  /** @internal */
  onHeld(connection: ZmtpConnection, change: number): void {
    this.#core.server.held(connection, change);
  }

  /** @internal */
  onClosed(connection: ZmtpConnection, error: SaltbusError | undefined): void {
    for (const topic of this.#topics) this.#core.onSubscription(this, topic, false);
    this.#topics.clear();
    this.#runs = [];
    this.#run = undefined;
    this.#written = [];
    this.#core.server.release(connection, error);
    if (connection.peer !== undefined) this.#core.onGone(this, error);
  }

  #subscribe(bytes: Buffer, on: boolean): void {
    const { maxTopicBytes, maxSubscriptions } = this.#core;
    const topic = bytes.toString('latin1');
    if (this.#topics.has(topic) === on) return;
    if (on && (bytes.length > maxTopicBytes || this.#topics.size >= maxSubscriptions)) {
      this.#connection.destroy(
        new SaltbusError(
          'ERR_SALTBUS_LIMIT',
          `${this.remote} subscribes to more than ${maxSubscriptions} topics, or to one of more than ${maxTopicBytes} bytes`,
        ),
      );
      return;
    }
    if (on) this.#topics.add(topic);
    else this.#topics.delete(topic);
    this.#core.onSubscription(this, topic, on);
  }

  #full(length: number): boolean {
    const { maxOutboxMessages, maxOutboxBytes } = this.#core;
    const messages = this.#messages + this.#writtenMessages;
    // One publication that alone is over the limit goes to a subscriber for whom nothing waits.
    return (
      messages >= maxOutboxMessages ||
      (messages > 0 && this.#bytes + this.#writtenBytes + length > maxOutboxBytes)
    );
  }

  // The counts are of what may wait: writing and asking the stream tells what does.
  #makeRoom(length: number): boolean {
    this.flush();
    this.#settle();
    if (!this.#full(length)) return true;
    this.#dropped += 1;
    this.#core.onDropped();
    if (!this.#dropping) {
      this.#dropping = true;
      publish('saltbus:zmtp:dropping', { remote: this.remote, outboxBytes: this.outboxBytes });
    }
    return false;
  }

  #endRun(): void {
    if (this.#run !== undefined) this.#runs.push(this.#run.subarray(this.#runStart, this.#runEnd));
    this.#run = undefined;
  }

  // Forgets batches that were taken: the stream takes them in order, and knows how many bytes it has left.
  #settle(): void {
    const waiting = this.#connection.streamBytes;
    if (waiting === 0) {
      if (this.#written.length > 0) this.#written = [];
      this.#writtenBytes = 0;
      this.#writtenMessages = 0;
      return;
    }
    let gone = 0;
    for (const batch of this.#written) {
      if (this.#writtenBytes - batch.bytes < waiting) break;
      this.#writtenBytes -= batch.bytes;
      this.#writtenMessages -= batch.messages;
      gone += 1;
    }
    if (gone > 0) this.#written.splice(0, gone);
  }
}
