/**
 * ROUTER: takes requests of REQ and DEALER peers and sends replies.
 *
 * A reply belongs to the connection that asked, never to the text of a routing id: ids collide in practice (Salt 3006.26 and
 * 3006.27 sent replies to the wrong process because of it).
 */
import type { Duplex } from 'node:stream';
import { envelopeHeadLength } from '../../codec/zmtp/frame.ts';
import { SaltbusError } from '../../errors.ts';
import type { ConnectionOwner, ZmtpConnection } from './connection.ts';
import { EnvelopeReader } from './envelope.ts';
import { sendEnvelope } from './send-envelope.ts';
import { ZmtpServer } from './server.ts';
import type { RemoteAddress, ServerCounters, ServerOptions } from './server.ts';
import { checkPositive } from './settings.ts';
import type { ZmtpBinding } from './settings.ts';
import { Turns } from './turns.ts';
import type { TurnTaker } from './turns.ts';

/** Sends the reply to a request; `undefined`: there will be none. One call for each request. */
export type Reply = (payload: Uint8Array | undefined) => void;

/** What a ROUTER tells its owner. */
export interface RouterHandlers {
  /** A request. `payload` is a view of what was read, and is not changed afterwards. */
  onRequest(connection: RouterConnection, payload: Buffer, reply: Reply): void;
  /** A peer has introduced itself. */
  onConnect?(connection: RouterConnection): void;
  /** A peer that had introduced itself is gone; `error` is why, `undefined` when one side ended it in order. */
  onDisconnect?(connection: RouterConnection, error: SaltbusError | undefined): void;
}

/** How a ROUTER behaves. */
export interface RouterOptions extends ServerOptions {
  /**
   * Requests of one connection that may be with the owner at once. More wait, and meanwhile the connection is not read.
   * @defaultValue 64; a REQ peer has one at most
   */
  readonly maxInFlight?: number;
  /**
   * Requests of one connection that may wait; what is over it is dropped and counted.
   * @defaultValue 16 384: as many as one read of 64 KiB can hold, after which the connection is not read
   */
  readonly maxQueued?: number;
  /** @defaultValue 128 MiB: bytes of replies that may wait for one peer; one that would go over it cuts the connection instead */
  readonly maxOutboxBytes?: number;
  /**
   * What becomes of a connection whose id a new one presents. The new one has the id in any case.
   * @defaultValue 'keep': it stays until it ends, and gets the replies to its own requests
   */
  readonly onSameIdentity?: 'keep' | 'drop';
}

/** What a ROUTER has counted since it was made. */
export interface RouterCounters extends ServerCounters {
  /** Requests handed to the owner. */
  requests: number;
  /** Replies sent. */
  replies: number;
  /** Messages that are no empty frame and one payload: dropped, and the connection stays (libzmq's REP does the same). */
  malformed: number;
  /** Requests dropped because too many of their connection wait already. */
  dropped: number;
  /** Replies whose connection was gone. */
  late: number;
  /** Replies that no request was waiting for: not sent. */
  unasked: number;
  /** Connections that presented an id which another one had. */
  handovers: number;
}

interface RouterCore {
  readonly server: ZmtpServer;
  readonly handlers: RouterHandlers;
  readonly counters: RouterCounters;
  readonly maxInFlight: number;
  readonly maxQueued: number;
  readonly maxOutboxBytes: number;
  readonly turns: Turns;
  onReady(connection: RouterConnection): void;
  onGone(connection: RouterConnection): void;
}

/** The connection of one peer of a ROUTER. */
export class RouterConnection implements ConnectionOwner, TurnTaker {
  readonly address: RemoteAddress;
  /** @internal */
  turn = -1;
  /** @internal */
  taken = 0;
  readonly #core: RouterCore;
  readonly #connection: ZmtpConnection;
  readonly #envelope = new EnvelopeReader();
  readonly #reply: Reply;
  #inFlight = 0;
  #queue: Buffer[] = [];
  #queueAt = 0;
  #draining = false;

