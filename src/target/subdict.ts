/**
 * Looking for `key:subkey:pattern` in grains or pillar, as Salt's `subdict_match` does (the same in 3006.30, 3007.17 and
 * 3008.5).
 *
 * Where a value ends and a pattern begins is not said in the expression, so each delimiter is tried, from the last to
 * the first. What it finds can be a map (the pattern is a key, or goes on inside), a list (one of its members) or a
 * single value. All that is compared is text, in lower case, patterns too (so `\D` is `\d`: Salt's own mistake).
 */
import { typeSaltScalar } from '../config/yaml.ts';
import { compileGlob } from '../match/glob.ts';
import { compileAnchoredRegex } from '../match/regex.ts';
import { hasText, isEmpty, isMap, itemsOf, otherEntry, textEntry } from './fact-map.ts';
import type { FactMap } from './fact-map.ts';
import { pythonText } from './python-text.ts';

/** How the text of a value is compared. */
export type SubdictMode = 'glob' | 'regex' | 'exact';

/** What is found: `unknown` when it was given up because the data is too large for such an expression. */
export type Answer = 'yes' | 'no' | 'unknown';

// Nested stars make the walk grow with a power of the depth, and grains are what a minion says they are.
const MOST_STEPS = 100_000;

// Inside of what was found Salt goes on with this one, whatever the delimiter of the expression is.
const INNER_DELIMITER = ':';
const ANY_KEY = '*:';

const NONE = Symbol('no such entry');

type TextTest = (text: string) => boolean;

/** A compiled expression. */
export class SubdictMatcher {
  readonly #expression: string;
  readonly #delimiter: string;
  readonly #mode: SubdictMode;
  // keyed by what is left of the expression, of which there are as many as it has delimiters
  readonly #tests = new Map<string, TextTest>();
  readonly #parts = new Map<string, readonly string[]>();
  readonly #typed = new Map<string, unknown>();
  #steps = 0;

  constructor(expression: string, delimiter: string, mode: SubdictMode) {
    this.#expression = expression;
    this.#delimiter = delimiter;
    this.#mode = mode;
  }

  /** Looks in the data of one minion. */
  test(data: FactMap): Answer {
    this.#steps = 0;
    const found = this.#search(data, this.#expression, this.#delimiter);
    if (this.#steps > MOST_STEPS) return 'unknown';
    return found ? 'yes' : 'no';
  }

  #search(data: unknown, expression: string, delimiter: string): boolean {
    const parts = this.#partsOf(expression, delimiter);
    for (let count = parts.length - 1; count > 0; count -= 1) {
      if (this.#tooMuch(count)) return true;
      const isAnyKey = count === 1 && parts[0] === '*';
      const rest = isAnyKey ? expression : parts.slice(count).join(delimiter);
      const found = isAnyKey ? data : this.#walk(data, parts, count);
      if (found === NONE || (isMap(found) && isEmpty(found))) continue;
      if (this.#matchFound(found, rest)) return true;
    }
    return false;
  }

  #matchFound(found: unknown, pattern: string): boolean {
    if (isMap(found)) return this.#matchMap(found, pattern);
    if (!Array.isArray(found)) return this.#matchText(found, pattern);
    for (const member of found as readonly unknown[]) {
      if (isMap(member) && this.#matchMap(member, pattern)) return true;
      if (this.#matchText(member, pattern)) return true;
    }
    return false;
  }

  #matchMap(map: FactMap, whole: string): boolean {
    const isAnyKey = whole.startsWith(ANY_KEY);
    const pattern = isAnyKey ? whole.slice(ANY_KEY.length) : whole;
    if (pattern === '*' || hasText(map, pattern)) return true;
    for (const [key] of itemsOf(map)) if (this.#matchText(key, pattern)) return true;
    if (this.#search(map, pattern, INNER_DELIMITER)) return true;
    return isAnyKey && this.#matchValues(map, pattern);
  }

  /** One of the values of a map; here a list is looked at for its texts only. */
  #matchValues(map: FactMap, pattern: string): boolean {
    for (const [, value] of itemsOf(map)) {
      if (isMap(value)) {
        if (this.#matchMap(value, pattern)) return true;
      } else if (Array.isArray(value)) {
        for (const member of value as readonly unknown[]) if (this.#matchText(member, pattern)) return true;
      } else if (this.#matchText(value, pattern)) return true;
    }
    return false;
  }

  #matchText(value: unknown, pattern: string): boolean {
    if (this.#tooMuch(1)) return true;
    const text = pythonText(value).toLowerCase();
    if (this.#tooMuch(text.length >> 5)) return true;
    let test = this.#tests.get(pattern);
    if (test === undefined) this.#tests.set(pattern, (test = compileText(pattern, this.#mode)));
    return test(text);
  }

  /** Follows the first parts of an expression through maps and lists. */
  #walk(data: unknown, parts: readonly string[], count: number): unknown {
    let at = data;
    for (let index = 0; index < count; index += 1) {
      const part = parts[index] ?? '';
      if (Array.isArray(at)) at = this.#inList(at as readonly unknown[], part);
      else if (isMap(at)) at = this.#inMap(at, part);
      else return NONE;
      if (at === NONE) return NONE;
    }
    return at;
  }

  #inMap(map: FactMap, part: string): unknown {
    const value = textEntry(map, part);
    if (value !== undefined) return value;
    const key = this.#typedKey(part);
    if (key === part) return NONE;
    const other = typeof key === 'string' ? textEntry(map, key) : otherEntry(map, key);
    return other === undefined ? NONE : other;
  }

  #inList(list: readonly unknown[], part: string): unknown {
    const isIndex = /^\s*[-+]?\d+(?:_\d+)*\s*$/.test(part);
    const index = isIndex ? Number(part.replaceAll('_', '')) : 0;
    for (const member of list) {
      if (this.#tooMuch(1)) return NONE;
      if (!isMap(member)) continue;
      const value = isIndex ? otherEntry(member, index) : textEntry(member, part);
      if (value !== undefined) return value;
    }
    if (!isIndex) return NONE;
    const member = list.at(index);
    return member === undefined ? NONE : member;
  }

  /** A part as YAML reads it, which is how a key that is no text can be named. */
  #typedKey(part: string): unknown {
    let key = this.#typed.get(part);
    if (key === undefined) {
      // a list or map is never a key, and needs no parser
      key = /^\s*[[{]/.test(part) ? part : typeSaltScalar(part);
      this.#typed.set(part, key);
    }
    return key;
  }

  #partsOf(expression: string, delimiter: string): readonly string[] {
    if (delimiter !== INNER_DELIMITER) return expression.split(delimiter);
    let parts = this.#parts.get(expression);
    if (parts === undefined) this.#parts.set(expression, (parts = expression.split(delimiter)));
    return parts;
  }

  /** Whether it is given up; a search then says that it found something, which ends it everywhere at once. */
  #tooMuch(steps: number): boolean {
    this.#steps += steps;
    return this.#steps > MOST_STEPS;
  }
}

function compileText(pattern: string, mode: SubdictMode): TextTest {
  const lower = pattern.toLowerCase();
  switch (mode) {
    case 'exact':
      return (text) => text === lower;
    case 'glob':
      return compileGlob(lower).test;
    case 'regex':
      try {
        return compileAnchoredRegex(lower);
      } catch {
        // the part of an expression behind one of its delimiters need not be a whole pattern
        return () => false;
      }
  }
}
