/**
 * Every value that is in effect for a node, and where it comes from: Salt's options that saltbus uses, what follows from
 * them, and whatever else the files set.
 */
import { SaltbusError } from '../errors.ts';
import { busAddress } from './bus-address.ts';
import type { BusAddress, BusOverrides } from './bus-address.ts';
import type { Configured, Origin } from './configured.ts';
import { minionId } from './minion-id.ts';
import { settingFaults } from './options/own-settings.ts';
import { optionValue } from './options/read.ts';
import { optionsOf } from './options/table.ts';
import type { SaltConfig } from './salt-config.ts';
import { withoutSecrets } from './secrets.ts';

/** One value that is in effect. Secrets are masked. */
export interface EffectiveValue {
  readonly name: string;
  readonly value: unknown;
  readonly origin: Origin;
  /** What was done to the value on the way, where that is not plain to see. */
  readonly note?: string;
}

/** All of it, and what of it makes no sense. */
export interface EffectiveConfig {
  readonly values: readonly EffectiveValue[];
  /** Why single values could not be told; file and line are in the message. */
  readonly errors: readonly SaltbusError[];
}

/** Tells every value in effect: the main file first, then the options of the table, what follows from them, and the rest of the files. */
export function effectiveConfig(config: SaltConfig, overrides: BusOverrides = {}): EffectiveConfig {
  const values = new Map<string, EffectiveValue>();
  const errors = new Map<string, SaltbusError>();
  const add = (name: string, { value, origin, note }: Configured): void => {
    const shown = withoutSecrets(name, value);
    values.set(name, { name, value: shown, origin, ...(note === undefined ? {} : { note }) });
  };
  const attempt = (tell: () => void): void => {
    try {
      tell();
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      errors.set(error.message, error);
    }
  };
  add('conf_file', { value: config.mainFile, origin: config.mainFileOrigin });
  if (config.node === 'minion') attempt(() => add('id', idOf(config, overrides)));
  const known = optionsOf(config.node).flatMap(({ name, ruled }) => (ruled === true ? [] : [name]));
  for (const name of known) attempt(() => add(name, optionValue(config, name)));
  attempt(() => addDerived(busAddress(config, overrides), add));
  for (const error of settingFaults(config)) errors.set(error.message, error);
  // One of the table that is not among the values by now makes no sense, and is among the errors.
  for (const [name, value] of config.values) if (!values.has(name) && !known.includes(name)) add(name, value);
  return { values: [...values.values()], errors: [...errors.values()] };
}

type Add = (name: string, value: Configured) => void;

function idOf(config: SaltConfig, { id }: BusOverrides): Configured<string> {
  return id === undefined ? minionId(config) : { value: id, origin: { kind: 'flag', name: '--id' } };
}

// The names of what is derived are ours: Salt has no option for them.
function addDerived({ node, address, sockDir, hashType, ipcMode, id }: BusAddress, add: Add): void {
  add('hash_type', hashType);
  add('ipc_mode', ipcMode);
  if (address.kind === 'tcp') {
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    add('pub_socket', derived(`${host}:${address.pubPort}`, 'ipc_mode and the ports'));
    add('pull_socket', derived(`${host}:${address.pullPort}`, 'ipc_mode and the ports'));
    return;
  }
  add('sock_dir', sockDir);
  let from = 'sock_dir';
  if (node === 'minion') {
    from =
      id === undefined
        ? 'sock_dir, where a single minion has its sockets; the id says another name'
        : 'sock_dir, id and hash_type';
  }
  add('pub_socket', derived(address.pub, from));
  add('pull_socket', derived(address.pull, from));
}

function derived(value: string, from: string): Configured<string> {
  return { value, origin: { kind: 'derived', from } };
}

/** Where a value comes from, as a person reads it: `/etc/salt/minion:3`, `default`, `SALT_CONFIG_DIR in the environment`. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${origin.file}:${origin.line}`;
    case 'env':
      return `${origin.name} in the environment`;
    case 'flag':
      return origin.name;
    case 'derived':
      return `from ${origin.from}`;
  }
}
