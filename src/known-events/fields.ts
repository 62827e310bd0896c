/**
 * Checks of the fields of data, tied to the types that they prove.
 */

/** A check of one field. */
export interface Field<T, Optional extends boolean = false> {
  readonly isOptional: Optional;
  readonly accepts: (value: unknown) => value is T;
}

/** The checks of all the fields that a type names; a field that is optional in the type is so here. */
export type Shape<T> = {
  readonly [Key in keyof T as string extends Key ? never : Key]-?: T extends Readonly<Record<Key, unknown>>
    ? Field<T[Key]>
    : Field<Exclude<T[Key], undefined>, true>;
};

/** The checks of whatever fields. */
export type AnyShape = Readonly<Record<string, Field<unknown, boolean>>>;

function field<T>(accepts: (value: unknown) => value is T): Field<T> {
  return { isOptional: false, accepts };
}

/** Makes a field one that can be absent. */
export function optional<T>(required: Field<T>): Field<T, true> {
  return { isOptional: true, accepts: required.accepts };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return isList(value) && value.every(isText);
}

/** Whether a value is a map with text keys, as decoding gives them. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isInnerMap(
  value: unknown,
): value is Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown> {
  return value instanceof Map || isObject(value);
}

/** Reads a field of its own, never one of a prototype. */
export function valueOf(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** What is wrong with data, `retcode is text`, say; `undefined` when each field has the type it should have. */
export function mismatchOf(shape: AnyShape, data: Readonly<Record<string, unknown>>): string | undefined {
  for (const [key, check] of Object.entries(shape)) {
    const value = valueOf(data, key);
    if (value === undefined) {
      if (check.isOptional) continue;
      return `${key} is missing`;
    }
    if (!check.accepts(value)) return `${key} is ${describe(value)}`;
  }
  return undefined;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  if (isInnerMap(value)) return 'a map';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'a boolean';
  if (typeof value === 'number') return 'a number';
  return typeof value === 'bigint' ? 'a number beyond 2^53' : 'an extension';
}

/** Text. */
export const text: Field<string> = field(isText);
/** A number, whole or not. */
export const number: Field<number> = field((value) => typeof value === 'number');
/** True or false. */
export const flag: Field<boolean> = field((value) => typeof value === 'boolean');
/** A list of whatever. */
export const list: Field<readonly unknown[]> = field(isList);
/** A list of text. */
export const texts: Field<readonly string[]> = field(isTexts);
/** Text, or a list of it. */
export const textOrTexts: Field<string | readonly string[]> = field(
  (value): value is string | readonly string[] => isText(value) || isTexts(value),
);
/** A map. */
export const map: Field<Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>> =
  field(isInnerMap);
/** A map or a list. */
export const mapOrList: Field<
  Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown> | readonly unknown[]
> = field((value) => isInnerMap(value) || isList(value));
/** Whatever, nil included; it has to be there. */
export const anything: Field<unknown> = field((value): value is unknown => value !== undefined);

/** What a field accepts, or nil. */
export function nullable<T>(inner: Field<T>): Field<T | null> {
  return field((value): value is T | null => value === null || inner.accepts(value));
}

/** A map with fields of its own. */
export function object<T>(shape: Shape<T> & AnyShape): Field<T> {
  return field((value): value is T => isObject(value) && mismatchOf(shape, value) === undefined);
}

/** A map whose values are all alike. */
export function mapOf<T>(inner: Field<T>): Field<Readonly<Record<string, T>>> {
  return field(
    (value): value is Readonly<Record<string, T>> =>
      isObject(value) && Object.values(value).every(inner.accepts),
  );
}
