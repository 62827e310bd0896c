/**
 * The fields of a load: an allow-list of names, each with a type, as data.
 */
import type { ExactValue } from '../msgpack/values.ts';
import { bytesOf } from '../payload/raw-strings.ts';
import type { LoadMap } from '../payload/raw-strings.ts';
import { isJid, isPathComponent, isSaltenv } from './names.ts';

/** A type of field: what it is called in a refusal, and how it is read; `undefined` for what is no such thing. */
export interface Field<V> {
  readonly what: string;
  readonly read: (value: ExactValue) => V | undefined;
  readonly isOptional?: boolean;
}

/** The fields of a load of type `L`; `cmd` is not among them. */
export type FieldsOf<L> = {
  readonly [K in Exclude<keyof L, 'cmd'>]-?: Field<Exclude<L[K], undefined>>;
};

/** What a command may carry. */
export interface LoadShape<L extends { readonly cmd: string }> {
  readonly cmd: L['cmd'];
  readonly fields: FieldsOf<L>;
  /** Whether keys besides those listed may stand there; they are not in the typed load. */
  readonly hasMore?: boolean;
}

/** A typed load, or why it is none. */
export type ParsedLoad<L> =
  { readonly kind: 'load'; readonly load: L } | { readonly kind: 'refused'; readonly why: string };

// W3C trace context and baggage, which Salt 3008.5 puts into loads where OpenTelemetry is switched on.
const ALWAYS: ReadonlySet<unknown> = new Set(['cmd', 'traceparent', 'tracestate', 'baggage']);

const MOST_REASON = 64;

/**
 * Holds a load against the shape of its command.
 * @param also - further keys that may stand there
 */
export function readLoad<L extends { readonly cmd: string }>(
  shape: LoadShape<L>,
  map: LoadMap,
  also?: ReadonlySet<unknown>,
): ParsedLoad<L> {
  const fields = shape.fields as Readonly<Record<string, Field<unknown>>>;
  const load: Record<string, unknown> = { cmd: shape.cmd };
  for (const name of Object.keys(fields)) {
    const field = fields[name];
    if (field === undefined) continue;
    const value = map.get(name);
    if (value === undefined) {
      if (field.isOptional === true) continue;
      return { kind: 'refused', why: `${name} is missing` };
    }
    const read = field.read(value);
    if (read === undefined) return { kind: 'refused', why: `${name} is no ${field.what}` };
    load[name] = read;
  }
  if (shape.hasMore !== true) {
    for (const key of map.keys()) {
      if (typeof key === 'string' && Object.hasOwn(fields, key)) continue;
      if (ALWAYS.has(key) || also?.has(key) === true) continue;
      const name = typeof key === 'string' ? key.slice(0, MOST_REASON) : 'a key that is no text';
      return { kind: 'refused', why: `${JSON.stringify(name)} does not belong there` };
    }
  }
  return { kind: 'load', load: load as unknown as L };
}

function field<V>(what: string, read: (value: ExactValue) => V | undefined): Field<V> {
  return { what, read };
}

function textThat(what: string, isOne: (text: string) => boolean): Field<string> {
  return field(what, (value) => (typeof value === 'string' && isOne(value) ? value : undefined));
}

/** The field may be missing. */
export function optional<V>(inner: Field<V>): Field<V> {
  return { ...inner, isOptional: true };
}

/** The field may be nil. */
export function nullable<V>(inner: Field<V>): Field<V | null> {
  return field(`${inner.what} or nil`, (value) => (value === null ? null : inner.read(value)));
}

/** Text without a NUL, at most 4096 characters unless said otherwise. */
export function text(most = 4096): Field<string> {
  return textThat(
    `text of at most ${most} characters`,
    (value) => value.length <= most && !value.includes('\0'),
  );
}

/** Any value. */
export const anything: Field<ExactValue> = field('value', (value) => value);

/** True or false. */
export const flag: Field<boolean> = field('boolean', (value) =>
  typeof value === 'boolean' ? value : undefined,
);

/** An integer that is not negative. */
export const count: Field<number> = field('count', (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined,
);

/** Bytes; those that came as text are turned back. */
export const bytes: Field<Buffer> = field('byte string', (value) => bytesOf(value));

/** A map. */
export const map: Field<LoadMap> = field('map', (value) =>
  value instanceof Map ? (value as LoadMap) : undefined,
);

/** A list. */
export const list: Field<readonly ExactValue[]> = field('list', (value) =>
  Array.isArray(value) ? (value as readonly ExactValue[]) : undefined,
);

/** Text, or a list of texts. */
export const textOrList: Field<string | readonly string[]> = field('text, nor a list of texts', (value) => {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const elements = value as readonly ExactValue[];
  return elements.every((element) => typeof element === 'string') ? elements : undefined;
});

/** A job id. */
export const jid: Field<string> = textThat('job id', isJid);

/** The name of an environment. */
export const saltenv: Field<string> = textThat('name of an environment', isSaltenv);

/** A path as a list of its components. */
export const pathComponents: Field<readonly string[]> = field('list of path components', (value) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > 256) return undefined;
  const elements = value as readonly ExactValue[];
  return elements.every((element) => typeof element === 'string' && isPathComponent(element))
    ? (elements as readonly string[])
    : undefined;
});
