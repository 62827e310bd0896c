/**
 * Reads options: the value as configured, or Salt's default. What does not fit is an error with file, line and key.
 */
import { isAbsolute, join, normalize, resolve } from 'node:path';
import { SaltbusError } from '../../errors.ts';
import type { Configured, ConfiguredValues } from '../configured.ts';
import { withoutSecrets } from '../secrets.ts';
import type { OptionEntry, OptionShape } from './entry.ts';
import { configuredOf, entryOf } from './table.ts';

/**
 * The value of any option of the table: as configured, or Salt's default. Paths are below `root_dir`, and one text in the place
 * of a list is a list.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what makes no sense
 */
export function optionValue(config: ConfiguredValues, name: string): Configured {
  return fitted(config, entryOf(name, config.node));
}

/** Whether a file sets the option. */
export function isConfigured(config: ConfiguredValues, name: string): boolean {
  return configuredOf(config, entryOf(name, config.node)) !== undefined;
}

function fitted(config: ConfiguredValues, entry: OptionEntry): Configured {
  const configured = configuredOf(config, entry) ?? {
    value: entry.value(config.node),
    origin: { kind: 'default' } as const,
  };
  if (configured.value === null) return configured;
  switch (entry.kind) {
    case 'text':
      return asText(configured, entry);
    case 'path':
      return belowRoot(config, asText(configured, entry));
    case 'integer':
      return asInteger(configured, entry, entry.least, entry.most);
    case 'port':
      return asInteger(configured, entry, 1, 65_535);
    case 'bool':
      return asBool(configured, entry);
    case 'seconds':
      return asSeconds(configured, entry);
    case 'list':
      return asList(configured, entry);
    case 'enum':
      return asChoice(configured, entry, entry.choices);
    case 'map':
      return asMap(configured, entry);
    case 'any':
      return configured;
  }
}

// Each reader is for the kinds that it names; another one is a mistake of whoever asks.
function read(config: ConfiguredValues, name: string, kinds: readonly OptionShape['kind'][]): Configured {
  const entry = entryOf(name, config.node);
  if (!kinds.includes(entry.kind)) throw new TypeError(`${name} is of the kind ${entry.kind}`);
  return fitted(config, entry);
}

function present(config: ConfiguredValues, name: string, kinds: readonly OptionShape['kind'][]): Configured {
  const configured = read(config, name, kinds);
  if (configured.value === null) throw new TypeError(`${name} has no default`);
  return configured;
}

/**
 * The value of an option that is text, or one of several words.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no text
 */
export function textOption(config: ConfiguredValues, name: string): Configured<string> {
  return present(config, name, ['text', 'enum']) as Configured<string>;
}

/**
 * As {@link textOption}, for an option that need not be set.
 * @returns the text, or `undefined` where there is none
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no text
 */
export function optionalText(config: ConfiguredValues, name: string): string | undefined {
  const { value } = read(config, name, ['text', 'path', 'enum']);
  return value === null || value === '' ? undefined : (value as string);
}

/**
 * The value of an option that is a path, below `root_dir`.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no text
 */
export function pathOption(config: ConfiguredValues, name: string): Configured<string> {
  return present(config, name, ['path']) as Configured<string>;
}

/**
 * The value of an option that is a whole number.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no such number
 */
export function integerOption(config: ConfiguredValues, name: string): Configured<number> {
  return present(config, name, ['integer', 'port']) as Configured<number>;
}

/**
 * As {@link integerOption}, for an option that need not be set.
 * @returns the number, or `undefined` where there is none
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no such number
 */
export function optionalInteger(config: ConfiguredValues, name: string): number | undefined {
  const { value } = read(config, name, ['integer', 'port']);
  return value === null ? undefined : (value as number);
}

/**
 * The value of an option that is `True` or `False`; not set is `False`.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is neither
 */
export function boolOption(config: ConfiguredValues, name: string): Configured<boolean> {
  const configured = read(config, name, ['bool']);
  return { ...configured, value: configured.value === true };
}

/**
 * The value of an option that is a time, in seconds; fractions are allowed.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no number from 0
 */
export function secondsOption(config: ConfiguredValues, name: string): Configured<number> {
  return present(config, name, ['seconds']) as Configured<number>;
}

/**
 * The value of an option that is a list of texts; one text alone is a list of one.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no such list
 */
export function listOption(config: ConfiguredValues, name: string): Configured<readonly string[]> {
  return present(config, name, ['list']) as Configured<readonly string[]>;
}

/**
 * The value of an option that is one of several words, of which `supported` are taken here.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of another word
 */
