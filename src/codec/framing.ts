/**
 * The frame of the local event bus: a msgpack map `{"head": {}, "body": <bin>}`, and how frames follow each other.
 *
 *     bare      frame frame frame ...
 *     prefixed  length frame length frame ...      length: unsigned 32 bits, big-endian
 *
 * Which of the two is spoken depends on the Salt release and on the socket: see the dialect room.
 */

/** How frames are told apart on a stream. */
export type Framing = 'bare' | 'prefixed';

/** Where the body of an event stands in a buffer. */
export interface BodyRange {
  readonly start: number;
  readonly end: number;
}

// fixmap of 2, "head", {}, "body": what every Salt with Python 3 writes, followed by the header of a bin.
const CANONICAL_HEAD = Buffer.from('82a46865616480a4626f6479', 'hex');

/** Bytes before the body's length in a canonical frame. */
const HEAD_LENGTH = CANONICAL_HEAD.length;

/**
 * What a stream speaks, by the first byte of a frame: a msgpack map begins a bare frame; the first byte of a length
 * stays below 0x80 for anything under 2 GiB. `undefined`: neither.
 */
export function framingOf(firstByte: number): Framing | undefined {
  if (firstByte < 0x80) return 'prefixed';
  return isMapMarker(firstByte) ? 'bare' : undefined;
}

/** Whether a byte begins a msgpack map. */
export function isMapMarker(byte: number): boolean {
  return (byte >= 0x80 && byte < 0x90) || byte === 0xde || byte === 0xdf;
}

/**
 * Where the body begins in the canonical frame at `start`, or -1 when these bytes are no canonical frame head or are cut
 * short. The body's length is the big-endian number in the bytes between head and body.
 */
export function canonicalBodyStart(buffer: Uint8Array, start: number, end: number): number {
  if (end - start < HEAD_LENGTH + 2) return -1;
  for (let index = 0; index < HEAD_LENGTH; index += 1) {
    if (buffer[start + index] !== CANONICAL_HEAD[index]) return -1;
  }
  const marker = buffer[start + HEAD_LENGTH];
  if (marker === 0xc4) return start + HEAD_LENGTH + 2;
  if (marker === 0xc5) return end - start < HEAD_LENGTH + 3 ? -1 : start + HEAD_LENGTH + 3;
  if (marker === 0xc6) return end - start < HEAD_LENGTH + 5 ? -1 : start + HEAD_LENGTH + 5;
  return -1;
}

/** The length that stands right before `bodyStart` in a canonical frame that begins at `frameStart`. */
export function canonicalBodyLength(buffer: Uint8Array, frameStart: number, bodyStart: number): number {
  let length = 0;
  for (let at = frameStart + HEAD_LENGTH + 1; at < bodyStart; at += 1)
    length = length * 256 + (buffer[at] ?? 0);
  return length;
}

function binHeaderLength(bodyLength: number): number {
  if (bodyLength < 0x100) return 2;
  return bodyLength < 0x10000 ? 3 : 5;
}

/** Bytes that a frame with a body of `bodyLength` bytes takes on the wire. */
export function frameLength(bodyLength: number, framing: Framing): number {
  return (framing === 'prefixed' ? 4 : 0) + HEAD_LENGTH + binHeaderLength(bodyLength) + bodyLength;
}

/** Writes all that stands before a body of `bodyLength` bytes, and returns where the body begins. */
export function writeFrameHead(target: Buffer, at: number, bodyLength: number, framing: Framing): number {
  const header = binHeaderLength(bodyLength);
  let position = at;
  if (framing === 'prefixed') position = target.writeUInt32BE(HEAD_LENGTH + header + bodyLength, position);
  target.set(CANONICAL_HEAD, position);
  position += HEAD_LENGTH;
  if (header === 2) {
    target[position] = 0xc4;
    target[position + 1] = bodyLength;
  } else if (header === 3) {
    target[position] = 0xc5;
    target.writeUInt16BE(bodyLength, position + 1);
  } else {
    target[position] = 0xc6;
    target.writeUInt32BE(bodyLength, position + 1);
  }
  return position + header;
}

/** Wraps an event body into a frame: `head` first, an empty map, the body as bin, as Salt with Python 3 does. */
export function encodeFrame(body: Uint8Array, framing: Framing): Buffer {
  const frame = Buffer.allocUnsafe(frameLength(body.length, framing));
  frame.set(body, writeFrameHead(frame, 0, body.length, framing));
  return frame;
}
