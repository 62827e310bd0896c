/**
 * What Salt's configuration says of keys.
 */
import { SaltbusError } from '../errors.ts';
import { belowRoot } from './bus-address.ts';
import type { Configured } from './configured.ts';
import { minionId } from './minion-id.ts';
import { textOption, unfit } from './options.ts';
import type { SaltConfig } from './salt-config.ts';

/** What a master's configuration says of keys, with Salt's defaults (3006.30, 3007.17, 3008.5). */
export interface MasterKeySettings {
  readonly pkiDir: string;
  readonly cachedir: string;
  readonly hashType: string;
  /** The user of the master; `undefined`: whoever starts it. */
  readonly user: string | undefined;
  /** The master's id, with the `_master` that Salt adds to one that is not configured. */
  readonly masterId: string;
  /** Bits of a key that is made. */
  readonly keysize: number;
  readonly rotateAesKey: boolean;
  readonly autoAccept: boolean;
  readonly openMode: boolean;
  /** Most minions that may be connected; 0: any number. */
  readonly maxMinions: number;
  readonly autosignFile: string | undefined;
  readonly autorejectFile: string | undefined;
  readonly autosignGrainsDir: string | undefined;
  /** Minutes that a stub in `minions_autosign` counts; 0: for ever. */
  readonly autosignTimeout: number;
  readonly permissivePkiAccess: boolean;
  readonly authEvents: boolean;
}

/** What a minion's configuration says of keys. */
export interface MinionKeySettings {
  readonly pkiDir: string;
  readonly hashType: string;
}

const PKI_DIR = { master: '/etc/salt/pki/master', minion: '/etc/salt/pki/minion' };
const LEAST_BITS = 2048;
const MOST_BITS = 32_768;

/**
 * Reads the settings of a master.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense, and for a store of keys that is
 * none of directories (3008's `mmap_key`, a cluster's)
 */
export function masterKeySettings(config: SaltConfig): MasterKeySettings {
  refuseOtherStores(config);
  const path = (key: string): string | undefined => {
    const configured = optionalText(config, key);
    return configured === undefined ? undefined : belowRoot(config, text(config, key, '')).value;
  };
  return {
    pkiDir: belowRoot(config, text(config, 'pki_dir', PKI_DIR.master)).value,
    cachedir: belowRoot(config, textOption(config, 'cachedir')).value,
    hashType: textOption(config, 'hash_type').value,
    user: optionalText(config, 'user'),
    masterId: masterId(config),
    keysize: whole(config, 'keysize', LEAST_BITS, LEAST_BITS, MOST_BITS),
    rotateAesKey: bool(config, 'rotate_aes_key', true),
    autoAccept: bool(config, 'auto_accept', false),
    openMode: bool(config, 'open_mode', false),
    maxMinions: whole(config, 'max_minions', 0),
    autosignFile: path('autosign_file'),
    autorejectFile: path('autoreject_file'),
    autosignGrainsDir: path('autosign_grains_dir'),
    autosignTimeout: whole(config, 'autosign_timeout', 120),
    permissivePkiAccess: bool(config, 'permissive_pki_access', false),
    authEvents: bool(config, 'auth_events', true),
  };
}

/**
 * Reads the settings of a minion.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense
 */
export function minionKeySettings(config: SaltConfig): MinionKeySettings {
  return {
    pkiDir: belowRoot(config, text(config, 'pki_dir', PKI_DIR.minion)).value,
    hashType: textOption(config, 'hash_type').value,
  };
}

// A guessed id gets a suffix, so that a minion on the same host has another one (all releases).
function masterId(config: SaltConfig): string {
  const id = config.values.get('id')?.value;
  const guessed = id === undefined || id === null || id === '' || id === false || id === 0;
  return guessed ? `${minionId(config).value}_master` : minionId(config).value;
}

function refuseOtherStores(config: SaltConfig): void {
  const driver = config.values.get('keys.cache_driver');
  if (driver?.value !== undefined && driver.value !== null && driver.value !== 'localfs_key') {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${place(config, 'keys.cache_driver')}the driver ${JSON.stringify(driver.value)} keeps keys elsewhere than in directories`,
      { next: 'Move the keys into the driver localfs_key, which is the default, or use salt-key.' },
    );
  }
  const cluster = config.values.get('cluster_id')?.value;
  if (cluster !== undefined && cluster !== null) {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${place(config, 'cluster_id')}the keys of a master cluster are not worked on`,
      { next: 'Use salt-key on a member of the cluster.' },
    );
  }
}

function place(config: SaltConfig, key: string): string {
  const origin = config.values.get(key)?.origin;
  return origin?.kind === 'file' ? `${origin.file}:${origin.line}: ` : '';
}

function text(config: SaltConfig, key: string, fallback: string): Configured<string> {
  const configured = config.values.get(key);
  if (configured?.value === undefined || configured.value === null) {
    return { value: fallback, origin: { kind: 'default' } };
  }
  const { value, origin } = configured;
  if (typeof value !== 'string' || value === '') throw unfit(configured, key, 'text');
  return { value, origin };
}

function optionalText(config: SaltConfig, key: string): string | undefined {
  const value = config.values.get(key)?.value;
  if (value === undefined || value === null || value === '') return undefined;
  return text(config, key, '').value;
}

function bool(config: SaltConfig, key: string, fallback: boolean): boolean {
  const configured = config.values.get(key);
  if (configured?.value === undefined || configured.value === null) return fallback;
  if (typeof configured.value !== 'boolean') throw unfit(configured, key, 'True or False');
  return configured.value;
}

function whole(
  config: SaltConfig,
  key: string,
  fallback: number,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const configured = config.values.get(key);
  if (configured?.value === undefined || configured.value === null) return fallback;
  const { value } = configured;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw unfit(configured, key, `a whole number from ${least} to ${most}`);
  }
  return value;
}
