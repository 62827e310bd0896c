/**
 * What a program that runs jobs through the master of this host has to know of its configuration.
 */
import { masterKeySettings } from './key-settings.ts';
import { nodegroups } from './master-settings.ts';
import type { MasterSettings } from './master-settings.ts';
import { integerOption, optionalText, secondsOption, textOption } from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';

/** Read from a master's configuration, with Salt's defaults (3006.30, 3007.17, 3008.5); times are in milliseconds. */
export interface RunSettings {
  /** The request port of the master. */
  readonly host: string;
  readonly port: number;
  /** Where the secrets of local users are. */
  readonly cachedir: string;
  /** The user of the master; `undefined`: not configured. */
  readonly user: string | undefined;
  readonly nodegroups: MasterSettings['nodegroups'];
  /** How long returns are awaited before it is asked who still works. */
  readonly timeoutMs: number;
  /** How long the answers to that are awaited. */
  readonly gatherJobTimeoutMs: number;
  /** How long the master may take to publish. */
  readonly publishTimeoutMs: number;
  /** A returner that each job is given besides (`ext_job_cache`). */
  readonly extJobCache: string | undefined;
  /** Where it was read, for messages. */
  readonly source: string;
}

/**
 * Reads it.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming file, line and key
 */
export function runSettings(config: SaltConfig): RunSettings {
  const { cachedir, user } = masterKeySettings(config);
  const seconds = (name: string): number => Math.round(secondsOption(config, name).value * 1000);
  return {
    host: reachable(textOption(config, 'interface').value),
    port: integerOption(config, 'ret_port').value,
    cachedir,
    user,
    nodegroups: nodegroups(config),
    timeoutMs: seconds('timeout'),
    gatherJobTimeoutMs: seconds('gather_job_timeout'),
    publishTimeoutMs: seconds('publish_timeout'),
    extJobCache: optionalText(config, 'ext_job_cache'),
    source: config.mainFile,
  };
}

// Where a master listens on all addresses, loopback is one of them.
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
