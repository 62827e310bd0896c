import { readFileSync } from 'node:fs';
import { SaltbusError } from '../errors.ts';

/** User and group that a file is to belong to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The user of this name in a `passwd` file; `undefined` when there is none. */
export function findUser(name: string, passwd: string): Owner | undefined {
  for (const line of passwd.split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name && /^\d+$/.test(uid ?? '') && /^\d+$/.test(gid ?? '')) {
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  return undefined;
}

/** The users of a `passwd` file. */
export function usersIn(passwd: string): { readonly name: string; readonly owner: Owner }[] {
  return passwd.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    return name !== '' && /^\d+$/.test(uid) && /^\d+$/.test(gid)
      ? [{ name, owner: { uid: Number(uid), gid: Number(gid) } }]
      : [];
  });
}

/** The name of a user; the number in digits when no name is known. */
export function userName(uid: number): string {
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name = '', , number] = line.split(':');
      if (number === String(uid)) return name;
    }
  } catch {
    // a system without that file
  }
  return String(uid);
}

/**
 * Whom the files are to be given to: the user of the configuration when this runs as root, and otherwise nobody, because only root can.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` when this runs as root and the user is not known
 */
export function ownerFor(user: string | undefined): Owner | undefined {
  if (user === undefined || user === 'root' || process.geteuid?.() !== 0) return undefined;
  const owner = findUser(user, readFileSync('/etc/passwd', 'utf8'));
  if (owner === undefined) {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `The user '${user}' of the configuration is not in /etc/passwd`,
      {
        next: 'Make the user, or set user to one that is there.',
      },
    );
  }
  return owner;
}
