/**
 * The file that asks a master for a new publish key, because a key was deleted or rejected.
 */
import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readSmallFile, writeFileAtomic } from './files.ts';
import type { Owner } from './owner.ts';

const MODE = 0o400;
const MAX_BYTES = 4096;

/** Where it is: `.dfn` in the master's `cachedir` (3006.30, 3007.17, 3008.5). */
export function dropFilePath(cachedir: string): string {
  return join(cachedir, '.dfn');
}

/**
 * Asks for a new publish key, as `salt-key` does: a file of mode 0400 that holds the master's id, owned by its user.
 * @returns false when that was asked for already
 * @throws SaltbusError `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export function writeDropFile(cachedir: string, masterId: string, owner?: Owner): boolean {
  const path = dropFilePath(cachedir);
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) return false;
  writeFileAtomic(path, masterId, { mode: MODE, owner });
  return true;
}

/** What a master finds when it looks for the file. */
export type DropFileFound =
  | { readonly kind: 'absent' }
  | { readonly kind: 'asked' }
  | { readonly kind: 'ignored'; readonly reason: string };

/**
 * Looks for the file and, when it is one that counts, removes it.
 *
 * It counts with mode 0400 exactly, a trusted owner, and our id in it (3007, 3008) or nothing (3006.30 writes it empty).
 * @param trusted - the users whose file counts, besides root
 */
export function takeDropFile(cachedir: string, masterId: string, trusted: readonly number[]): DropFileFound {
  const path = dropFilePath(cachedir);
  const read = readSmallFile(path, MAX_BYTES);
  if (read.kind === 'absent') return read;
  if (read.kind === 'refused') return { kind: 'ignored', reason: read.reason };
  const { text, stat } = read;
  if ((stat.mode & 0o7777) !== MODE) return { kind: 'ignored', reason: 'its mode is not 0400' };
  if (stat.uid !== 0 && !trusted.includes(stat.uid)) {
    return { kind: 'ignored', reason: `it belongs to user ${stat.uid}` };
  }
  if (text !== '' && text !== masterId) return { kind: 'ignored', reason: 'it is for another master' };
  rmSync(path, { force: true });
  return { kind: 'asked' };
}
