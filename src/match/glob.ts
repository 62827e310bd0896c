/**
 * Shell globs exactly as Python's `fnmatch.fnmatchcase` reads them, which is what Salt matches tags with (all releases).
 *
 * A matcher of our own instead of a translation to a regular expression: what stands between two stars is looked for from
 * left to right and never looked for again, so the worst case is length of the pattern times length of the tag, and
 * matching allocates nothing.
 */

/** A compiled glob. */
export interface Glob {
  /** Whether the whole of a text matches. */
  readonly test: (text: string) => boolean;
  /** Text that every match begins with. */
  readonly literalPrefix: string;
}

// A step is a code point, this, or FIRST_SET minus the index of a set.
const ANY = -1;
const FIRST_SET = -2;

/** A `[...]`: pairs of first and last code point. */
interface CharacterSet {
  readonly negated: boolean;
  readonly ranges: readonly number[];
}

/** What stands between two stars: so many characters. */
interface Segment {
  readonly steps: Int32Array;
  readonly sets: readonly CharacterSet[];
  /** The text, where it is nothing else. */
  readonly literal: string | undefined;
}

function inSet(set: CharacterSet, code: number): boolean {
  const { ranges } = set;
  for (let index = 0; index < ranges.length; index += 2) {
    if (code >= (ranges[index] ?? 0) && code <= (ranges[index + 1] ?? -1)) return !set.negated;
  }
  return set.negated;
}

/** Where a segment that begins at `start` ends; -1 when it does not match there. */
function endOf(segment: Segment, text: string, start: number): number {
  const { steps, sets, literal } = segment;
  if (literal !== undefined) return text.startsWith(literal, start) ? start + literal.length : -1;
  let at = start;
  for (const step of steps) {
    const code = text.codePointAt(at);
    if (code === undefined) return -1;
    if (step !== code && step !== ANY) {
      const set = step > FIRST_SET ? undefined : sets[FIRST_SET - step];
      if (set === undefined || !inSet(set, code)) return -1;
    }
    at += code > 0xffff ? 2 : 1;
  }
  return at;
}

/** Where the first match of a segment at or behind `start` ends; -1 when there is none. */
function endOfNext(segment: Segment, text: string, start: number): number {
  const { literal, steps } = segment;
  if (literal !== undefined) {
    const found = text.indexOf(literal, start);
    return found === -1 ? -1 : found + literal.length;
  }
  let at = start;
  while (text.length - at >= steps.length) {
    const end = endOf(segment, text, at);
    if (end !== -1) return end;
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
  return -1;
}

/** Where the last `count` characters of a text begin; -1 when it has fewer. */
function startOfLast(count: number, text: string): number {
  let at = text.length;
  for (let left = count; left > 0; left -= 1) {
    if (at === 0) return -1;
    at -= at > 1 && (text.codePointAt(at - 2) ?? 0) > 0xffff ? 2 : 1;
  }
  return at;
}

function matches(segments: readonly Segment[], text: string): boolean {
  const [first] = segments;
  if (first === undefined) return false;
  let at = endOf(first, text, 0);
  const last = segments.length - 1;
  if (last === 0) return at === text.length;
  // taking the first place for each segment is right: the star behind it makes up for the rest
  for (let index = 1; index < last && at !== -1; index += 1) {
    const segment = segments[index];
    if (segment !== undefined) at = endOfNext(segment, text, at);
  }
  const end = segments[last];
  if (at === -1 || end === undefined) return false;
  const start = startOfLast(end.steps.length, text);
  return start >= at && endOf(end, text, start) === text.length;
}

/** Compiles a glob, which is any well-formed text (an unclosed `[` stands for itself). */
export function compileGlob(pattern: string): Glob {
  const characters = Array.from(pattern);
  const segments: Segment[] = [];
  let steps: number[] = [];
  let sets: CharacterSet[] = [];
  let at = 0;
  while (at < characters.length) {
    const character = characters[at] ?? '';
    at += 1;
    const end = character === '[' ? endOfSet(characters, at) : -1;
    if (end !== -1) {
      steps.push(FIRST_SET - sets.length);
      sets.push(readSet(characters.slice(at, end)));
      at = end + 1;
    } else if (character !== '*') {
      steps.push(character === '?' ? ANY : codeOf(character));
    } else if (segments.length === 0 || steps.length > 0) {
      segments.push(segmentOf(steps, sets));
      [steps, sets] = [[], []];
    }
  }
  segments.push(segmentOf(steps, sets));
  return { test: (text) => matches(segments, text), literalPrefix: literalStart(segments[0]?.steps ?? []) };
}

function segmentOf(steps: readonly number[], sets: readonly CharacterSet[]): Segment {
  const literal = steps.every((step) => step >= 0) ? literalStart(steps) : undefined;
  return { steps: Int32Array.from(steps), sets, literal };
}

function literalStart(steps: Iterable<number>): string {
  let text = '';
  for (const step of steps) {
    if (step < 0) break;
    text += String.fromCodePoint(step);
  }
  return text;
}

/** Where the `]` stands that ends a set which begins at `start`; -1 when there is none. */
function endOfSet(characters: readonly string[], start: number): number {
  let at = start;
  if (characters[at] === '!') at += 1;
  if (characters[at] === ']') at += 1;
  return characters.indexOf(']', at);
}

/**
 * Reads what stands between the brackets, step by step as fnmatch of Python 3.9 and later does.
 *
 * It cuts at the hyphens that make ranges and then removes empty ranges, in an order that can be seen from outside:
 * `[b-a!x]` ends up as `[!x]`.
 */
function readSet(content: readonly string[]): CharacterSet {
  const chunks = cutAtRanges(content);
  removeEmptyRanges(chunks);
  const negated = chunks[0]?.[0] === '!';
  if (negated) {
    chunks[0]?.shift();
    // the hyphen of a range that lost its first end to the negation stands for itself
    if (chunks[0]?.length === 0 && chunks[1] !== undefined) chunks.splice(0, 2, ['-', ...chunks[1]]);
  }
  const ranges: number[] = [];
  for (const [index, chunk] of chunks.entries()) {
    // the last character of a chunk and the first of the next one are the ends of a range
    const from = index === 0 ? 0 : 1;
    const to = index === chunks.length - 1 ? chunk.length : chunk.length - 1;
    for (const character of chunk.slice(from, to)) ranges.push(codeOf(character), codeOf(character));
    const next = chunks[index + 1]?.[0];
    if (next !== undefined) ranges.push(codeOf(chunk.at(-1)), codeOf(next));
  }
  return { negated, ranges };
}

function cutAtRanges(content: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let start = 0;
  let hyphen = content.indexOf('-', content[0] === '!' ? 2 : 1);
  while (hyphen !== -1) {
    chunks.push(content.slice(start, hyphen));
    start = hyphen + 1;
    hyphen = content.indexOf('-', hyphen + 3);
  }
  const rest = content.slice(start);
  const last = chunks.at(-1);
  // a hyphen at the end stands for itself
  if (rest.length === 0 && last !== undefined) last.push('-');
  else chunks.push(rest);
  return chunks;
}

function removeEmptyRanges(chunks: string[][]): void {
  for (let index = chunks.length - 1; index > 0; index -= 1) {
    const before = chunks[index - 1] ?? [];
    const after = chunks[index] ?? [];
    if (codeOf(before.at(-1)) > codeOf(after[0])) {
      chunks.splice(index - 1, 2, [...before.slice(0, -1), ...after.slice(1)]);
    }
  }
}

function codeOf(character: string | undefined): number {
  return character?.codePointAt(0) ?? 0;
}
