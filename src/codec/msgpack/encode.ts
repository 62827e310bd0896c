/**
 * Values to msgpack, byte for byte as Salt's encoder (Python 3, 2016.11 to 3008.5) writes them.
 */
import { SaltbusError } from '../../errors.ts';
import { MAX_ENCODE_DEPTH } from './limits.ts';
import { EXT_DATETIME, ExactFloat, Ext, RawText, SaltDateTime } from './values.ts';

const INT64_LEAST = -(2n ** 63n);
const UINT64_MOST = 2n ** 64n - 1n;
const SMALLEST = 1024;
const LARGEST_KEPT = 1024 * 1024;

/** Writes msgpack values one after the other into a buffer of its own, which is reused. */
export class Encoder {
  #buffer: Buffer = Buffer.allocUnsafeSlow(SMALLEST);
  #view: DataView = viewOf(this.#buffer);
  #length = 0;
  #depth = 0;
  readonly #isRawOnly: boolean;

  /**
   * @param options - `rawOnly`: as msgpack was before 2013, text and bytes alike in fixraw, raw16 and raw32, which is what Salt
   * writes on its network (seen on 3006.30, 3007.17, 3008.5)
   */
  constructor(options: { readonly rawOnly?: boolean } = {}) {
    this.#isRawOnly = options.rawOnly ?? false;
  }

  /** Bytes written since the last {@link reset}. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written; a buffer that one large value made large is given back. */
  reset(): void {
    this.#length = 0;
    this.#depth = 0;
    if (this.#buffer.length > LARGEST_KEPT) this.#resize(SMALLEST);
  }

  /** What was written, as a view that holds until the next write or reset. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** What was written, as bytes of their own. */
  copy(): Buffer {
    return Buffer.from(this.view());
  }

  /** Appends bytes as they are. */
  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Appends text as UTF-8 without a header. */
  utf8(text: string): void {
    const at = this.#grow(text.length * 3);
    this.#length = at + this.#write(text, at);
  }

  /** Appends the header of a map with `size` pairs; the pairs are written by the caller. */
  mapHeader(size: number): void {
    this.#header(size, 0x80, 0x0f, 0xde);
  }

  /** Appends the header of a byte string of `length` bytes; the bytes are written by the caller. */
  binHeader(length: number): void {
    if (this.#isRawOnly) this.#strHeader(length);
    else if (length < 0x100) {
      const at = this.#grow(2);
      this.#buffer[at] = 0xc4;
      this.#buffer[at + 1] = length;
    } else if (length < 0x10000) {
      const at = this.#grow(3);
      this.#buffer[at] = 0xc5;
      this.#view.setUint16(at + 1, length);
    } else {
      const at = this.#grow(5);
      this.#buffer[at] = 0xc6;
      this.#view.setUint32(at + 1, length);
    }
  }

  /**
   * Appends a value, plain or exact.
   *
   * As Salt does, an integer outside 64 bits becomes decimal text. Properties of an object that are `undefined` are left out.
   * @throws SaltbusError `ERR_SALTBUS_DATA` for what msgpack cannot say (functions, symbols, lone surrogates, cycles), `ERR_SALTBUS_LIMIT` when nested too deep
   */
  value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.text(value);
        return;
      case 'number':
        this.#number(value);
        return;
      case 'boolean':
        this.#byte(value ? 0xc3 : 0xc2);
        return;
      case 'bigint':
        this.#bigint(value);
        return;
      case 'object':
        if (value === null) this.#byte(0xc0);
        else this.#object(value);
        return;
      default:
        throw new SaltbusError(
          'ERR_SALTBUS_DATA',
          `A value of type ${typeof value} cannot be sent in an event`,
        );
    }
  }

  /** Appends text with its header. */
  text(text: string): void {
    const length = text.length;
    if (length < 32) {
      const at = this.#grow(1 + length * 3);
      let position = at + 1;
      for (let index = 0; index < length; index += 1) {
        const unit = text.charCodeAt(index);
        if (unit >= 0x80) {
          position = -1;
          break;
        }
        this.#buffer[position] = unit;
        position += 1;
      }
      if (position !== -1) {
        this.#buffer[at] = 0xa0 | length;
        this.#length = position;
        return;
      }
      this.#length = at;
    }
    this.#longText(text);
  }

