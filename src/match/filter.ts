/**
 * Several patterns as one filter.
 */
import { compileMatch, guessMode } from './tag-match.ts';
import type { MatchMode } from './tag-match.ts';

/** A pattern of a filter. */
export interface FilterPattern {
  readonly pattern: string;
  /** @defaultValue what `guessMode()` says */
  readonly mode?: MatchMode;
}

/** What a filter lets through. */
export interface FilterOptions {
  /** One of them has to match; none at all lets everything through. */
  readonly include?: readonly FilterPattern[];
  /** None of them may match; comes after `include`. */
  readonly exclude?: readonly FilterPattern[];
}

/**
 * Compiles a filter for tags.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` as `compileMatch()` does
 */
export function compileFilter(options: FilterOptions): (tag: string) => boolean {
  const include = compileAll(options.include);
  const exclude = compileAll(options.exclude);
  const isIncluded = include.length === 0 ? (): boolean => true : matchAny(include);
  if (exclude.length === 0) return isIncluded;
  const isExcluded = matchAny(exclude);
  return (tag) => isIncluded(tag) && !isExcluded(tag);
}

type Test = (tag: string) => boolean;

function compileAll(patterns: readonly FilterPattern[] = []): Test[] {
  return patterns.map(({ pattern, mode }) => compileMatch(pattern, mode ?? guessMode(pattern)).test);
}

function matchAny(tests: readonly Test[]): Test {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (tag) => {
    for (const test of tests) if (test(tag)) return true;
    return false;
  };
}
