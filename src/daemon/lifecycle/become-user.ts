/**
 * Becomes the user of the configuration: what is made from then on belongs to that user.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { SaltbusError } from '../../errors.ts';
import { ownershipOf } from '../../transport/ownership.ts';

/** A directory that a daemon needs. */
export interface DaemonDirectory {
  readonly path: string;
  /** Permission bits where it is made. */
  readonly mode: number;
}

// Node's own types leave it out.
interface ProcessWithGroups {
  readonly initgroups?: (user: string, extraGroup: number) => void;
}

/** A user as `passwd` has it. */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The entry of a name in a `passwd` file; `undefined` when there is none. */
export function passwdEntry(name: string, passwd: string): PasswdEntry | undefined {
  for (const line of passwd.split('\n')) {
    const [user, , uid = '', gid = '', , home = ''] = line.split(':');
    if (user === name && /^\d+$/.test(uid) && /^\d+$/.test(gid)) {
      return { name, uid: Number(uid), gid: Number(gid), home };
    }
  }
  return undefined;
}

/** What is to be done about the user: nothing, or to become another one. */
export function userChange(
  wanted: string | undefined,
  current: { readonly uid: number; readonly name: string },
  passwd: () => string,
): PasswdEntry | undefined {
  if (wanted === undefined || wanted === current.name) return undefined;
  const entry = passwdEntry(wanted, passwd());
  if (entry !== undefined && entry.uid === current.uid) return undefined;
  if (current.uid !== 0) {
    throw new SaltbusError(
      'ERR_SALTBUS_PERMISSION',
      `The configuration says user: ${wanted}, and ${current.name} has started this`,
      {
        next: `Start it as ${wanted === 'root' ? 'root' : `root or ${wanted}`}, or set user to ${current.name}.`,
      },
    );
  }
  if (entry === undefined) {
    throw new SaltbusError(
      'ERR_SALTBUS_CONFIG',
      `The user '${wanted}' of the configuration is not in /etc/passwd`,
      {
        next: 'Make the user, or set user to one that is there.',
      },
    );
  }
  return entry;
}

/**
 * Makes the directories that are missing, and becomes the user when root has started this: all of its groups, its home, and
 * no way back.
 * @param wanted - `user` as the files say it; `undefined`: whoever has started this
 * @throws SaltbusError `ERR_SALTBUS_PERMISSION` when another user than root has started it, or a directory is not the user's;
 * `ERR_SALTBUS_CONFIG` when the user is not known
 */
export function becomeUser(wanted: string | undefined, directories: readonly DaemonDirectory[]): void {
  const change = userChange(wanted, currentUser(), () => readFileSync('/etc/passwd', 'utf8'));
  for (const directory of directories) make(directory, change);
  if (change !== undefined) become(change);
  // No file of ours is written by others, whatever started us allows.
  process.umask(process.umask(0o022) | 0o022);
  for (const { path } of directories) mayWrite(path);
}

function currentUser(): { readonly uid: number; readonly name: string } {
  const uid = process.geteuid?.() ?? -1;
  try {
    return { uid, name: userInfo().username };
  } catch {
    // A number without a name: containers have that.
    return { uid, name: String(uid) };
  }
}

// What is there already keeps its owner: giving directories away by what a file says is how /etc gets another owner.
function make({ path, mode }: DaemonDirectory, owner: PasswdEntry | undefined): void {
  if (existsSync(path)) return;
  make({ path: dirname(path), mode: 0o755 }, undefined);
  try {
    mkdirSync(path, { mode });
    if (owner === undefined) return;
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      fchownSync(descriptor, owner.uid, owner.gid);
      fchmodSync(descriptor, mode);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw notOurs(path, error);
  }
}

function become({ name, uid, gid, home }: PasswdEntry): void {
  try {
    (process as ProcessWithGroups).initgroups?.(name, gid);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    throw new SaltbusError('ERR_SALTBUS_SYSTEM', `Becoming ${name} failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (process.getuid?.() !== uid || process.geteuid?.() !== uid || process.getegid?.() !== gid) {
    throw new SaltbusError('ERR_SALTBUS_SYSTEM', `Becoming ${name} had no effect`);
  }
  Object.assign(process.env, { HOME: home, USER: name, LOGNAME: name });
}

function mayWrite(path: string): void {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw notOurs(path, error);
  }
}

function notOurs(path: string, error: unknown): SaltbusError {
  const { code, message } = error as NodeJS.ErrnoException;
  const owner = ownershipOf(path);
  const { name } = currentUser();
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') {
    return new SaltbusError('ERR_SALTBUS_SYSTEM', `${path} cannot be used: ${message}`, { cause: error });
  }
  const whose = owner === undefined ? '' : ` (owner ${owner.user}, mode ${owner.mode})`;
  return new SaltbusError('ERR_SALTBUS_PERMISSION', `${name} may not write to ${path}${whose}`, {
    cause: error,
    next: `Give it to ${name} (chown -R ${name} ${path}), or start as the user that owns it.`,
  });
}
