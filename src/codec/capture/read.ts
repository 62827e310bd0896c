/**
 * Reads capture files: a push machine over bytes.
 *
 * A file may end anywhere (the program that wrote it was killed, the machine lost power): what is whole is given, and
 * the rest is told by {@link CaptureReader.end}. Damage before the end is an error, because what follows cannot be found.
 */
import { SaltbusError } from '../../errors.ts';
import { crc32 } from './crc32.ts';
import {
  CAPTURE_HEADER_BYTES,
  CAPTURE_MAGIC,
  CAPTURE_VERSION,
  FLAG_HAS_TAG,
  FRAMING_BYTES,
  GAP_BYTES,
  KIND_BYTES,
  MAX_PAYLOAD_BYTES,
  NODE_BYTES,
  REASON_BYTES,
  RECORD_HEAD_BYTES,
  UNKNOWN_COUNT,
} from './records.ts';
import type { CaptureRecord, RecordOrigin } from './records.ts';

/** Where the whole records of a file end, and what stands behind them. */
export interface CaptureTail {
  /** Bytes up to and with the last whole record. */
  readonly wholeBytes: number;
  /** Bytes behind it, of a record that was cut short; 0 when the file ends where it should. */
  readonly tornBytes: number;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Reads one file, in pieces of any size. After it has thrown it takes nothing more. */
export class CaptureReader {
  #held: Buffer = NOTHING;
  /** Pieces of a record that is not whole yet, so that a long one is put together once. */
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  #wanted = CAPTURE_HEADER_BYTES;
  #headerSeen = false;
  #wholeBytes = 0;
  /** A record that does not fit its checksum is a torn tail if it is the last thing in the file, and damage if not. */
  #suspect: SaltbusError | undefined;
  /** Bytes of the zeros that a file can end with after a power failure: its length was kept, what was written was not. */
  #zeros = 0;

  /**
   * Takes the next bytes, and gives the records that are whole with them. Their bytes are views: the pieces must not be changed.
   * @throws SaltbusError `ERR_SALTBUS_CAPTURE` when it is no capture file, of another version, or damaged
   */
  push(piece: Buffer): CaptureRecord[] {
    const records: CaptureRecord[] = [];
    if (piece.length === 0) return records;
    if (this.#zeros > 0) {
      this.#countZeros(piece, 0);
      return records;
    }
    this.#pieces.push(piece);
    this.#piecesBytes += piece.length;
    if (this.#piecesBytes < this.#wanted) return records;
    this.#held = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#piecesBytes);
    const used = this.#takeAll(records);
    const rest = this.#zeros > 0 ? NOTHING : this.#held.subarray(used);
    this.#wholeBytes += used;
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#piecesBytes = rest.length;
    return records;
  }

  /**
   * The file has ended.
   * @throws SaltbusError `ERR_SALTBUS_CAPTURE` when not even its first bytes are there
   */
  end(): CaptureTail {
    if (!this.#headerSeen) {
      const start = Buffer.concat(this.#pieces).subarray(0, CAPTURE_MAGIC.length);
      if (!start.equals(CAPTURE_MAGIC.subarray(0, start.length)) || start.length === 0) throw notACapture();
    }
    return { wholeBytes: this.#wholeBytes, tornBytes: this.#piecesBytes + this.#zeros };
  }

  // Takes what is whole in the bytes that are held; returns how many that were, and notes how many are needed for more.
  #takeAll(records: CaptureRecord[]): number {
    const bytes = this.#held;
    let at = 0;
    if (!this.#headerSeen) {
      this.#header(bytes);
      at = CAPTURE_HEADER_BYTES;
    }
    for (;;) {
      if (this.#suspect !== undefined && bytes.length > at) throw this.#suspect;
      const left = bytes.length - at;
      if (left < RECORD_HEAD_BYTES) {
        this.#wanted = RECORD_HEAD_BYTES;
        return at;
      }
      if (isZero(bytes, at, at + RECORD_HEAD_BYTES)) {
        this.#countZeros(bytes, at);
        return at;
      }
      const length = bytes.readUInt32BE(at + 12);
      if (length > MAX_PAYLOAD_BYTES)
        throw this.#damaged(at, `a record of ${length} bytes is longer than any`);
      const size = RECORD_HEAD_BYTES + length;
      if (left < size) {
        this.#wanted = size;
        return at;
      }
      const record = this.#record(bytes, at, at + size);
      if (record === undefined) {
        this.#suspect = this.#damaged(at, 'a record does not fit its checksum');
        if (left > size) throw this.#suspect;
        // One byte more decides: it is then not the end of the file.
        this.#wanted = size + 1;
        return at;
      }
      records.push(record);
      at += size;
    }
  }

  #countZeros(bytes: Buffer, from: number): void {
    if (!isZero(bytes, from, bytes.length)) {
      throw this.#damaged(this.#zeros > 0 ? 0 : from, 'zeros stand where a record should');
    }
    this.#zeros += bytes.length - from;
  }

  #header(bytes: Buffer): void {
    if (!bytes.subarray(0, CAPTURE_MAGIC.length).equals(CAPTURE_MAGIC)) throw notACapture();
    const version = bytes.readUInt16BE(CAPTURE_MAGIC.length);
    if (version !== CAPTURE_VERSION) {
      throw new SaltbusError('ERR_SALTBUS_CAPTURE', `The capture file is of version ${version}`, {
        next: `This saltbus reads version ${CAPTURE_VERSION}: use the release that wrote the file.`,
      });
    }
    this.#headerSeen = true;
  }

  #record(bytes: Buffer, start: number, end: number): CaptureRecord | undefined {
    const payloadAt = start + RECORD_HEAD_BYTES;
    if (bytes.readUInt32BE(start + 16) !== crc32(bytes, payloadAt, end, crc32(bytes, start, start + 16)))
      return undefined;
    const record = parseRecord(bytes.subarray(start, end));
    if (record === undefined) throw this.#damaged(start, 'a record makes no sense');
    return record;
  }

