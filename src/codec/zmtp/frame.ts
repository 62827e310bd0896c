/**
 * Frames of ZMTP 3: flags, a length of 1 byte or, with LONG, of 8 bytes big-endian, and the body.
 */

/** More frames of the same message follow. */
export const MORE = 0x01;
/** The length has 8 bytes. */
export const LONG = 0x02;
/** The frame is a command. */
export const COMMAND = 0x04;

/** Bytes that stand before a body of `length` bytes. */
export function frameHeadLength(length: number): number {
  return length < 0x100 ? 2 : 9;
}

/** Writes flags and length, and returns where the body begins. */
export function writeFrameHead(target: Buffer, at: number, length: number, flags: number): number {
  if (length < 0x100) {
    target[at] = flags;
    target[at + 1] = length;
    return at + 2;
  }
  target[at] = flags | LONG;
  target.writeUInt32BE(Math.floor(length / 0x1_0000_0000), at + 1);
  target.writeUInt32BE(length >>> 0, at + 5);
  return at + 9;
}

/** Bytes that a message takes on the wire. */
export function messageLength(frames: readonly Uint8Array[]): number {
  let total = 0;
  for (const frame of frames) total += frameHeadLength(frame.length) + frame.length;
  return total;
}

/** Writes a message, and returns where it ends. */
export function writeMessage(target: Buffer, start: number, frames: readonly Uint8Array[]): number {
  let at = start;
  const last = frames.length - 1;
  for (let index = 0; index <= last; index += 1) {
    const frame = frames[index];
    if (frame === undefined) continue;
    at = writeFrameHead(target, at, frame.length, index === last ? 0 : MORE);
    target.set(frame, at);
    at += frame.length;
  }
  return at;
}

/** A message as one buffer. */
export function encodeMessage(frames: readonly Uint8Array[]): Buffer {
  const message = Buffer.allocUnsafe(messageLength(frames));
  writeMessage(message, 0, frames);
  return message;
}

const ENVELOPE_BYTES = 2;

/** Bytes that stand before a payload in an envelope of REQ and ROUTER: an empty frame, flags and length. */
export function envelopeHeadLength(payloadLength: number): number {
  return ENVELOPE_BYTES + frameHeadLength(payloadLength);
}

/** Writes what stands before a payload of `length` bytes in such an envelope, and returns where the payload begins. */
export function writeEnvelopeHead(target: Buffer, at: number, length: number): number {
  target[at] = MORE;
  target[at + 1] = 0;
  return writeFrameHead(target, at + ENVELOPE_BYTES, length, 0);
}
