/**
 * Frames of the control socket: 4 bytes big-endian with the length of what follows, then one msgpack value.
 */
import { Fragments } from '../codec/fragments.ts';
import { Encoder } from '../codec/msgpack/encode.ts';
import { SaltbusError } from '../errors.ts';

const HEAD_BYTES = 4;
const NO_HEAD: Uint8Array = new Uint8Array(HEAD_BYTES);

/** Finds the frames in a stream; the length is checked before anything is kept. */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #onFrame: (body: Buffer) => void;
  readonly #held = new Fragments();
  /** Of the frame that has begun, with its head; undefined while the head is not complete. */
  #wanted: number | undefined;
  #stopped = false;

  constructor(maxBytes: number, onFrame: (body: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onFrame = onFrame;
  }

  /** Bytes held of a frame that has not ended. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Gives nothing out any more. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Takes a chunk, which must not be changed afterwards; the bodies that are given out are views of it where they can be.
   * @throws SaltbusError `ERR_SALTBUS_FRAME` for a length that is 0 or over the limit
   */
  push(chunk: Buffer): void {
    let rest = chunk;
    if (this.#held.length > 0) {
      rest = this.#complete(chunk);
      if (this.#held.length > 0) return;
    }
    let at = 0;
    while (!this.#stopped && rest.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + this.#lengthAt(rest, at);
      if (end > rest.length) break;
      this.#onFrame(rest.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    if (!this.#stopped && at < rest.length) this.#held.add(rest.subarray(at));
  }

  // Adds what the frame that has begun still lacks, gives it out when it is whole, and returns what is behind it.
  #complete(chunk: Buffer): Buffer {
    let rest = chunk;
    if (this.#wanted === undefined) {
      if (this.#held.length < HEAD_BYTES) {
        const lacks = Math.min(HEAD_BYTES - this.#held.length, rest.length);
        this.#held.add(rest.subarray(0, lacks));
        rest = rest.subarray(lacks);
        if (this.#held.length < HEAD_BYTES) return rest;
      }
      const held = this.#held.take();
      this.#wanted = HEAD_BYTES + this.#lengthAt(held, 0);
      this.#held.add(held);
    }
    const lacks = Math.min(this.#wanted - this.#held.length, rest.length);
    this.#held.add(rest.subarray(0, lacks));
    if (this.#held.length < this.#wanted) return rest.subarray(lacks);
    this.#wanted = undefined;
    const frame = this.#held.take();
    if (!this.#stopped) this.#onFrame(frame.subarray(HEAD_BYTES));
    return rest.subarray(lacks);
  }

  #lengthAt(buffer: Buffer, at: number): number {
    const length = buffer.readUInt32BE(at);
    if (length > 0 && length <= this.#maxBytes) return length;
    throw new SaltbusError(
      'ERR_SALTBUS_FRAME',
      `A frame of ${length} bytes was announced on the control socket, and 1 to ${this.#maxBytes} are allowed`,
      { next: 'Only programs of saltbus speak on this socket.' },
    );
  }
}

/** Gathers frames until they are written. */
export class FrameWriter {
  readonly #encoder = new Encoder();

  get isEmpty(): boolean {
    return this.#encoder.length === 0;
  }

  /**
   * Adds a frame.
   * @throws SaltbusError `ERR_SALTBUS_DATA` for what msgpack cannot say; what was added before stays
   */
  add(value: unknown): void {
    const start = this.#encoder.length;
    this.#encoder.raw(NO_HEAD);
    try {
      this.#encoder.value(value);
    } catch (error) {
      const before = this.#encoder.copy().subarray(0, start);
      this.#encoder.reset();
      this.#encoder.raw(before);
      throw error;
    }
    this.#encoder.view().writeUInt32BE(this.#encoder.length - start - HEAD_BYTES, start);
  }

  /** All frames as bytes of their own; none are held afterwards. */
  take(): Buffer {
    const frames = this.#encoder.copy();
    this.#encoder.reset();
    return frames;
  }
}