  #damaged(at: number, what: string): SaltbusError {
    return new SaltbusError(
      'ERR_SALTBUS_CAPTURE',
      `The capture file is damaged at byte ${this.#wholeBytes + at}: ${what}`,
    );
  }
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

function notACapture(): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_CAPTURE', 'The bytes are no capture file: they begin otherwise', {
    next: 'Give a file that saltbus capture has written.',
  });
}

const KINDS = invert(KIND_BYTES);
const NODES = invert(NODE_BYTES);
const FRAMINGS = invert(FRAMING_BYTES);
const REASONS = invert(REASON_BYTES);

function invert<Name extends string>(bytes: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  return new Map(Object.entries<number>(bytes).map(([name, byte]) => [byte, name as Name]));
}

function parseRecord(bytes: Buffer): CaptureRecord | undefined {
  const kind = KINDS.get(bytes[0] ?? 0);
  const node = NODES.get(bytes[1] ?? 0);
  const framing = FRAMINGS.get(bytes[2] ?? 0xff);
  const time = safeNumber(bytes, 4);
  if (kind === undefined || node === undefined || framing === undefined || time === undefined)
    return undefined;
  const flags = bytes[3] ?? 0;
  if (flags !== 0 && (kind !== 'bad' || flags !== FLAG_HAS_TAG)) return undefined;
  const origin = { time, node, framing: framing === 'unknown' ? undefined : framing };
  const payload = bytes.subarray(RECORD_HEAD_BYTES);
  switch (kind) {
    case 'start':
      return { kind, ...origin, bus: payload.toString() };
    case 'event':
      return { kind, ...origin, body: payload };
    case 'bad':
      return parseBad(origin, flags === FLAG_HAS_TAG, payload);
    case 'gap':
      return parseGap(origin, payload);
  }
}

function parseBad(origin: RecordOrigin, hasTag: boolean, payload: Buffer): CaptureRecord | undefined {
  if (payload.length < 2) return undefined;
  const bytesAt = 2 + payload.readUInt16BE(0);
  if (bytesAt > payload.length) return undefined;
  const why = payload.toString('utf8', 2, bytesAt);
  const space = why.indexOf(' ');
  if (space === -1) return undefined;
  return {
    kind: 'bad',
    ...origin,
    hasTag,
    code: why.slice(0, space),
    message: why.slice(space + 1),
    bytes: payload.subarray(bytesAt),
  };
}

function parseGap(origin: RecordOrigin, payload: Buffer): CaptureRecord | undefined {
  if (payload.length !== GAP_BYTES) return undefined;
  const reason = REASONS.get(payload[0] ?? 0);
  const count = payload.readBigUInt64BE(1);
  const dropped = count === UNKNOWN_COUNT ? undefined : safeNumber(payload, 1);
  const since = safeNumber(payload, 9);
  const until = safeNumber(payload, 17);
  if (reason === undefined || since === undefined || until === undefined) return undefined;
  if (dropped === undefined && count !== UNKNOWN_COUNT) return undefined;
  return { kind: 'gap', ...origin, reason, dropped, since, until };
}

function safeNumber(bytes: Buffer, at: number): number | undefined {
  const value = bytes.readBigUInt64BE(at);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
}
