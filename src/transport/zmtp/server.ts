/**
 * What ROUTER and PUB have in common: listening, how many connections there may be and what they may hold, one timer for
 * all limits on time, counting, and the end.
 */
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { DEFAULT_ZMTP_LIMITS } from '../../codec/zmtp/limits.ts';
import type { ZmtpLimits } from '../../codec/zmtp/limits.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../endpoint.ts';
import { listenSocket } from '../listen.ts';
import type { Listener } from '../listen.ts';
import { ZmtpConnection } from './connection.ts';
import type { ConnectionOwner } from './connection.ts';
import {
  DEFAULT_HANDSHAKE_MS,
  DEFAULT_KEEPALIVE_MS,
  LINGER_MS,
  checkPositive,
  sweepPeriod,
} from './settings.ts';
import type { HeartbeatOptions, SocketKind, TcpOptions, ZmtpBinding } from './settings.ts';

/** Who connects. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

/** How a listening socket behaves. */
export interface ServerOptions extends TcpOptions {
  /** Limits on what one peer sends. */
  readonly limits?: Partial<ZmtpLimits>;
  /** Our own PINGs; none when absent. */
  readonly heartbeat?: HeartbeatOptions;
  /** @defaultValue 30 000 ms: how long a peer may take for its greeting and READY together; then it is cut */
  readonly handshakeMs?: number;
  /** @defaultValue 20 000: one more is closed as soon as it was accepted, and counted as refused */
  readonly maxConnections?: number;
  /** @defaultValue `maxConnections`: connections from one address, so that one peer cannot have all of them */
  readonly maxPerAddress?: number;
  /** @defaultValue 512 MiB: bytes held of frames that have not ended, all peers together; the one that goes over it is cut */
  readonly maxHeldBytes?: number;
  /** @defaultValue 1000, as Salt's `zmq_backlog` */
  readonly backlog?: number;
  /** @defaultValue false: whether a socket on `::` refuses IPv4 */
  readonly ipv6Only?: boolean;
}

/** What a listening socket has counted since it was made. */
export interface ServerCounters {
  /** Connections open now, those in their handshake too. */
  open: number;
  /** Connections that were taken on. */
  accepted: number;
  /** Connections that were closed at once: as many were open as may be. */
  refused: number;
  /** Connections ended because the peer broke the protocol or a limit on size. */
  protocolErrors: number;
  /** Connections ended because of a limit on time: handshake, heartbeat. */
  timeouts: number;
  /** Connections cut because the peer did not take what was written. */
  cut: number;
}

/** What the kind of socket adds. */
export interface ServerKind {
  readonly kind: SocketKind;
  /** Bytes that may wait for one peer. */
  readonly maxOutboxBytes: number;
  /** The shortest further limit on time that {@link onSweep} is to keep. */
  readonly shortestMs?: number;
  /** A connection was accepted: make its owner, which calls {@link ZmtpServer.connect}. */
  onAccept(duplex: Duplex, remote: RemoteAddress): void;
  onSweep?(now: number): void;
}

/** The listening side of ROUTER and PUB. */
export class ZmtpServer {
  readonly counters: ServerCounters = {
    open: 0,
    accepted: 0,
    refused: 0,
    protocolErrors: 0,
    timeouts: 0,
    cut: 0,
  };
  readonly #kind: ServerKind;
  readonly #options: ServerOptions;
  readonly #limits: ZmtpLimits;
  readonly #connections = new Set<ZmtpConnection>();
  readonly #byAddress = new Map<string, number>();
  readonly #addresses = new Map<ZmtpConnection, string>();
  readonly #listeners: Listener[] = [];
  #held = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #whenEmpty: (() => void)[] = [];

