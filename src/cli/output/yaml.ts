/**
 * Items as YAML documents that Salt, and `saltbus fire -f FILE.yaml`, read back as the same values.
 *
 * What YAML 1.1 and 1.2 read differently (`yes`, `010`, `1e3`, a time) is put in quotes. Values for which YAML has no
 * form are written as in the JSON form: `{$bin: ...}`, `{$int: ...}` and so on.
 */
import { exactFromJson, exactToJson, needsPairs } from '../../codec/json/exact-json.ts';
import { ExactFloat } from '../../codec/msgpack/values.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { SaltEvent } from '../../event.ts';
import { hasUnsafe, safeJson } from '../terminal.ts';
import { isoTime, otherJson } from './format.ts';
import type { ItemFormat } from './format.ts';

type Pairs = Iterable<readonly [ExactValue, ExactValue]>;

// Words and paths; every number, time, and indicator begins otherwise.
const PLAIN = /^[A-Za-z_/][\w./@+-]*(?: [\w./@+-]+)*$/;
const WORDS = /^(?:y|n|yes|no|on|off|true|false|null|none|nan|inf)$/i;
// A key without "? " may have 1024 characters (YAML 1.1 and 1.2).
const LONGEST_KEY = 1000;

function text(value: string, indent: number): string {
  if (isPlain(value)) return value;
  return isBlock(value) ? block(value, indent) : quoted(value);
}

function quoted(value: string): string {
  return safeJson(JSON.stringify(value)).replaceAll('\ufeff', '\\ufeff');
}

// Text of several lines reads best as it is. Where its first line begins with a space the indentation would be guessed wrong.
function isBlock(value: string): boolean {
  return /^[^\s][^\r\ufeff\ufffe\uffff]*\n/.test(value) && !hasUnsafe(value.replaceAll(/[\n\t]/g, ''));
}

function block(value: string, indent: number): string {
  const body = value.replace(/\n$/, '');
  const chomp = body === value ? '-' : body.endsWith('\n') ? '+' : '';
  const pad = ' '.repeat(indent);
  const lines = body.split('\n').map((line) => (line === '' ? '' : pad + line));
  return `|${chomp}\n${lines.join('\n')}`;
}

// YAML 1.1 wants a point in the mantissa and a sign in the exponent.
function float(json: string): string {
  return /^-?\d+e/.test(json) ? json.replace('e', '.0e') : json;
}

/** What stands behind `key:` or `-`: text on the line, or a collection on lines of its own. */
function scalar(value: ExactValue, indent: number): string | undefined {
  if (typeof value === 'string') return text(value, indent);
  if (Array.isArray(value)) return value.length === 0 ? '[]' : undefined;
  if (value instanceof Map) return value.size === 0 ? '{}' : undefined;
  const json = exactToJson(value);
  if (typeof value === 'number' || value instanceof ExactFloat) {
    return json.startsWith('{') ? form(json) : float(json);
  }
  return json.startsWith('{') ? form(json) : json;
}

// {"$bin":"AP8="} as {$bin: "AP8="}
function form(json: string): string {
  return json.replace(/^\{"(\$[a-z]+)":/, '{$1: ');
}

function entry(head: string, value: ExactValue, indent: number): string {
  const inline = scalar(value, indent + 2);
  return inline === undefined ? `${head}\n${collection(value, indent + 2)}` : `${head} ${inline}\n`;
}

function isPlain(value: string): boolean {
  return value.length < 200 && PLAIN.test(value) && !WORDS.test(value);
}

function keyText(key: string): string {
  return isPlain(key) ? key : quoted(key);
}

function mapLines(pairs: Pairs, indent: number): string {
  const pad = ' '.repeat(indent);
  let lines = '';
  for (const [key, value] of pairs) {
    const name = keyText(key as string);
    lines +=
      name.length > LONGEST_KEY
        ? `${pad}? ${name}\n${entry(`${pad}:`, value, indent)}`
        : entry(`${pad}${name}:`, value, indent);
  }
  return lines;
}

function listLines(list: readonly ExactValue[], indent: number): string {
  const pad = ' '.repeat(indent);
  let lines = '';
  for (const element of list) {
    const inline = scalar(element, indent + 2);
    lines +=
      inline === undefined
        ? `${pad}- ${collection(element, indent + 2).slice(indent + 2)}`
        : `${pad}- ${inline}\n`;
  }
  return lines;
}

function collection(value: ExactValue, indent: number): string {
  if (!(value instanceof Map)) return listLines(value as readonly ExactValue[], indent);
  const map = value as ReadonlyMap<ExactValue, ExactValue>;
  if (!needsPairs(map)) return mapLines(map, indent);
  return `${' '.repeat(indent)}$map:\n${listLines([...map], indent + 2)}`;
}

/** A value as a YAML document, without `---`. */
export function exactToYaml(value: ExactValue): string {
  const inline = scalar(value, 2);
  return inline === undefined ? collection(value, 0) : `${inline}\n`;
}

/** Writes each item as a YAML document. */
export function yamlFormat(): ItemFormat {
  return {
    event: (event: SaltEvent) => {
      const parts = new Map<ExactValue, ExactValue>([
        ['tag', event.tag],
        ['data', event.exact],
        ['received', isoTime(event.receivedAt)],
      ]);
      if (event.trimmed > 0) parts.set('trimmed', event.trimmed);
      return `---\n${exactToYaml(parts)}`;
    },
    other: (item) => `---\n${exactToYaml(exactFromJson(otherJson(item)))}`,
  };
}