  #longText(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes !== text.length && !text.isWellFormed()) {
      throw new SaltbusError('ERR_SALTBUS_DATA', 'Text with half of a surrogate pair has no UTF-8 form', {
        next: 'Send it as bytes (a Uint8Array), or mend the text.',
      });
    }
    this.#strHeader(bytes);
    const at = this.#grow(bytes);
    this.#write(text, at);
  }

  #write(text: string, at: number): number {
    return this.#buffer.write(text, at);
  }

  #strHeader(length: number): void {
    if (length < 32) this.#byte(0xa0 | length);
    else if (length < 0x100 && !this.#isRawOnly) {
      const at = this.#grow(2);
      this.#buffer[at] = 0xd9;
      this.#buffer[at + 1] = length;
    } else this.#header(length, 0, -1, 0xda);
  }

  // Sizes of arrays and maps: in the type byte, or in two or four bytes behind `wide` or `wide + 1`.
  #header(size: number, fix: number, fixMost: number, wide: number): void {
    if (size <= fixMost) this.#byte(fix | size);
    else if (size < 0x10000) {
      const at = this.#grow(3);
      this.#buffer[at] = wide;
      this.#view.setUint16(at + 1, size);
    } else {
      const at = this.#grow(5);
      this.#buffer[at] = wide + 1;
      this.#view.setUint32(at + 1, size);
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#float(value);
    } else if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value < 0x100) {
        const at = this.#grow(2);
        this.#buffer[at] = 0xcc;
        this.#buffer[at + 1] = value;
      } else if (value < 0x10000) {
        const at = this.#grow(3);
        this.#buffer[at] = 0xcd;
        this.#view.setUint16(at + 1, value);
      } else if (value < 0x100000000) {
        const at = this.#grow(5);
        this.#buffer[at] = 0xce;
        this.#view.setUint32(at + 1, value);
      } else this.#bigint(BigInt(value));
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) {
      const at = this.#grow(2);
      this.#buffer[at] = 0xd0;
      this.#view.setInt8(at + 1, value);
    } else if (value >= -0x8000) {
      const at = this.#grow(3);
      this.#buffer[at] = 0xd1;
      this.#view.setInt16(at + 1, value);
    } else if (value >= -0x80000000) {
      const at = this.#grow(5);
      this.#buffer[at] = 0xd2;
      this.#view.setInt32(at + 1, value);
    } else this.#bigint(BigInt(value));
  }

  #bigint(value: bigint): void {
    if (value >= -0x80000000n && value < 0x100000000n) {
      this.#number(Number(value));
    } else if (value < INT64_LEAST || value > UINT64_MOST) {
      this.text(value.toString());
    } else {
      const at = this.#grow(9);
      this.#buffer[at] = value < 0n ? 0xd3 : 0xcf;
      if (value < 0n) this.#view.setBigInt64(at + 1, value);
      else this.#view.setBigUint64(at + 1, value);
    }
  }

  #float(value: number): void {
    const at = this.#grow(9);
    this.#buffer[at] = 0xcb;
    this.#view.setFloat64(at + 1, value);
  }

  #exactFloat({ value, nanBits }: ExactFloat): void {
    this.#float(value);
    if (nanBits !== undefined) this.#view.setBigUint64(this.#length - 8, nanBits);
  }

  #object(value: object): void {
    if (Array.isArray(value)) {
      this.#enter();
      this.#header(value.length, 0x90, 0x0f, 0xdc);
      for (const element of value as unknown[]) this.value(element);
      this.#depth -= 1;
    } else if (value instanceof Map) {
      this.#enter();
      this.mapHeader(value.size);
      for (const [key, element] of value as Map<unknown, unknown>) {
        this.value(key);
        this.value(element);
      }
      this.#depth -= 1;
    } else if (value instanceof Uint8Array) {
      this.binHeader(value.length);
      this.raw(value);
    } else if (value instanceof ExactFloat) this.#exactFloat(value);
    else if (value instanceof SaltDateTime) this.#datetime(value);
    else if (value instanceof RawText) {
      this.#strHeader(value.bytes.length);
      this.raw(value.bytes);
    } else if (value instanceof Ext) this.#ext(value.type, value.data);
    else if (value instanceof Date) this.#date(value);
    else this.#record(value);
  }

  #date(value: Date): void {
    if (Number.isNaN(value.getTime()))
      throw new SaltbusError('ERR_SALTBUS_DATA', 'An invalid Date cannot be sent');
    this.#datetime(SaltDateTime.fromDate(value));
  }

  #datetime({ wire }: SaltDateTime): void {
    if (!SaltDateTime.accepts(wire)) {
      throw new SaltbusError(
        'ERR_SALTBUS_DATA',
        `'${wire}' is no datetime of Python, which has the years 1 to 9999`,
      );
    }
    this.#ext(EXT_DATETIME, Buffer.from(wire, 'latin1'));
  }

  #record(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null && !isForeignPlainObject(value, prototype)) {
      throw new SaltbusError(
        'ERR_SALTBUS_DATA',
        `An object of class ${classOf(value)} cannot be sent in an event`,
        { next: 'Turn it into a plain object, a Map, an array or a scalar first.' },
      );
    }
    this.#enter();
    const keys = Object.keys(value);
    let size = keys.length;
    for (const key of keys) if ((value as Record<string, unknown>)[key] === undefined) size -= 1;
    this.mapHeader(size);
    for (const key of keys) {
      const element = (value as Record<string, unknown>)[key];
      if (element === undefined) continue;
      this.text(key);
      this.value(element);
    }
    this.#depth -= 1;
  }

  #ext(type: number, data: Uint8Array): void {
    if (!Number.isInteger(type) || type < -128 || type > 127)
      throw new SaltbusError('ERR_SALTBUS_DATA', `An extension has a type from -128 to 127, not ${type}`);
    const length = data.length;
    const fixed = [1, 2, 4, 8, 16].indexOf(length);
    if (fixed !== -1) this.#byte(0xd4 + fixed);
    else if (length < 0x100) {
      this.#byte(0xc7);
      this.#byte(length);
    } else this.#header(length, 0, -1, 0xc8);
    this.#byte(type & 0xff);
    this.raw(data);
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > MAX_ENCODE_DEPTH) {
      throw new SaltbusError(
        'ERR_SALTBUS_LIMIT',
        `The data is nested deeper than ${MAX_ENCODE_DEPTH} levels, or contains itself`,
      );
    }
  }

  #byte(value: number): void {
    const at = this.#grow(1);
    this.#buffer[at] = value;
  }

  // Makes room for `count` bytes, counts them as written, and returns where they begin.
  #grow(count: number): number {
    const at = this.#length;
    const wanted = at + count;
    if (wanted > this.#buffer.length) this.#resize(Math.max(wanted, this.#buffer.length * 2));
    this.#length = wanted;
    return at;
  }

  #resize(size: number): void {
    const grown = Buffer.allocUnsafeSlow(size);
    grown.set(this.#buffer.subarray(0, Math.min(this.#length, size)));
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

// A plain object made in another realm (a vm context, a test runner) has that realm's Object.prototype.
function isForeignPlainObject(value: object, prototype: unknown): boolean {
  return Object.getPrototypeOf(prototype) === null && classOf(value) === 'Object';
}

// What is fired may have a key of its own named "constructor", or none at all.
function classOf(value: object): string {
  const { constructor: made } = value as { readonly constructor?: unknown };
  return typeof made === 'function' ? made.name : 'unknown';
}

/**
 * Writes one value, plain or exact, as msgpack.
 * @throws SaltbusError as {@link Encoder.value}
 */
export function encode(value: unknown): Buffer {
  const encoder = new Encoder();
  encoder.value(value);
  return encoder.copy();
}