  constructor(kind: ServerKind, options: ServerOptions) {
    const { heartbeat, handshakeMs, maxConnections, maxPerAddress, maxHeldBytes } = options;
    checkPositive({
      handshakeMs,
      maxConnections,
      maxPerAddress,
      maxHeldBytes,
      'heartbeat.intervalMs': heartbeat?.intervalMs,
      'heartbeat.timeoutMs': heartbeat?.timeoutMs,
    });
    this.#kind = kind;
    this.#options = options;
    this.#limits = { ...DEFAULT_ZMTP_LIMITS, ...options.limits };
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Begins to listen; may be called for several addresses. Resolves with the address, its port filled in. */
  async listen(binding: ZmtpBinding): Promise<ZmtpBinding> {
    if (this.#closed) throw closedError();
    const { backlog = 1000, keepAliveMs = DEFAULT_KEEPALIVE_MS, ipv6Only = false } = this.#options;
    const listener = await listenSocket(
      binding,
      (socket) => {
        this.#accept(socket);
      },
      { mode: 0o600, backlog, keepAliveMs, ipv6Only },
    );
    if (this.closed) {
      await listener.close();
      throw closedError();
    }
    this.#listeners.push(listener);
    return listener.endpoint.kind === 'tcp' ? listener.endpoint : binding;
  }

  /** Takes on a connection that somebody else accepted. */
  attach(duplex: Duplex, remote: RemoteAddress): void {
    const { maxConnections = 20_000, maxPerAddress = maxConnections } = this.#options;
    const ofAddress = this.#byAddress.get(remote.address) ?? 0;
    if (this.#closed || this.#connections.size >= maxConnections || ofAddress >= maxPerAddress) {
      this.counters.refused += 1;
      publish('saltbus:zmtp:refused', { remote: nameOf(remote), open: this.#connections.size });
      duplex.on('error', () => undefined);
      duplex.destroy();
      return;
    }
    this.counters.accepted += 1;
    this.#kind.onAccept(duplex, remote);
  }

  /** Begins the conversation on an accepted connection. */
  connect(duplex: Duplex, remote: RemoteAddress, owner: ConnectionOwner): ZmtpConnection {
    const { heartbeat, handshakeMs = DEFAULT_HANDSHAKE_MS } = this.#options;
    const connection = new ZmtpConnection(
      duplex,
      owner,
      {
        kind: this.#kind.kind,
        limits: this.#limits,
        handshakeMs,
        ...(heartbeat === undefined ? {} : { heartbeat }),
        maxOutboxBytes: this.#kind.maxOutboxBytes,
        remote: nameOf(remote),
      },
      performance.now(),
    );
    this.#connections.add(connection);
    this.#addresses.set(connection, remote.address);
    this.#byAddress.set(remote.address, (this.#byAddress.get(remote.address) ?? 0) + 1);
    this.counters.open = this.#connections.size;
    this.#timer ??= setInterval(
      () => {
        this.sweep(performance.now());
      },
      sweepPeriod(handshakeMs, heartbeat?.intervalMs, heartbeat?.timeoutMs, this.#kind.shortestMs),
    ).unref();
    return connection;
  }

  /** A connection holds more, or less, of frames under way. */
  held(connection: ZmtpConnection, change: number): void {
    this.#held += change;
    const { maxHeldBytes = 512 * 1024 * 1024 } = this.#options;
    if (change <= 0 || this.#held <= maxHeldBytes) return;
    connection.destroy(
      new SaltbusError(
        'ERR_SALTBUS_LIMIT',
        `All peers together have sent ${this.#held} bytes of messages that did not end, over the limit of ${maxHeldBytes}`,
      ),
    );
  }

  /** Cuts a peer that does not take what is written. */
  cut(connection: ZmtpConnection, outboxBytes: number, reason: string): void {
    this.counters.cut += 1;
    publish('saltbus:zmtp:cut', { remote: connection.remote, outboxBytes, reason });
    connection.destroy();
  }

  /** A connection is over. */
  release(connection: ZmtpConnection, error: SaltbusError | undefined): void {
    this.#connections.delete(connection);
    this.#leave(connection);
    this.counters.open = this.#connections.size;
    if (error?.code === 'ERR_SALTBUS_TIMEOUT') this.counters.timeouts += 1;
    else if (error?.code === 'ERR_SALTBUS_ZMTP' || error?.code === 'ERR_SALTBUS_LIMIT')
      this.counters.protocolErrors += 1;
    if (
      error !== undefined &&
      error.code !== 'ERR_SALTBUS_DISCONNECTED' &&
      error.code !== 'ERR_SALTBUS_CLOSED'
    )
      publish('saltbus:zmtp:fault', { remote: connection.remote, error });
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const whenEmpty = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of whenEmpty) resolve();
  }

  /** Keeps all limits on time. */
  sweep(now: number): void {
    for (const connection of this.#connections) connection.sweep(now);
    this.#kind.onSweep?.(now);
  }

  /** Stops listening, lets each peer take what was written for it (for a second at most), and ends. */
  async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#closed = true;
    const stopped = Promise.all(this.#stopListening());
    for (const connection of this.#connections) connection.close();
    if (this.#connections.size > 0) {
      const empty = new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
      const now = (): void => {
        this.destroy();
      };
      const timer = setTimeout(now, LINGER_MS);
      options.signal?.addEventListener('abort', now, { once: true });
      if (options.signal?.aborted === true) now();
      await empty;
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', now);
    }
    await stopped;
  }

  /** Ends everything now. */
  destroy(error: SaltbusError = closedError()): void {
    this.#closed = true;
    for (const stopped of this.#stopListening()) void stopped;
    for (const connection of this.#connections) connection.destroy(error);
  }

  #leave(connection: ZmtpConnection): void {
    const address = this.#addresses.get(connection);
    if (address === undefined) return;
    this.#addresses.delete(connection);
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }

  #stopListening(): Promise<void>[] {
    return this.#listeners.splice(0).map((listener) => listener.close());
  }

  #accept(socket: Socket): void {
    this.attach(socket, { address: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 });
  }
}

/** An address as a person reads it. */
function nameOf(remote: RemoteAddress): string {
  return endpointName({ kind: 'tcp', host: remote.address, port: remote.port });
}

/** The error of a call on a socket that this program has closed. */
export function closedError(): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_CLOSED', 'The socket was closed by this program', {
    next: 'Make a new one.',
  });
}
