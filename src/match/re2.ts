/**
 * The one place that loads re2js.
 */
// Loading it takes some 16 ms here (22 ms as an ES module), which every command would pay for and few need. A dynamic
// import() would make compileMatch() asynchronous, so it is required when the first regular expression is compiled.
import { createRequire } from 'node:module';
import type * as Re2 from 're2js';
import { SaltbusError } from '../errors.ts';

let loaded: typeof Re2 | undefined;

/** A pattern that RE2 has taken. */
export interface CompiledRe2 {
  readonly test: (text: string) => boolean;
  /** Longest text that it is to be tried on, in UTF-16 units; see {@link MOST_STEPS}. */
  readonly longestText: number;
}

/**
 * RE2 takes at most instructions of the pattern times length of the text steps, of up to 50 ns each here: this many keep one match
 * under 25 ms, so that no pattern on any text blocks the loop for 50.
 */
const MOST_STEPS = 500_000;

/**
 * Compiles a pattern that is written in the syntax of RE2.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` when it is too large
 */
export function compileRe2(translated: string, pattern: string): CompiledRe2 {
  loaded ??= createRequire(import.meta.url)('re2js') as typeof Re2;
  try {
    const compiled = loaded.RE2JS.compile(translated);
    return {
      test: (text) => compiled.test(text),
      longestText: Math.floor(MOST_STEPS / compiled.programSize()),
    };
  } catch (cause) {
    if (!(cause instanceof loaded.RE2JSException)) throw cause;
    throw new SaltbusError(
      'ERR_SALTBUS_PATTERN',
      `RE2 refuses ${JSON.stringify(pattern)}: ${cause.message}`,
      { cause },
    );
  }
}