export function enumOption<Choice extends string>(
  config: ConfiguredValues,
  name: string,
  supported: readonly Choice[],
): Configured<Choice> {
  return asChoice(
    present(config, name, ['enum']),
    entryOf(name, config.node),
    supported,
  ) as Configured<Choice>;
}

/**
 * The value of an option that is a map.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no map
 */
export function mapOption(config: ConfiguredValues, name: string): Configured<ReadonlyMap<unknown, unknown>> {
  return present(config, name, ['map']) as Configured<ReadonlyMap<unknown, unknown>>;
}

/** Puts root_dir before a path, as Salt does with every path that is not below it already. */
export function belowRoot(config: ConfiguredValues, path: Configured<string>): Configured<string> {
  const root = textOption(config, 'root_dir').value;
  const rootDir = trimmed(normalize(isAbsolute(root) ? root : resolve(root)));
  const { value, origin } = path;
  if (value === rootDir || value.startsWith(rootDir === '/' ? '/' : `${rootDir}/`)) {
    return { value: trimmed(value), origin };
  }
  return {
    value: trimmed(join(rootDir, value)),
    origin,
    note: `root_dir ${rootDir} was put before ${value}`,
  };
}

function trimmed(path: string): string {
  return path.replace(/(.)\/+$/, '$1');
}

function asText(configured: Configured, entry: OptionEntry): Configured<string> {
  const { value, origin } = configured;
  if (typeof value !== 'string' || (value === '' && origin.kind !== 'default')) {
    throw unfit(configured, entry.name, 'text');
  }
  return { value, origin };
}

function asInteger(
  configured: Configured,
  entry: OptionEntry,
  least: number,
  most: number,
): Configured<number> {
  const { value, origin } = configured;
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < least || number > most) {
    throw unfit(configured, entry.name, `a whole number from ${least} to ${most}`);
  }
  return { value: number, origin };
}

function asSeconds(configured: Configured, entry: OptionEntry): Configured<number> {
  const { value, origin } = configured;
  const number = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0 || number > MOST_SECONDS) {
    throw unfit(configured, entry.name, `a number of seconds from 0 to ${MOST_SECONDS}`);
  }
  return { value: number, origin };
}

// Node's timers end at 2^31 milliseconds, and take what is longer for one millisecond.
const MOST_SECONDS = 2_147_483;

function asBool(configured: Configured, entry: OptionEntry): Configured<boolean> {
  const { value, origin } = configured;
  if (typeof value !== 'boolean') throw unfit(configured, entry.name, 'True or False');
  return { value, origin };
}

function asList(configured: Configured, entry: OptionEntry): Configured<readonly string[]> {
  const { value, origin } = configured;
  if (value === '') return { value: [], origin };
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!items.every((item): item is string => typeof item === 'string' && item !== '')) {
    throw unfit(configured, entry.name, 'text, or a list of texts');
  }
  return { value: items, origin };
}

function asChoice(
  configured: Configured,
  entry: OptionEntry,
  choices: readonly string[],
): Configured<string> {
  const { value, origin } = configured;
  // Salt takes the names of levels in any case.
  const word = typeof value === 'string' && entry.name.startsWith('log_level') ? value.toLowerCase() : value;
  if (typeof word !== 'string' || !choices.includes(word)) {
    throw unfit(configured, entry.name, alternatives(choices));
  }
  return { value: word, origin };
}

function alternatives(choices: readonly string[]): string {
  const last = choices.at(-1) ?? '';
  return choices.length < 2 ? last : `${choices.slice(0, -1).join(', ')} or ${last}`;
}

function asMap(configured: Configured, entry: OptionEntry): Configured<ReadonlyMap<unknown, unknown>> {
  const { value, origin } = configured;
  if (!(value instanceof Map)) throw unfit(configured, entry.name, 'a map');
  return { value: value as ReadonlyMap<unknown, unknown>, origin };
}

/** Where a value stands, to be put before an error: `/etc/salt/minion:3: `, or nothing for a default. */
export function placeBefore(configured: Configured | undefined): string {
  const origin = configured?.origin;
  return origin?.kind === 'file' ? `${origin.file}:${origin.line}: ` : '';
}

/** The error for an option with a value that does not fit. */
export function unfit(configured: Configured, name: string, wanted: string): SaltbusError {
  const shown = withoutSecrets(name, configured.value);
  return new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${placeBefore(configured)}${name} is ${shownValue(shown)}, and must be ${wanted}`,
  );
}

const MOST_SHOWN = 100;

// JSON knows neither maps nor large integers, and a long value says no more than its beginning.
function shownValue(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof Map) return Object.fromEntries(inner as ReadonlyMap<string, unknown>);
    return typeof inner === 'bigint' || (typeof inner === 'number' && !Number.isFinite(inner))
      ? String(inner)
      : inner;
  });
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}
