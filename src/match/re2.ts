/**
 * The one place that loads re2js.
 */
// Loading it takes some 16 ms here (22 ms as an ES module), which every command would pay for and few need. A dynamic
// import() would make compileMatch() asynchronous, so it is required when the first regular expression is compiled.
import { createRequire } from 'node:module';
import type * as Re2 from 're2js';
import { SaltbusError } from '../errors.ts';

let loaded: typeof Re2 | undefined;

/**
 * Compiles a pattern that is written in the syntax of RE2.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` when it is too large
 */
export function compileRe2(translated: string, pattern: string): (text: string) => boolean {
  loaded ??= createRequire(import.meta.url)('re2js') as typeof Re2;
  try {
    const compiled = loaded.RE2JS.compile(translated);
    return (text) => compiled.test(text);
  } catch (cause) {
    if (!(cause instanceof loaded.RE2JSException)) throw cause;
    throw new SaltbusError(
      'ERR_SALTBUS_PATTERN',
      `RE2 refuses ${JSON.stringify(pattern)}: ${cause.message}`,
      { cause },
    );
  }
}
