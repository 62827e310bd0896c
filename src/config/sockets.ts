/**
 * The names of the sockets of an event bus (Salt 2014.7 to 3008.5).
 */
import { createHash, getHashes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { SaltbusError } from '../errors.ts';
import type { ConfigNode } from './configured.ts';

/** The paths of the two sockets of a bus. */
export interface SocketPaths {
  readonly node: ConfigNode;
  /** The one that is read. */
  readonly pub: string;
  /** The one that is written. */
  readonly pull: string;
}

/** Hex digits of the hash of the minion's id in the names of its sockets. */
const HASH_DIGITS = 10;

/**
 * The part of a minion's socket names that stands for its id: the first ten hex digits of the hash of its UTF-8 bytes.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` for a hash that is not known
 */
export function idHash(id: string, hashType: string): string {
  const name = hashType.toLowerCase();
  if (!getHashes().includes(name)) {
    throw new SaltbusError('ERR_SALTBUS_CONFIG', `hash_type '${hashType}' is no hash that is known here`, {
      next: 'Use sha256 (the default), sha512, sha1 or md5, as the minion does.',
    });
  }
  return createHash(name).update(id, 'utf8').digest('hex').slice(0, HASH_DIGITS);
}

/** The sockets of a minion in a directory, by the hash of its id. */
export function minionSockets(sockDir: string, hash: string): SocketPaths {
  return {
    node: 'minion',
    pub: join(sockDir, `minion_event_${hash}_pub.ipc`),
    pull: join(sockDir, `minion_event_${hash}_pull.ipc`),
  };
}

/** The sockets of a master in a directory. */
export function masterSockets(sockDir: string): SocketPaths {
  return {
    node: 'master',
    pub: join(sockDir, 'master_event_pub.ipc'),
    pull: join(sockDir, 'master_event_pull.ipc'),
  };
}

/**
 * Both sockets of a bus, by the path of either.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` when the name is not one that Salt gives
 */
export function siblingSocket(path: string): SocketPaths {
  const match = /^(master_event|minion_event_.+)_(?:pub|pull)\.ipc$/.exec(basename(path));
  const stem = match?.[1];
  if (stem === undefined) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `${path} is not named like a socket of an event bus`, {
      next: 'Name master_event_pub.ipc, master_event_pull.ipc, minion_event_<hash>_pub.ipc or ..._pull.ipc.',
    });
  }
  return {
    node: stem === 'master_event' ? 'master' : 'minion',
    pub: join(dirname(path), `${stem}_pub.ipc`),
    pull: join(dirname(path), `${stem}_pull.ipc`),
  };
}

/**
 * The control socket of a daemon of saltbus, which stands beside the sockets of its bus; by the path of either of those.
 * @throws SaltbusError as {@link siblingSocket}
 */
export function controlSocket(path: string): string {
  return siblingSocket(path).pub.replace(/pub\.ipc$/, 'control.ipc');
}

/** The hashes of the minions whose publish sockets stand in a directory listing. */
export function minionHashes(names: readonly string[]): string[] {
  return names.flatMap((name) => /^minion_event_(.+)_pub\.ipc$/.exec(name)?.[1] ?? []);
}
