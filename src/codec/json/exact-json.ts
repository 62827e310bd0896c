/**
 * Exact values as JSON text and back, with nothing lost.
 *
 * What JSON has no form for is an object with one key that begins with `$`:
 *
 *     {"$bin": "base64"}              bytes
 *     {"$int": "18446744073709551615"} an integer beyond 2^53
 *     {"$float": "nan"}               nan, inf, -inf; "nan:fff8000000000000" for a NaN with other bits than Python's own
 *     {"$datetime": "2024-01-02T03:04:05.000678"}
 *     {"$text": "base64"}             text that is no UTF-8
 *     {"$ext": [type, "base64"]}      an unknown extension
 *     {"$map": [[key, value], ...]}   a map with keys that are no text, or that would be taken for one of these
 *
 * A float keeps its point (`1.0`), so it stays apart from the integer `1`.
 */
import { SaltbusError } from '../../errors.ts';
import { ExactFloat, Ext, RawText, SaltDateTime, exactFloat, exactNaN } from '../msgpack/values.ts';
import type { ExactValue } from '../msgpack/values.ts';

/** Writes an exact value as JSON text on one line. */
export function exactToJson(value: ExactValue): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `{"$int":"${value}"}`;
    default:
      return value === null ? 'null' : objectToJson(value);
  }
}

function objectToJson(value: Exclude<ExactValue, string | number | boolean | bigint | null>): string {
  if (value instanceof Map) return mapToJson(value as ReadonlyMap<ExactValue, ExactValue>);
  if (value instanceof Uint8Array) return `{"$bin":"${base64(value)}"}`;
  if (value instanceof ExactFloat) return floatToJson(value);
  if (value instanceof SaltDateTime) return `{"$datetime":"${value.toString()}"}`;
  if (value instanceof RawText) return `{"$text":"${base64(value.bytes)}"}`;
  if (value instanceof Ext) return `{"$ext":[${value.type},"${base64(value.data)}"]}`;
  return `[${(value as readonly ExactValue[]).map(exactToJson).join(',')}]`;
}

function floatToJson({ value, nanBits }: ExactFloat): string {
  if (Number.isNaN(value)) {
    return nanBits === undefined
      ? '{"$float":"nan"}'
      : `{"$float":"nan:${nanBits.toString(16).padStart(16, '0')}"}`;
  }
  if (!Number.isFinite(value)) return value > 0 ? '{"$float":"inf"}' : '{"$float":"-inf"}';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /[e.]/.test(text) ? text : `${text}.0`;
}

