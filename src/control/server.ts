/**
 * The daemon's end of the control socket.
 *
 * A program that asks for more than may be under way is not read any further until answers have gone out; one that does
 * not say who it is, stops in the middle of a frame, or does not take its answers is cut.
 */
import type { Duplex } from 'node:stream';
import type { Endpoint } from '../transport/endpoint.ts';
import { listenSocket } from '../transport/listen.ts';
import type { Listener } from '../transport/listen.ts';
import { ControlConnection, refuseConnection } from './connection.ts';
import type { ControlCounters, ControlHandlers, ControlLimits } from './handlers.ts';

const SWEEP_MS = 100;
const MAX_CONNECTIONS = 1024;
const OWNER_ONLY = 0o600;

/** Serves programs. */
export class ControlServer implements AsyncDisposable {
  readonly counters: ControlCounters = { open: 0, accepted: 0, refused: 0, cut: 0, requests: 0, wrong: 0 };
  readonly #handlers: ControlHandlers;
  readonly #limits: ControlLimits;
  readonly #connections = new Set<ControlConnection>();
  #listener: Listener | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #count = 0;

  constructor(handlers: ControlHandlers, limits: ControlLimits = {}) {
    this.#handlers = handlers;
    this.#limits = limits;
  }

  /**
   * Begins to listen, with the mode 0600.
   * @throws SaltbusError as `listenSocket`
   */
  async listen(endpoint: Endpoint): Promise<void> {
    this.#listener = await listenSocket(
      endpoint,
      (socket) => {
        this.attach(socket);
      },
      { mode: OWNER_ONLY },
    );
  }

  /** Takes on a connection that somebody else has accepted. */
  attach(duplex: Duplex): void {
    const { maxConnections = MAX_CONNECTIONS } = this.#limits;
    if (this.#closing !== undefined || this.#connections.size >= maxConnections) {
      this.counters.refused += 1;
      refuseConnection(duplex, this.#connections.size);
      return;
    }
    this.counters.accepted += 1;
    this.#count += 1;
    const connection = new ControlConnection(duplex, `${process.pid}-${this.#count}`, {
      handlers: this.#handlers,
      counters: this.counters,
      limits: this.#limits,
      onGone: (gone) => {
        this.#connections.delete(gone);
        this.counters.open = this.#connections.size;
        if (this.#connections.size === 0) this.#stopSweeping();
      },
    });
    this.#connections.add(connection);
    this.counters.open = this.#connections.size;
    this.#sweeper ??= setInterval(() => {
      this.sweep(performance.now());
    }, SWEEP_MS).unref();
  }

  /** Keeps the limits on time. */
  sweep(now: number): void {
    for (const connection of this.#connections) connection.sweep(now);
  }

  /** Stops listening, lets what has been answered go out (for a second at most), and ends. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#closeAll());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeAll(): Promise<void> {
    const stopped = this.#listener?.close();
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    this.#stopSweeping();
    await stopped;
  }

  #stopSweeping(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
