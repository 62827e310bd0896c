import { frameLength, writeFrameHead } from '../codec/framing.ts';
import type { BodyRange, Framing } from '../codec/framing.ts';

/** Canonical frames in a row that stand in one buffer, or one body that needs a frame around it. */
interface Segment {
  readonly buffer: Buffer;
  start: number;
  end: number;
  /** Frames that need other bytes between them: only the body is usable. */
  readonly bodyOnly: boolean;
}

// Below this, copying many small pieces into one is cheaper than writing each.
const SMALL_PIECE = 4096;

/**
 * The frames of one turn of the loop, in order, ready to be sent in either framing.
 *
 * Where a firing program speaks what the subscriber reads, frames that stand side by side are passed on as one piece of
 * the chunk in which they came, without a copy.
 */
export class OutgoingFrames {
  #events: {
    readonly buffer: Buffer;
    readonly frame: BodyRange | undefined;
    readonly body: BodyRange;
    readonly framing: Framing;
  }[] = [];
  readonly #ready: Partial<Record<Framing, readonly Buffer[]>> = {};

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  add(buffer: Buffer, frame: BodyRange | undefined, body: BodyRange, framing: Framing): void {
    this.#events.push({ buffer, frame, body, framing });
  }

  /** The bytes for a subscriber that reads `framing`; made once and shared. */
  buffers(framing: Framing): readonly Buffer[] {
    return (this.#ready[framing] ??= this.#build(framing));
  }

  clear(): void {
    this.#events = [];
    delete this.#ready.bare;
    delete this.#ready.prefixed;
  }

  #build(framing: Framing): readonly Buffer[] {
    const segments = this.#segments(framing);
    const total = segments.reduce((sum, segment) => sum + bytesOf(segment, framing), 0);
    if (segments.length === 1 || total / segments.length >= SMALL_PIECE) {
      return segments.flatMap((segment) => piecesOf(segment, framing));
    }
    const gathered = Buffer.allocUnsafeSlow(total);
    let at = 0;
    for (const segment of segments) {
      if (segment.bodyOnly) at = writeFrameHead(gathered, at, segment.end - segment.start, framing);
      at += segment.buffer.copy(gathered, at, segment.start, segment.end);
    }
    return [gathered];
  }

  #segments(framing: Framing): Segment[] {
    const segments: Segment[] = [];
    let last: Segment | undefined;
    for (const event of this.#events) {
      const { buffer, frame, body } = event;
      if (frame === undefined || (framing === 'prefixed' && event.framing === 'bare')) {
        last = { buffer, start: body.start, end: body.end, bodyOnly: true };
        segments.push(last);
        continue;
      }
      // A prefixed frame carries its length right before it.
      const start = framing === 'prefixed' ? frame.start - 4 : frame.start;
      if (last?.bodyOnly === false && last.buffer === buffer && last.end === start) last.end = frame.end;
      else {
        last = { buffer, start, end: frame.end, bodyOnly: false };
        segments.push(last);
      }
    }
    return segments;
  }
}

function bytesOf(segment: Segment, framing: Framing): number {
  const length = segment.end - segment.start;
  return segment.bodyOnly ? frameLength(length, framing) : length;
}

function piecesOf(segment: Segment, framing: Framing): Buffer[] {
  const bytes = segment.buffer.subarray(segment.start, segment.end);
  if (!segment.bodyOnly) return [bytes];
  const head = Buffer.allocUnsafe(frameLength(bytes.length, framing) - bytes.length);
  writeFrameHead(head, 0, bytes.length, framing);
  return [head, bytes];
}
