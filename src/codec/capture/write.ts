/**
 * Writes capture files, as bytes.
 */
import { SaltbusError } from '../../errors.ts';
import { crc32 } from './crc32.ts';
import {
  CAPTURE_MAGIC,
  CAPTURE_VERSION,
  FLAG_HAS_TAG,
  FRAMING_BYTES,
  GAP_BYTES,
  KIND_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_TEXT_BYTES,
  NODE_BYTES,
  REASON_BYTES,
  RECORD_HEAD_BYTES,
  UNKNOWN_COUNT,
} from './records.ts';
import type { CaptureRecord, GapRecord } from './records.ts';

/** What a capture file begins with. */
export function captureHeader(): Buffer {
  const version = Buffer.alloc(2);
  version.writeUInt16BE(CAPTURE_VERSION);
  return Buffer.concat([CAPTURE_MAGIC, version]);
}

/**
 * One record as bytes.
 * @throws SaltbusError `ERR_SALTBUS_LIMIT` when it is longer than a reader takes
 */
export function encodeRecord(record: CaptureRecord): Buffer {
  const payload = payloadOf(record);
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  if (length > MAX_PAYLOAD_BYTES) {
    throw new SaltbusError(
      'ERR_SALTBUS_LIMIT',
      `A record of ${length} bytes is longer than a capture file takes (${MAX_PAYLOAD_BYTES})`,
    );
  }
  const bytes = Buffer.allocUnsafe(RECORD_HEAD_BYTES + length);
  bytes[0] = KIND_BYTES[record.kind];
  bytes[1] = NODE_BYTES[record.node];
  bytes[2] = FRAMING_BYTES[record.framing ?? 'unknown'];
  bytes[3] = record.kind === 'bad' && record.hasTag ? FLAG_HAS_TAG : 0;
  bytes.writeBigUInt64BE(BigInt(record.time), 4);
  bytes.writeUInt32BE(length, 12);
  let at = RECORD_HEAD_BYTES;
  for (const part of payload) {
    bytes.set(part, at);
    at += part.length;
  }
  bytes.writeUInt32BE(crc32(bytes, RECORD_HEAD_BYTES, at, crc32(bytes, 0, 16)), 16);
  return bytes;
}

function payloadOf(record: CaptureRecord): readonly Uint8Array[] {
  switch (record.kind) {
    case 'start':
      return [clipped(record.bus)];
    case 'event':
      return [record.body];
    case 'bad': {
      const why = clipped(`${record.code} ${record.message}`);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(why.length);
      return [length, why, record.bytes];
    }
    case 'gap':
      return [gapPayload(record)];
  }
}

function gapPayload(record: GapRecord): Buffer {
  const bytes = Buffer.alloc(GAP_BYTES);
  bytes[0] = REASON_BYTES[record.reason];
  bytes.writeBigUInt64BE(record.dropped === undefined ? UNKNOWN_COUNT : BigInt(record.dropped), 1);
  bytes.writeBigUInt64BE(BigInt(record.since), 9);
  bytes.writeBigUInt64BE(BigInt(record.until), 17);
  return bytes;
}

function clipped(text: string): Buffer {
  const bytes = Buffer.from(text);
  return bytes.length <= MAX_TEXT_BYTES ? bytes : bytes.subarray(0, MAX_TEXT_BYTES);
}
