/**
 * Grains and pillar as they come from a decoder: maps of the exact view or objects of the plain one.
 */
import { ExactFloat, Ext, RawText, SaltDateTime } from '../codec/msgpack/values.ts';

/**
 * Grains or pillar. The exact view of a decoder answers as Salt does; in the plain one `1.0` and `1` are the same.
 */
export type FactMap = ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>>;

/** What is known of a minion. */
export interface MinionFacts {
  readonly id: string;
  /** `undefined` where they are not known, which is something else than having none. */
  readonly grains?: FactMap | undefined;
  /** `undefined` where it is not known, which is something else than having none. */
  readonly pillar?: FactMap | undefined;
}

/** Whether a value is what Python has a dict for. */
export function isMap(value: unknown): value is FactMap {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !(
    value instanceof Uint8Array ||
    value instanceof ExactFloat ||
    value instanceof Ext ||
    value instanceof RawText ||
    value instanceof SaltDateTime
  );
}

/** Keys and values, in their order. */
export function itemsOf(map: FactMap): Iterable<readonly [unknown, unknown]> {
  return map instanceof Map ? (map as ReadonlyMap<unknown, unknown>) : Object.entries(map);
}

/** Whether there is nothing in it. */
export function isEmpty(map: FactMap): boolean {
  if (map instanceof Map) return map.size === 0;
  for (const _ in map) return false;
  return true;
}

/** Whether there is such a key; text only, so that nothing of a prototype is seen. */
export function hasText(map: FactMap, key: string): boolean {
  return map instanceof Map ? map.has(key) : Object.hasOwn(map, key);
}

/** The value of a key that is text; `undefined` where there is none. */
export function textEntry(map: FactMap, key: string): unknown {
  if (map instanceof Map) return map.get(key);
  return Object.hasOwn(map, key) ? (map as Readonly<Record<string, unknown>>)[key] : undefined;
}

/** The value of a key that is no text; 1, 1.0 and True are one key with the last of the values, as in Python. */
export function otherEntry(map: FactMap, key: unknown): unknown {
  if (!(map instanceof Map)) return undefined;
  const wanted = comparable(key);
  let found: unknown;
  for (const [name, value] of map as ReadonlyMap<unknown, unknown>) {
    if (typeof name !== 'string' && comparable(name) === wanted) found = value;
  }
  return found;
}

function comparable(key: unknown): unknown {
  if (key instanceof ExactFloat) return key.value;
  if (typeof key === 'boolean') return Number(key);
  return key;
}
