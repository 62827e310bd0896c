/**
 * `--fields tag,data.id` and `--format '{tag} {data.id}'`: parts of an event by path.
 */
import { exactToJson } from '../../codec/json/exact-json.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';
import type { SaltEvent } from '../../event.ts';
import { oneLine, safeJson } from '../terminal.ts';
import { isoTime } from './format.ts';

/** A path into an event: `tag`, `received`, `data`, or a field of the data such as `data.return.pid`. */
export interface FieldPath {
  readonly name: string;
  readonly read: (event: SaltEvent) => ExactValue | undefined;
}

/**
 * Reads a path.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` when it begins with something else
 */
export function fieldPath(text: string): FieldPath {
  const [first = '', ...rest] = text.split('.');
  if (first === 'tag' && rest.length === 0) return { name: text, read: (event) => event.tag };
  if (first === 'received' && rest.length === 0)
    return { name: text, read: (event) => isoTime(event.receivedAt) };
  if (first === 'data') return { name: text, read: (event) => inside(event.exact, rest) };
  throw new SaltbusError('ERR_SALTBUS_USAGE', `'${text}' is no field of an event`, {
    next: 'Use tag, received, data, or a path into the data such as data.id or data.return.0.',
  });
}

function inside(value: ExactValue, path: readonly string[]): ExactValue | undefined {
  let at: ExactValue | undefined = value;
  for (const part of path) {
    if (at instanceof Map) {
      const map = at as ReadonlyMap<ExactValue, ExactValue>;
      at = map.get(part) ?? (/^-?\d+$/.test(part) ? map.get(Number(part)) : undefined);
    } else if (Array.isArray(at)) at = (at as readonly ExactValue[])[Number(part)];
    else return undefined;
  }
  return at;
}

/** A field as text on one line: text as it is, without control characters; anything else as JSON; nothing when it is not there. */
export function fieldText(value: ExactValue | undefined): string {
  if (value === undefined) return '';
  return oneLine(typeof value === 'string' ? value : exactToJson(value));
}

/** The fields as one line, separated by tabs. */
export function fieldsLine(fields: readonly FieldPath[]): (event: SaltEvent) => string {
  return (event) => `${fields.map((field) => fieldText(field.read(event))).join('\t')}\n`;
}

/** The fields as a JSON object on one line; a field that is not there is null. */
export function fieldsJson(fields: readonly FieldPath[]): (event: SaltEvent) => string {
  return (event) =>
    `${safeJson(`{${fields.map((field) => `${JSON.stringify(field.name)}:${exactToJson(field.read(event) ?? null)}`).join(',')}}`)}\n`;
}

/**
 * Compiles a format: `{path}` is replaced, `{{` and `}}` are braces.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for a brace that stands alone or an unknown field
 */
export function compileFormat(format: string): (event: SaltEvent) => string {
  const parts: (string | FieldPath)[] = [];
  const token = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
  for (const match of format.matchAll(token)) {
    const [text, path] = match;
    if (path !== undefined) parts.push(fieldPath(path));
    else if (text === '{{' || text === '}}') parts.push(text.slice(1));
    else if (text === '{' || text === '}') {
      throw new SaltbusError('ERR_SALTBUS_USAGE', `A single ${text} stands in the format '${format}'`, {
        next: 'Write {{ or }} for a brace.',
      });
    } else parts.push(text.replaceAll('\\t', '\t').replaceAll('\\n', '\n'));
  }
  return (event) =>
    `${parts.map((part) => (typeof part === 'string' ? part : fieldText(part.read(event)))).join('')}\n`;
}
