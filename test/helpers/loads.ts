/** Short ways to write requests and read answers. */
import type { ExactValue } from '../../src/codec/msgpack/values.ts';
import type { Load } from '../../src/daemon/master/load.ts';

/** A value written plainly: objects for maps. */
export type Written = ExactValue | undefined | { readonly [key: string]: Written } | readonly Written[];

/** Makes maps of objects, at every depth; fields that are undefined are left out. */
export function exact(value: Written): ExactValue {
  if (Array.isArray(value)) return (value as readonly Written[]).map(exact);
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value as ExactValue;
  const entries = Object.entries(value as { readonly [key: string]: Written });
  return new Map(
    entries.filter(([, inner]) => inner !== undefined).map(([key, inner]) => [key, exact(inner)]),
  );
}

/** A request. */
export function load(fields: { readonly [key: string]: Written }): Load {
  return exact(fields) as Load;
}
