/**
 * One ZMTP connection over a duplex, whichever end opened it: drives the states of `connection-state.ts`, answers PINGs,
 * sends its own, and writes what is sent in one tick in one go. The four kinds of socket own it.
 */
import type { Duplex } from 'node:stream';
import { decodeCommand, encodePing, encodePong, encodeReady } from '../../codec/zmtp/command.ts';
import type { ZmtpCommand } from '../../codec/zmtp/command.ts';
import { encodeGreeting } from '../../codec/zmtp/greeting.ts';
import type { ZmtpLimits } from '../../codec/zmtp/limits.ts';
import { ZmtpParser } from '../../codec/zmtp/parser.ts';
import { SaltbusError } from '../../errors.ts';
import { GREETING, READY, nextConnectionState } from './connection-state.ts';
import type { ConnectionEffect, ConnectionInput, ConnectionState } from './connection-state.ts';
import { PARTNERS } from './settings.ts';
import type { HeartbeatOptions, SocketKind } from './settings.ts';

/** What a connection tells the socket that owns it. */
export interface ConnectionOwner {
  /** Messages may pass. */
  onReady(connection: ZmtpConnection): void;
  /** A frame of a message. The bytes are not changed afterwards. */
  onFrame(connection: ZmtpConnection, buffer: Buffer, start: number, end: number, more: boolean): void;
  /** The peer subscribes, or no longer. */
  onSubscription(connection: ZmtpConnection, topic: Buffer, on: boolean): void;
  /** Bytes held of frames under way have become more or fewer. */
  onHeld(connection: ZmtpConnection, change: number): void;
  /** It is over; `error` is why, `undefined` when one side ended it in order. Told once. */
  onClosed(connection: ZmtpConnection, error: SaltbusError | undefined): void;
}

/** How a connection behaves. */
export interface ConnectionOptions {
  readonly kind: SocketKind;
  /** Routing id to present; only REQ and ROUTER tell one (libzmq 4.3.5). */
  readonly identity?: Uint8Array;
  readonly limits: ZmtpLimits;
  readonly handshakeMs: number;
  readonly heartbeat?: HeartbeatOptions;
  /** Beyond these bytes waiting, PINGs are no longer answered: a peer that takes nothing needs no PONG. */
  readonly maxOutboxBytes: number;
  /** Who is at the other end, as a person reads it. */
  readonly remote: string;
}

/** The peer, as it introduced itself. */
export interface ZmtpPeer {
  readonly socketType: string;
  /** Empty when it told none. */
  readonly identity: Buffer;
  /** Of its version: 0 for ZMTP 3.0. */
  readonly minor: number;
}

// Up to here it is cheaper to copy what waits into one buffer than to hand the system a list.
const GATHER_BYTES = 16 * 1024;

/** A connection. */
export class ZmtpConnection {
  readonly #duplex: Duplex;
  readonly #owner: ConnectionOwner;
  readonly #options: ConnectionOptions;
  readonly #parser: ZmtpParser;
  readonly #flush: () => void;
  #state: ConnectionState = GREETING;
  #peer: ZmtpPeer | undefined;
  #minor = 0;
  #command: ZmtpCommand | undefined;
  #error: SaltbusError | undefined;
  #held = 0;

  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #scheduled = false;

  readonly #since: number;
  /** something was read since the last sweep */
  #heard = false;
  /** nothing is read on purpose, which says nothing about the peer */
  #paused = false;
  #heardAt: number;
  #pingAt: number;
  /** when the PING was sent after which nothing has been heard; -1: none such */
  #unansweredAt = -1;
  #peerTtlMs = 0;

