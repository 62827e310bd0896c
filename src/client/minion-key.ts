/**
 * The keys of this host's minion, for a program that signs in with them: read, never made.
 */
import { accessSync, constants, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { MinionIdentity } from '../channel/identity.ts';
import { MAX_PRIVATE_PEM } from '../codec/rsa/private-key.ts';
import { SaltbusError } from '../errors.ts';
import { MAX_KEY_FILE, ownerFor, readSmallFileAsync, userName, writeFileAtomic } from '../pki/index.ts';

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
  if (read.kind === 'refused') throw unreadable(path, read.reason);
  try {
    return new MinionIdentity(id, read.text);
  } catch (error) {
    if (!(error instanceof SaltbusError) || error.code !== 'ERR_SALTBUS_KEY_INVALID') throw error;
    throw new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path}: ${error.message}`, { cause: error });
  }
}

/**
 * Reads a public key in PEM; `undefined` when there is none.
 * @throws SaltbusError (rejection) `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_KEY_INVALID`
 */
export async function readPublicPem(path: string): Promise<string | undefined> {
  const read = await readSmallFileAsync(path, MAX_KEY_FILE, { follow: true });
  if (read.kind === 'absent') return undefined;
  if (read.kind === 'refused') throw unreadable(path, read.reason);
  return read.text;
}

/**
 * Keeps the key of a master as the one that is trusted, where the minion of this host looks for it.
 * @throws SaltbusError `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export function pinMasterKey(path: string, pem: string, user: string | undefined): void {
  writeFileAtomic(path, pem, { mode: PUBLIC_MODE, owner: ownerFor(user) });
}

function unreadable(path: string, reason: string): SaltbusError {
  if (!isClosedToUs(path)) {
    return new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path} is not read: ${reason}`);
  }
  const { place, owner, mode } = closedPlace(path);
  const who = owner === 'root' ? owner : `${owner} or as root`;
  return new SaltbusError(
    'ERR_SALTBUS_PERMISSION',
    `${userInfo().username} may not read ${path}: ${place} belongs to ${owner} and has the mode ${mode}`,
    { next: `Run as ${who}, or fire without --direct: the minion then forwards the event.` },
  );
}

function isClosedToUs(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM';
  }
}

interface ClosedPlace {
  readonly place: string;
  readonly owner: string;
  readonly mode: string;
}

// The file, where it can be looked at; otherwise the nearest directory that can, because that is the one which is closed.
function closedPlace(path: string): ClosedPlace {
  for (let place = path; ; place = dirname(place)) {
    const stat = statOrNothing(place);
    if (stat !== undefined) {
      return { place, owner: userName(stat.uid), mode: (stat.mode & 0o7777).toString(8).padStart(4, '0') };
    }
    if (dirname(place) === place) return { place: path, owner: 'another user', mode: 'unknown' };
  }
}

function statOrNothing(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
