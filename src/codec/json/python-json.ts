/**
 * Exact values as `salt-run state.event` prints them: Python's `json.dumps` with Salt's settings (non-ASCII text as it is,
 * `", "` and `": "` between the parts), so that a line is the same byte for byte.
 */
import { encode } from '../msgpack/encode.ts';
import { ExactFloat, Ext, RawText, SaltDateTime } from '../msgpack/values.ts';
import type { ExactValue } from '../msgpack/values.ts';

/** Writes a value as Python's `json.dumps(value, ensure_ascii=False)`; bytes become base64 text, as in Salt 3006.27 and 3008.2. */
export function pythonJson(value: ExactValue): string {
  switch (typeof value) {
    case 'string':
      return pythonString(value);
    case 'number':
      return Number.isInteger(value) ? String(value) : pythonFloat(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    default:
      return value === null ? 'null' : pythonObject(value);
  }
}

function pythonObject(value: Exclude<ExactValue, string | number | boolean | bigint | null>): string {
  if (value instanceof Map) {
    // To Python 1, 1.0 and True are one key: the first gives its name, the last its value.
    const parts = new Map<unknown, { readonly name: string; value: string }>();
    for (const [key, element] of value as ReadonlyMap<ExactValue, ExactValue>) {
      const same = pythonEqual(key);
      const part = parts.get(same);
      if (part === undefined)
        parts.set(same, { name: pythonString(pythonKey(key)), value: pythonJson(element) });
      else part.value = pythonJson(element);
    }
    return `{${[...parts.values()].map((part) => `${part.name}: ${part.value}`).join(', ')}}`;
  }
  if (value instanceof ExactFloat) return pythonFloat(value.value);
  if (value instanceof SaltDateTime) return pythonString(value.toString());
  if (value instanceof Uint8Array) return pythonString(base64(value));
  if (value instanceof RawText) return pythonString(base64(value.bytes));
  if (value instanceof Ext) return pythonString(base64(value.data));
  return `[${(value as readonly ExactValue[]).map(pythonJson).join(', ')}]`;
}

// json.dumps turns keys that are no text into text, and so do we; the words are JSON's, the numbers Python's. A map or a list is
// no key to Python: its bytes are shown, since JSON within JSON would grow by its escapes at each level.
function pythonKey(key: ExactValue): string {
  if (typeof key === 'string') return key;
  return key instanceof Map || Array.isArray(key) ? base64(encode(key)) : unquoted(pythonJson(key));
}

function pythonEqual(key: ExactValue): unknown {
  if (typeof key === 'boolean') return Number(key);
  return key instanceof ExactFloat ? key.value : key;
}

function unquoted(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

// JSON.stringify escapes as Python does, but for lone surrogates (never decoded from UTF-8) and U+007F (both leave it).
function pythonString(text: string): string {
  return JSON.stringify(text);
}

/** Python's `repr` of a float: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  const text = String(value);
  if (text.includes('e')) return value.toFixed(-exponent + mantissa.replace(/^-?\d\.?/, '').length);
  return text.includes('.') ? text : `${text}.0`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
