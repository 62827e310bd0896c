/**
 * Which masters a minion's configuration names, read as Salt reads it (3006.30, 3007.17, 3008.5).
 */
import { networkInterfaces } from 'node:os';
import { SaltbusError } from '../errors.ts';
import type { Configured } from './configured.ts';
import { unfit } from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';

/** The request port of a master. */
export interface MasterAddress {
  readonly host: string;
  readonly port: number;
  /** The address to connect from. */
  readonly localAddress?: string;
}

/** The masters of a minion, in the order of its configuration. */
export interface Masters {
  /** `each`: all of them are the minion's at once; `first`: one at a time, the first that takes it. */
  readonly use: 'each' | 'first';
  readonly addresses: readonly MasterAddress[];
}

const DEFAULT_MASTER = 'salt';
const DEFAULT_PORT = 4506;
const MOST_MASTERS = 64;

/**
 * Reads `master`, `master_port`, `master_type`, `master_uri_format`, `source_address` and `source_interface_name`.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key, and for a minion that has no master
 */
export function mastersOf(config: SaltConfig): Masters {
  refuseMasterless(config);
  const type = textOf(config, 'master_type') ?? 'str';
  const use = USES.get(type);
  if (use === undefined) throw unusableType(config, type);
  const port = portOf(config);
  const localAddress = sourceAddress(config);
  const names = masterNames(config);
  const isAddressOnly = textOf(config, 'master_uri_format') === 'ip_only';
  return {
    use,
    addresses: names.map((name) => ({
      ...(isAddressOnly ? { host: name, port } : parseMaster(name, port, config)),
      ...(localAddress === undefined ? {} : { localAddress }),
    })),
  };
}

// `distributed` says which of the list comes first, so that minions spread; for one event any is as good.
const USES: ReadonlyMap<string, Masters['use']> = new Map([
  ['str', 'each'],
  ['failover', 'first'],
  ['distributed', 'first'],
]);

function unusableType(config: SaltConfig, type: string): SaltbusError {
  const place = placeOf(config.values.get('master_type'));
  if (type === 'disable') {
    return new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${place}master_type is disable: this minion has no master`,
      {
        next: 'Name the master of the minion in its configuration.',
      },
    );
  }
  if (type === 'func') {
    return new SaltbusError('ERR_SALTBUS_CONFIG', `${place}master_type is func, which Salt alone can run`, {
      next: 'Name the master in a configuration of its own, and say where that is with -c.',
    });
  }
  return new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${place}master_type is ${JSON.stringify(type)}, and must be str, failover or distributed`,
  );
}

// Salt's event.fire_master does nothing then, and says so in a log only.
function refuseMasterless(config: SaltConfig): void {
  if (config.values.get('use_master_when_local')?.value === true) return;
  const local = config.values.get('file_client');
  if (local?.value !== 'local') return;
  throw new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${placeOf(local)}file_client is local: this minion works without a master`,
    { next: 'Set use_master_when_local, or fire on the local bus.' },
  );
}

function masterNames(config: SaltConfig): readonly string[] {
  const configured = config.values.get('master');
  if (configured?.value === undefined || configured.value === null) return [DEFAULT_MASTER];
  const { value } = configured;
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (names.length === 0 || names.length > MOST_MASTERS || !names.every(isName)) {
    throw unfit(configured, 'master', `a name or address, or a list of 1 to ${MOST_MASTERS} of them`);
  }
  return names;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

const BRACKETED = /^\[([\da-fA-F:.]+(?:%[\w.-]+)?)\](?::(\d{1,5}))?$/;
const BARE_IPV6 = /^[\da-fA-F.]*:[\da-fA-F.]*:[\da-fA-F:.]*(?:%[\w.-]+)?$/;
const NAMED = /^([\w.-]{1,255})(?::(\d{1,5}))?$/;

/** Reads `host`, `host:port`, `[v6]:port`, `[v6]` or a bare IPv6 address. */
function parseMaster(text: string, defaultPort: number, config: SaltConfig): MasterAddress {
  if (BARE_IPV6.test(text)) return { host: text, port: defaultPort };
  const [, host, portText] = BRACKETED.exec(text) ?? NAMED.exec(text) ?? [];
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${placeOf(config.values.get('master'))}master is ${JSON.stringify(text)}, which is no address`,
      { next: 'Write it as host, host:port, an IPv6 address, or [IPv6 address]:port.' },
    );
  }
  return { host, port };
}

function portOf(config: SaltConfig): number {
  const configured = config.values.get('master_port');
  if (configured?.value === undefined || configured.value === null) return DEFAULT_PORT;
  const { value } = configured;
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw unfit(configured, 'master_port', 'a whole number from 1 to 65535');
  }
  return port;
}

// `source_ret_port` is left alone: the daemon of the same host holds it.
function sourceAddress(config: SaltConfig): string | undefined {
  const name = textOf(config, 'source_interface_name');
  if (name === undefined) return textOf(config, 'source_address');
  const wantsIpv6 = config.values.get('ipv6')?.value === true;
  // as Salt: the first address of the interface, and an interface that is not there is passed over
  return networkInterfaces()[name]?.find(({ family }) => (family === 'IPv6') === wantsIpv6)?.address;
}

function textOf(config: SaltConfig, key: string): string | undefined {
  const configured = config.values.get(key);
  if (configured?.value === undefined || configured.value === null || configured.value === '')
    return undefined;
  if (typeof configured.value !== 'string') throw unfit(configured, key, 'text');
  return configured.value;
}

function placeOf(configured: Configured | undefined): string {
  const origin = configured?.origin;
  return origin?.kind === 'file' ? `${origin.file}:${origin.line}: ` : '';
}
