/** Salt's configuration and our own. */
export { busAddress } from './bus-address.ts';
export type { BusAddress } from './bus-address.ts';
export { installedSalt } from './installed-salt.ts';
export { loadSaltConfig } from './salt-config.ts';
export { siblingSocket } from './sockets.ts';
export { realSystem } from './system-facts.ts';
export type { SystemFacts } from './system-facts.ts';
export { userCacheDir, userSockDir } from './user-dirs.ts';
export { parseSaltYaml, typeSaltScalar } from './yaml.ts';
