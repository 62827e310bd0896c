/**
 * Refuses private keys and secrets that others can reach.
 */
import { statSync } from 'node:fs';
import { SaltbusError } from '../../../errors.ts';
import { systemError } from '../../../pki/index.ts';
import type { Owner } from '../../../pki/index.ts';

/** Who may own the files of a master. */
export interface Trust {
  /** Whom files are given to when the daemon is started as root. */
  readonly owner?: Owner | undefined;
  /** Whether the group may read (`permissive_pki_access`). @defaultValue false */
  readonly permissive?: boolean;
}

/** The users whose files are believed: root, who runs this, and to whom files are given. */
export function trustedUsers(trust: Trust): readonly number[] {
  return [0, process.geteuid?.() ?? 0, ...(trust.owner === undefined ? [] : [trust.owner.uid])];
}

/**
 * Checks owner and mode of a private file.
 * @throws SaltbusError `ERR_SALTBUS_KEY_UNSAFE`
 */
export function checkPrivate(
  path: string,
  stat: { readonly mode: number; readonly uid: number },
  trust: Trust,
): void {
  const forbidden = trust.permissive === true ? 0o037 : 0o077;
  if ((stat.mode & forbidden) !== 0) {
    throw unsafe(path, `has mode ${octal(stat.mode)}`, `chmod 0400 ${path}`);
  }
  checkOwner(path, stat, trust);
}

/**
 * Checks that nobody else can put files into a directory.
 * @throws SaltbusError `ERR_SALTBUS_KEY_UNSAFE`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export function checkDirectory(path: string, trust: Trust): void {
  let stat;
  try {
    stat = statSync(path);
  } catch (error) {
    throw systemError(`${path} cannot be looked at`, error);
  }
  if ((stat.mode & 0o022) !== 0) {
    throw unsafe(
      path,
      `has mode ${octal(stat.mode)}, so that others may put keys into it`,
      `chmod 0700 ${path}`,
    );
  }
  checkOwner(path, stat, trust);
}

function checkOwner(path: string, stat: { readonly uid: number }, trust: Trust): void {
  const trusted = trustedUsers(trust);
  if (!trusted.includes(stat.uid)) {
    throw unsafe(path, `belongs to user ${stat.uid}`, `chown ${trust.owner?.uid ?? trusted[1] ?? 0} ${path}`);
  }
}

function unsafe(path: string, what: string, command: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_KEY_UNSAFE', `${path} ${what}`, {
    next: `If the key may not have been seen by others: ${command}. Otherwise replace it.`,
  });
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
