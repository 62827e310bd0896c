/**
 * What REQ and SUB have in common: one connection that is kept up, with a handshake on each, and one timer for all limits on time.
 */
import type { Duplex } from 'node:stream';
import { DEFAULT_ZMTP_LIMITS } from '../../codec/zmtp/limits.ts';
import type { ZmtpLimits } from '../../codec/zmtp/limits.ts';
import { SaltbusError } from '../../errors.ts';
import type { Backoff } from '../backoff.ts';
import { endpointName } from '../endpoint.ts';
import { Link } from '../link.ts';
import type { LinkOwner } from '../link.ts';
import { ZmtpConnection } from './connection.ts';
import type { ConnectionOwner, ZmtpPeer } from './connection.ts';
import { noPeer, openTcp } from './open-tcp.ts';
import { DEFAULT_HANDSHAKE_MS, LINGER_MS, checkPositive, sweepPeriod } from './settings.ts';
import type { HeartbeatOptions, SocketKind, TcpOptions, ZmtpTarget } from './settings.ts';

/** How a connecting socket behaves. */
export interface ClientOptions extends TcpOptions {
  /** Limits on what the peer sends. */
  readonly limits?: Partial<ZmtpLimits>;
  /** Our own PINGs; none when absent. */
  readonly heartbeat?: HeartbeatOptions;
  /** @defaultValue 30 000 ms: how long the peer may take for its greeting and READY together */
  readonly handshakeMs?: number;
  /** @defaultValue 10 000 ms: how long connecting may take */
  readonly connectMs?: number;
  /** @defaultValue from 50 ms, doubling, up to 5 s, with jitter */
  readonly backoff?: Backoff;
  /** Opens the connection in another way than TCP to the target; for tests. */
  readonly open?: (signal: AbortSignal) => Promise<Duplex>;
}

/** What the connection tells the kind of socket. */
export interface ClientOwner {
  onReady(connection: ZmtpConnection, peer: ZmtpPeer): void;
  onFrame(buffer: Buffer, start: number, end: number, more: boolean): void;
  /** A connection ended; `ready`: it had been one on which messages pass. */
  onLost(error: SaltbusError, ready: boolean): void;
  /** No connection could be made; the next attempt follows. */
  onFailed(error: SaltbusError): void;
}

// PINGs stay unanswered while more than this waits to be written.
const PONG_LIMIT_BYTES = 1024 * 1024;

/** The connecting side of REQ and SUB. */
export class ZmtpClient implements LinkOwner, ConnectionOwner {
  readonly #kind: SocketKind;
  readonly #name: string;
  readonly #owner: ClientOwner;
  readonly #options: ClientOptions & { readonly identity?: Uint8Array };
  readonly #limits: ZmtpLimits;
  readonly #link: Link;
  #connection: ZmtpConnection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closing: (() => void) | undefined;
  #closed = false;

  constructor(
    kind: SocketKind,
    target: ZmtpTarget,
    owner: ClientOwner,
    options: ClientOptions & { readonly identity?: Uint8Array },
  ) {
    const { heartbeat, handshakeMs, connectMs = 10_000, keepAliveMs, backoff } = options;
    checkPositive({
      handshakeMs,
      connectMs,
      'heartbeat.intervalMs': heartbeat?.intervalMs,
      'heartbeat.timeoutMs': heartbeat?.timeoutMs,
    });
    this.#kind = kind;
    this.#name = endpointName({ kind: 'tcp', host: target.host, port: target.port });
    this.#owner = owner;
    this.#options = options;
    this.#limits = { ...DEFAULT_ZMTP_LIMITS, ...options.limits };
    const tcp = keepAliveMs === undefined ? {} : { keepAliveMs };
    const open = options.open ?? ((signal) => openTcp(target, { ...tcp, connectMs, signal }));
    this.#link = new Link(this, {
      name: this.#name,
      // An error that cannot be mended by trying again would end the link: on a network none is of that kind.
      open: (signal) =>
        open(signal).catch((error: unknown) => {
          throw error instanceof SaltbusError && error.retryable ? error : noPeer(target, error);
        }),
      ...(backoff === undefined ? {} : { backoff }),
    });
  }

  /** Where it connects to, as a person reads it. */
  get name(): string {
    return this.#name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The connection, once messages may pass. */
  get ready(): ZmtpConnection | undefined {
    return this.#connection?.state === 'ready' ? this.#connection : undefined;
  }

  /** Opens the connection and keeps it up. */
  open(): void {
    if (this.#closed) return;
    const { handshakeMs = DEFAULT_HANDSHAKE_MS, heartbeat } = this.#options;
    this.#timer ??= setInterval(
      () => {
        this.#connection?.sweep(performance.now());
      },
      sweepPeriod(handshakeMs, heartbeat?.intervalMs, heartbeat?.timeoutMs),
    ).unref();
    this.#link.want();
  }

  /** Ends the present connection; another one is opened. */
  drop(error: SaltbusError): void {
    this.#connection?.destroy(error);
  }

  /** Ends for good, after the peer took what was written (for a second at most). */
  async close(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || this.#closed) {
      this.destroy();
      return;
    }
    this.#closed = true;
    clearInterval(this.#timer);
    const timer = setTimeout(() => {
      connection.destroy();
    }, LINGER_MS);
    await new Promise<void>((resolve) => {
      this.#closing = resolve;
      connection.close();
    });
    clearTimeout(timer);
  }

  /** Ends for good, now. */
  destroy(error?: SaltbusError): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#connection?.destroy(error);
    this.#link.close();
  }

  /** @internal */
  onOpen(stream: Duplex): void {
    const { handshakeMs = DEFAULT_HANDSHAKE_MS, heartbeat, identity } = this.#options;
    this.#connection = new ZmtpConnection(
      stream,
      this,
      {
        kind: this.#kind,
        limits: this.#limits,
        handshakeMs,
        ...(heartbeat === undefined ? {} : { heartbeat }),
        ...(identity === undefined ? {} : { identity }),
        maxOutboxBytes: PONG_LIMIT_BYTES,
        remote: this.#name,
      },
      performance.now(),
    );
  }

  /** @internal */
  onLost(error: Error | undefined): void {
    if (error === undefined) this.#connection?.destroy();
    else this.#connection?.destroy(error instanceof SaltbusError ? error : lost(this.#name, error));
  }

  /** @internal */
  onFailed(error: unknown): void {
    this.#owner.onFailed(error instanceof SaltbusError ? error : lost(this.#name, error));
  }

  /** @internal */
  onReady(connection: ZmtpConnection): void {
    if (connection.peer !== undefined) this.#owner.onReady(connection, connection.peer);
  }

  /** @internal */
  onFrame(_connection: ZmtpConnection, buffer: Buffer, start: number, end: number, more: boolean): void {
    this.#owner.onFrame(buffer, start, end, more);
  }

  /** @internal */
  onSubscription(): void {
    // nothing that REQ or SUB acts on
  }

  /** @internal */
  onHeld(): void {
    // one peer, whose message has a limit
  }

  /** @internal */
  onClosed(connection: ZmtpConnection, error: SaltbusError | undefined): void {
    this.#connection = undefined;
    const reason = error ?? lost(this.#name, undefined);
    if (this.#closed) this.#link.close();
    else this.#link.reset(reason);
    this.#owner.onLost(reason, connection.peer !== undefined);
    this.#closing?.();
  }
}

function lost(name: string, cause: unknown): SaltbusError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new SaltbusError('ERR_SALTBUS_DISCONNECTED', `The connection to ${name} ended${why}`, {
    cause,
    next: 'Nothing: a client connects again by itself.',
  });
}
