/**
 * The escapes of Python's `re` for text, inside and outside of sets.
 */
import { SaltbusError } from '../errors.ts';

/** A class of characters: digits, white space, word characters, and what is none. */
export type CharacterClass = 'd' | 'D' | 's' | 'S' | 'w' | 'W';

/** What matches no character but a place. */
export type Assertion = 'line-start' | 'line-end' | 'text-start' | 'text-end' | 'boundary' | 'no-boundary';

/** A pattern while it is read. */
export interface PatternSource {
  readonly pattern: string;
  readonly characters: readonly string[];
  /** The next character. */
  at: number;
}

/** What an escape stands for, as a part of a pattern. */
export type EscapeNode =
  | { readonly type: 'text'; readonly code: number }
  | { readonly type: 'set'; readonly negated: false; readonly items: readonly [CharacterClass] }
  | { readonly type: 'assertion'; readonly what: Assertion };

const SHOWN = 1000;

function shortened(pattern: string): string {
  return pattern.length <= SHOWN ? pattern : `${pattern.slice(0, SHOWN)}...`;
}

/** Says what is wrong with a pattern, and where. */
export function refuse(source: PatternSource, position: number, what: string): never {
  throw new SaltbusError(
    'ERR_SALTBUS_PATTERN',
    `${what} (at position ${position} of ${JSON.stringify(shortened(source.pattern))})`,
    { next: 'Reword the pattern; docs/matching.md says what a regular expression can hold.' },
  );
}

/** Whether a character is one of a-z and A-Z. */
export function isAsciiLetter(character: string): boolean {
  return /^[A-Za-z]$/.test(character);
}

/** Whether a character is one of 0-9. */
export function isDigit(character: string | undefined): boolean {
  return character !== undefined && character.length === 1 && character >= '0' && character <= '9';
}

function isOctal(character: string | undefined): boolean {
  return character !== undefined && isDigit(character) && character < '8';
}

const ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ['A', 'text-start'],
  ['Z', 'text-end'],
  ['b', 'boundary'],
  ['B', 'no-boundary'],
]);

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 0x07],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['v', 0x0b],
]);

const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

function isClass(letter: string): letter is CharacterClass {
  return letter.length === 1 && 'dDsSwW'.includes(letter);
}

/**
 * Reads an escape outside of a set; the backslash at `start` is read already.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN`
 */
export function readEscape(source: PatternSource, start: number): EscapeNode {
  const letter = takeLetter(source, start);
  const assertion = ASSERTIONS.get(letter);
  if (assertion !== undefined) return { type: 'assertion', what: assertion };
  if (isClass(letter)) return { type: 'set', negated: false, items: [letter] };
  if (isDigit(letter) && letter !== '0' && !isLongOctal(source, letter)) {
    refuse(source, start, `A backreference, \\${letter}, is not supported`);
  }
  return { type: 'text', code: readCode(source, start, letter) };
}

/**
 * Reads an escape inside of a set: a class, or the code point of a character.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN`
 */
export function readSetEscape(source: PatternSource, start: number): CharacterClass | number {
  const letter = takeLetter(source, start);
  if (isClass(letter)) return letter;
  return letter === 'b' ? 0x08 : readCode(source, start, letter);
}

function takeLetter(source: PatternSource, start: number): string {
  const letter = source.characters[source.at];
  if (letter === undefined) refuse(source, start, 'The pattern ends with a backslash');
  source.at += 1;
  return letter;
}

/** Outside of a set, what begins with another digit than 0 is a character if it is three octal digits. */
function isLongOctal(source: PatternSource, first: string): boolean {
  return isOctal(first) && isOctal(source.characters[source.at]) && isOctal(source.characters[source.at + 1]);
}

function readCode(source: PatternSource, start: number, letter: string): number {
  const control = CONTROLS.get(letter);
  if (control !== undefined) return control;
  const hexDigits = HEX_DIGITS.get(letter);
  if (hexDigits !== undefined) return readHex(source, start, hexDigits);
  if (letter === 'N') return refuse(source, start, 'A character by its name, \\N{...}, is not supported');
  if (isOctal(letter)) return readOctal(source, start, letter);
  if (isAsciiLetter(letter) || isDigit(letter))
    return refuse(source, start, `Python knows no escape \\${letter}`);
  return letter.codePointAt(0) ?? 0;
}

function readHex(source: PatternSource, start: number, count: number): number {
  const digits = source.characters.slice(source.at, source.at + count).join('');
  if (!/^[0-9A-Fa-f]*$/.test(digits) || digits.length < count) {
    refuse(source, start, `An escape lacks some of its ${count} hexadecimal digits`);
  }
  source.at += count;
  const code = Number.parseInt(digits, 16);
  return code <= 0x10ffff ? code : refuse(source, start, 'An escape is beyond the last character, 10FFFF');
}

function readOctal(source: PatternSource, start: number, first: string): number {
  let digits = first;
  for (let count = 1; count < 3; count += 1) {
    const next = source.characters[source.at];
    if (next === undefined || !isOctal(next)) break;
    digits += next;
    source.at += 1;
  }
  const code = Number.parseInt(digits, 8);
  return code <= 0o377 ? code : refuse(source, start, `The octal escape \\${digits} is above \\377`);
}
