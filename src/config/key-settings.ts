/**
 * What Salt's configuration says of keys.
 */
import { SaltbusError } from '../errors.ts';
import { minionId } from './minion-id.ts';
import {
  boolOption,
  integerOption,
  isConfigured,
  optionalText,
  pathOption,
  placeBefore,
  textOption,
} from './options/read.ts';
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

/**
 * Reads the settings of a master.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense, and for a store of keys that is
 * none of directories (3008's `mmap_key`, a cluster's)
 */
export function masterKeySettings(config: SaltConfig): MasterKeySettings {
  refuseOtherStores(config);
  const bool = (name: string): boolean => boolOption(config, name).value;
  return {
    pkiDir: pathOption(config, 'pki_dir').value,
    cachedir: pathOption(config, 'cachedir').value,
    hashType: textOption(config, 'hash_type').value,
    user: isConfigured(config, 'user') ? optionalText(config, 'user') : undefined,
    masterId: masterId(config),
    keysize: integerOption(config, 'keysize').value,
    rotateAesKey: bool('rotate_aes_key'),
    autoAccept: bool('auto_accept'),
    openMode: bool('open_mode'),
    maxMinions: integerOption(config, 'max_minions').value,
    autosignFile: optionalText(config, 'autosign_file'),
    autorejectFile: optionalText(config, 'autoreject_file'),
    autosignGrainsDir: optionalText(config, 'autosign_grains_dir'),
    autosignTimeout: integerOption(config, 'autosign_timeout').value,
    permissivePkiAccess: bool('permissive_pki_access'),
    authEvents: bool('auth_events'),
  };
}

/**
 * Reads the settings of a minion.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense
 */
export function minionKeySettings(config: SaltConfig): MinionKeySettings {
  return {
    pkiDir: pathOption(config, 'pki_dir').value,
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
  const driver = textOption(config, 'keys.cache_driver');
  if (driver.value !== 'localfs_key') {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${placeBefore(driver)}the driver ${JSON.stringify(driver.value)} keeps keys elsewhere than in directories`,
      { next: 'Move the keys into the driver localfs_key, which is the default, or use salt-key.' },
    );
  }
  if (isConfigured(config, 'cluster_id')) {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `${placeBefore(config.values.get('cluster_id'))}the keys of a master cluster are not worked on`,
      { next: 'Use salt-key on a member of the cluster.' },
    );
  }
}
