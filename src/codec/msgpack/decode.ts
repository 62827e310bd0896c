/**
 * msgpack to values, with Salt's rules: exact or plain, bounded in depth, and never touching a prototype.
 */
import { isUtf8 } from 'node:buffer';
import { SaltbusError } from '../../errors.ts';
import { MAX_DEPTH } from './limits.ts';
import { EXT_DATETIME, Ext, RawText, SaltDateTime, VALUE_TRIMMED, exactFloat, exactNaN } from './values.ts';
import type { ExactFloat, ExactValue, PlainValue } from './values.ts';

// Keys repeat from event to event ("_stamp", "fun", "return"): a small table of those seen saves building the text
// again. Slots are found by a hash of the bytes and overwritten on collision, so the table cannot grow.
const KEY_SLOTS = 1024;
const KEY_LONGEST = 32;
interface CachedKey {
  readonly bytes: Uint8Array;
  readonly text: string;
}

// Up to this length, text is built here faster than by a call into the runtime.
const SHORT_TEXT = 17;

class Decoder {
  readonly #buffer: Buffer;
  #lazyView: DataView | undefined;
  readonly #end: number;
  readonly #exact: boolean;
  #depth = 0;
  position: number;
  /** Values of maps that are `VALUE_TRIMMED`. */
  trimmed = 0;

  static readonly #keys: (CachedKey | undefined)[] = new Array<CachedKey | undefined>(KEY_SLOTS);

  constructor(buffer: Buffer, start: number, end: number, exact: boolean) {
    this.#buffer = buffer;
    this.#end = end;
    this.#exact = exact;
    this.position = start;
  }

