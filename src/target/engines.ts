/**
 * The ways to say which minions are meant that stand alone; each becomes a test of one minion.
 */
import { compileGlob } from '../match/glob.ts';
import { compileAnchoredRegex } from '../match/regex.ts';
import type { FactMap, MinionFacts } from './fact-map.ts';
import { isMap, textEntry } from './fact-map.ts';
import { contains, parseIpAddress, parseIpNetwork, writeIpAddress } from './ip-network.ts';
import { checkLimit, refuse, shown } from './limits.ts';
import { SubdictMatcher } from './subdict.ts';
import type { Answer, SubdictMode } from './subdict.ts';

/** What a test has to know of a minion besides its id. */
export type FactName = 'grains' | 'pillar';

/** A test of one minion, and what it needs. */
export interface Engine {
  readonly test: (minion: MinionFacts) => Answer;
  readonly needs: FactName | undefined;
  /** The ids that a list names. */
  readonly named?: ReadonlySet<string>;
}

function onId(test: (id: string) => boolean): Engine {
  return { test: ({ id }) => (test(id) ? 'yes' : 'no'), needs: undefined };
}

function checkPattern(text: string, what: string): void {
  if (text === '') refuse(`${what} is empty`);
  checkLimit(text.length, 'pattern', `${what} ${shown(text)}`);
  if (!text.isWellFormed()) refuse(`${what} ${shown(text)} holds half a surrogate pair`);
}

/** A glob of the id; case matters. */
export function globEngine(glob: string): Engine {
  checkPattern(glob, 'The glob');
  return onId(compileGlob(glob).test);
}

/** A regular expression that the id begins with. */
export function regexEngine(pattern: string): Engine {
  checkPattern(pattern, 'The regular expression');
  return onId(compileAnchoredRegex(pattern));
}

/** An id as it is. */
export function idEngine(id: string): Engine {
  checkPattern(id, 'The id');
  return onId((other) => other === id);
}

/** Ids, in an array or in text with commas and no spaces. */
export function listEngine(list: string | readonly string[]): Engine {
  if (typeof list === 'string') checkLimit(list.length, 'characters', 'The list');
  const members = typeof list === 'string' ? list.split(',') : list;
  checkLimit(members.length, 'members', 'The list');
  const named = new Set(members.filter((member) => member !== ''));
  if (named.size === 0) refuse('The list names no minion');
  return { ...onId((id) => named.has(id)), named };
}

// Python knows these, and an engine that cannot backtrack does not.
const LOOKS_BACK = /\(\?(?:[=!]|<[=!]|p=)|\\[1-9]/i;

/** A lookup in grains or pillar, such as `os:Deb*`. */
export function lookupEngine(
  expression: string,
  delimiter: string,
  needs: FactName,
  mode: SubdictMode,
): Engine {
  checkPattern(expression, 'The lookup');
  if (delimiter === '') refuse('The delimiter is empty');
  const parts = expression.split(delimiter);
  checkLimit(parts.length, 'parts', `The lookup ${shown(expression)}`);
  if (parts.length === 1) {
    refuse(
      `The lookup ${shown(expression)} holds no ${shown(delimiter)} between a key and a value`,
      `Write it as key${delimiter}value.`,
    );
  }
  if (mode === 'regex') checkRegexes(expression, parts, delimiter);
  const matcher = new SubdictMatcher(expression, delimiter, mode);
  return {
    needs,
    test: (minion) => {
      const data: FactMap | undefined = minion[needs];
      return data === undefined ? 'unknown' : matcher.test(data);
    },
  };
}

/** Where the pattern begins is not known before there is data, so one of the possible ones has to be good. */
function checkRegexes(expression: string, parts: readonly string[], delimiter: string): void {
  let first: unknown;
  for (let index = 1; index < parts.length; index += 1) {
    const pattern = parts.slice(index).join(delimiter);
    if (pattern === '*') return; // any value of a map, to Salt
    try {
      compileAnchoredRegex(pattern.toLowerCase());
      return;
    } catch (error) {
      first ??= error;
      if (LOOKS_BACK.test(expression)) break;
    }
  }
  throw first;
}

/** An address, or a network, among the grains `ipv4` or `ipv6`. */
export function addressEngine(text: string): Engine {
  checkPattern(text, 'The address');
  const address = parseIpAddress(text);
  const network = address === undefined ? parseIpNetwork(text) : undefined;
  const written = address === undefined ? undefined : writeIpAddress(address);
  const version = address?.version ?? network?.version;
  if (version === undefined) {
    refuse(
      `${shown(text)} is no address and no network`,
      'Write it as 10.0.0.0/8 or fd00::/8, with no bit set beyond the mask.',
    );
  }
  return {
    needs: 'grains',
    test: ({ grains }) => {
      if (grains === undefined) return 'unknown';
      const value = isMap(grains) ? textEntry(grains, `ipv${version}`) : undefined;
      const addresses: readonly unknown[] = Array.isArray(value) ? (value as unknown[]) : [value];
      for (const item of addresses) {
        if (typeof item !== 'string') continue;
        // one address is compared as text, as Salt does: the grain holds it as Python writes it
        if (item === written) return 'yes';
        const other = network === undefined ? undefined : parseIpAddress(item);
        if (network !== undefined && other !== undefined && contains(network, other)) return 'yes';
      }
      return 'no';
    },
  };
}
