/** SUB: takes what is published under the prefixes it subscribes to. */
import { encodeSubscription } from '../../codec/zmtp/command.ts';
import type { SaltbusError } from '../../errors.ts';
import { ZmtpClient } from './client.ts';
import type { ClientOptions } from './client.ts';
import type { ZmtpPeer } from './connection.ts';
import type { ZmtpTarget } from './settings.ts';

/** What a SUB tells its owner. */
export interface SubHandlers {
  /** A publication. The frames are views of what was read, and are not changed afterwards. */
  onMessage(frames: readonly Buffer[]): void;
  /** There is a connection, and what is subscribed to was sent on it. What was published before is lost. */
  onConnected?(peer: ZmtpPeer): void;
  /** The connection ended; another one is made. */
  onDisconnected?(error: SaltbusError): void;
  /** No connection could be made, or no handshake; the next attempt follows. */
  onFailed?(error: SaltbusError): void;
}

/** How a SUB behaves. */
export type SubOptions = ClientOptions;

/** What a SUB has counted since it was made. */
export interface SubCounters {
  /** Publications handed to the owner. */
  received: number;
  /** Publications that met no subscription: sent by a publisher that does not filter, or on their way when one was ended. */
  unwanted: number;
  /** Connections on which messages passed. */
  connections: number;
}

/** A SUB socket that connects, and connects again by itself. */
export class SubSocket {
  readonly counters: Readonly<SubCounters>;
  readonly #counters: SubCounters = { received: 0, unwanted: 0, connections: 0 };
  readonly #handlers: SubHandlers;
  readonly #client: ZmtpClient;
  readonly #topics = new Map<string, Buffer>();
  #everything = false;
  #frames: Buffer[] = [];
  #paused = false;

  /** @throws SaltbusError `ERR_SALTBUS_USAGE` for settings that make no sense */
  constructor(target: ZmtpTarget, handlers: SubHandlers, options: SubOptions = {}) {
    this.counters = this.#counters;
    this.#handlers = handlers;
    this.#client = new ZmtpClient(
      'SUB',
      target,
      {
        onReady: (connection, peer) => {
          this.#counters.connections += 1;
          for (const topic of this.#topics.values())
            connection.send(encodeSubscription(topic, true, peer.minor));
          if (this.#paused) connection.pause();
          handlers.onConnected?.(peer);
        },
        onFrame: (buffer, start, end, more) => {
          this.#onFrame(buffer, start, end, more);
        },
        onLost: (error, ready) => {
          this.#frames = [];
          if (ready) handlers.onDisconnected?.(error);
          else handlers.onFailed?.(error);
        },
        onFailed: (error) => {
          handlers.onFailed?.(error);
        },
      },
      options,
    );
  }

  /** Where it connects to, as a person reads it. */
  get remote(): string {
    return this.#client.name;
  }

  /** Whether there is a connection on which messages pass. */
  get connected(): boolean {
    return this.#client.ready !== undefined;
  }

  /** Opens the connection and keeps it up. */
  open(): void {
    this.#client.open();
  }

  /** Subscribes to what begins with a prefix, now and after each reconnect; '' is everything. */
  subscribe(topic: string | Uint8Array): void {
    this.#change(Buffer.from(topic), true);
  }

  /** Ends a subscription. */
  unsubscribe(topic: string | Uint8Array): void {
    this.#change(Buffer.from(topic), false);
  }

  /** Reads no more after what was read, until {@link resume}; the publisher drops what does not fit meanwhile. PINGs are not answered either. */
  pause(): void {
    this.#paused = true;
    this.#client.ready?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#client.ready?.resume();
  }

  /** Ends for good. */
  close(): Promise<void> {
    return this.#client.close();
  }

  /** Ends for good, now. */
  destroy(error?: SaltbusError): void {
    this.#client.destroy(error);
  }

  #change(topic: Buffer, on: boolean): void {
    const key = topic.toString('latin1');
    if (this.#topics.has(key) === on) return;
    if (on) this.#topics.set(key, topic);
    else this.#topics.delete(key);
    if (topic.length === 0) this.#everything = on;
    const connection = this.#client.ready;
    connection?.send(encodeSubscription(topic, on, connection.peer?.minor ?? 1));
  }

  #onFrame(buffer: Buffer, start: number, end: number, more: boolean): void {
    this.#frames.push(buffer.subarray(start, end));
    if (more) return;
    const frames = this.#frames;
    this.#frames = [];
    if (!this.#everything && !this.#wanted(frames[0])) {
      this.#counters.unwanted += 1;
      return;
    }
    this.#counters.received += 1;
    this.#handlers.onMessage(frames);
  }

  #wanted(first: Buffer | undefined): boolean {
    if (first === undefined) return false;
    for (const topic of this.#topics.values())
      if (topic.length <= first.length && topic.compare(first, 0, topic.length) === 0) return true;
    return false;
  }
}
