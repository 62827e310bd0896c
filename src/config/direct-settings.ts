/**
 * What a program that signs in to the masters of this host's minion has to know of its configuration.
 */
import { join } from 'node:path';
import { SaltbusError } from '../errors.ts';
import { minionKeySettings } from './key-settings.ts';
import { mastersOf } from './masters.ts';
import type { Masters } from './masters.ts';
import { signInId } from './minion-id.ts';
import { boolOption, enumOption, integerOption, isConfigured, optionalText } from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';

/** Read from a minion's configuration, with Salt's defaults (3006.30, 3007.17, 3008.5). */
export interface DirectSettings {
  readonly id: string;
  readonly masters: Masters;
  /** The key pair of the minion; it signs in with this. */
  readonly privateKeyFile: string;
  /** The key of the master that is trusted. */
  readonly masterKeyFile: string;
  /** The key that vouches for a new key of the master; only with `verify_master_pubkey_sign`. */
  readonly masterSignKeyFile: string | undefined;
  readonly masterFinger: string | undefined;
  readonly hashType: string;
  readonly openMode: boolean;
  readonly encryptionAlgorithm: string | undefined;
  readonly signingAlgorithm: string | undefined;
  /** The user of the minion, to whom its files belong. */
  readonly user: string | undefined;
  /** In bytes. */
  readonly maxEventSize: number;
  /** Where it was read, for messages. */
  readonly source: string;
}

/**
 * Reads it.
 * @param overrides.id - the id of the minion, instead of the configured one
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key
 */
export function directSettings(
  config: SaltConfig,
  overrides: { readonly id?: string | undefined } = {},
): DirectSettings {
  enumOption(config, 'transport', ['zeromq']);
  const { pkiDir, hashType } = minionKeySettings(config);
  const signs = boolOption(config, 'verify_master_pubkey_sign').value;
  return {
    id: overrides.id ?? signInId(config),
    masters: mastersOf(config),
    privateKeyFile: join(pkiDir, 'minion.pem'),
    masterKeyFile: join(pkiDir, 'minion_master.pub'),
    masterSignKeyFile: signs
      ? join(pkiDir, `${plainName(config, 'master_sign_key_name') ?? 'master_sign'}.pub`)
      : undefined,
    masterFinger: optionalText(config, 'master_finger'),
    hashType,
    openMode: boolOption(config, 'open_mode').value,
    encryptionAlgorithm: optionalText(config, 'encryption_algorithm'),
    signingAlgorithm: optionalText(config, 'signing_algorithm'),
    user: isConfigured(config, 'user') ? optionalText(config, 'user') : undefined,
    maxEventSize: integerOption(config, 'max_event_size').value,
    source: config.mainFile,
  };
}

function plainName(config: SaltConfig, key: string): string | undefined {
  const name = optionalText(config, key);
  if (name === undefined || !/[/\0]/.test(name)) return name;
  throw new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${key} is ${JSON.stringify(name)}, which is no name of a file`,
  );
}
