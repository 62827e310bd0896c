/**
 * Files that the file server keeps back: `file_ignore_glob` and `file_ignore_regex`.
 */
import { compileGlob } from '../../../match/glob.ts';
import { compileRegex } from '../../../match/regex.ts';
import type { IgnoreOptions } from './file-roots.ts';

/**
 * Compiles the patterns; the result says whether a path is kept back.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` for a regular expression that is malformed or cannot be matched in linear time
 */
export function compileIgnore(options: IgnoreOptions): (path: string) => boolean {
  const globs = (options.ignoreGlobs ?? []).map((glob) => compileGlob(glob).test);
  const regexes = (options.ignoreRegexes ?? []).map((regex) => compileSearch(regex));
  const tests = [...regexes, ...globs];
  return (path) => tests.some((test) => test(path));
}

// Our regular expressions begin at the start of the text; Python's search does not, and flags for all stand in front.
function compileSearch(regex: string): (path: string) => boolean {
  const [flags = ''] = /^\(\?[a-zA-Z]+\)/.exec(regex) ?? [];
  return compileRegex(`${flags}(?s:.*)(?:${regex.slice(flags.length)})`).test;
}
