/**
 * The configuration of a daemon: a file that was named, or that was there before, has to be there.
 */
import { checkOwnSettings, loadSaltConfig } from '../config/index.ts';
import type { SaltConfig } from '../config/index.ts';
import type { DaemonLog } from '../daemon/lifecycle/log.ts';
import { SaltbusError } from '../errors.ts';

/** Whose configuration, and where it was said to be. */
export interface ConfigPlace {
  readonly node: 'minion' | 'master';
  readonly configDir?: string;
}

/**
 * Reads the configuration of a daemon. Without `-c` there need be no file: then all is as Salt has it by default.
 * @param before - what the daemon runs with, when it reads it again
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` also for a file that is not there, and for a setting of ours that is not known
 */
export function daemonConfig(place: ConfigPlace, before?: SaltConfig): SaltConfig {
  const config = loadSaltConfig(place);
  const { mainFile } = config;
  const isWanted = place.configDir !== undefined || (before !== undefined && hasMainFile(before));
  if (isWanted && !hasMainFile(config)) {
    throw new SaltbusError('ERR_SALTBUS_CONFIG', `There is no configuration file ${mainFile}`, {
      next:
        place.configDir === undefined
          ? 'Put the file back, or make an empty one to run with the defaults.'
          : `-c names the directory that holds the file "${place.node}": name another one, or make the file.`,
    });
  }
  checkOwnSettings(config);
  return config;
}

/** Says in the log what of the configuration is not used, and that there is none. */
export function logConfig(config: SaltConfig, log: DaemonLog): void {
  for (const warning of config.warnings) log.warn({}, warning);
  if (!hasMainFile(config))
    log.warn({ file: config.mainFile }, 'there is no configuration file: the defaults are used');
}

function hasMainFile({ files, mainFile }: SaltConfig): boolean {
  return files.includes(mainFile);
}
