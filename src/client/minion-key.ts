/**
 * The keys of this host's minion, for a program that signs in with them: read, never made.
 */
import { MinionIdentity } from '../channel/identity.ts';
import { parsePublicKey } from '../codec/rsa/pem.ts';
import { MAX_PRIVATE_PEM } from '../codec/rsa/private-key.ts';
import { SaltbusError } from '../errors.ts';
import { MAX_KEY_FILE, ownerFor, readSmallFileAsync, writeFileAtomic } from '../pki/index.ts';
import { unreadable } from './closed-place.ts';

const PUBLIC_MODE = 0o644;

/**
 * Reads the private key of the minion.
 * @throws SaltbusError (rejection) `ERR_SALTBUS_NO_KEY` when there is none, `ERR_SALTBUS_PERMISSION` with who may read it,
 * `ERR_SALTBUS_KEY_INVALID`, `ERR_SALTBUS_USAGE` for an id that can be none
 */
export async function readMinionIdentity(id: string, path: string): Promise<MinionIdentity> {
  const read = await readSmallFileAsync(path, MAX_PRIVATE_PEM, { follow: true });
  if (read.kind === 'absent') {
    throw new SaltbusError('ERR_SALTBUS_NO_KEY', `There is no key of a minion at ${path}`, {
      next: 'Start the minion once, which makes its key, or say where its configuration is with --config-dir.',
    });
  }
  if (read.kind === 'refused') throw unreadableKey(path, read.reason);
  try {
    return new MinionIdentity(id, read.text);
  } catch (error) {
    if (!(error instanceof SaltbusError) || error.code !== 'ERR_SALTBUS_KEY_INVALID') throw error;
    throw new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path}: ${error.message}`, {
      cause: error,
      next: 'Restore it from a backup, or remove minion.pem and minion.pub: the minion then makes a new pair, which the master has to accept anew.',
    });
  }
}

/**
 * Reads a public key in PEM; `undefined` when there is none.
 * @param next - what to do about one that cannot be used
 * @throws SaltbusError (rejection) `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_KEY_INVALID`
 */
export async function readPublicPem(path: string, next: string): Promise<string | undefined> {
  const read = await readSmallFileAsync(path, MAX_KEY_FILE, { follow: true });
  if (read.kind === 'absent') return undefined;
  if (read.kind === 'refused') throw unreadableKey(path, read.reason);
  try {
    parsePublicKey(read.text);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    throw new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path}: ${error.message}`, { cause: error, next });
  }
  return read.text;
}

/**
 * Keeps the key of a master as the one that is trusted, where the minion of this host looks for it.
 * @throws SaltbusError `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export function pinMasterKey(path: string, pem: string, user: string | undefined): void {
  writeFileAtomic(path, pem, { mode: PUBLIC_MODE, owner: ownerFor(user) });
}

function unreadableKey(path: string, reason: string): SaltbusError {
  return unreadable(
    path,
    reason,
    (who) => `Run as ${who}, or fire without --direct: the minion then forwards the event.`,
  );
}
