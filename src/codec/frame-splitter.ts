/**
 * Finds the ends of frames in a stream, in linear time and without building values.
 *
 * A push machine: it owns no socket, timer or log. A frame that lies within one chunk is reported as a view of that
 * chunk; only a frame that crosses chunks is copied, once. It may be cut anywhere, also inside a length.
 */
import { SaltbusError } from '../errors.ts';
import { Fragments } from './fragments.ts';
import { canonicalBodyLength, canonicalBodyStart, framingOf, isMapMarker } from './framing.ts';
import type { Framing } from './framing.ts';

/** The largest frame that Salt's own readers take: 100 MiB (all releases since 2016.3). */
export const MAX_FRAME_BYTES: number = 100 * 1024 * 1024;

/**
 * Called for each frame, without its length prefix.
 *
 * `bodyStart` is where the body begins when the frame is canonical (then the body ends with the frame), and -1 otherwise.
 */
export type FrameHandler = (buffer: Buffer, start: number, end: number, bodyStart: number) => void;

/** Splits one stream of frames. After it has thrown, the stream is out of step and the splitter takes nothing more. */
export class FrameSplitter {
  readonly #onFrame: FrameHandler;
  readonly #maxFrameBytes: number;
  #framing: Framing | undefined;
  #failed: SaltbusError | undefined;
  readonly #held = new Fragments();

  // Where the scan stands inside the current frame. A frame is complete when nothing is owed any more.
  #inFrame = false;
  /** msgpack values still to come */
  #values = 0;
  /** payload bytes to pass over */
  #payload = 0;
  /** bytes of a length or count still to come, the number read so far, and the type byte it belongs to */
  #sizeBytes = 0;
  #size = 0;
  #sizeType = 0;

  /**
   * @param options.framing - what the stream speaks; without it, the first byte decides
   * @param options.maxFrameBytes - a longer frame is an error, before it is gathered
   */
  constructor(
    onFrame: FrameHandler,
    options: { readonly framing?: Framing; readonly maxFrameBytes?: number } = {},
  ) {
    this.#onFrame = onFrame;
    this.#framing = options.framing;
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
  }

  /** What the stream speaks; `undefined` until its first byte has come. */
  get framing(): Framing | undefined {
    return this.#framing;
  }

  /** Bytes held of a frame that has not ended. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Whether the stream stands between two frames, so that its end loses nothing. */
  get atBoundary(): boolean {
    return !this.#inFrame;
  }

  /**
   * Takes the next bytes of the stream. They must not be changed afterwards.
   * @throws SaltbusError `ERR_SALTBUS_FRAME` when the bytes are no frames, `ERR_SALTBUS_LIMIT` when a frame is too large; frames before the fault were reported
   */
  push(chunk: Buffer): void {
    if (this.#failed !== undefined) throw this.#failed;
    if (chunk.length === 0) return;
    try {
      if (this.#framing === undefined) {
        this.#framing = framingOf(chunk[0] ?? 0xc1);
        if (this.#framing === undefined) throw this.#notAFrame(chunk[0] ?? 0xc1);
      }
      this.#split(chunk);
    } catch (error) {
      if (error instanceof SaltbusError) this.#failed = error;
      throw error;
    }
  }

  #split(chunk: Buffer): void {
    const length = chunk.length;
    const prefix = this.#framing === 'prefixed' ? 4 : 0;
    let at = 0;
    if (this.#inFrame) {
      at = this.#scan(chunk, 0);
      this.#held.add(chunk.subarray(0, at));
      if (!this.atBoundary) {
        this.#checkSize(0);
        return;
      }
      const frame = this.#held.take();
      this.#report(frame, prefix, frame.length);
    }
    while (at < length) {
      const start = at;
      const body = canonicalBodyStart(chunk, at + prefix, length);
      if (body !== -1) {
        const end = body + canonicalBodyLength(chunk, at + prefix, body);
        if (end <= length && (prefix === 0 || chunk.readUInt32BE(at) === end - at - prefix)) {
          if (end - at > this.#maxFrameBytes) throw this.#tooLarge(end - at);
          this.#onFrame(chunk, at + prefix, end, body);
          at = end;
          continue;
        }
      }
      this.#begin();
      at = this.#scan(chunk, at);
      if (!this.atBoundary) {
        this.#checkSize(at - start);
        this.#held.add(chunk.subarray(start));
        return;
      }
      this.#report(chunk, start + prefix, at);
    }
  }

  #report(buffer: Buffer, start: number, end: number): void {
    const body = canonicalBodyStart(buffer, start, end);
    const canonical = body !== -1 && body + canonicalBodyLength(buffer, start, body) === end;
    this.#onFrame(buffer, start, end, canonical ? body : -1);
  }

  #begin(): void {
    this.#inFrame = true;
    this.#values = 1;
    this.#payload = 0;
    this.#size = 0;
    // A length prefix is read as the length of one payload: a type byte that msgpack does not have stands for it.
    this.#sizeBytes = this.#framing === 'prefixed' ? 4 : 0;
    this.#sizeType = PREFIX;
  }

