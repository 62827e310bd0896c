/**
 * Reads a regular expression as Python's `re` does (the syntax of 3.11, for text), which is what users of Salt write.
 *
 * Whether something matches is all that is asked of it, so groups are not numbered and greed is not kept. What cannot be
 * matched in linear time is refused by name.
 */
import { isAsciiLetter, isDigit, readEscape, readSetEscape, refuse } from './python-escape.ts';
import type { Assertion, CharacterClass, PatternSource } from './python-escape.ts';

/** A piece of a set: a range of code points, or a class such as `\d`. */
export type SetItem = { readonly from: number; readonly to: number } | CharacterClass;

/** The inline flags that have a meaning here: `i`, `m` and `s`. */
export type Flags = Readonly<Record<'i' | 'm' | 's', boolean>>;

/** A part of a pattern. */
export type PatternNode =
  | { readonly type: 'text'; readonly code: number }
  | { readonly type: 'any' }
  | { readonly type: 'set'; readonly negated: boolean; readonly items: readonly SetItem[] }
  | { readonly type: 'assertion'; readonly what: Assertion }
  | { readonly type: 'group'; readonly flags: Flags; readonly branches: readonly PatternNode[][] }
  | { readonly type: 'repeat'; readonly min: number; readonly max: number; readonly node: PatternNode };

/** A whole pattern: its flags, and its branches, one of which has to match. */
export interface PythonPattern {
  readonly flags: Flags;
  readonly branches: readonly PatternNode[][];
}

/** What RE2 allows: a counted repetition, and the product of nested ones. */
const MOST_REPEATS = 1000;
/** Deeper than anybody writes, and far from what a stack holds. */
const DEEPEST = 200;
/** Parts of a pattern with its repetitions written out: matching takes that many steps for each character at the most. */
const MOST_PARTS = 5000;

interface OpenGroup {
  readonly start: number;
  /** The flags outside, which hold again when it is closed. */
  readonly outer: Flags;
  readonly flags: Flags;
  readonly branches: PatternNode[][];
}

/**
 * Reads a pattern.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN` with the position, counted in characters from 0 as Python does
 */
export function parsePattern(pattern: string): PythonPattern {
  return new Reader(pattern).read();
}

class Reader {
  readonly #source: PatternSource;
  readonly #open: OpenGroup[] = [];
  readonly #names = new Set<string>();
  /** Product of the counted repetitions inside a node. */
  readonly #weights = new WeakMap<PatternNode, number>();
  /** How many parts a node has with its repetitions written out, where it has more than one. */
  readonly #sizes = new WeakMap<PatternNode, number>();
  #flags: Flags = { i: false, m: false, s: false };
  #branches: PatternNode[][] = [[]];
  #globalsUntil = 0;

  constructor(pattern: string) {
    this.#source = { pattern, characters: Array.from(pattern), at: 0 };
  }

  read(): PythonPattern {
    const source = this.#source;
    while (source.at < source.characters.length) this.#part(this.#take(), source.at - 1);
    const open = this.#open.at(-1);
    if (open !== undefined) refuse(source, open.start, 'A group is not closed: ) is missing');
    if (this.#sizeOf(this.#branches) > MOST_PARTS) {
      refuse(
        source,
        0,
        `A pattern with more than ${MOST_PARTS} parts, repetitions written out, is not supported`,
      );
    }
    return { flags: this.#flags, branches: this.#branches };
  }

  #sizeOf(branches: readonly (readonly PatternNode[])[]): number {
    let size = branches.length;
    for (const branch of branches) for (const node of branch) size += this.#sizes.get(node) ?? 1;
    return size;
  }

