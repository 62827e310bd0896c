/**
 * Where the event bus of a configuration is.
 */
import { join, resolve } from 'node:path';
import { minionId } from './minion-id.ts';
import type { Configured, ConfigNode } from './configured.ts';
import { boolOption, integerOption, pathOption, textOption } from './options/read.ts';
import { portName } from './options/table.ts';
import type { SaltConfig } from './salt-config.ts';
import { idHash, masterSockets, minionHashes, minionSockets } from './sockets.ts';
import type { SocketPaths } from './sockets.ts';

/** Said outright, over what the configuration says. */
export interface BusOverrides {
  readonly sockDir?: string;
  readonly id?: string;
  readonly hashType?: string;
}

/** Where a bus is. */
export interface BusAddress {
  readonly node: ConfigNode;
  readonly address:
    | ({ readonly kind: 'unix' } & SocketPaths)
    | { readonly kind: 'tcp'; readonly host: string; readonly pubPort: number; readonly pullPort: number };
  /** The directory of the sockets, after every rule was applied. */
  readonly sockDir: Configured<string>;
  /** The minion's id; `undefined` for a master, or when a single socket in the directory was taken for want of a better. */
  readonly id: Configured<string> | undefined;
  readonly hashType: Configured<string>;
  readonly ipcMode: Configured<string>;
  /** In bytes. */
  readonly maxEventSize: Configured<number>;
}

// Salt gives up a sock_dir that is so much longer than cachedir, to keep below the limit of socket paths (2014.1 to 3008.5).
const LONGER_BY = 10;

/**
 * Finds the address.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense
 */
export function busAddress(config: SaltConfig, overrides: BusOverrides = {}): BusAddress {
  const { node } = config;
  const ipcMode = textOption(config, 'ipc_mode');
  const hashType =
    overrides.hashType === undefined
      ? textOption(config, 'hash_type')
      : flag(overrides.hashType, '--hash-type');
  const sockDir = sockDirOf(config, overrides);
  const common = {
    node,
    sockDir,
    hashType,
    ipcMode,
    maxEventSize: integerOption(config, 'max_event_size'),
  };
  if (ipcMode.value === 'tcp' && overrides.sockDir === undefined) {
    return { ...common, id: undefined, address: tcpAddress(config) };
  }
  if (node === 'master')
    return { ...common, id: undefined, address: { kind: 'unix', ...masterSockets(sockDir.value) } };
  return { ...common, ...minionAddress(config, overrides, sockDir.value, hashType.value) };
}

function minionAddress(
  config: SaltConfig,
  overrides: BusOverrides,
  sockDir: string,
  hashType: string,
): Pick<BusAddress, 'id' | 'address'> {
  const there = minionHashes(config.system.list(sockDir));
  const [only] = there;
  const at = (hash: string): BusAddress['address'] => ({ kind: 'unix', ...minionSockets(sockDir, hash) });
  if (overrides.id !== undefined) {
    return { id: flag(overrides.id, '--id'), address: at(idHash(overrides.id, hashType)) };
  }
  let id: Configured<string>;
  try {
    id = minionId(config);
  } catch (error) {
    // Only Salt could tell the id; a single socket tells as much.
    if (there.length === 1 && only !== undefined) return { id: undefined, address: at(only) };
    throw error;
  }
  const hash = idHash(id.value, hashType);
  // An id that is configured is meant; one that was guessed gives way to the only socket that is there.
  if (
    !there.includes(hash) &&
    there.length === 1 &&
    only !== undefined &&
    config.values.get('id') === undefined
  ) {
    return { id: undefined, address: at(only) };
  }
  return { id, address: at(hash) };
}

function sockDirOf(config: SaltConfig, overrides: BusOverrides): Configured<string> {
  if (overrides.sockDir !== undefined) return flag(resolve(overrides.sockDir), '--sock-dir');
  const cachedir = pathOption(config, 'cachedir');
  const sockDir = pathOption(config, 'sock_dir');
  if (sockDir.value.length > cachedir.value.length + LONGER_BY) {
    return {
      value: join(cachedir.value, '.salt-unix'),
      origin: sockDir.origin,
      note: `${sockDir.value} is more than ${LONGER_BY} characters longer than cachedir, and Salt then uses .salt-unix below cachedir`,
    };
  }
  return sockDir;
}

// Bound to 127.0.0.1; with ipv6 to ::1 in 3007.15 and later, and in 3008.
function tcpAddress(config: SaltConfig): BusAddress['address'] {
  const { node } = config;
  return {
    kind: 'tcp',
    host: boolOption(config, 'ipv6').value ? '::1' : '127.0.0.1',
    pubPort: integerOption(config, portName(node, 'pub')).value,
    pullPort: integerOption(config, portName(node, 'pull')).value,
  };
}

function flag(value: string, name: string): Configured<string> {
  return { value, origin: { kind: 'flag', name } };
}
