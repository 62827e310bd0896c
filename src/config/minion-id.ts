/**
 * The id of a minion, as Salt finds it (2014.7 to 3008.5): configured, cached in a file, or guessed from the host's names.
 */
import { join } from 'node:path';
import { isMinionId } from '../codec/load/names.ts';
import { SaltbusError } from '../errors.ts';
import { DEFAULT_CONFIG_DIR } from './salt-config.ts';
import type { Configured } from './configured.ts';
import { boolOption, optionalText, optionValue, textOption } from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';
import type { SystemFacts } from './system-facts.ts';

/**
 * Finds the id. Nothing is written: Salt alone caches what it has guessed.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` when only running a Salt module could tell (`id_function`)
 */
export function minionId(config: SaltConfig): Configured<string> {
  const configured = config.values.get('id');
  const given = configured?.value;
  if (
    configured !== undefined &&
    given !== undefined &&
    given !== null &&
    given !== '' &&
    given !== false &&
    given !== 0
  ) {
    const text = idText(configured);
    return { value: withDomain(config, text), origin: configured.origin };
  }
  const cached = cachedId(config);
  if (cached !== undefined) return { ...cached, value: withDomain(config, cached.value) };
  const byFunction = optionValue(config, 'id_function');
  if (byFunction.value !== null) {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${placeOf(byFunction)}: id_function can be run by Salt only`,
      {
        next: 'Say the id of the minion with --id.',
      },
    );
  }
  const guessed = adjusted(config, guessedId(config.system));
  return {
    value: isAddress(guessed) ? guessed : withDomain(config, guessed),
    origin: { kind: 'derived', from: 'the names of this host' },
  };
}

/**
 * As {@link minionId}, for a daemon or a client that signs in with it.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` also for an id in a file that can be the id of no minion
 */
export function signInId(config: SaltConfig): string {
  const configured = minionId(config);
  const { value, origin } = configured;
  const isFit: boolean = isMinionId(value);
  if (isFit || origin.kind !== 'file') return value;
  throw new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${placeOf(configured)}: id is ${JSON.stringify(value.slice(0, 64))}, which can be no id of a minion`,
    {
      next: 'An id has no slash, backslash or control character, does not begin with a dot, and has at most 255 bytes.',
    },
  );
}

// Salt turns numbers into text, and Python writes booleans with a capital.
function idText(configured: Configured): string {
  const { value } = configured;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return value.toString();
  if (value === true) return 'True';
  throw new SaltbusError('ERR_SALTBUS_CONFIG', `${placeOf(configured)}: id is neither text nor a number`, {
    next: 'Write the id of the minion as one word.',
  });
}

function placeOf({ origin }: Configured): string {
  return origin.kind === 'file' ? `${origin.file}:${origin.line}` : 'the configuration';
}

// Salt looks below root_dir and in its own configuration directory, whatever -c says.
function cachedId(config: SaltConfig): Configured<string> | undefined {
  if (!boolOption(config, 'minion_id_caching').value) return undefined;
  const file = join(textOption(config, 'root_dir').value, DEFAULT_CONFIG_DIR, 'minion_id');
  let text: string | undefined;
  try {
    text = config.system.readFile(file);
  } catch {
    return undefined;
  }
  const id =
    (text ?? '')
      .split('\n')[0]
      ?.trim()
      .replace(/^\ufeff/, '') ?? '';
  return id === '' || id === 'localhost' ? undefined : { value: id, origin: { kind: 'file', file, line: 1 } };
}

function adjusted(config: SaltConfig, id: string): string {
  const lower = boolOption(config, 'minion_id_lowercase').value ? id.toLowerCase() : id;
  const remove = optionValue(config, 'minion_id_remove_domain').value;
  if (remove === true) return lower.split('.')[0] ?? lower;
  if (typeof remove === 'string' && lower.toUpperCase().endsWith(`.${remove.toUpperCase()}`)) {
    return lower.slice(0, -(remove.length + 1));
  }
  return lower;
}

function withDomain(config: SaltConfig, id: string): string {
  const domain = optionalText(config, 'append_domain');
  if (domain === undefined || id.endsWith(domain)) return id;
  return `${id}.${domain}`;
}

const LOCAL = [
  /^localhost.*/,
  /^ip6-.*/,
  /^127[.]\d/,
  /^0\.0\.0\.0/,
  /^::1.*/,
  /^ipv6-.*/,
  /^fe00::.*/,
  /^fe02::.*/,
  /^1.0.0.*.ip6.arpa/,
];

// The first good name of: the full name of the host, its name, and what the files below say of it. Salt may also ask
// DNS for the full name; that is not done here, and a socket that is there tells more than a guess (see bus-address).
function guessedId(system: SystemFacts): string {
  const candidates = [fullName(system), system.hostname];
  for (const file of ['/etc/hostname', '/etc/nodename', '/etc/hosts']) {
    for (const words of hostsLines(system, file)) {
      const [first = ''] = words;
      if (first.startsWith('127.') || first.startsWith('::1') || words.length === 1)
        candidates.push(...words);
    }
  }
  return candidates.find((name) => name !== '' && !LOCAL.some((local) => local.test(name))) ?? 'localhost';
}

function hostsLines(system: SystemFacts, file: string): string[][] {
  let text: string | undefined;
  try {
    text = system.readFile(file);
  } catch {
    return [];
  }
  return (text ?? '')
    .split('\n')
    .map((line) => (line.split('#')[0] ?? '').trim().split(/\s+/))
    .filter((words) => words[0] !== '');
}

// Python's getfqdn: of the names in the hosts file's line for this host, the first one with a dot.
function fullName(system: SystemFacts): string {
  for (const [address, ...names] of hostsLines(system, '/etc/hosts')) {
    if (address !== undefined && names.includes(system.hostname)) {
      return names.find((name) => name.includes('.')) ?? names[0] ?? system.hostname;
    }
  }
  return system.hostname;
}

function isAddress(id: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(id);
}
