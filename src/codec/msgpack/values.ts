/**
 * Values that JavaScript has no exact type for.
 *
 * Salt's events are made by Python, where `1` and `1.0` differ, text may hold bytes that are no UTF-8, and datetimes
 * travel as an extension type. The exact view of an event keeps each of them apart with one of these classes.
 */

/** A msgpack float whose value is a whole number, -0, an infinity or NaN, so that it stays apart from an integer. */
export class ExactFloat {
  readonly value: number;
  /** The 64 bits of a NaN with a sign or a payload; JavaScript has one NaN, and Python carries the bits through. */
  readonly nanBits: bigint | undefined;
  constructor(value: number, nanBits?: bigint) {
    this.value = value;
    this.nanBits = nanBits;
  }
}

const PLAIN_NAN = 0x7ff8_0000_0000_0000n;
const NAN_EXPONENT = 0x7ff0_0000_0000_0000n;
const NAN_FRACTION = 0x000f_ffff_ffff_ffffn;

/** The NaN with these 64 bits; `undefined` when they are no NaN. */
export function exactNaN(bits: bigint): ExactFloat | undefined {
  if ((bits & NAN_EXPONENT) !== NAN_EXPONENT || (bits & NAN_FRACTION) === 0n) return undefined;
  return bits === PLAIN_NAN ? new ExactFloat(NaN) : new ExactFloat(NaN, bits);
}

/** A float in its exact form: a number where that can be told from an integer, an {@link ExactFloat} where it cannot. */
export function exactFloat(value: number): number | ExactFloat {
  return Number.isInteger(value) || !Number.isFinite(value) ? new ExactFloat(value) : value;
}

/** A msgpack str whose bytes are not valid UTF-8. */
export class RawText {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

const WIRE_DATETIME = /^(\d{4})(\d{2})(\d{2})T(\d{2}):(\d{2}):(\d{2})\.(\d{6})$/;

/** The extension type of a Python datetime or date in Salt's msgpack (all releases with Python 3). */
export const EXT_DATETIME = 78;

/** What Salt's firing client puts in the place of a value that is too large for `max_event_size` (2014.7 to 3008.5). */
export const VALUE_TRIMMED = 'VALUE_TRIMMED';

/** A Python datetime: extension type 78, 24 ASCII characters `YYYYMMDDThh:mm:ss.ffffff`, without a zone. */
export class SaltDateTime {
  /** As it stands on the wire: `20240102T03:04:05.000678`. */
  readonly wire: string;

  constructor(wire: string) {
    this.wire = wire;
  }

  /** Whether the text has the shape that Salt writes. */
  static accepts(wire: string): boolean {
    return WIRE_DATETIME.test(wire);
  }

  /** The same moment from a JavaScript date, read as UTC, to the millisecond. */
  static fromDate(date: Date): SaltDateTime {
    const iso = date.toISOString();
    return new SaltDateTime(`${iso.slice(0, 10).replaceAll('-', '')}${iso.slice(10, 23)}000`);
  }

  /** From Python's `isoformat()`, with or without a fraction; `undefined` when the text is nothing of the kind. */
  static fromIso(iso: string): SaltDateTime | undefined {
    const match = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{6}))?$/.exec(iso);
    if (match === null) return undefined;
    return new SaltDateTime(
      `${match[1] ?? ''}${match[2] ?? ''}${match[3] ?? ''}T${match[4] ?? ''}.${match[5] ?? '000000'}`,
    );
  }

  /** As Python's `isoformat()` writes it: the fraction is absent when it is zero. */
  toString(): string {
    const part = WIRE_DATETIME.exec(this.wire);
    if (part === null) return this.wire;
    const fraction = part[7] === '000000' ? '' : `.${part[7] ?? ''}`;
    return `${part[1] ?? ''}-${part[2] ?? ''}-${part[3] ?? ''}T${part[4] ?? ''}:${part[5] ?? ''}:${part[6] ?? ''}${fraction}`;
  }

  /** As a JavaScript date, read as UTC; microseconds are cut to milliseconds. */
  toDate(): Date {
    return new Date(`${this.toString().slice(0, 23)}Z`);
  }
}

/** A msgpack extension of a type that saltbus gives no meaning to. */
export class Ext {
  /** -128 to 127. */
  readonly type: number;
  readonly data: Uint8Array;
  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/**
 * A value with nothing lost: integers are numbers or (beyond 2^53) bigints, floats are numbers with a fraction or
 * {@link ExactFloat}, maps are `Map`s with keys of any type in the order of the wire.
 */
export type ExactValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | ExactFloat
  | RawText
  | SaltDateTime
  | Ext
  | Uint8Array
  | readonly ExactValue[]
  | ReadonlyMap<ExactValue, ExactValue>;

/**
 * A value as programs want it: objects for maps with text keys (a `Map` where any key is not text), datetimes as ISO
 * text, floats as numbers, text that is no UTF-8 with replacement characters.
 */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Ext
  | PlainValue[]
  | Map<PlainValue, PlainValue>
  | { [key: string]: PlainValue };
