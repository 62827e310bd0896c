/**
 * Values as Python's `str()` and `repr()` write them: Salt compares the text of a grain, not its value.
 */
import { pythonFloat } from '../codec/json/python-json.ts';
import { ExactFloat, Ext, RawText, SaltDateTime } from '../codec/msgpack/values.ts';
import { isMap, itemsOf } from './fact-map.ts';

const LOSSY = new TextDecoder();

/** A value as Python's `str()` writes it. */
export function pythonText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof RawText) return LOSSY.decode(value.bytes);
  if (value instanceof SaltDateTime) return value.toString().replace('T', ' ');
  return pythonRepr(value);
}

function pythonRepr(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      return Number.isInteger(value) ? String(BigInt(value)) : float(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'True' : 'False';
    case 'object':
      return value === null ? 'None' : objectRepr(value);
    default:
      return 'None';
  }
}

function objectRepr(value: object): string {
  if (Array.isArray(value)) return `[${(value as unknown[]).map(pythonRepr).join(', ')}]`;
  if (value instanceof ExactFloat) return float(value.value);
  if (value instanceof RawText) return quoted(LOSSY.decode(value.bytes));
  if (value instanceof Uint8Array) return bytesRepr(value);
  if (value instanceof SaltDateTime) return dateRepr(value);
  if (value instanceof Ext) return `ExtType(code=${value.type}, data=${bytesRepr(value.data)})`;
  if (!isMap(value)) return 'None';
  const parts: string[] = [];
  for (const [key, element] of itemsOf(value)) parts.push(`${pythonRepr(key)}: ${pythonRepr(element)}`);
  return `{${parts.join(', ')}}`;
}

function float(value: number): string {
  return pythonFloat(value).replace('Infinity', 'inf').replace('NaN', 'nan');
}

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  // what str.isprintable() denies: all separators but the space, and all that is no character of its own
  const escaped = text.replace(/[\p{C}\p{Z}\\]/gu, (character) =>
    character === ' ' ? character : (SHORT_ESCAPES.get(character) ?? hexEscape(character)),
  );
  return `${quote}${quote === "'" ? escaped.replaceAll("'", "\\'") : escaped}${quote}`;
}

function hexEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}

function bytesRepr(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    const isPlain = byte >= 0x20 && byte < 0x7f && character !== '\\';
    if (isPlain) text += character === "'" && quote === "'" ? "\\'" : character;
    else text += SHORT_ESCAPES.get(character) ?? hexEscape(character);
  }
  return `b${quote}${text}${quote}`;
}

function dateRepr(date: SaltDateTime): string {
  const [year, month, day, hour, minute, second, micro] = (date.toString().match(/\d+/g) ?? []).map(Number);
  const parts = [year, month, day, hour, minute];
  // seconds are left out when they and what follows are zero
  if ((second ?? 0) !== 0 || (micro ?? 0) !== 0) parts.push(second);
  if ((micro ?? 0) !== 0) parts.push(micro);
  return `datetime.datetime(${parts.join(', ')})`;
}
