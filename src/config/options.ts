/**
 * The options of Salt that decide where an event bus is and what it takes, with Salt's defaults: one table, read by
 * everything that asks for one of them. The defaults hold from Salt 2016.11 to 3008.5.
 */
import { SaltbusError } from '../errors.ts';
import type { Configured, ConfiguredValues, ConfigNode } from './configured.ts';

/** What a value has to be. */
export type OptionKind = 'text' | 'integer' | 'port' | 'any';

/** One option. */
export interface OptionEntry {
  readonly name: string;
  readonly kind: OptionKind;
  /** Salt's default. */
  readonly value: (node: ConfigNode) => unknown;
  /** Whose option it is. @defaultValue both */
  readonly only?: ConfigNode;
}

function both(name: string, kind: OptionKind, value: unknown): OptionEntry {
  return { name, kind, value: () => value };
}

function each(name: string, kind: OptionKind, value: (node: ConfigNode) => unknown): OptionEntry {
  return { name, kind, value };
}

function only(node: ConfigNode, name: string, kind: OptionKind, value: unknown): OptionEntry {
  return { name, kind, value: () => value, only: node };
}

const WINDOWS = process.platform === 'win32';

/** The table. An option without an entry has no default here. */
export const OPTIONS: readonly OptionEntry[] = [
  both('user', 'any', 'root'),
  both('root_dir', 'text', '/'),
  each('cachedir', 'text', (node) => `/var/cache/salt/${node}`),
  each('sock_dir', 'text', (node) => `/var/run/salt/${node}`),
  each('default_include', 'any', (node) => `${node}.d/*.conf`),
  both('include', 'any', []),
  both('hash_type', 'text', 'sha256'),
  both('ipc_mode', 'text', WINDOWS ? 'tcp' : 'ipc'),
  both('ipv6', 'any', null),
  both('max_event_size', 'integer', 1024 * 1024),
  only('minion', 'tcp_pub_port', 'port', 4510),
  only('minion', 'tcp_pull_port', 'port', 4511),
  only('master', 'tcp_master_pub_port', 'port', 4512),
  only('master', 'tcp_master_pull_port', 'port', 4513),
  only('minion', 'minion_id_caching', 'any', true),
  only('minion', 'minion_id_lowercase', 'any', false),
  only('minion', 'minion_id_remove_domain', 'any', false),
];

const BY_NAME: ReadonlyMap<string, OptionEntry> = new Map(OPTIONS.map((entry) => [entry.name, entry]));

/** The options that a node has, in the order of the table. */
export function optionsOf(node: ConfigNode): readonly OptionEntry[] {
  return OPTIONS.filter((entry) => entry.only === undefined || entry.only === node);
}

function entryOf(name: string): OptionEntry {
  const entry = BY_NAME.get(name);
  if (entry === undefined) throw new TypeError(`${name} is not in the table of options`);
  return entry;
}

/** Salt's default of an option of the table. */
export function optionDefault(name: string, node: ConfigNode): unknown {
  return entryOf(name).value(node);
}

/** The option of a node that names the port of one of its sockets with `ipc_mode: tcp`. */
export function portOption(node: ConfigNode, socket: 'pub' | 'pull'): string {
  return node === 'master' ? `tcp_master_${socket}_port` : `tcp_${socket}_port`;
}

/**
 * The value of an option that is text: as configured, or Salt's default.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no text
 */
export function textOption(config: ConfiguredValues, name: string): Configured<string> {
  return optionValue(config, name) as Configured<string>;
}

/**
 * The value of an option that is a whole number: as configured, or Salt's default.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what is no such number
 */
export function integerOption(config: ConfiguredValues, name: string): Configured<number> {
  return optionValue(config, name) as Configured<number>;
}

/**
 * The value of any option of the table: as configured, or Salt's default.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key of what makes no sense
 */
export function optionValue(config: ConfiguredValues, name: string): Configured {
  const entry = entryOf(name);
  const configured = config.values.get(name);
  if (configured?.value === undefined || configured.value === null) {
    return { value: entry.value(config.node), origin: { kind: 'default' } };
  }
  switch (entry.kind) {
    case 'text':
      return asText(configured, name);
    case 'integer':
      return asInteger(configured, name, Number.MAX_SAFE_INTEGER);
    case 'port':
      return asInteger(configured, name, 65535);
    case 'any':
      return configured;
  }
}

function asText(configured: Configured, name: string): Configured<string> {
  const { value, origin } = configured;
  if (typeof value !== 'string' || value === '') throw unfit(configured, name, 'text');
  return { value, origin };
}

function asInteger(configured: Configured, name: string, most: number): Configured<number> {
  const { value, origin } = configured;
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1 || number > most) {
    throw unfit(configured, name, `a whole number from 1 to ${most}`);
  }
  return { value: number, origin };
}

/** The error for an option with a value that does not fit. */
export function unfit({ value, origin }: Configured, name: string, wanted: string): SaltbusError {
  const place = origin.kind === 'file' ? `${origin.file}:${origin.line}: ` : '';
  return new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${place}${name} is ${JSON.stringify(value)}, and must be ${wanted}`,
  );
}
