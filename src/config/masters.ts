/**
 * Which masters a minion's configuration names and where it connects from, read as Salt reads it (3006.30, 3007.17, 3008.5).
 */
import { isIPv6 } from 'node:net';
import { SaltbusError } from '../errors.ts';
import {
  boolOption,
  enumOption,
  integerOption,
  listOption,
  optionalText,
  placeBefore,
  unfit,
} from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';

/** The request port of a master. */
export interface MasterAddress {
  readonly host: string;
  readonly port: number;
}

/** The masters of a minion, in the order of its configuration. */
export interface Masters {
  /** `each`: all of them are the minion's at once; `first`: one at a time, the first that takes it. */
  readonly use: 'each' | 'first';
  readonly addresses: readonly MasterAddress[];
  /** The address to connect from. */
  readonly localAddress: string | undefined;
}

const MOST_MASTERS = 64;

/**
 * Reads `master`, `master_port`, `master_type`, `source_address` and `source_interface_name` for a program that sends to the masters
 * of a minion.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key, and for a minion that has no master
 */
export function mastersOf(config: SaltConfig): Masters {
  refuseMasterless(config);
  // `distributed` says which of the list comes first, so that minions spread; for one event any is as good
  const type = enumOption(config, 'master_type', ['str', 'failover', 'distributed']).value;
  return {
    use: type === 'str' ? 'each' : 'first',
    addresses: masterAddresses(config),
    localAddress: sourceAddress(config),
  };
}

// Salt's event.fire_master does nothing then, and says so in a log only.
function refuseMasterless(config: SaltConfig): void {
  if (config.values.get('use_master_when_local')?.value === true) return;
  const local = config.values.get('file_client');
  if (local?.value !== 'local') return;
  throw new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${placeBefore(local)}file_client is local: this minion works without a master`,
    { next: 'Set use_master_when_local, or fire on the local bus.' },
  );
}

/**
 * The masters that the configuration names, in its order.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key
 */
export function masterAddresses(config: SaltConfig): readonly MasterAddress[] {
  const configured = listOption(config, 'master');
  const port = integerOption(config, 'master_port').value;
  const names = configured.value;
  if (names.length === 0 || names.length > MOST_MASTERS)
    throw unfit(configured, 'master', `a name or address, or a list of 1 to ${MOST_MASTERS} of them`);
  return names.map((text) => {
    const address = parseMaster(text, port);
    if (address !== undefined) return address;
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${placeBefore(configured)}master holds ${JSON.stringify(text)}, which is no name or address with or without a port`,
      { next: 'Write it as salt.example.com, salt.example.com:4506, 192.0.2.1 or [2001:db8::1]:4506.' },
    );
  });
}

const BRACKETED = /^\[([\da-fA-F:.]+(?:%[\w.-]+)?)\](?::(\d{1,5}))?$/;
const NAMED = /^([\w.-]{1,255})(?::(\d{1,5}))?$/;

/** A master as it is written: a name or address, with a port behind a colon where one is meant; IPv6 with a port in brackets. */
export function parseMaster(text: string, defaultPort: number): MasterAddress | undefined {
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const [, host, portText] = BRACKETED.exec(text) ?? NAMED.exec(text) ?? [];
  if (host === undefined || (text.startsWith('[') && !isIPv6(host))) return undefined;
  const port = portText === undefined ? defaultPort : Number(portText);
  return port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/**
 * The address to connect from: the first of the interface that is named, of the family that `ipv6` says, else the one that is
 * configured. Salt passes over an interface that is not there, with a line in its log.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` for an interface that has no address
 */
export function sourceAddress(config: SaltConfig): string | undefined {
  const name = optionalText(config, 'source_interface_name');
  if (name === undefined) return optionalText(config, 'source_address');
  const own = config.system.addresses?.(name) ?? [];
  const wantsIpv6 = boolOption(config, 'ipv6').value;
  const chosen = own.find((each) => isIPv6(each) === wantsIpv6) ?? own[0];
  if (chosen !== undefined) return chosen;
  throw new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${placeBefore(config.values.get('source_interface_name'))}source_interface_name is ${JSON.stringify(name)}, and no such interface has an address`,
    { next: 'Name an interface of this host, or set source_address.' },
  );
}
