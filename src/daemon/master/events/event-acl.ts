/**
 * Which tags a minion may fire: Salt's deny-list, rules of the operator (`minion_event_acl`), and a default policy.
 *
 * The default lets a minion fire whatever is not Salt's own, and of `salt/` only what a minion fires by itself and under
 * its own id.
 */
import type { EventRule } from '../../../config/index.ts';
import { deniedBy } from '../../../dialect/tag-rules.ts';
import { compileGlob } from '../../../match/glob.ts';
import { parseTag } from '../../../tag.ts';
import type { RefusalReason } from '../load.ts';

/** Why a tag is refused; `undefined` when it may be fired. */
export type EventAcl = (
  id: string,
  tag: string,
) => Extract<RefusalReason, 'denied' | 'acl' | 'foreign-id'> | undefined;

/**
 * Compiles rules. Salt's deny-list comes before them and cannot be lifted; the default policy decides what none fits.
 */
export function compileEventAcl(rules: readonly EventRule[] = []): EventAcl {
  const compiled = rules.map(compileRule);
  return (id, tag) => {
    if (deniedBy(tag) !== undefined) return 'denied';
    for (const rule of compiled) {
      const may = rule(id, tag);
      if (may !== undefined) return may === 'fire' ? undefined : 'acl';
    }
    return defaultPolicy(id, tag);
  };
}

type Verdict = EventRule['may'] | undefined;

function compileRule({ minions, tags, may }: EventRule): (id: string, tag: string) => Verdict {
  const ids = minions.map((glob) => compileGlob(glob).test);
  const fixed = tags.filter((glob) => !glob.includes('{id}')).map((glob) => compileGlob(glob).test);
  const own = ownTags(tags.filter((glob) => glob.includes('{id}')));
  return (id, tag) =>
    ids.some((test) => test(id)) && (fixed.some((test) => test(tag)) || own(id).some((test) => test(tag)))
      ? may
      : undefined;
}

const MOST_IDS_KEPT = 10_000;

/** Compiles globs that hold an id, once for each id. */
function ownTags(globs: readonly string[]): (id: string) => readonly ((tag: string) => boolean)[] {
  const none: readonly ((tag: string) => boolean)[] = [];
  if (globs.length === 0) return () => none;
  const kept = new Map<string, readonly ((tag: string) => boolean)[]>();
  return (id) => {
    let tests = kept.get(id);
    if (tests === undefined) {
      const literal = id.replace(/[[*?]/g, '[$&]');
      tests = globs.map((glob) => compileGlob(glob.replaceAll('{id}', () => literal)).test);
      if (kept.size >= MOST_IDS_KEPT) kept.clear();
      kept.set(id, tests);
    }
    return tests;
  };
}

// What begins so belongs to Salt or to our master; all that is not let through below is refused.
const GUARDED = /^(?:salt|saltbus|minion\/refresh|resource\/refresh|syndic|cluster)(?:\/|$)/;

/**
 * The default: allow-list below the guarded prefixes, everything outside of them but what only a master fires.
 *
 * A master's own words outside of `salt/` are guarded as well: a bare jid adds minions to those that the command line
 * waits for, `key` makes a real master change its keys.
 */
function defaultPolicy(id: string, tag: string): 'acl' | 'foreign-id' | undefined {
  if (!GUARDED.test(tag)) return isMasterWord(tag) ? 'acl' : undefined;
  const parts = tag.split('/');
  const owner = ownerOf(parts);
  if (owner === undefined) return 'acl';
  return owner === ANYBODY || owner === id ? undefined : 'foreign-id';
}

const ANYBODY = Symbol('anybody');

/** Whose id a tag has to hold: the id that stands in it, nobody's, or `undefined` when no minion fires such a tag. */
function ownerOf(parts: readonly string[]): string | typeof ANYBODY | undefined {
  const [space, area, first, second, third] = parts;
  if (space === 'syndic') return parts.length > 2 ? area : undefined;
  if (space !== 'salt') return undefined;
  switch (area) {
    case 'minion':
    case 'beacon':
      return parts.length > 3 ? first : undefined;
    // engines run on minions too, and have no id in their tags
    case 'engine':
    case 'engines':
      return parts.length > 2 ? ANYBODY : undefined;
    case 'state_result':
      return parts.length > 4 ? second : undefined;
    case 'job':
      // start: Salt 3008, on request; prog has the number of the state behind the id
      if ((second === 'ret' || second === 'start') && parts.length === 5) return third;
      return second === 'prog' && parts.length === 6 ? third : undefined;
    default:
      return undefined;
  }
}

function isMasterWord(tag: string): boolean {
  const { kind } = parseTag(tag);
  return (
    kind === 'key-rotation' ||
    kind === 'job-minions' ||
    kind === 'legacy-job-new' ||
    kind === 'legacy-syndic-start'
  );
}
