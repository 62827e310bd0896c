/**
 * The patterns of `autosign_file` and `autoreject_file`, and the values of `autosign_grains_dir`.
 */
import { compileMatch } from '../../../match/index.ts';
import { SaltbusError } from '../../../errors.ts';

/** Patterns of a file, compiled. */
export interface IdPatterns {
  readonly test: (id: string) => boolean;
  /** Lines that are no regular expression; they count as exact text and as a glob only. */
  readonly problems: readonly string[];
}

// A line longer than any id is no pattern for one; more lines than this are no list that a person keeps.
const MAX_LINE = 1024;
const MAX_LINES = 100_000;

/**
 * Reads patterns: one a line, `#` begins a comment. A line counts as exact text, as a glob, or as a regular expression for the whole id.
 *
 * Salt (3006.30, 3008.5) puts \A and \Z around the line without brackets, so that `web|db` lets in every id that begins with `web`.
 * Here each branch stands for the whole id.
 */
export function parseIdPatterns(text: string): IdPatterns {
  const exact = new Set<string>();
  const tests: ((id: string) => boolean)[] = [];
  const problems: string[] = [];
  for (const line of patternLines(text)) {
    exact.add(line);
    if (!/[^A-Za-z0-9_-]/.test(line)) continue;
    if (line.length > MAX_LINE || exact.size > MAX_LINES) {
      problems.push(line.slice(0, 80));
      continue;
    }
    if (/[*?[]/.test(line) && line.isWellFormed()) tests.push(compileMatch(line, 'glob').test);
    try {
      tests.push(compileMatch(String.raw`(?:${line})\Z`, 'regex').test);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      // A glob such as *.example.com is no regular expression, and not meant as one.
      if (!/[*?[]/.test(line)) problems.push(line.slice(0, 80));
    }
  }
  return { test: (id) => exact.has(id) || tests.some((test) => test(id)), problems };
}

/** The values that a grain's file lists. */
export function parseGrainValues(text: string): ReadonlySet<string> {
  return new Set(patternLines(text));
}

function* patternLines(text: string): Generator<string> {
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed !== '' && !trimmed.startsWith('#')) yield trimmed;
  }
}

/**
 * Why a file that rules sign-ins is not believed: others may write it, or the group may without `permissive_pki_access`.
 * @param mode - of the file
 */
export function writableByOthers(mode: number, permissive: boolean): string | undefined {
  if ((mode & 0o002) !== 0) return 'everybody may write it';
  if ((mode & 0o020) !== 0 && !permissive) return 'its group may write it, and permissive_pki_access is off';
  return undefined;
}