  // Most events need none, and making one costs as much as a few short texts.
  get #view(): DataView {
    return (this.#lazyView ??= new DataView(
      this.#buffer.buffer,
      this.#buffer.byteOffset,
      this.#buffer.length,
    ));
  }

  /** Moves past `count` bytes and returns where they began. */
  #take(count: number): number {
    const start = this.position;
    if (count > this.#end - start) {
      throw new SaltbusError(
        'ERR_SALTBUS_MSGPACK',
        `The msgpack is cut short: ${count} bytes wanted at offset ${start}, ${this.#end - start} are left`,
      );
    }
    this.position = start + count;
    return start;
  }

  value(): unknown {
    const type = this.#buffer[this.#take(1)] ?? 0xc1;
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f);
    if (type < 0xa0) return this.#array(type & 0x0f);
    if (type < 0xc0) return this.#text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    return this.#typed(type);
  }

  #typed(type: number): unknown {
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#bytes(this.#uint8());
      case 0xc5:
        return this.#bytes(this.#uint16());
      case 0xc6:
        return this.#bytes(this.#uint32());
      case 0xc7:
        return this.#ext(this.#uint8());
      case 0xc8:
        return this.#ext(this.#uint16());
      case 0xc9:
        return this.#ext(this.#uint32());
      case 0xca:
        return this.#float32(this.#take(4));
      case 0xcb:
        return this.#float64(this.#take(8));
      case 0xcc:
        return this.#uint8();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return narrowInt(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return narrowInt(this.#view.getBigInt64(this.#take(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#ext(1 << (type - 0xd4));
      case 0xd9:
        return this.#text(this.#uint8());
      case 0xda:
        return this.#text(this.#uint16());
      case 0xdb:
        return this.#text(this.#uint32());
      case 0xdc:
        return this.#array(this.#uint16());
      case 0xdd:
        return this.#array(this.#uint32());
      case 0xde:
        return this.#map(this.#uint16());
      case 0xdf:
        return this.#map(this.#uint32());
      default:
        throw new SaltbusError(
          'ERR_SALTBUS_MSGPACK',
          `Byte 0xc1 at offset ${this.position - 1} begins no msgpack value`,
        );
    }
  }

  #uint8(): number {
    return this.#buffer[this.#take(1)] ?? 0;
  }

  #uint16(): number {
    const at = this.#take(2);
    return ((this.#buffer[at] ?? 0) << 8) | (this.#buffer[at + 1] ?? 0);
  }

  #uint32(): number {
    const at = this.#take(4);
    const high = ((this.#buffer[at] ?? 0) << 8) | (this.#buffer[at + 1] ?? 0);
    return high * 0x1_0000 + (((this.#buffer[at + 2] ?? 0) << 8) | (this.#buffer[at + 3] ?? 0));
  }

  #bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset + start, length);
  }

  #float64(at: number): number | ExactFloat {
    const value = this.#view.getFloat64(at);
    if (!this.#exact) return value;
    return Number.isNaN(value)
      ? (exactNaN(this.#view.getBigUint64(at)) ?? exactFloat(value))
      : exactFloat(value);
  }

  // Python widens it and forgets that it was narrow; a NaN is made quiet on the way, as the processor does.
  #float32(at: number): number | ExactFloat {
    const value = this.#view.getFloat32(at);
    if (!this.#exact) return value;
    if (!Number.isNaN(value)) return exactFloat(value);
    const bits = BigInt(this.#view.getUint32(at));
    const wide = ((bits >> 31n) << 63n) | 0x7ff8_0000_0000_0000n | ((bits & 0x7f_ffffn) << 29n);
    return exactNaN(wide) ?? exactFloat(value);
  }

  #ext(length: number): unknown {
    const type = this.#view.getInt8(this.#take(1));
    const start = this.#take(length);
    if (type === EXT_DATETIME) {
      const wire = this.#buffer.toString('latin1', start, start + length);
      if (SaltDateTime.accepts(wire)) {
        const moment = new SaltDateTime(wire);
        return this.#exact ? moment : moment.toString();
      }
    }
    return new Ext(type, new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset + start, length));
  }

  #text(length: number): string | RawText {
    const start = this.#take(length);
    const end = start + length;
    const buffer = this.#buffer;
    if (length < SHORT_TEXT) {
      const text = asciiText(buffer, start, end);
      if (text !== undefined) return text;
    }
    const text = buffer.toString('utf8', start, end);
    // Only what is no UTF-8, or holds that very character, reads as one.
    if (this.#exact && text.includes('\ufffd')) {
      const bytes = buffer.subarray(start, end);
      if (!isUtf8(bytes)) return new RawText(new Uint8Array(bytes.buffer, bytes.byteOffset, length));
    }
    return text;
  }

  #enter(count: number, least: number): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw new SaltbusError('ERR_SALTBUS_LIMIT', `The value is nested deeper than ${MAX_DEPTH} levels`);
    }
    // Each element takes a byte at least: a count that the input cannot hold is refused before anything is built.
    if (count * least > this.#end - this.position) {
      throw new SaltbusError(
        'ERR_SALTBUS_MSGPACK',
        `The msgpack is cut short: a collection of ${count} at offset ${this.position} does not fit what is left`,
      );
    }
  }

  #array(count: number): unknown[] {
    this.#enter(count, 1);
    const list: unknown[] = [];
    for (let index = 0; index < count; index += 1) list.push(this.value());
    this.#depth -= 1;
    return list;
  }

  #map(count: number): unknown {
    this.#enter(count, 2);
    const map = this.#exact ? this.#mapFrom(new Map(), count) : this.#object(count);
    this.#depth -= 1;
    return map;
  }

  #mapFrom(map: Map<unknown, unknown>, count: number): Map<unknown, unknown> {
    for (let index = 0; index < count; index += 1) {
      const key = this.value();
      const value = this.value();
      if (value === VALUE_TRIMMED) this.trimmed += 1;
      map.set(key, value);
    }
    return map;
  }

  #object(count: number): unknown {
    const object: Record<string, unknown> = {};
    for (let index = 0; index < count; index += 1) {
      const key = this.#key();
      if (typeof key !== 'string') {
        const map = new Map<unknown, unknown>(Object.entries(object));
        const element = this.value();
        if (element === VALUE_TRIMMED) this.trimmed += 1;
        map.set(key, element);
        return this.#mapFrom(map, count - index - 1);
      }
      const value = this.value();
      if (value === VALUE_TRIMMED) this.trimmed += 1;
      if (key === '__proto__') {
        // An assignment would reach the prototype; a defined property is data like any other.
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      } else {
        object[key] = value;
      }
    }
    return object;
  }

  #key(): unknown {
    const start = this.position;
    const buffer = this.#buffer;
    const type = buffer[start] ?? 0;
    const length = type - 0xa0;
    if (length < 0 || length >= KEY_LONGEST || start + 1 + length > this.#end) return this.value();
    const first = start + 1;
    let hash = length;
    for (let at = 0; at < length; at += 1) hash = (Math.imul(hash, 31) + (buffer[first + at] ?? 0)) | 0;
    const slot = hash & (KEY_SLOTS - 1);
    const cached = Decoder.#keys[slot];
    if (cached?.bytes.length === length) {
      let at = 0;
      while (at < length && cached.bytes[at] === buffer[first + at]) at += 1;
      if (at === length) {
        this.position = first + length;
        return cached.text;
      }
    }
    const key = this.value();
    if (typeof key === 'string') {
      Decoder.#keys[slot] = {
        bytes: Uint8Array.prototype.slice.call(buffer, first, first + length),
        text: key,
      };
    }
    return key;
  }
}