  #part(character: string, start: number): void {
    switch (character) {
      case '\\':
        this.#push(readEscape(this.#source, start));
        return;
      case '[':
        this.#push(this.#set(start));
        return;
      case '(':
        this.#openGroup(start);
        return;
      case ')':
        this.#closeGroup(start);
        return;
      case '|':
        this.#branches.push([]);
        return;
      case '.':
        this.#push({ type: 'any' });
        return;
      case '^':
        this.#push({ type: 'assertion', what: 'line-start' });
        return;
      case '$':
        this.#push({ type: 'assertion', what: 'line-end' });
        return;
      case '*':
        this.#repeat(start, 0, -1);
        return;
      case '+':
        this.#repeat(start, 1, -1);
        return;
      case '?':
        this.#repeat(start, 0, 1);
        return;
      case '{':
        this.#counted(start);
        return;
      default:
        this.#push(text(character));
    }
  }

  #take(): string {
    const character = this.#source.characters[this.#source.at] ?? '';
    this.#source.at += 1;
    return character;
  }

  #accept(character: string): boolean {
    if (this.#source.characters[this.#source.at] !== character) return false;
    this.#source.at += 1;
    return true;
  }

  #push(node: PatternNode): void {
    this.#branches.at(-1)?.push(node);
  }

  #counted(start: number): void {
    const source = this.#source;
    const min = this.#digits();
    const max = this.#accept(',') ? this.#digits() : min;
    // as in Python, what is no repetition is text; {,} and {,3} are repetitions
    if (!this.#accept('}') || source.at === start + 2) {
      source.at = start + 1;
      this.#push(text('{'));
      return;
    }
    const least = min === '' ? 0 : Number(min);
    const most = max === '' ? -1 : Number(max);
    if (most !== -1 && most < least)
      refuse(source, start, 'The least count of a repetition is above its most');
    this.#repeat(start, least, most);
  }

  #digits(): string {
    const { characters, at } = this.#source;
    while (isDigit(characters[this.#source.at])) this.#source.at += 1;
    return characters.slice(at, this.#source.at).join('');
  }

  #repeat(start: number, min: number, max: number): void {
    const branch = this.#branches.at(-1);
    const node = branch?.at(-1);
    if (branch === undefined || node === undefined || node.type === 'assertion') {
      refuse(this.#source, start, 'There is nothing to repeat');
    }
    if (node.type === 'repeat') refuse(this.#source, start, 'What is repeated already is repeated again');
    if (this.#accept('+')) refuse(this.#source, start, 'A possessive repetition is not supported');
    this.#accept('?'); // lazy: changes what is captured, not whether it matches
    const count = Math.max(1, max === -1 ? min : max);
    const weight = (this.#weights.get(node) ?? 1) * count;
    if (weight > MOST_REPEATS) {
      refuse(this.#source, start, `Repetitions that multiply to more than ${MOST_REPEATS} are not supported`);
    }
    const repeat: PatternNode = { type: 'repeat', min, max, node };
    this.#weights.set(repeat, weight);
    this.#sizes.set(repeat, (this.#sizes.get(node) ?? 1) * count + 1);
    branch[branch.length - 1] = repeat;
  }

  #closeGroup(start: number): void {
    const open = this.#open.pop();
    if (open === undefined) refuse(this.#source, start, 'A group is closed that was not opened');
    const node: PatternNode = { type: 'group', flags: open.flags, branches: this.#branches };
    let weight = 1;
    for (const branch of this.#branches) {
      for (const inner of branch) weight = Math.max(weight, this.#weights.get(inner) ?? 1);
    }
    this.#weights.set(node, weight);
    this.#sizes.set(node, this.#sizeOf(this.#branches));
    this.#flags = open.outer;
    this.#branches = open.branches;
    this.#push(node);
  }

  #openGroup(start: number): void {
    const flags = this.#accept('?') ? this.#groupKind(start) : this.#flags;
    if (flags === undefined) return; // flags for the whole pattern
    if (this.#open.length >= DEEPEST) refuse(this.#source, start, `More than ${DEEPEST} groups are nested`);
    this.#open.push({ start, outer: this.#flags, flags, branches: this.#branches });
    this.#flags = flags;
    this.#branches = [[]];
  }

  /** What stands after `(?`: the flags of the group; `undefined` for flags of the whole pattern. */
  #groupKind(start: number): Flags | undefined {
    const source = this.#source;
    const kind = this.#take();
    switch (kind) {
      case '':
        return refuse(source, start, 'The pattern ends inside of (?');
      case ':':
        return this.#flags;
      case 'P':
        this.#name(start);
        return this.#flags;
      case '#':
        return refuse(source, start, 'A comment, (?#...), is not supported');
      case '=':
      case '!':
        return refuse(source, start, `A look-ahead, (?${kind}...), is not supported`);
      case '>':
        return refuse(source, start, 'An atomic group, (?>...), is not supported');
      case '(':
        return refuse(source, start, 'A conditional group, (?(...)...), is not supported');
      case '<': {
        const next = this.#take();
        if (next === '=' || next === '!')
          refuse(source, start, `A look-behind, (?<${next}...), is not supported`);
        return refuse(source, start, 'Python knows no (?<...; a named group is written (?P<name>...)');
      }
      default:
        if (kind !== '-' && !isAsciiLetter(kind)) refuse(source, start, `Python knows no (?${kind}`);
        source.at -= 1;
        return this.#inlineFlags(start);
    }
  }

  #name(start: number): void {
    const source = this.#source;
    const next = this.#take();
    if (next === '=') refuse(source, start, 'A backreference, (?P=...), is not supported');
    if (next !== '<') refuse(source, start, `Python knows no (?P${next}`);
    const end = source.characters.indexOf('>', source.at);
    if (end === -1) refuse(source, source.at, 'The name of a group is not closed: > is missing');
    const name = source.characters.slice(source.at, end).join('');
    if (!/^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(name)) {
      refuse(source, source.at, `${JSON.stringify(name)} is no name for a group`);
    }
    if (this.#names.has(name)) refuse(source, source.at, `Two groups are named ${name}`);
    this.#names.add(name);
    source.at = end + 1;
  }

  #inlineFlags(start: number): Flags | undefined {
    const source = this.#source;
    const on = this.#flagLetters(start);
    const off = this.#accept('-') ? this.#flagLetters(start) : undefined;
    if (off?.size === 0) refuse(source, source.at, 'A flag is missing after -');
    const end = this.#take();
    if (end !== ':' && (end !== ')' || off !== undefined)) {
      refuse(source, source.at - 1, off === undefined ? 'One of - : ) is missing' : 'A : is missing');
    }
    const flags = { ...this.#flags };
    for (const flag of on) flags[flag] = true;
    for (const flag of off ?? []) {
      if (on.has(flag)) refuse(source, start, `The flag ${flag} is turned on and off`);
      flags[flag] = false;
    }
    if (end === ':') return flags;
    if (start !== this.#globalsUntil) refuse(source, start, 'Flags for the whole pattern stand at its start');
    this.#globalsUntil = source.at;
    this.#flags = flags;
    return undefined;
  }

  #flagLetters(start: number): Set<keyof Flags> {
    const source = this.#source;
    const flags = new Set<keyof Flags>();
    for (;;) {
      const flag = source.characters[source.at];
      if (flag === undefined || !isAsciiLetter(flag)) return flags;
      if (flag === 'i' || flag === 'm' || flag === 's') flags.add(flag);
      else if ('aLux'.includes(flag)) refuse(source, start, `The inline flag ${flag} is not supported`);
      else refuse(source, source.at, `Python knows no inline flag ${flag}`);
      source.at += 1;
    }
  }

  #set(start: number): PatternNode {
    const source = this.#source;
    const items: SetItem[] = [];
    const negated = this.#accept('^');
    for (;;) {
      const itemStart = source.at;
      const first = this.#setMember(start);
      if (first === ']' && items.length > 0) return { type: 'set', negated, items };
      const from = memberOf(first);
      if (!this.#accept('-')) {
        items.push(from);
        continue;
      }
      const second = this.#setMember(start);
      if (second === ']') {
        items.push(from, { from: 0x2d, to: 0x2d });
        return { type: 'set', negated, items };
      }
      const to = memberOf(second);
      if (typeof from === 'string' || typeof to === 'string' || to.from < from.from) {
        const range = source.characters.slice(itemStart, source.at).join('');
        refuse(source, itemStart, `${range} is no range of characters`);
      }
      items.push({ from: from.from, to: to.from });
    }
  }

  /** A character, or what an escape stands for. */
  #setMember(start: number): string | Exclude<SetItem, string> | { readonly class: CharacterClass } {
    const source = this.#source;
    if (source.at >= source.characters.length)
      refuse(source, start, 'A set of characters is not closed: ] is missing');
    const character = this.#take();
    if (character !== '\\') return character;
    const escape = readSetEscape(source, source.at - 1);
    return typeof escape === 'number' ? { from: escape, to: escape } : { class: escape };
  }
}

function memberOf(member: string | Exclude<SetItem, string> | { readonly class: CharacterClass }): SetItem {
  if (typeof member === 'string') {
    const code = member.codePointAt(0) ?? 0;
    return { from: code, to: code };
  }
  return 'class' in member ? member.class : member;
}

function text(character: string): PatternNode {
  return { type: 'text', code: character.codePointAt(0) ?? 0 };
}
