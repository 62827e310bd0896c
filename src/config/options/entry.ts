/**
 * The rows of the table of options: what a value has to be, what holds without one, and what it means.
 */
import type { ConfigNode } from '../configured.ts';

/**
 * What a value has to be. `path` is a path below `root_dir`; `seconds` is a number from 0, fractions too; `list` is a list of
 * texts, or one text; `any` is looked at by whoever reads it.
 */
export type OptionShape =
  | { readonly kind: 'text' | 'path' | 'port' | 'bool' | 'seconds' | 'list' | 'map' | 'any' }
  | { readonly kind: 'integer'; readonly least: number; readonly most: number }
  | { readonly kind: 'enum'; readonly choices: readonly string[] };

/** What is said of an option besides its shape and default. */
export interface OptionNotes {
  /** What a number counts, where the name does not say it: `milliseconds`, `minutes`, `bytes`. */
  readonly unit?: string;
  /** What differs between the lines of Salt. */
  readonly lines?: string;
  /** The value without an entry follows from a rule, and is no constant. */
  readonly ruled?: true;
}

/** One option. */
export type OptionEntry = OptionShape &
  OptionNotes & {
    readonly name: string;
    /** Salt's default; `null` where nothing is set. */
    readonly value: (node: ConfigNode) => unknown;
    /** What it does, in one or two sentences. */
    readonly doc: string;
    /** Whose option it is. @defaultValue both */
    readonly only?: ConfigNode;
    /** One of our own settings, below the key `saltbus`. */
    readonly ours?: true;
  };

/** A default: one for both nodes, or made from the node. */
type Default = string | number | boolean | null | readonly string[] | ((node: ConfigNode) => unknown);

function row(shape: OptionShape, name: string, value: Default, doc: string, notes: OptionNotes): OptionEntry {
  return { ...shape, ...notes, name, value: typeof value === 'function' ? value : () => value, doc };
}

/** A row of a kind that needs no more than its name. */
export function option(
  kind: 'text' | 'path' | 'port' | 'bool' | 'seconds' | 'list' | 'any',
  name: string,
  value: Default,
  doc: string,
  notes: OptionNotes = {},
): OptionEntry {
  return row({ kind }, name, value, doc, notes);
}

/** A row of a map that is empty without an entry. */
export function map(name: string, doc: string, notes: OptionNotes = {}): OptionEntry {
  return row({ kind: 'map' }, name, () => new Map(), doc, notes);
}

/** A row of a whole number, from `least` on. */
export function integer(
  name: string,
  value: number | null,
  least: number,
  doc: string,
  notes: OptionNotes & { readonly most?: number } = {},
): OptionEntry {
  const { most = Number.MAX_SAFE_INTEGER, ...others } = notes;
  return row({ kind: 'integer', least, most }, name, value, doc, others);
}

/** A row of one of several words. */
export function choice(
  name: string,
  value: string | null,
  choices: readonly string[],
  doc: string,
  notes: OptionNotes = {},
): OptionEntry {
  return row({ kind: 'enum', choices }, name, value, doc, notes);
}

/** The rows as those of one node. */
export function rowsOf(node: ConfigNode, rows: readonly OptionEntry[]): readonly OptionEntry[] {
  return rows.map((entry) => ({ ...entry, only: node }));
}
