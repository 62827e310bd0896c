/**
 * Node groups: names for compound targets, from the configuration of the one who publishes.
 *
 * To Salt (3006.30, 3007.17, 3008.5) a group that holds no other is put in as it is, so that `not N@g` with the group
 * `a or b` means `not a or b`. Here a group is always one operand; what is published has the parentheses, so that real
 * minions answer the same.
 */
import { refuse, shown, TARGET_LIMITS } from './limits.ts';
import { OPERATORS, splitWords } from './words.ts';

/** Names of groups, each with a compound expression, as text or as its words. */
export type Nodegroups = Readonly<Record<string, string | readonly string[]>>;

/**
 * Expands the groups that words name.
 * @throws SaltbusError `ERR_SALTBUS_TARGET` for a group that is not known, holds itself, or grows too large
 */
export function expandNodegroups(words: readonly string[], groups: Nodegroups): readonly string[] {
  if (!words.some(isGroup)) return words;
  const expanded: string[] = [];
  expandInto(expanded, words, groups, []);
  return expanded;
}

/** Whether a word names a group. */
export function isGroup(word: string): boolean {
  return word.length > 2 && word.startsWith('N@');
}

function expandInto(
  expanded: string[],
  words: readonly string[],
  groups: Nodegroups,
  path: readonly string[],
): void {
  for (const word of words) {
    if (expanded.length >= TARGET_LIMITS.words) {
      refuse(`With its node groups expanded, the target has more than ${TARGET_LIMITS.words} words`);
    }
    if (!isGroup(word)) {
      expanded.push(word);
      continue;
    }
    const name = word.slice(2);
    if (path.includes(name))
      refuse(`The node group ${shown(name)} holds itself: ${[...path, name].join(' > ')}`);
    if (path.length >= TARGET_LIMITS.depth) refuse('The node groups are nested too deep');
    expanded.push('(');
    expandInto(expanded, definitionOf(name, groups), groups, [...path, name]);
    expanded.push(')');
  }
}

function definitionOf(name: string, groups: Nodegroups): readonly string[] {
  const definition = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (definition === undefined) {
    refuse(
      `There is no node group ${shown(name)}`,
      'Look at nodegroups in the configuration of the one who publishes.',
    );
  }
  const words = typeof definition === 'string' ? splitWords(definition) : definition;
  if (words.length === 0) refuse(`The node group ${shown(name)} is empty`);
  const isPlain = words.every((word) => !OPERATORS.has(word) && !word.includes('*') && !/^[A-Z]@/.test(word));
  if (!isPlain) return words;
  // mere names are a list, unless one looks like a regular expression
  return [`${words.some((word) => /[([{\\?}\])]/.test(word)) ? 'E' : 'L'}@${words.join(',')}`];
}
