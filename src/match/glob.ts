/**
 * Shell globs exactly as Python's `fnmatch.fnmatchcase` reads them, which is what Salt matches tags with (all releases).
 *
 * A matcher of our own instead of a translation to a regular expression: two positions and one place to go back to, so
 * the worst case is length of the pattern times length of the tag, and matching allocates nothing.
 */

/** A compiled glob. */
export interface Glob {
  /** Whether the whole of a text matches. */
  readonly test: (text: string) => boolean;
  /** Text that every match begins with. */
  readonly literalPrefix: string;
}

// A step of a compiled glob is a code point, one of these two, or FIRST_SET minus the index of a set.
const ANY = -1;
const STAR = -2;
const FIRST_SET = -3;

/** A `[...]`: pairs of first and last code point. */
interface CharacterSet {
  readonly negated: boolean;
  readonly ranges: readonly number[];
}

function inSet(set: CharacterSet, code: number): boolean {
  const { ranges } = set;
  for (let index = 0; index < ranges.length; index += 2) {
    if (code >= (ranges[index] ?? 0) && code <= (ranges[index + 1] ?? -1)) return !set.negated;
  }
  return set.negated;
}

function matches(steps: Int32Array, sets: readonly CharacterSet[], text: string): boolean {
  let step = 0;
  let at = 0;
  let starStep = -1;
  let starAt = 0;
  while (at < text.length) {
    const wanted = step < steps.length ? (steps[step] ?? 0) : undefined;
    if (wanted === STAR) {
      step += 1;
      starStep = step;
      starAt = at;
      continue;
    }
    const code = text.codePointAt(at) ?? 0;
    if (wanted !== undefined && stepMatches(wanted, sets, code)) {
      step += 1;
      at += code > 0xffff ? 2 : 1;
      continue;
    }
    if (starStep === -1) return false;
    // the last star takes one character more
    starAt += (text.codePointAt(starAt) ?? 0) > 0xffff ? 2 : 1;
    at = starAt;
    step = starStep;
  }
  while (steps[step] === STAR) step += 1;
  return step === steps.length;
}

function stepMatches(wanted: number, sets: readonly CharacterSet[], code: number): boolean {
  if (wanted === code || wanted === ANY) return true;
  if (wanted > FIRST_SET) return false;
  const set = sets[FIRST_SET - wanted];
  return set !== undefined && inSet(set, code);
}

/** Compiles a glob; every text is one (an unclosed `[` stands for itself). */
export function compileGlob(pattern: string): Glob {
  const characters = Array.from(pattern);
  const steps: number[] = [];
  const sets: CharacterSet[] = [];
  let at = 0;
  while (at < characters.length) {
    const character = characters[at] ?? '';
    at += 1;
    if (character === '*') {
      if (steps.at(-1) !== STAR) steps.push(STAR);
    } else if (character === '?') {
      steps.push(ANY);
    } else {
      const end = character === '[' ? endOfSet(characters, at) : -1;
      if (end === -1) {
        steps.push(character.codePointAt(0) ?? 0);
      } else {
        steps.push(FIRST_SET - sets.length);
        sets.push(readSet(characters.slice(at, end)));
        at = end + 1;
      }
    }
  }
  const firstWild = steps.findIndex((step) => step < 0);
  const literals = firstWild === -1 ? steps : steps.slice(0, firstWild);
  const compiled = Int32Array.from(steps);
  return {
    test: (text) => matches(compiled, sets, text),
    literalPrefix: literals.map((code) => String.fromCodePoint(code)).join(''),
  };
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
