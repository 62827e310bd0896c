/**
 * The secret by which a user of the master's host proves who it is: `.<user>_key` in the master's `cachedir`, 76 characters
 * (3006.30, 3007.17, 3008.5).
 */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { SaltbusError } from '../../errors.ts';
import { readSmallFileAsync } from '../../pki/index.ts';
import { unreadable } from '../closed-place.ts';

/** Who publishes, as Salt's command line says it. */
export interface LocalUser {
  /** Told to the master: `root`, `sudo_alice`, `alice`. */
  readonly user: string;
  /** Whose file is read. */
  readonly keyOf: string;
}

/** A user and the secret. */
export interface LocalKey {
  readonly user: string;
  readonly key: string;
}

const MOST_KEY_BYTES = 4096;

/** Who publishes: root is named with whoever became it, and speaks with the key of the master's user. */
export function localUser(
  masterUser: string | undefined,
  username: string = currentUser(),
  env: NodeJS.ProcessEnv = process.env,
): LocalUser {
  if (username !== 'root') return { user: username, keyOf: username };
  const sudo = env['SUDO_USER'];
  return {
    user: sudo === undefined || sudo === '' ? 'root' : `sudo_${sudo}`,
    keyOf: masterUser ?? 'root',
  };
}

/**
 * Reads the secret: anew for each job, because a master of 3006 makes another at each start.
 * @throws SaltbusError (rejection) `ERR_SALTBUS_PERMISSION` with who may read it, or for a user who has none; `ERR_SALTBUS_NO_KEY` when the
 * master has none of its own; `ERR_SALTBUS_KEY_INVALID`
 */
export async function readLocalKey(cachedir: string, { user, keyOf }: LocalUser): Promise<LocalKey> {
  const path = join(cachedir, `.${keyOf}_key`);
  const read = await readSmallFileAsync(path, MOST_KEY_BYTES, { follow: true });
  if (read.kind === 'file') return { user, key: read.text.trim() };
  if (read.kind === 'refused') {
    throw unreadable(
      path,
      read.reason,
      (who) => `Run as ${who}, or have the master's publisher_acl name ${user}, and start it again.`,
    );
  }
  const what = `There is no key for jobs of ${keyOf}: ${path}`;
  if (keyOf === 'root' || keyOf !== user) {
    throw new SaltbusError('ERR_SALTBUS_NO_KEY', what, {
      next: 'Start the master, which makes it, or say where its configuration is with --config-dir.',
    });
  }
  throw new SaltbusError('ERR_SALTBUS_PERMISSION', what, {
    next: `Run as the master's user or as root, or have the master's publisher_acl name ${user}; the master makes the key when it starts.`,
  });
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}
