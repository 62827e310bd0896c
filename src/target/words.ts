/**
 * The words of a compound target.
 */

/** The words that are no test of a minion. */
export const OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'not', '(', ')']);

// the white space of Python's str.split()
const SPACES = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
const SPACE = new RegExp(`[${SPACES}]+`);

/** Splits an expression into words as Python's `str.split()` does. */
export function splitWords(expression: string): readonly string[] {
  return expression.split(SPACE).filter((word) => word !== '');
}

/** A word that is a test: `G%@os%Deb*` is engine G with delimiter % and this pattern. */
export interface EngineWord {
  /** `undefined` for a glob. */
  readonly engine: string | undefined;
  readonly delimiter: string | undefined;
  readonly pattern: string;
}

// The delimiter comes with lookups only; a letter and @ with nothing behind is a glob (3006.30, 3007.17, 3008.5).
const ENGINE = /^(?:([GPIJ])(.)?|([A-Z]))@(.+)$/u;

/** Takes a word apart. */
export function parseWord(word: string): EngineWord {
  const [, lookup, delimiter, other, pattern] = ENGINE.exec(word) ?? [];
  const engine = lookup ?? other;
  if (engine === undefined || pattern === undefined) {
    return { engine: undefined, delimiter: undefined, pattern: word };
  }
  return { engine, delimiter, pattern };
}
