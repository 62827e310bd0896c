/**
 * Patterns for tags.
 */
import { SaltbusError } from '../errors.ts';
import { compileGlob } from './glob.ts';
import { compileRegex } from './regex.ts';

/**
 * How a pattern is meant.
 *
 * `prefix`, `endswith`, `find`, `regex` and `glob` are Salt's match types startswith, endswith, find, regex and fnmatch
 * (all releases); `exact` is ours.
 */
export type MatchMode = 'prefix' | 'exact' | 'glob' | 'regex' | 'find' | 'endswith';

/** A compiled pattern. */
export interface TagMatch {
  readonly mode: MatchMode;
  readonly pattern: string;
  /** Whether a tag matches; in linear time for a regular expression. One that is longer than `longestTag` does not. */
  readonly test: (tag: string) => boolean;
  /**
   * Longest tag that is compared, in UTF-16 units; `Infinity` for all but regular expressions, where one match could block the
   * loop. A bus hands a longer tag over as a bad event.
   */
  readonly longestTag: number;
  /**
   * Text that every matching tag begins with; '' where nothing is known.
   *
   * Its UTF-8 bytes stand at the start of every matching body, so that others can be passed over without being decoded.
   */
  readonly literalPrefix: string;
}

interface Compiled {
  readonly test: (tag: string) => boolean;
  readonly literalPrefix: string;
  readonly longestTag?: number;
}

/**
 * Compiles a pattern for tags.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` for text with half a surrogate pair, and for a regular expression that is
 * malformed or cannot be matched in linear time
 */
export function compileMatch(pattern: string, mode: MatchMode): TagMatch {
  if (!pattern.isWellFormed()) {
    throw new SaltbusError(
      'ERR_SALTBUS_PATTERN',
      `The pattern ${JSON.stringify(pattern)} holds half a surrogate pair`,
    );
  }
  const { test, literalPrefix, longestTag = Infinity } = compile(pattern, mode);
  return { mode, pattern, test, longestTag, literalPrefix: onTheWire(literalPrefix) };
}

function compile(pattern: string, mode: MatchMode): Compiled {
  switch (mode) {
    case 'prefix':
      return { test: (tag) => tag.startsWith(pattern), literalPrefix: pattern };
    case 'exact':
      return { test: (tag) => tag === pattern, literalPrefix: pattern };
    case 'endswith':
      return { test: (tag) => tag.endsWith(pattern), literalPrefix: '' };
    case 'find':
      return { test: (tag) => tag.includes(pattern), literalPrefix: '' };
    case 'glob':
      return compileGlob(pattern);
    case 'regex':
      return tagRegex(pattern);
    default:
      throw new SaltbusError(
        'ERR_SALTBUS_PATTERN',
        `${JSON.stringify(mode satisfies never)} is no way to match a tag`,
        {
          next: 'Use prefix, exact, glob, regex, find or endswith.',
        },
      );
  }
}

function tagRegex(pattern: string): Compiled {
  const { test, literalPrefix, longestText } = compileRegex(pattern);
  return { test: (tag) => tag.length <= longestText && test(tag), literalPrefix, longestTag: longestText };
}

/** Bytes that are no UTF-8 are read as U+FFFD, and a surrogate has no bytes: what is beyond those cannot be compared. */
function onTheWire(prefix: string): string {
  const end = prefix.search(/[\ufffd\p{Surrogate}]/u);
  return end === -1 ? prefix : prefix.slice(0, end);
}

/** What a pattern is meant as when nothing is said: a glob if it holds `*`, `?` or `[`, else a prefix. */
export function guessMode(pattern: string): MatchMode {
  return /[*?[]/.test(pattern) ? 'glob' : 'prefix';
}
