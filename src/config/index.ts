/** Salt's configuration and our own. */
export { busAddress } from './bus-address.ts';
export type { BusAddress, BusOverrides } from './bus-address.ts';
export { installedSalt } from './installed-salt.ts';
export type { InstalledSalt } from './installed-salt.ts';
export { loadSaltConfig } from './salt-config.ts';
export type { ConfigNode, Configured, LoadOptions, Origin, SaltConfig } from './salt-config.ts';
export { siblingSocket } from './sockets.ts';
export type { SocketPaths } from './sockets.ts';
export { realSystem } from './system-facts.ts';
export type { SystemFacts } from './system-facts.ts';
export { userCacheDir, userSockDir } from './user-dirs.ts';
export { parseSaltYaml, typeSaltScalar } from './yaml.ts';
