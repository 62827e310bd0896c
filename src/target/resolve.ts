/**
 * Which of the minions that a master knows a job is for.
 */
import type { MinionFacts } from './fact-map.ts';
import type { Target } from './target.ts';

/** What became of each minion. */
export interface ResolvedTarget {
  /** Ids of those that match, in the order in which they were given. */
  readonly ids: readonly string[];
  /** Ids of those that were left out because their grains or pillar are not known; they may answer all the same. */
  readonly unknown: readonly string[];
  /** Ids that lists name and that are no minion here, each once, in the order of the lists. */
  readonly missing: readonly string[];
}

/**
 * Asks for each minion whether it is meant, in one pass.
 *
 * Minions whose grains or pillar decide and are not known are left out, as in Salt since 3006.26, 3007.15 and 3008.2.
 * Salt takes them in behind a `not`; here what is not known stays so.
 */
export function resolveTarget(target: Target, minions: Iterable<MinionFacts>): ResolvedTarget {
  const ids: string[] = [];
  const unknown: string[] = [];
  const missing = new Set<string>();
  for (const named of target.named) for (const id of named) missing.add(id);
  for (const minion of minions) {
    const answer = target.test(minion);
    if (answer === 'yes') ids.push(minion.id);
    else if (answer === 'unknown') unknown.push(minion.id);
    missing.delete(minion.id);
  }
  return { ids, unknown, missing: [...missing] };
}
