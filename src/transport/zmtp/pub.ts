/**
 * PUB: publishes to all subscribers of a prefix of the first frame.
 *
 * A publication is encoded once, into a buffer that all subscribers share; each writes runs of it at the end of the tick.
 */
import type { Duplex } from 'node:stream';
import { messageLength, writeMessage } from '../../codec/zmtp/frame.ts';
import { SaltbusError } from '../../errors.ts';
import { PubSubscriber } from './pub-subscriber.ts';
import type { PubCore } from './pub-subscriber.ts';
import { ZmtpServer, closedError } from './server.ts';
import type { RemoteAddress, ServerCounters, ServerOptions } from './server.ts';
import { checkPositive } from './settings.ts';
import type { ZmtpBinding } from './settings.ts';
import { TopicIndex } from './topic-index.ts';

/** What a PUB tells its owner. */
export interface PubHandlers {
  /** A subscriber has introduced itself. It tells no identity (libzmq 4.3.5): its address is all that is known. */
  onJoin?(subscriber: PubSubscriber): void;
  /** A subscriber that had introduced itself is gone; `error` is why, `undefined` when one side ended it in order. */
  onLeave?(subscriber: PubSubscriber, error: SaltbusError | undefined): void;
  /** A subscriber subscribes to a prefix, or no longer. */
  onSubscription?(subscriber: PubSubscriber, topic: Buffer, on: boolean): void;
}

/** How a PUB behaves. */
export interface PubOptions extends ServerOptions {
  /** @defaultValue 1000, as Salt's `pub_hwm`: publications that may wait for one subscriber; more are dropped for it, and counted */
  readonly maxOutboxMessages?: number;
  /** @defaultValue 64 MiB: bytes that may wait for one subscriber; more are dropped for it, and counted */
  readonly maxOutboxBytes?: number;
  /** @defaultValue 0, never: how long a subscriber may take nothing of what waits for it before it is cut */
  readonly drainTimeoutMs?: number;
  /** @defaultValue 256: topics of one subscriber; one more ends its connection */
  readonly maxSubscriptions?: number;
  /** @defaultValue 256: bytes of a topic; a longer one ends the connection */
  readonly maxTopicBytes?: number;
}

/** What a PUB has counted since it was made. */
export interface PubCounters extends ServerCounters {
  /** Calls of `publish`. */
  published: number;
  /** Publications handed to subscribers: each counts once for each of them. */
  sent: number;
  /** Publications dropped because the outbox of a subscriber was full. */
  dropped: number;
  /** Messages from subscribers that are no subscription. */
  ignored: number;
  /** Topics that somebody is subscribed to now, each counted for each of them. */
  subscriptions: number;
}

const SLAB_BYTES = 64 * 1024;
// A publication of this size gets a buffer of its own: in a slab it would waste what is left of the last one.
const OWN_BUFFER_BYTES = SLAB_BYTES / 4;

const NOBODY: readonly PubSubscriber[] = [];

/** A PUB socket that listens. */
export class PubSocket {
  readonly counters: Readonly<PubCounters>;
  readonly #counters: PubCounters;
  readonly #server: ZmtpServer;
  readonly #subscribers = new Set<PubSubscriber>();
  readonly #index = new TopicIndex<PubSubscriber>();
  readonly #found: Set<PubSubscriber>[] = [];
  readonly #flush: () => void;
  #dirty: PubSubscriber[] = [];
  #scheduled = false;
  #slab: Buffer = Buffer.alloc(0);
  #slabUsed = 0;
  #stamp = 0;

