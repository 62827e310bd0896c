/**
 * The settings of a master with what is written in them in other languages tried before it counts: patterns, rules and targets. What is
 * wrong is told with its file and line, at the start and when the configuration is read again.
 */
import { masterSettings, optionValue, placeBefore } from '../../config/index.ts';
import type { MasterSettings, SaltConfig } from '../../config/index.ts';
import { SaltbusError } from '../../errors.ts';
import { compileRegex } from '../../match/regex.ts';
import { compileTarget } from '../../target/index.ts';
import type { Nodegroups } from '../../target/index.ts';
import { compileIgnore } from './files/ignore.ts';
import { PublisherAcl } from './publisher-acl.ts';

/**
 * Reads the settings.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense, with the pattern or target as it is written
 */
export function checkedMasterSettings(config: SaltConfig): MasterSettings {
  const settings = masterSettings(config);
  for (const regex of settings.fileIgnoreRegexes) {
    tried(config, 'file_ignore_regex', `has ${JSON.stringify(regex)}`, () => {
      // first as it is written, which is how an error shows it
      compileRegex(regex);
      compileIgnore({ ignoreRegexes: [regex] });
    });
  }
  for (const [user, rules] of settings.publisherAcl) {
    tried(config, 'publisher_acl', `of ${JSON.stringify(user)}`, () => {
      new PublisherAcl({ allowed: new Map([[user, rules]]), refusedUsers: [], refusedFunctions: [] });
    });
  }
  const { users, modules } = settings.publisherAclBlacklist;
  tried(config, 'publisher_acl_blacklist', 'has a pattern that is none', () => {
    new PublisherAcl({ allowed: new Map(), refusedUsers: users, refusedFunctions: modules });
  });
  const nodegroups = withoutUnsupported(settings.nodegroups);
  for (const [name, group] of Object.entries(settings.nodegroups)) {
    tried(config, 'nodegroups', `has ${JSON.stringify(name)}: ${JSON.stringify(group)}`, () => {
      compileTarget({ tgt: name, tgtType: 'nodegroup' }, { nodegroups });
    });
  }
  return settings;
}

const OF_A_VALUE = new Set(['ERR_SALTBUS_PATTERN', 'ERR_SALTBUS_TARGET', 'ERR_SALTBUS_LIMIT']);

function tried(config: SaltConfig, option: string, what: string, attempt: () => void): void {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    const place = placeBefore(optionValue(config, option));
    const isOfValue = OF_A_VALUE.has(error.code);
    if (!isOfValue && error.code !== 'ERR_SALTBUS_CONFIG') throw error;
    // the rules name themselves
    const before = isOfValue ? `${place}${option} ${what}: ` : place;
    throw new SaltbusError('ERR_SALTBUS_CONFIG', `${before}${error.message}`, {
      cause: error,
      next: error.next,
    });
  }
}

// Ranges and resources are well formed to Salt: that they are not supported is told when such a group is used.
function withoutUnsupported(groups: Nodegroups): Nodegroups {
  const supported = Object.create(null) as Record<string, string | readonly string[]>;
  for (const [name, group] of Object.entries(groups)) {
    supported[name] =
      typeof group === 'string'
        ? group.replace(/(^|[\s(])[RT]@[^\s)]+/g, '$1*')
        : group.map((word) => (/^[RT]@./.test(word) ? '*' : word));
  }
  return supported;
}
