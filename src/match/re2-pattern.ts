/**
 * Writes a pattern, as Python means it, in the syntax of RE2.
 */
import type { CharacterClass } from './python-escape.ts';
import type { Flags, PatternNode, PythonPattern, SetItem } from './python-pattern.ts';

// The white space of Python's str.isspace(), which RE2 has no name for.
const SPACE =
  '\\t-\\r\\x{1c}-\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}';
// The rest, for sets that say \S: RE2 has no set within a set.
const NO_SPACE =
  '\\x{0}-\\x{8}\\x{e}-\\x{1b}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}' +
  '\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}';
const WORD = '\\p{L}\\p{N}_';

// The four letters that Python takes for one when case is ignored; RE2 follows Unicode, where two of them stand alone.
const LETTERS_I: readonly number[] = [0x49, 0x69, 0x130, 0x131];

const TEXT_START = '\\A';
const TEXT_END = '\\z';

/** Writes a whole pattern for a search; Salt puts a caret in front of a tag's, so only the first branch is anchored. */
export function toRe2(pattern: PythonPattern): string {
  const anchor: PatternNode = { type: 'assertion', what: 'line-start' };
  const [first = [], ...others] = pattern.branches;
  const body = writeBranches([[anchor, ...first], ...others], pattern.flags, true);
  return pattern.flags.i ? `(?i:${body})` : body;
}

/** Writes a whole pattern for Python's `re.match`: every branch begins where the text does. */
export function toAnchoredRe2(pattern: PythonPattern): string {
  const body = writeBranches(pattern.branches, pattern.flags, true);
  return `${TEXT_START}(?${pattern.flags.i ? 'i' : ''}:${body})`;
}

function writeBranches(branches: readonly (readonly PatternNode[])[], flags: Flags, tail: boolean): string {
  return branches
    .map((branch) =>
      branch.map((node, index) => write(node, flags, tail && index === branch.length - 1)).join(''),
    )
    .join('|');
}

/** @param tail - whether nothing can follow the node in a match */
function write(node: PatternNode, flags: Flags, tail: boolean): string {
  switch (node.type) {
    case 'text':
      return flags.i && LETTERS_I.includes(node.code)
        ? writeSet(false, [range(node.code)], flags)
        : code(node.code);
    case 'any':
      return flags.s ? '(?s:.)' : '[^\\n]';
    case 'set':
      return writeSet(node.negated, node.items, flags);
    case 'assertion':
      return writeAssertion(node.what, flags, tail);
    case 'group': {
      const body = writeBranches(node.branches, node.flags, tail);
      if (node.flags.i === flags.i) return `(?:${body})`;
      return node.flags.i ? `(?i:${body})` : `(?-i:${body})`;
    }
    case 'repeat':
      return `(?:${write(node.node, flags, tail && node.max === 1)})${writeCount(node.min, node.max)}`;
  }
}

function writeAssertion(
  what: (PatternNode & { type: 'assertion' })['what'],
  flags: Flags,
  tail: boolean,
): string {
  switch (what) {
    case 'line-start':
      return flags.m ? '(?m:^)' : TEXT_START;
    case 'line-end':
      if (flags.m) return '(?m:$)';
      // Python: also before a line feed at the end. Where more of the pattern follows, that would be a look-ahead, and
      // no tag on a bus ends with a line feed.
      return tail ? `\\n?${TEXT_END}` : TEXT_END;
    case 'text-start':
      return TEXT_START;
    case 'text-end':
      return TEXT_END;
    case 'boundary':
      return '\\b';
    case 'no-boundary':
      return '\\B';
  }
}

function writeCount(min: number, max: number): string {
  if (max === -1) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return `{${min},${max}}`;
}

function writeSet(negated: boolean, items: readonly SetItem[], flags: Flags): string {
  const ranges = items.filter((item) => typeof item !== 'string');
  if (flags.i && LETTERS_I.some((letter) => ranges.some(({ from, to }) => letter >= from && letter <= to))) {
    ranges.push(...LETTERS_I.map(range));
  }
  const classes = items.filter((item) => typeof item === 'string').map(writeClass);
  const plain = ranges
    .map(({ from, to }) => (from === to ? code(from) : `${code(from)}-${code(to)}`))
    .join('');
  if (negated || classes.length === 0) return `[${negated ? '^' : ''}${plain}${classes.join('')}]`;
  // a class is the same whether case is ignored or not, which RE2 sees otherwise
  const own = `(?-i:[${classes.join('')}])`;
  return plain === '' ? own : `(?:[${plain}]|${own})`;
}

function writeClass(name: CharacterClass): string {
  switch (name) {
    case 'd':
      return '\\p{Nd}';
    case 'D':
      return '\\P{Nd}';
    case 's':
      return SPACE;
    case 'S':
      return NO_SPACE;
    case 'w':
      return WORD;
    case 'W':
      return noWord();
  }
}

let noWordRanges: string | undefined;

/** What is no word character, as ranges; counting them out takes some 20 ms, once, and only where a pattern says `\W`. */
function noWord(): string {
  if (noWordRanges !== undefined) return noWordRanges;
  const word = /[\p{L}\p{N}_]/u;
  // no letter or number is beyond the tertiary ideographic plane
  const end = 0x40000;
  let ranges = '';
  let start = 0;
  for (let at = 0; at < end; at += 1) {
    if (!word.test(String.fromCodePoint(at))) continue;
    if (at > start) ranges += `${code(start)}-${code(at - 1)}`;
    start = at + 1;
  }
  noWordRanges = `${ranges}${code(start)}-${code(0x10ffff)}`;
  return noWordRanges;
}

function range(at: number): { readonly from: number; readonly to: number } {
  return { from: at, to: at };
}

/** A code point in a form that RE2 takes everywhere. */
function code(at: number): string {
  const isPlain = (at >= 0x30 && at <= 0x39) || (at >= 0x41 && at <= 0x5a) || (at >= 0x61 && at <= 0x7a);
  return isPlain || at === 0x2f || at === 0x5f ? String.fromCharCode(at) : `\\x{${at.toString(16)}}`;
}
