/**
 * Values that know where they come from.
 */

/** Where a value comes from. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string }
  /** Made of something else: `from` says of what, in words. */
  | { readonly kind: 'derived'; readonly from: string };

/** A value and where it comes from. */
export interface Configured<T = unknown> {
  readonly value: T;
  readonly origin: Origin;
  /** What was done to it on the way, where that is not plain to see. */
  readonly note?: string;
}

/** Whose configuration. */
export type ConfigNode = 'minion' | 'master';

/** What the files of a node say. */
export interface ConfiguredValues {
  readonly node: ConfigNode;
  /** The values that files set, by top-level key. Defaults are not among them. */
  readonly values: ReadonlyMap<string, Configured>;
}
