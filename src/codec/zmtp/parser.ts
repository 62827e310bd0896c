/**
 * Reads one direction of a ZMTP 3 connection: the greeting, then frames.
 *
 * A push machine: it owns no socket, timer or log. A frame that lies within one chunk is reported as a view of that
 * chunk; only a frame that crosses chunks is copied, once. It may be cut anywhere.
 */
import { SaltbusError } from '../../errors.ts';
import { Fragments } from '../fragments.ts';
import { COMMAND, LONG, MORE } from './frame.ts';
import { GREETING_BYTES, checkGreeting, decodeGreeting } from './greeting.ts';
import type { Greeting } from './greeting.ts';
import { DEFAULT_ZMTP_LIMITS } from './limits.ts';
import type { ZmtpLimits } from './limits.ts';

/** What a parser reports. */
export interface ZmtpHandler {
  onGreeting(greeting: Greeting): void;
  /** A frame of a message; the message goes on when `more`. */
  onFrame(buffer: Buffer, start: number, end: number, more: boolean): void;
  /** The body of a command frame. */
  onCommand(buffer: Buffer, start: number, end: number): void;
}

const HEAD_BYTES = 9;

/** Reads one stream. After it has thrown or was stopped it takes nothing more. */
export class ZmtpParser {
  readonly #handler: ZmtpHandler;
  readonly #limits: ZmtpLimits;
  #failed: SaltbusError | undefined;
  #stopped = false;

  /** the greeting, as far as it has come; `undefined` afterwards */
  #greeting: Buffer | undefined = Buffer.allocUnsafe(GREETING_BYTES);
  /** bytes of the greeting, then of a frame's head, that were kept from earlier chunks */
  #kept = 0;
  readonly #head: Buffer = Buffer.allocUnsafe(HEAD_BYTES);

  /** body bytes still owed to the frame that is gathered; -1: none is */
  #owed = -1;
  #flags = 0;
  readonly #held = new Fragments();

  /** frames and bytes of the message under way */
  #frames = 0;
  #messageBytes = 0;

  constructor(handler: ZmtpHandler, limits: ZmtpLimits = DEFAULT_ZMTP_LIMITS) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** Bytes held of a frame that has not ended. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Takes nothing more, also of the chunk that is being read: what is behind the present frame is lost. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Takes the next bytes of the stream. They must not be changed afterwards.
   * @throws SaltbusError `ERR_SALTBUS_ZMTP` when they are no ZMTP 3, `ERR_SALTBUS_LIMIT` when something is too large; what came before was reported
   */
  push(chunk: Buffer): void {
    if (this.#failed !== undefined) throw this.#failed;
    if (this.#stopped) return;
    try {
      const at = this.#greeting === undefined ? 0 : this.#readGreeting(chunk, this.#greeting);
      if (at < chunk.length) this.#split(chunk, at);
    } catch (error) {
      if (error instanceof SaltbusError) this.#failed = error;
      throw error;
    }
  }

  #readGreeting(chunk: Buffer, greeting: Buffer): number {
    const taken = chunk.copy(greeting, this.#kept, 0, GREETING_BYTES - this.#kept);
    this.#kept += taken;
    checkGreeting(greeting.subarray(0, this.#kept));
    if (this.#kept === GREETING_BYTES) {
      this.#greeting = undefined;
      this.#kept = 0;
      this.#handler.onGreeting(decodeGreeting(greeting));
    }
    return taken;
  }

  #split(chunk: Buffer, from: number): void {
    const length = chunk.length;
    let at = this.#owed >= 0 ? this.#gather(chunk, from) : from;
    if (this.#kept > 0 && at < length) at = this.#finishHead(chunk, at);
    while (at < length && !this.#stopped) {
      const flags = chunk[at] ?? 0;
      const body = at + ((flags & LONG) === 0 ? 2 : HEAD_BYTES);
      if (body > length) {
        this.#checkFlags(flags);
        this.#kept = chunk.copy(this.#head, 0, at);
        return;
      }
      const size = (flags & LONG) === 0 ? (chunk[at + 1] ?? 0) : longSize(chunk, at);
      this.#begin(flags, size);
      if (body + size > length) {
        this.#owed = size;
        this.#flags = flags;
        at = this.#gather(chunk, body);
      } else {
        at = body + size;
        this.#report(flags, chunk, body, at);
      }
    }
  }

  // The head of a frame was cut by the end of a chunk.
  #finishHead(chunk: Buffer, from: number): number {
    const flags = this.#head[0] ?? 0;
    const wanted = (flags & LONG) === 0 ? 2 : HEAD_BYTES;
    const taken = chunk.copy(
      this.#head,
      this.#kept,
      from,
      Math.min(chunk.length, from + wanted - this.#kept),
    );
    this.#kept += taken;
    if (this.#kept < wanted) return chunk.length;
    this.#kept = 0;
    const size = wanted === 2 ? (this.#head[1] ?? 0) : longSize(this.#head, 0);
    this.#begin(flags, size);
    this.#owed = size;
    this.#flags = flags;
    return this.#gather(chunk, from + taken);
  }

  #gather(chunk: Buffer, from: number): number {
    if (this.#held.length === 0 && chunk.length - from >= this.#owed) {
      const end = from + this.#owed;
      this.#owed = -1;
      this.#report(this.#flags, chunk, from, end);
      return end;
    }
    const end = Math.min(chunk.length, from + this.#owed);
    if (end > from) this.#held.add(chunk.subarray(from, end));
    this.#owed -= end - from;
    if (this.#owed === 0) {
      this.#owed = -1;
      const frame = this.#held.take();
      this.#report(this.#flags, frame, 0, frame.length);
    }
    return end;
  }

  #report(flags: number, buffer: Buffer, start: number, end: number): void {
    if ((flags & COMMAND) !== 0) {
      this.#handler.onCommand(buffer, start, end);
      return;
    }
    const more = (flags & MORE) !== 0;
    if (!more) {
      this.#frames = 0;
      this.#messageBytes = 0;
    }
    this.#handler.onFrame(buffer, start, end, more);
  }

  #checkFlags(flags: number): void {
    if ((flags & ~(MORE | LONG | COMMAND)) === 0 && (flags & (MORE | COMMAND)) !== (MORE | COMMAND)) return;
    throw new SaltbusError(
      'ERR_SALTBUS_ZMTP',
      `The other end sent a frame with flags 0x${flags.toString(16).padStart(2, '0')}, which ZMTP 3 does not have`,
    );
  }

  #begin(flags: number, size: number): void {
    this.#checkFlags(flags);
    if ((flags & COMMAND) !== 0) {
      if (size > this.#limits.maxCommandBytes)
        throw overLimit(`A command of ${size} bytes`, `${this.#limits.maxCommandBytes} bytes`);
      return;
    }
    this.#frames += 1;
    this.#messageBytes += size;
    if (this.#frames > this.#limits.maxFrames)
      throw overLimit(`A message of ${this.#frames} frames`, `${this.#limits.maxFrames} frames`);
    if (this.#messageBytes > this.#limits.maxMessageBytes)
      throw overLimit(
        `A message of at least ${this.#messageBytes} bytes`,
        `${this.#limits.maxMessageBytes} bytes`,
      );
  }
}

// Exact up to 2^53; what is larger is over every limit, so its last bits do not matter.
function longSize(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at + 1) * 0x1_0000_0000 + buffer.readUInt32BE(at + 5);
}

function overLimit(what: string, limit: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_LIMIT', `${what} is over the limit of ${limit}`, {
    next: 'Raise the limit if the sender is right; else look at who connects.',
  });
}