  constructor(core: RouterCore, duplex: Duplex, address: RemoteAddress) {
    this.#core = core;
    this.address = address;
    this.#reply = (payload) => {
      this.#onReply(payload);
    };
    this.#connection = core.server.connect(duplex, address, this);
  }

  /** The routing id that the peer presents; empty when it presents none. */
  get identity(): Buffer {
    return this.#connection.peer?.identity ?? Buffer.alloc(0);
  }

  /** `REQ` or `DEALER`. */
  get socketType(): string {
    return this.#connection.peer?.socketType ?? '';
  }

  /** Who it is, as a person reads it. */
  get remote(): string {
    return this.#connection.remote;
  }

  /** Whether it is over: work for its requests is for nobody. */
  get closed(): boolean {
    return this.#connection.closed;
  }

  /** Requests that were handed to the owner and not replied to. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Ends it now. */
  destroy(error?: SaltbusError): void {
    this.#connection.destroy(error);
  }

  /** @internal */
  onReady(): void {
    this.#core.onReady(this);
  }

  /** @internal */
  onSubscription(): void {
    // libzmq passes over a subscription that is sent to a ROUTER
  }

  /** @internal */
  onHeld(connection: ZmtpConnection, change: number): void {
    this.#core.server.held(connection, change);
  }

  /** @internal */
  onClosed(connection: ZmtpConnection, error: SaltbusError | undefined): void {
    this.#queue = [];
    this.#queueAt = 0;
    this.#core.server.release(connection, error);
    if (connection.peer === undefined) return;
    this.#core.onGone(this);
    this.#core.handlers.onDisconnect?.(this, error);
  }

  /** @internal */
  onFrame(_connection: ZmtpConnection, buffer: Buffer, start: number, end: number, more: boolean): void {
    const what = this.#envelope.next(end - start, more);
    if (what === 'more') return;
    const { counters, maxInFlight, maxQueued, turns } = this.#core;
    if (what === 'odd') {
      counters.malformed += 1;
      return;
    }
    const payload = buffer.subarray(start, end);
    if (this.#inFlight < maxInFlight && this.#queue.length === 0 && turns.take(this)) {
      this.#handOver(payload);
      return;
    }
    if (this.#queue.length - this.#queueAt >= maxQueued) {
      counters.dropped += 1;
      return;
    }
    this.#queue.push(payload);
    this.#connection.pause();
  }

  /** @internal */
  onTurn(): void {
    if (this.#queue.length > 0 && !this.#draining) this.#drain();
  }

  #handOver(payload: Buffer): void {
    this.#inFlight += 1;
    this.#core.counters.requests += 1;
    this.#core.handlers.onRequest(this, payload, this.#reply);
  }

  #onReply(payload: Uint8Array | undefined): void {
    const { counters, maxOutboxBytes, server } = this.#core;
    if (this.#inFlight === 0) {
      counters.unasked += 1;
      return;
    }
    this.#inFlight -= 1;
    if (this.#connection.closed) {
      counters.late += 1;
      return;
    }
    if (payload !== undefined) {
      const waiting = this.#connection.outboxBytes;
      if (waiting > 0 && waiting + payload.length + envelopeHeadLength(payload.length) > maxOutboxBytes) {
        server.cut(this.#connection, waiting, 'the peer does not take its replies');
        return;
      }
      counters.replies += 1;
      sendEnvelope(this.#connection, payload);
    }
    if (this.#queue.length > 0 && !this.#draining) this.#drain();
  }

  // A reply that is given at once comes back here: the loop goes on, rather than to begin another inside of it.
  #drain(): void {
    this.#draining = true;
    while (this.#inFlight < this.#core.maxInFlight) {
      const payload = this.#queue[this.#queueAt];
      if (payload === undefined || !this.#core.turns.take(this)) break;
      this.#queueAt += 1;
      this.#handOver(payload);
    }
    this.#draining = false;
    if (this.#queueAt < this.#queue.length) return;
    this.#queue = [];
    this.#queueAt = 0;
    this.#connection.resume();
  }
}

/** A ROUTER socket that listens. */
export class RouterSocket {
  readonly counters: Readonly<RouterCounters>;
  readonly #server: ZmtpServer;
  readonly #byIdentity = new Map<string, RouterConnection>();

  /** @throws SaltbusError `ERR_SALTBUS_USAGE` for settings that make no sense */
  constructor(handlers: RouterHandlers, options: RouterOptions = {}) {
    const {
      maxInFlight = 64,
      maxQueued = 16_384,
      maxOutboxBytes = 128 * 1024 * 1024,
      onSameIdentity = 'keep',
    } = options;
    checkPositive({ maxInFlight, maxQueued, maxOutboxBytes });
    this.#server = new ZmtpServer(
      {
        kind: 'ROUTER',
        maxOutboxBytes,
        onAccept: (duplex, remote) => {
          new RouterConnection(core, duplex, remote);
        },
      },
      options,
    );
    const counters: RouterCounters = Object.assign(this.#server.counters, {
      requests: 0,
      replies: 0,
      malformed: 0,
      dropped: 0,
      late: 0,
      unasked: 0,
      handovers: 0,
    });
    this.counters = counters;
    const core: RouterCore = {
      server: this.#server,
      handlers,
      counters,
      maxInFlight,
      maxQueued,
      maxOutboxBytes,
      turns: new Turns(),
      onReady: (connection) => {
        this.#takeIdentity(connection, counters, onSameIdentity);
        handlers.onConnect?.(connection);
      },
      onGone: (connection) => {
        const key = connection.identity.toString('latin1');
        if (this.#byIdentity.get(key) === connection) this.#byIdentity.delete(key);
      },
    };
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

  /** The connection that has a routing id now: the last one that presented it. */
  connectionOf(identity: Uint8Array): RouterConnection | undefined {
    return this.#byIdentity.get(Buffer.from(identity).toString('latin1'));
  }

  /** Stops listening, lets each peer take what was written for it (for a second at most), and ends. */
  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#server.close(options);
  }

  /** Ends everything now. */
  destroy(error?: SaltbusError): void {
    this.#server.destroy(error);
  }

  #takeIdentity(connection: RouterConnection, counters: RouterCounters, onSame: 'keep' | 'drop'): void {
    if (connection.identity.length === 0) return;
    const key = connection.identity.toString('latin1');
    const old = this.#byIdentity.get(key);
    this.#byIdentity.set(key, connection);
    if (old === undefined) return;
    counters.handovers += 1;
    if (onSame === 'drop')
      old.destroy(
        new SaltbusError('ERR_SALTBUS_DISCONNECTED', `${connection.remote} presented the same routing id`),
      );
  }
}
