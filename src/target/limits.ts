/**
 * How large a target may be, and the one way to say that something is wrong with it.
 */
import { SaltbusError } from '../errors.ts';

/**
 * What is limited: ids of a list; characters of a list or a compound, which can hold lists; characters of one pattern (a
 * glob, a regular expression, a lookup); words of a compound with its node groups expanded; parentheses, and node groups,
 * within each other; parts of a lookup in grains or pillar.
 */
type Limit = 'members' | 'characters' | 'pattern' | 'words' | 'depth' | 'parts';

/** The most of each that a target can hold; beyond, it is refused. */
export const TARGET_LIMITS: Readonly<Record<Limit, number>> = {
  members: 100_000,
  characters: 4 * 1024 * 1024,
  pattern: 8192,
  words: 10_000,
  depth: 64,
  // real ones have up to a dozen, and each costs a walk through the data
  parts: 64,
};

/** Says what is wrong with a target. */
export function refuse(message: string, next?: string): never {
  throw new SaltbusError('ERR_SALTBUS_TARGET', message, next === undefined ? {} : { next });
}

/** A piece of a target for a message, cut where it is long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Refuses more than a limit allows. */
export function checkLimit(count: number, limit: Limit, what: string): void {
  if (count > TARGET_LIMITS[limit]) {
    refuse(
      `${what} has ${count} ${limit === 'pattern' ? 'characters' : limit}; the limit is ${TARGET_LIMITS[limit]}`,
    );
  }
}