  // Goes on from `at` to the end of the frame or of the chunk; returns where it stopped.
  #scan(chunk: Buffer, from: number): number {
    const length = chunk.length;
    let at = from;
    while (at < length) {
      if (this.#payload > 0) {
        const passed = Math.min(this.#payload, length - at);
        this.#payload -= passed;
        at += passed;
      } else if (this.#sizeBytes > 0) {
        this.#size = this.#size * 256 + (chunk[at] ?? 0);
        this.#sizeBytes -= 1;
        at += 1;
        if (this.#sizeBytes === 0) this.#sized(this.#sizeType, this.#size);
      } else {
        this.#typeByte(chunk[at] ?? 0xc1, this.#values === 1 && at === from && this.#held.length === 0);
        at += 1;
      }
      if (this.#values === 0 && this.#payload === 0 && this.#sizeBytes === 0) {
        this.#inFrame = false;
        return at;
      }
    }
    return at;
  }

  #typeByte(type: number, first: boolean): void {
    if (first && !isMapMarker(type)) throw this.#notAFrame(type);
    this.#values -= 1;
    if (type < 0x80 || type >= 0xe0) return;
    if (type < 0x90) this.#values += 2 * (type & 0x0f);
    else if (type < 0xa0) this.#values += type & 0x0f;
    else if (type < 0xc0) this.#payload = type & 0x1f;
    else {
      const rule = RULES[type - 0xc0] ?? NOTHING;
      if (rule === NOTHING) throw this.#notAFrame(type);
      this.#payload = rule.payload;
      this.#sizeBytes = rule.sizeBytes;
      this.#size = 0;
      this.#sizeType = type;
    }
  }

  #sized(type: number, size: number): void {
    if (type === PREFIX) {
      if (size === 0)
        throw new SaltbusError('ERR_SALTBUS_FRAME', 'A length of zero stands where a frame should be');
      if (size > this.#maxFrameBytes) throw this.#tooLarge(size);
      this.#values = 0;
      this.#payload = size;
    } else if (type === 0xdc || type === 0xdd) this.#values += size;
    else if (type === 0xde || type === 0xdf) this.#values += 2 * size;
    else this.#payload = size + (type >= 0xc7 && type <= 0xc9 ? 1 : 0);
    // Every value owed takes a byte at least: what cannot fit is refused before it is gathered.
    if (this.#values + this.#payload > this.#maxFrameBytes)
      throw this.#tooLarge(this.#values + this.#payload);
  }

  #checkSize(pending: number): void {
    const size = this.#held.length + pending + this.#payload + this.#values;
    if (size > this.#maxFrameBytes) throw this.#tooLarge(size);
  }

  #tooLarge(size: number): SaltbusError {
    return new SaltbusError(
      'ERR_SALTBUS_LIMIT',
      `A frame of at least ${size} bytes is over the limit of ${this.#maxFrameBytes} bytes`,
      { next: 'Most often the stream is no event bus, or the framing is another than expected.' },
    );
  }

  #notAFrame(byte: number): SaltbusError {
    return new SaltbusError(
      'ERR_SALTBUS_FRAME',
      `Byte 0x${byte.toString(16).padStart(2, '0')} stands where a ${this.#framing ?? 'bare or prefixed'} frame should be`,
    );
  }
}

const PREFIX = 0x100;

interface SizeRule {
  readonly payload: number;
  readonly sizeBytes: number;
}

const NOTHING: SizeRule = { payload: -1, sizeBytes: -1 };

function rule(payload: number, sizeBytes: number): SizeRule {
  return { payload, sizeBytes };
}

// What follows each type byte from 0xc0 to 0xdf: payload bytes, or bytes of a length or count.
const RULES: readonly SizeRule[] = [
  rule(0, 0), // c0 nil
  NOTHING, // c1 is never used
  rule(0, 0), // c2 false
  rule(0, 0), // c3 true
  rule(0, 1), // c4 c5 c6 bin
  rule(0, 2),
  rule(0, 4),
  rule(0, 1), // c7 c8 c9 ext
  rule(0, 2),
  rule(0, 4),
  rule(4, 0), // ca cb float
  rule(8, 0),
  rule(1, 0), // cc cd ce cf uint
  rule(2, 0),
  rule(4, 0),
  rule(8, 0),
  rule(1, 0), // d0 d1 d2 d3 int
  rule(2, 0),
  rule(4, 0),
  rule(8, 0),
  rule(2, 0), // d4 to d8 fixext: type and data
  rule(3, 0),
  rule(5, 0),
  rule(9, 0),
  rule(17, 0),
  rule(0, 1), // d9 da db str
  rule(0, 2),
  rule(0, 4),
  rule(0, 2), // dc dd array
  rule(0, 4),
  rule(0, 2), // de df map
  rule(0, 4),
];
