/**
 * All that an examination asks of the system, so that tests can put a system of their own in its place.
 */
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { BusLocation } from '../client/locate.ts';
import { installedSaltSoon, realSystem } from '../config/index.ts';
import type { InstalledSalt, SystemFacts } from '../config/index.ts';
import type { DialectChoice } from '../dialect/choice.ts';
import { connectSocket } from '../transport/connect.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import { exchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';

/** A file, with links followed. */
export interface FileFacts {
  readonly kind: 'socket' | 'directory' | 'file' | 'other';
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  readonly inode: number;
  /** When the inode was changed last, in milliseconds since 1970. */
  readonly changedAt: number;
}

/** Who runs this. */
export interface Account {
  readonly name: string;
  /** `undefined` where users have no numbers (Windows). */
  readonly uid: number | undefined;
  /** Groups of this process. */
  readonly groups: readonly number[];
}

/** An installed Salt, and when its command was last changed (installed), in milliseconds since 1970. */
export interface SaltOnDisk extends InstalledSalt {
  readonly changedAt: number | undefined;
}

/** The system, as far as it matters here. */
export interface DoctorSystem extends SystemFacts {
  readonly platform: NodeJS.Platform;
  readonly account: Account;
  readonly timeZone: string;
  /** `undefined`: not there. `denied`: this user may not look. */
  readonly look: (path: string) => FileFacts | 'denied' | undefined;
  /** Whether this user may use what is in the directory. */
  readonly mayEnter: (directory: string) => boolean;
  readonly userName: (uid: number) => string;
  readonly groupName: (gid: number) => string;
  /** Names of the users that the group's entry lists. */
  readonly membersOf: (gid: number) => readonly string[];
  /** Connects and closes again; rejects with a SaltbusError that says why not. */
  readonly reach: (endpoint: Endpoint, signal: AbortSignal) => Promise<void>;
  /** Sends a probe event around a bus. */
  readonly exchange: (location: BusLocation, choice: DialectChoice, signal: AbortSignal) => Promise<Exchange>;
  readonly installedSalt: (signal: AbortSignal) => Promise<SaltOnDisk | 'silent' | undefined>;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
}

/** The system as it is. */
export function realDoctorSystem(env: NodeJS.ProcessEnv = process.env): DoctorSystem {
  return {
    ...realSystem(env),
    platform: process.platform,
    account: {
      name: accountName(),
      uid: process.geteuid?.(),
      groups: [
        ...(process.getgroups?.() ?? []),
        ...(process.getegid === undefined ? [] : [process.getegid()]),
      ],
    },
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    look,
    mayEnter: (directory) => {
      try {
        accessSync(directory, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    },
    userName: (uid) => entryOf('/etc/passwd', uid)?.[0] ?? String(uid),
    groupName: (gid) => entryOf('/etc/group', gid)?.[0] ?? String(gid),
    membersOf: (gid) => (entryOf('/etc/group', gid)?.[3] ?? '').split(',').filter((name) => name !== ''),
    reach: async (endpoint, signal) => {
      const socket = await connectSocket(endpoint, { signal });
      socket.on('error', () => undefined);
      socket.destroy();
    },
    exchange,
    installedSalt: async (signal) => {
      const salt = await installedSaltSoon(signal, env);
      return typeof salt === 'object' ? { ...salt, changedAt: changedAt(salt.command, env) } : salt;
    },
    wallClock: () => Date.now(),
    monotonic: () => performance.now(),
  };
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // a number without a name, as in containers
    return String(process.geteuid?.() ?? 'unknown');
  }
}

function look(path: string): FileFacts | 'denied' | undefined {
  let stat: Stats;
  try {
    stat = statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'denied' : undefined;
  }
  const kind = stat.isSocket()
    ? 'socket'
    : stat.isDirectory()
      ? 'directory'
      : stat.isFile()
        ? 'file'
        : 'other';
  const { uid, gid, ino: inode, ctimeMs } = stat;
  return { kind, uid, gid, mode: stat.mode & 0o7777, inode, changedAt: ctimeMs };
}

// Both files have the name in the first field and the number in the third.
function entryOf(file: string, id: number): readonly string[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === String(id));
}

function changedAt(command: string, env: NodeJS.ProcessEnv): number | undefined {
  const folders = command.startsWith('/') ? [''] : (env['PATH'] ?? '').split(':');
  for (const folder of folders) {
    try {
      return statSync(realpathSync(folder === '' ? command : join(folder, command))).ctimeMs;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}