  /** @throws SaltbusError `ERR_SALTBUS_USAGE` for settings that make no sense */
  constructor(handlers: PubHandlers = {}, options: PubOptions = {}) {
    const {
      maxOutboxMessages = 1000,
      maxOutboxBytes = 64 * 1024 * 1024,
      drainTimeoutMs = 0,
      maxSubscriptions = 256,
      maxTopicBytes = 256,
    } = options;
    checkPositive({ maxOutboxMessages, maxOutboxBytes, maxSubscriptions, maxTopicBytes });
    this.#server = new ZmtpServer(
      {
        kind: 'PUB',
        maxOutboxBytes,
        shortestMs: drainTimeoutMs,
        onAccept: (duplex, remote) => {
          new PubSubscriber(core, duplex, remote);
        },
        onSweep: (now) => {
          for (const subscriber of this.#subscribers) subscriber.sweep(now);
        },
      },
      // A subscriber says little: what is longer than a command is no subscription.
      { ...options, limits: { maxMessageBytes: 4096, ...options.limits } },
    );
    this.#counters = Object.assign(this.#server.counters, {
      published: 0,
      sent: 0,
      dropped: 0,
      ignored: 0,
      subscriptions: 0,
    });
    this.counters = this.#counters;
    this.#flush = () => {
      this.#flushAll();
    };
    const core: PubCore = {
      server: this.#server,
      maxOutboxMessages,
      maxOutboxBytes,
      drainTimeoutMs,
      maxSubscriptions,
      maxTopicBytes,
      onDirty: (subscriber) => {
        this.#dirty.push(subscriber);
        if (this.#scheduled) return;
        this.#scheduled = true;
        process.nextTick(this.#flush);
      },
      onReady: (subscriber) => {
        this.#subscribers.add(subscriber);
        handlers.onJoin?.(subscriber);
      },
      onSubscription: (subscriber, topic, on) => {
        if (on) this.#index.add(topic, subscriber);
        else this.#index.delete(topic, subscriber);
        this.#counters.subscriptions += on ? 1 : -1;
        handlers.onSubscription?.(subscriber, Buffer.from(topic, 'latin1'), on);
      },
      onGone: (subscriber, error) => {
        this.#subscribers.delete(subscriber);
        handlers.onLeave?.(subscriber, error);
      },
      onIgnored: () => {
        this.#counters.ignored += 1;
      },
      onDropped: () => {
        this.#counters.dropped += 1;
      },
    };
  }

  /** Subscribers that have introduced themselves. */
  get subscribers(): ReadonlySet<PubSubscriber> {
    return this.#subscribers;
  }

  /**
   * Begins to listen; may be called for several addresses. Resolves with the address, its port filled in.
   * @throws SaltbusError `ERR_SALTBUS_BUS_IN_USE`, `ERR_SALTBUS_PERMISSION`, `ERR_SALTBUS_SYSTEM`, `ERR_SALTBUS_CLOSED`
   */
  listen(host: string, port: number): Promise<ZmtpBinding> {
    return this.#server.listen({ kind: 'tcp', host, port });
  }

  /** Takes on a connection that somebody else accepted. */
  attach(duplex: Duplex, remote: RemoteAddress): void {
    this.#server.attach(duplex, remote);
  }

  /**
   * Publishes a message of one frame or more, copying it. For a subscriber whose outbox is full it is dropped and counted.
   * @returns how many subscribers it was handed to
   * @throws SaltbusError `ERR_SALTBUS_USAGE` without a frame, `ERR_SALTBUS_CLOSED`
   */
  publish(frames: readonly Uint8Array[]): number {
    if (this.#server.closed) throw closedError();
    const first = frames[0];
    if (first === undefined)
      throw new SaltbusError('ERR_SALTBUS_USAGE', 'A message has one frame at least, and this has none');
    this.#counters.published += 1;
    const found = this.#index.find(first, this.#found);
    if (found === 0) return 0;
    const length = messageLength(frames);
    const buffer = this.#room(length);
    const start = buffer === this.#slab ? this.#slabUsed : 0;
    const end = writeMessage(buffer, start, frames);
    if (buffer === this.#slab) this.#slabUsed = end;
    this.#stamp += 1;
    let sent = 0;
    for (let index = 0; index < found; index += 1)
      for (const subscriber of this.#found[index] ?? NOBODY)
        if (subscriber.offer(this.#stamp, buffer, start, end)) sent += 1;
    this.#counters.sent += sent;
    return sent;
  }

  /** Stops listening, lets each subscriber take what waits for it (for a second at most), and ends. */
  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#flushAll();
    return this.#server.close(options);
  }

  /** Ends everything now. */
  destroy(error?: SaltbusError): void {
    this.#server.destroy(error);
  }

  // A slab is only ever appended to: what was written of it may still wait in streams.
  #room(length: number): Buffer {
    if (length > OWN_BUFFER_BYTES) return Buffer.allocUnsafeSlow(length);
    if (this.#slab.length - this.#slabUsed < length) {
      this.#flushAll();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    return this.#slab;
  }

  #flushAll(): void {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const subscriber of dirty) subscriber.flush();
  }
}
