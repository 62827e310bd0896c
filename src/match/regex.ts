/**
 * Regular expressions as Salt matches tags with them, by an engine that cannot backtrack.
 */
import { SaltbusError } from '../errors.ts';
import { parsePattern } from './python-pattern.ts';
import type { PatternNode, PythonPattern } from './python-pattern.ts';
import { compileRe2 } from './re2.ts';
import { toAnchoredRe2, toRe2 } from './re2-pattern.ts';

/** A compiled regular expression. */
export interface Regex {
  /** Whether it is found in a text, with a caret in front of the pattern. */
  readonly test: (text: string) => boolean;
  /** Text that every match begins with. */
  readonly literalPrefix: string;
  /** Longest text that `test` is to be asked about, in UTF-16 units: beyond it one match could block the loop. */
  readonly longestText: number;
}

/**
 * Compiles a regular expression in Python's syntax.
 *
 * Salt (all releases) puts a caret in front and searches. So `a|b` means `^a|b`: only the first branch is anchored.
 * Three things differ from Python: `\b` and `\B` know ASCII words only, `\B` matches the empty text (as in Python 3.14),
 * and a `$` before other parts of a pattern is the very end, where Python's is also before a line feed that ends the text.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` for what is malformed or cannot be matched in linear time
 */
export function compileRegex(pattern: string): Regex {
  const parsed = parsePattern(pattern);
  return { ...compileRe2(toRe2(parsed), pattern), literalPrefix: literalPrefix(parsed) };
}

/**
 * Compiles a regular expression in Python's syntax as `re.match` reads it, which is how Salt (all releases) targets
 * minions: all branches begin where the text does. It differs from Python where {@link compileRegex} does, and throws
 * `ERR_SALTBUS_LIMIT` for a text that is too long for the pattern.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` for what is malformed or cannot be matched in linear time
 */
export function compileAnchoredRegex(pattern: string): (text: string) => boolean {
  const { test, longestText } = compileRe2(toAnchoredRe2(parsePattern(pattern)), pattern);
  return (text) => {
    if (text.length <= longestText) return test(text);
    throw new SaltbusError(
      'ERR_SALTBUS_LIMIT',
      `A text of ${text.length} characters is too long for the pattern ${JSON.stringify(pattern)}, which takes ${longestText}`,
    );
  };
}

function literalPrefix(pattern: PythonPattern): string {
  const [branch] = pattern.branches;
  if (branch === undefined || pattern.branches.length > 1 || pattern.flags.i || pattern.flags.m) return '';
  return prefixOf(branch).text;
}

/** The text at the start of a sequence, and whether it is the whole of it. */
function prefixOf(nodes: readonly PatternNode[]): { readonly text: string; readonly whole: boolean } {
  let text = '';
  for (const node of nodes) {
    if (node.type === 'assertion') continue;
    if (node.type === 'text') {
      text += String.fromCodePoint(node.code);
      continue;
    }
    const inner = node.type === 'repeat' && node.min > 0 ? node.node : node;
    if (inner.type === 'text') return { text: text + String.fromCodePoint(inner.code), whole: false };
    const only =
      inner.type === 'group' && !inner.flags.i && inner.branches.length === 1 ? inner.branches[0] : undefined;
    if (only === undefined) return { text, whole: false };
    const prefix = prefixOf(only);
    text += prefix.text;
    if (!prefix.whole || inner !== node) return { text, whole: false };
  }
  return { text, whole: true };
}