function mapToJson(map: ReadonlyMap<ExactValue, ExactValue>): string {
  if (needsPairs(map)) {
    return `{"$map":[${[...map].map(([key, value]) => `[${exactToJson(key)},${exactToJson(value)}]`).join(',')}]}`;
  }
  let text = '{';
  for (const [key, value] of map) {
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(key)}:${exactToJson(value)}`;
  }
  return `${text}}`;
}

/** Whether a map is written as `{"$map": [...]}`. */
export function needsPairs(map: ReadonlyMap<ExactValue, ExactValue>): boolean {
  for (const key of map.keys())
    if (typeof key !== 'string' || (map.size === 1 && key.startsWith('$'))) return true;
  return false;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

/**
 * Recognises the forms above in values that were read from something else than JSON (YAML).
 * @param what - how the text is named in an error
 * @throws SaltbusError `ERR_SALTBUS_DATA` for a form that does not hold what it should
 */
export function readForms(value: ExactValue, what: string): ExactValue {
  if (Array.isArray(value))
    return (value as readonly ExactValue[]).map((element) => readForms(element, what));
  if (!(value instanceof Map)) return value;
  const map = new Map<ExactValue, ExactValue>();
  for (const [key, element] of value as ReadonlyMap<ExactValue, ExactValue>)
    map.set(key, readForms(element, what));
  if (map.size !== 1) return map;
  for (const [key, element] of map) {
    const read = TAGGED.get(key);
    if (read === undefined) return map;
    const exact = read(element);
    if (exact !== undefined) return exact;
    throw new SaltbusError(
      'ERR_SALTBUS_DATA',
      `In ${what}, {${exactToJson(key)}: ...} does not hold what this form wants`,
      { next: 'Write {"$map": [[key, value], ...]} for a map that only looks like one of the forms.' },
    );
  }
  return map;
}

/** Deepest nesting of JSON that is read. */
const MAX_JSON_DEPTH = 1024;

/** Longest integer that is read, in characters: as in Python's own `int`, because longer ones take time to convert. */
const MAX_INTEGER_LENGTH = 4300;

/**
 * Reads JSON text as an exact value: the forms above are recognised, integers of any size and the order of keys are kept.
 * @param what - how the text is named in an error ("the DATA argument", "line 3 of events.ndjson")
 * @throws SaltbusError `ERR_SALTBUS_JSON` with line and column
 */
export function exactFromJson(text: string, what = 'the JSON text'): ExactValue {
  const reader = new JsonReader(text, what);
  return reader.document();
}

class JsonReader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;
  #depth = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  document(): ExactValue {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#error('something follows the value');
    return value;
  }

  #value(): ExactValue {
    this.#space();
    const character = this.#text[this.#at];
    switch (character) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #nested(read: () => ExactValue): ExactValue {
    this.#depth += 1;
    if (this.#depth > MAX_JSON_DEPTH) throw this.#error(`nested deeper than ${MAX_JSON_DEPTH} levels`);
    this.#at += 1;
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #object(): ExactValue {
    const start = this.#at - 1;
    const map = new Map<ExactValue, ExactValue>();
    if (this.#taken('}')) return map;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#error('a key in double quotes is expected');
      const keyAt = this.#at;
      const key = this.#string();
      if (map.has(key)) throw this.#error(`the key ${JSON.stringify(key)} stands twice`, keyAt);
      this.#expect(':');
      map.set(key, this.#value());
    } while (this.#taken(','));
    this.#expect('}');
    return map.size === 1 ? this.#tagged(map, start) : map;
  }

  #tagged(map: Map<ExactValue, ExactValue>, start: number): ExactValue {
    for (const [key, value] of map) {
      const read = TAGGED.get(key);
      if (read === undefined) return map;
      const exact = read(value);
      if (exact === undefined) {
        throw this.#error(`{${exactToJson(key)}: ...} does not hold what this form wants`, start);
      }
      return exact;
    }
    return map;
  }

  #array(): ExactValue {
    const list: ExactValue[] = [];
    if (this.#taken(']')) return list;
    do list.push(this.#value());
    while (this.#taken(','));
    this.#expect(']');
    return list;
  }

  #string(): string {
    const start = this.#at;
    let at = start + 1;
    for (;;) {
      const unit = this.#text.charCodeAt(at);
      if (Number.isNaN(unit)) throw this.#error('a text in double quotes does not end', start);
      if (unit === 0x22) break;
      at += unit === 0x5c ? 2 : 1;
    }
    this.#at = at + 1;
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      throw this.#error('a text holds a bad escape or a control character', start);
    }
  }

  #word<T extends ExactValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected();
    this.#at += word.length;
    return value;
  }

  #number(): ExactValue {
    const start = this.#at;
    NUMBER.lastIndex = start;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#unexpected();
    this.#at += match[0].length;
    if (match[1] === undefined) {
      if (match[0] === '-0') return 0;
      if (match[0].length > MAX_INTEGER_LENGTH)
        throw this.#error(`an integer has more than ${MAX_INTEGER_LENGTH} characters`, start);
      const integer = Number(match[0]);
      return Number.isSafeInteger(integer) ? integer : BigInt(match[0]);
    }
    const float = Number(match[0]);
    if (!Number.isFinite(float)) throw this.#error('a number is larger than a float can be', start);
    return exactFloat(float);
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at += 1;
    }
  }

  #taken(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#taken(character)) {
      if (this.#at >= this.#text.length) throw this.#unexpected();
      throw this.#error(`'${character}' is expected`);
    }
  }

  #unexpected(): SaltbusError {
    const found = this.#text[this.#at];
    return this.#error(
      found === undefined ? 'it ends too early' : `${JSON.stringify(found)} is not expected here`,
    );
  }

  #error(problem: string, at: number = this.#at): SaltbusError {
    const before = this.#text.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    return new SaltbusError(
      'ERR_SALTBUS_JSON',
      `${this.#what} is not valid JSON: ${problem} (line ${line}, column ${column})`,
    );
  }
}

// Group 1 is there when it is a float.
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)?/y;

const FLOAT_WORDS: ReadonlyMap<unknown, number> = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
]);

/** The forms with one `$` key; each returns `undefined` when the value does not fit. */
const TAGGED: ReadonlyMap<ExactValue, (value: ExactValue) => ExactValue | undefined> = new Map(
  Object.entries<(value: ExactValue) => ExactValue | undefined>({
    $bin: bytesFrom,
    $int: (value) => {
      if (typeof value !== 'string' || !/^-?\d{1,40}$/.test(value)) return undefined;
      const integer = BigInt(value);
      return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
    },
    $float: (value) => {
      const float = FLOAT_WORDS.get(value);
      if (float !== undefined) return new ExactFloat(float);
      const bits = typeof value === 'string' ? /^nan:([0-9a-f]{16})$/.exec(value)?.[1] : undefined;
      return bits === undefined ? undefined : exactNaN(BigInt(`0x${bits}`));
    },
    $datetime: (value) => (typeof value === 'string' ? SaltDateTime.fromIso(value) : undefined),
    $text: (value) => {
      const bytes = bytesFrom(value);
      return bytes === undefined ? undefined : new RawText(bytes);
    },
    $ext: (value) => {
      if (!Array.isArray(value) || value.length !== 2) return undefined;
      const [type, data] = value as readonly ExactValue[];
      const bytes = data === undefined ? undefined : bytesFrom(data);
      if (typeof type !== 'number' || !Number.isInteger(type) || type < -128 || type > 127) return undefined;
      return bytes === undefined ? undefined : new Ext(type, bytes);
    },
    $map: (value) => {
      if (!Array.isArray(value)) return undefined;
      const map = new Map<ExactValue, ExactValue>();
      for (const pair of value as readonly ExactValue[]) {
        if (!Array.isArray(pair) || pair.length !== 2) return undefined;
        const [key = null, element = null] = pair as readonly ExactValue[];
        if (map.has(key)) return undefined;
        map.set(key, element);
      }
      return map;
    },
  }),
);

function bytesFrom(value: ExactValue): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value) || value.length % 4 !== 0)
    return undefined;
  return new Uint8Array(Buffer.from(value, 'base64'));
}
