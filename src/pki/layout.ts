/**
 * Where Salt keeps what in a master's `pki_dir` (3006.30, 3007.17, and 3008.5 with its `localfs_key` driver).
 */
import { join } from 'node:path';
import { checkMinionId } from './minion-id.ts';

/** The states of a minion's key, each with a directory of its own. */
export const KEY_STATES: readonly ['accepted', 'pending', 'rejected', 'denied'] = [
  'accepted',
  'pending',
  'rejected',
  'denied',
];

/** The state of a minion's key. */
export type KeyState = (typeof KEY_STATES)[number];

/** The name of the directory of each state, which is also the name of the state in the output of `salt-key`. */
export const STATE_DIRECTORY: Readonly<Record<KeyState, string>> = {
  accepted: 'minions',
  pending: 'minions_pre',
  rejected: 'minions_rejected',
  denied: 'minions_denied',
};

/** The directory of the stubs that accept an id once. */
export const AUTOSIGN_DIRECTORY = 'minions_autosign';

/** Most bytes of the file of a public key that is read. */
export const MAX_KEY_FILE: number = 16 * 1024;

/** The directory of a state. */
export function stateDirectory(pkiDir: string, state: KeyState): string {
  return join(pkiDir, STATE_DIRECTORY[state]);
}

/**
 * The file of a minion's key.
 * @throws SaltbusError `ERR_SALTBUS_MINION_ID`
 */
export function keyFile(pkiDir: string, state: KeyState, id: string): string {
  return join(stateDirectory(pkiDir, state), checkMinionId(id));
}
