/**
 * Values inside grains and pillar by `key:subkey`, as `grains.get` and `pillar.get` find them (3006.30, 3007.17, 3008.5).
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';

/** Between the keys of a path. */
export const DELIMITER = ':';

/**
 * The value at a path; `undefined` where there is none. In a list, a number is an index and a name is looked for in the maps of the list.
 */
export function valueAt(data: unknown, path: string, delimiter: string): unknown {
  if (delimiter === '') throw new SaltbusError('ERR_SALTBUS_USAGE', 'empty separator');
  let at: unknown = data;
  for (const key of path.split(delimiter)) {
    at = Array.isArray(at) ? inList(at as readonly unknown[], key) : inMap(at, key);
    if (at === undefined) return undefined;
  }
  return at;
}

function inList(list: readonly unknown[], key: string): unknown {
  for (const element of list) {
    const value = inMap(element, key);
    if (value !== undefined) return value;
  }
  if (!/^-?\d+$/.test(key)) return undefined;
  return list.at(Number(key));
}

function inMap(value: unknown, key: string): unknown {
  if (!(value instanceof Map)) return undefined;
  const map = value as ReadonlyMap<unknown, unknown>;
  if (map.has(key)) return map.get(key);
  // a key that is a number in the data is text in the path
  return /^-?\d+$/.test(key) ? map.get(Number(key)) : undefined;
}

/** Text that an argument has to be. */
export function textArgument(value: ExactValue | undefined, name: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new SaltbusError('ERR_SALTBUS_USAGE', `${name} is no text`);
}