  /** @param now - of the clock that {@link sweep} is given */
  constructor(duplex: Duplex, owner: ConnectionOwner, options: ConnectionOptions, now: number) {
    this.#duplex = duplex;
    this.#owner = owner;
    this.#options = options;
    this.#since = now;
    this.#heardAt = now;
    this.#pingAt = now;
    this.#parser = new ZmtpParser(
      {
        onGreeting: ({ minor }) => {
          this.#minor = minor;
          this.#take('greeting');
        },
        onFrame: (buffer, start, end, more) => {
          if (this.#state === READY) owner.onFrame(this, buffer, start, end, more);
          else this.#take('frame');
        },
        onCommand: (buffer, start, end) => {
          this.#command = decodeCommand(buffer, start, end);
          this.#onCommand(this.#command);
          this.#command = undefined;
        },
      },
      options.limits,
    );
    this.#flush = () => {
      this.#write();
    };
    duplex.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    // An end of the peer's direction ends the connection: ZMTP has no half-closed state (nor has libzmq 4.3.5).
    duplex.on('end', () => {
      this.#take('ended');
    });
    duplex.on('error', (error) => {
      this.#error ??= broken(options.remote, error);
      this.#take('ended');
    });
    duplex.on('close', () => {
      this.#take('ended');
    });
    this.send(encodeGreeting(options.identity?.length));
  }

  /** Who is at the other end, as a person reads it. */
  get remote(): string {
    return this.#options.remote;
  }

  /** The peer; `undefined` until it has introduced itself. */
  get peer(): ZmtpPeer | undefined {
    return this.#peer;
  }

  /** Where it stands. */
  get state(): ConnectionState['name'] {
    return this.#state.name;
  }

  /** Whether it is over: nothing that is sent arrives any more. */
  get closed(): boolean {
    return this.#state.name === 'closed' || this.#state.name === 'ending';
  }

  /** Bytes that wait to be taken by the system. */
  get outboxBytes(): number {
    return this.#waitingBytes + this.#duplex.writableLength;
  }

  /** Sends whole messages or commands, with all else that is sent in this tick. The bytes must not be changed afterwards. */
  send(bytes: Buffer): void {
    if (this.closed) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#flush);
  }

  /** Bytes that were handed to the stream and wait to be taken by the system. */
  get streamBytes(): number {
    return this.#duplex.writableLength;
  }

  /** Hands whole messages to the stream now; {@link streamBytes} tells at once whether the system took them. */
  write(bytes: Buffer): void {
    if (!this.closed) this.#duplex.write(bytes);
  }

  /** Reads no more after the present chunk, until {@link resume}. */
  pause(): void {
    this.#paused = true;
    this.#duplex.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#duplex.destroyed) this.#duplex.resume();
  }

  /** Ends it after what was written. */
  close(): void {
    this.#take('close');
  }

  /** Ends it now. */
  destroy(error?: SaltbusError): void {
    this.#error ??= error;
    this.#take('destroy');
  }

  /** Keeps the limits on time, and sends a PING when one is due. To be called now and then. */
  sweep(now: number): void {
    if (this.#heard || this.#paused) {
      this.#heard = false;
      this.#heardAt = now;
      this.#unansweredAt = -1;
    }
    if (this.#state === READY) {
      this.#sweepReady(now);
      return;
    }
    if (this.#state.name === 'closed' || this.#state.name === 'ending') return;
    const { handshakeMs, remote } = this.#options;
    if (now - this.#since < handshakeMs) return;
    this.#overdue(`${remote} did not complete the ZMTP handshake within ${handshakeMs} ms`);
  }

  #sweepReady(now: number): void {
    const { heartbeat, remote, maxOutboxBytes } = this.#options;
    if (this.#peerTtlMs > 0 && now - this.#heardAt > this.#peerTtlMs) {
      this.#overdue(`${remote} said that it would be heard every ${this.#peerTtlMs} ms, and was not`);
      return;
    }
    if (heartbeat === undefined) return;
    if (this.#unansweredAt !== -1 && now - this.#unansweredAt >= heartbeat.timeoutMs) {
      this.#overdue(`${remote} has not answered a PING for ${heartbeat.timeoutMs} ms`);
      return;
    }
    if (now - this.#pingAt < heartbeat.intervalMs) return;
    this.#pingAt = now;
    if (this.#unansweredAt === -1) this.#unansweredAt = now;
    if (this.outboxBytes < maxOutboxBytes) this.send(encodePing(heartbeat.ttlMs ?? 0));
  }

  #overdue(message: string): void {
    this.#error ??= new SaltbusError('ERR_SALTBUS_TIMEOUT', message);
    this.#take('overdue');
  }

  #read(chunk: Buffer): void {
    this.#heard = true;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#error ??= error;
      this.#take('fault');
    }
    this.#tellHeld(this.#state.name === 'closed' ? 0 : this.#parser.heldBytes);
  }

  #tellHeld(held: number): void {
    if (held === this.#held) return;
    const change = held - this.#held;
    this.#held = held;
    this.#owner.onHeld(this, change);
  }

  #onCommand(command: ZmtpCommand): void {
    switch (command.name) {
      case 'READY':
        this.#introduced(command);
        return;
      case 'ERROR':
        this.#take('peer-error');
        return;
      case 'SUBSCRIBE':
      case 'CANCEL':
        this.#take('subscription');
        return;
      case 'PING':
        this.#peerTtlMs = command.ttlMs;
        this.#take('ping');
        return;
      case 'PONG':
        this.#take('pong');
        return;
      case 'OTHER':
        this.#take('other');
    }
  }

  #introduced({ socketType, identity }: ZmtpCommand & { readonly name: 'READY' }): void {
    if (!PARTNERS[this.#options.kind].includes(socketType)) {
      this.#take('unfit');
      return;
    }
    // A copy: a view would keep the whole chunk for as long as the connection lives.
    if (this.#state.name === 'handshake')
      this.#peer = { socketType, identity: Buffer.from(identity), minor: this.#minor };
    this.#take('ready');
  }

  #take(input: ConnectionInput): void {
    const { state, effects } = nextConnectionState(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#apply(effect, input);
  }

  #apply(effect: ConnectionEffect, input: ConnectionInput): void {
    switch (effect) {
      case 'send-ready':
        this.send(encodeReady(this.#options.kind, this.#identity()));
        return;
      case 'send-pong':
        if (this.#command?.name === 'PING' && this.outboxBytes < this.#options.maxOutboxBytes)
          this.send(encodePong(this.#command.context));
        return;
      case 'tell-ready':
        this.#pingAt = this.#heardAt;
        this.#owner.onReady(this);
        return;
      case 'deliver':
        if (this.#command?.name === 'SUBSCRIBE' || this.#command?.name === 'CANCEL')
          this.#owner.onSubscription(this, this.#command.topic, this.#command.name === 'SUBSCRIBE');
        return;
      case 'end':
        this.#parser.stop();
        this.#write();
        this.#duplex.end();
        return;
      case 'destroy':
        this.#parser.stop();
        this.#waiting = [];
        this.#waitingBytes = 0;
        this.#duplex.destroy();
        return;
      case 'blame':
        this.#error ??= this.#blame(input);
        return;
      case 'tell-closed':
        this.#tellHeld(0);
        this.#owner.onClosed(this, this.#error);
    }
  }

  #identity(): Uint8Array | undefined {
    const { kind, identity } = this.#options;
    return kind === 'PUB' || kind === 'SUB' ? undefined : (identity ?? new Uint8Array(0));
  }

  #blame(input: ConnectionInput): SaltbusError {
    const { kind, remote } = this.#options;
    const command = this.#command;
    let what = 'sent messages before its READY';
    if (input === 'unfit' && command?.name === 'READY')
      what = `is a ${command.socketType} socket, and this is a ${kind}, which talks to ${PARTNERS[kind].join(' and ')}`;
    else if (input === 'ready' || input === 'unfit') what = 'sent READY twice';
    else if (command?.name === 'ERROR') what = `gave the connection up: '${command.reason}'`;
    return new SaltbusError('ERR_SALTBUS_ZMTP', `The other end (${remote}) ${what}`);
  }

  #write(): void {
    this.#scheduled = false;
    const { length } = this.#waiting;
    const first = this.#waiting[0];
    if (first === undefined) return;
    const waiting = this.#waiting;
    const bytes = this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (length === 1) this.#duplex.write(first);
    else if (bytes <= GATHER_BYTES) this.#duplex.write(Buffer.concat(waiting, bytes));
    else {
      this.#duplex.cork();
      for (const piece of waiting) this.#duplex.write(piece);
      this.#duplex.uncork();
    }
  }
}

function broken(remote: string, cause: Error): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_DISCONNECTED', `The connection to ${remote} broke: ${cause.message}`, {
    cause,
    next: 'Nothing: a client connects again by itself.',
  });
}
