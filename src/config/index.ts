/** Salt's configuration and our own. */
export { busAddress } from './bus-address.ts';
export type { BusAddress, BusOverrides } from './bus-address.ts';
export { directSettings } from './direct-settings.ts';
export type { DirectSettings } from './direct-settings.ts';
export { effectiveConfig, originText } from './effective.ts';
export type { EffectiveConfig, EffectiveValue } from './effective.ts';
export type { EventRule } from './event-rules.ts';
export { installedSalt, installedSaltSoon } from './installed-salt.ts';
export type { InstalledSalt } from './installed-salt.ts';
export { masterKeySettings, minionKeySettings } from './key-settings.ts';
export type { MasterKeySettings } from './key-settings.ts';
export { masterSettings } from './master-settings.ts';
export type { MasterSettings } from './master-settings.ts';
export { maxJobs, minionSettings } from './minion-settings.ts';
export type { MinionSettings } from './minion-settings.ts';
export type { MasterAddress } from './masters.ts';
export { minionId } from './minion-id.ts';
export { checkOwnSettings } from './options/own-settings.ts';
export {
  boolOption,
  enumOption,
  integerOption,
  isConfigured,
  listOption,
  mapOption,
  optionalInteger,
  optionalText,
  optionValue,
  pathOption,
  placeBefore,
  secondsOption,
  textOption,
} from './options/read.ts';
export { runSettings } from './run-settings.ts';
export type { RunSettings } from './run-settings.ts';
export { loadSaltConfig } from './salt-config.ts';
export type { SaltConfig } from './salt-config.ts';
export { withoutSecrets } from './secrets.ts';
export { controlSocket, idHash, siblingSocket } from './sockets.ts';
export { realSystem } from './system-facts.ts';
export type { SystemFacts } from './system-facts.ts';
export { userCacheDir, userSockDir } from './user-dirs.ts';
export { parseSaltYaml, typeSaltScalar } from './yaml.ts';