// Several characters in one call: text that grows by one at a time is a chain of pieces to V8.
function asciiText(buffer: Buffer, start: number, end: number): string | undefined {
  let text = '';
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = buffer[at] ?? 0;
    const b = buffer[at + 1] ?? 0;
    const c = buffer[at + 2] ?? 0;
    const d = buffer[at + 3] ?? 0;
    if ((a | b | c | d) >= 0x80) return undefined;
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at += 1) {
    const byte = buffer[at] ?? 0;
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function narrowInt(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What was met while decoding. */
export interface DecodeNotes {
  /** Values of maps that are the text `VALUE_TRIMMED`. */
  trimmed: number;
}

function decodeAll(bytes: Uint8Array, start: number, exact: boolean, notes?: DecodeNotes): unknown {
  const decoder = new Decoder(asBuffer(bytes), start, bytes.length, exact);
  const value = decoder.value();
  if (decoder.position !== bytes.length) {
    throw new SaltbusError(
      'ERR_SALTBUS_MSGPACK',
      `${bytes.length - decoder.position} bytes follow the msgpack value that ends at offset ${decoder.position}`,
    );
  }
  if (notes !== undefined) notes.trimmed = decoder.trimmed;
  return value;
}

/**
 * Reads one msgpack value with nothing lost.
 *
 * Byte strings are views of the input, not copies.
 * @param start - where the value begins; it must reach to the end of `bytes`
 * @param notes - is told what was met on the way
 * @throws SaltbusError `ERR_SALTBUS_MSGPACK` when it is malformed, cut short or followed by more; `ERR_SALTBUS_LIMIT` when nested deeper than {@link MAX_DEPTH}
 */
export function decodeExact(bytes: Uint8Array, start = 0, notes?: DecodeNotes): ExactValue {
  return decodeAll(bytes, start, true, notes) as ExactValue;
}

/**
 * Reads one msgpack value in the form that programs want; see {@link PlainValue}.
 *
 * Byte strings are views of the input, not copies.
 * @param start - where the value begins; it must reach to the end of `bytes`
 * @param notes - is told what was met on the way
 * @throws SaltbusError as {@link decodeExact}
 */
export function decodePlain(bytes: Uint8Array, start = 0, notes?: DecodeNotes): PlainValue {
  return decodeAll(bytes, start, false, notes) as PlainValue;
}
