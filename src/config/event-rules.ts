/**
 * `saltbus.minion_event_acl`: who may fire which tags on the bus of a master.
 */
import type { SaltbusError } from '../errors.ts';
import { optionValue, unfit } from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';

/** A rule of `minion_event_acl`; the first one that fits decides. */
export interface EventRule {
  /** Globs of ids. */
  readonly minions: readonly string[];
  /** Globs of tags; `{id}` stands for the id of the minion. */
  readonly tags: readonly string[];
  readonly may: 'fire' | 'not-fire';
}

const NAME = 'saltbus.minion_event_acl';
const MOST_RULES = 1000;

/**
 * Reads the rules, in their order.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no rule
 */
export function eventRules(config: SaltConfig): readonly EventRule[] {
  const configured = optionValue(config, NAME);
  const { value } = configured;
  const wrong = (wanted: string): SaltbusError => unfit(configured, NAME, wanted);
  if (!Array.isArray(value) || value.length > MOST_RULES)
    throw wrong(`a list of at most ${MOST_RULES} maps with minions, tags, and may`);
  return (value as readonly unknown[]).map((rule) => {
    // a key that is misspelled would be a rule that says less than it seems to
    if (!(rule instanceof Map) || rule.size !== 3) throw wrong('a list of maps with minions, tags, and may');
    const fields = rule as ReadonlyMap<unknown, unknown>;
    const minions = texts(fields.get('minions'));
    const tags = texts(fields.get('tags'));
    const may = fields.get('may');
    if (minions === undefined || tags === undefined)
      throw wrong('a list of maps whose minions and tags are globs, as text or as a list of texts');
    if (may !== 'fire' && may !== 'not-fire') throw wrong("a list of maps whose may is 'fire' or 'not-fire'");
    return { minions, tags, may };
  });
}

function texts(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isGood = list.length > 0 && list.every((one): one is string => typeof one === 'string' && one !== '');
  return isGood ? list : undefined;
}
