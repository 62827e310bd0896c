/**
 * Targets made by chance, the same in each run: parts of what is known of the minions, some of them altered.
 */
import { MINIONS } from './target-cases.ts';
import { pythonText } from '../../src/target/python-text.ts';
import type { TargetSpec } from '../../src/target/index.ts';

/** A generator of numbers (mulberry32), so that a failure can be seen again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** All the ways from the top of some data to what it holds. */
function paths(value: unknown): string[][] {
  if (value instanceof Map) {
    return [...(value as ReadonlyMap<unknown, unknown>)].flatMap(([key, item]) =>
      [[], ...paths(item)].map((rest) => [pythonText(key), ...rest]),
    );
  }
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) =>
      paths(item).flatMap((rest) => [
        rest,
        [String(index), ...rest],
        [String(index - value.length), ...rest],
      ]),
    );
  }
  return [[pythonText(value)]];
}

const GRAINS = MINIONS.flatMap(({ grains }) => paths(grains));
const PILLAR = MINIONS.flatMap(({ pillar }) => paths(pillar));
const ADDRESSES = [
  '10.0.0.5',
  '10.0.1.0',
  '10.255.255.255',
  '172.16.0.0',
  '192.168.0.0',
  '::1',
  'fe80::',
  '2001:db8::',
  'fd00::',
  '0.0.0.0',
  '::',
];

/** So many targets of all types that minions are asked with. */
export function generatedTargets(count: number): TargetSpec[] {
  const below = random(20_241_125);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;

  const altered = (text: string): string => {
    const at = below(text.length + 1);
    switch (below(8)) {
      case 0:
        return '*';
      case 1:
        return `${text.slice(0, at)}*`;
      case 2:
        return `*${text.slice(at)}`;
      case 3:
        return `${text.slice(0, at)}?${text.slice(at + 1)}`;
      case 4:
        return text.toUpperCase();
      default:
        return text;
    }
  };
  const regex = (text: string): string => {
    const plain = text.replace(/[^\p{L}\p{N} ]/gu, '.');
    const at = below(plain.length + 1);
    switch (below(6)) {
      case 0:
        return `${plain.slice(0, at)}.*`;
      case 1:
        return `.+${plain.slice(at)}$`;
      case 2:
        return `(?:x|${plain.slice(0, at)})`;
      case 3:
        return `${plain.slice(0, at)}[^0-9]`;
      case 4:
        return `${plain.slice(0, at)}|${plain}$`;
      default:
        return plain;
    }
  };
  const lookup = (from: readonly string[][], delimiter: string, last: (text: string) => string): string => {
    const path = [...pick(from)];
    const end = path.pop() ?? '';
    const middle = path.map((part) => (below(12) === 0 ? '*' : part));
    if (middle.length > 1 && below(10) === 0) middle.splice(below(middle.length), 1);
    // a lookup has two parts at the least
    if (middle.length === 0) middle.push('*');
    return [...middle, last(end)].join(delimiter);
  };
  const id = (): string => pick(MINIONS).id;
  const list = (): string => Array.from({ length: 1 + below(3) }, () => pick([id(), id(), 'gone'])).join(',');
  const address = (): string => {
    const base = pick(ADDRESSES);
    return below(2) === 0 ? base : `${base}/${below(base.includes(':') ? 129 : 33)}`;
  };
  const noSpace = (text: string): string => text.replace(/\s/g, '?');
  const word = (): string => {
    const delimiter = pick([':', ':', '%', '|', '@']);
    const sign = delimiter === ':' ? '' : delimiter;
    switch (below(8)) {
      case 0:
        return `G${sign}@${noSpace(lookup(GRAINS, delimiter, altered))}`;
      case 1:
        return `P${sign}@${noSpace(lookup(GRAINS, delimiter, regex))}`;
      case 2:
        return `I${sign}@${noSpace(lookup(PILLAR, delimiter, altered))}`;
      case 3:
        return `J${sign}@${noSpace(lookup(PILLAR, delimiter, regex))}`;
      case 4:
        return `L@${list()}`;
      case 5:
        return `E@${regex(id())}`;
      default:
        return altered(id());
    }
  };
  const expression = (depth: number): string => {
    const inner = depth > 0 && below(4) === 0 ? `( ${expression(depth - 1)} )` : word();
    const first = below(4) === 0 ? `not ${inner}` : inner;
    if (below(2) === 0) return first;
    // without a word between them, the second has to begin with not
    return below(6) === 0
      ? `${first} not ${word()}`
      : `${first} ${pick(['and', 'or', 'and not', 'or not'])} ${below(3) === 0 && depth > 0 ? `( ${expression(depth - 1)} )` : word()}`;
  };

  const make = (): TargetSpec => {
    const delimiter = pick([undefined, undefined, '|', '::']);
    const between = delimiter ?? ':';
    const given = delimiter === undefined ? {} : { delimiter };
    switch (below(12)) {
      case 0:
        return { tgt: altered(id()), tgtType: 'glob' };
      case 1:
        return { tgt: regex(id()), tgtType: 'pcre' };
      case 2:
        return { tgt: below(2) === 0 ? list() : list().split(','), tgtType: 'list' };
      case 3:
      case 4:
        return { tgt: lookup(GRAINS, between, altered), tgtType: 'grain', ...given };
      case 5:
        return { tgt: lookup(GRAINS, between, regex), tgtType: 'grain_pcre', ...given };
      case 6:
        return { tgt: lookup(PILLAR, between, altered), tgtType: 'pillar', ...given };
      case 7:
        return { tgt: lookup(PILLAR, ':', regex), tgtType: 'pillar_pcre' };
      case 8:
        return { tgt: lookup(PILLAR, ':', altered), tgtType: 'pillar_exact' };
      case 9:
        return { tgt: address(), tgtType: 'ipcidr' };
      default:
        return { tgt: expression(2), tgtType: 'compound' };
    }
  };
  return Array.from({ length: count }, make);
}
