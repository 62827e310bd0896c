/**
 * One daemon of a kind on a directory: a listening socket that stands there, as `.saltbus-KIND.lock`.
 *
 * Whether its daemon lives is what the kernel says when it is connected to. A file with a process id in it could not tell:
 * the number may be another process's by now, or be from another container. Whoever connects is told the process id.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { SaltbusError } from '../../errors.ts';
import { ownershipOf } from '../../transport/ownership.ts';

/** Directories that are held. */
export interface RootLock {
  /** Settles when somebody has put another lock in the place of ours, which two that start at once after a crash could do. */
  readonly lost: Promise<SaltbusError>;
  /** Gives them up, at once. Idempotent. */
  release(): void;
}

interface Held {
  readonly path: string;
  readonly server: Server;
  readonly identity: string;
}

const LOST_CHECK_MS = 1000;
const ATTEMPTS = 10;
const ASK_MS = 1000;
const MOST_SAID = 32;
// Linux takes 107 bytes, macOS 103.
const MOST_PATH = 100;

/**
 * Takes the directories, which have to be there.
 * @param kind - whose lock: `minion`, `master`
 * @throws SaltbusError `ERR_SALTBUS_RUNNING` with the process id of the daemon that has one of them, and as the system refuses
 */
export async function lockRoot(kind: string, directories: readonly string[]): Promise<RootLock> {
  const held: Held[] = [];
  const release = (): void => {
    for (const { path, server, identity } of held.splice(0)) {
      if (identityOf(path) === identity) rmSync(path, { force: true });
      server.close();
    }
  };
  try {
    // In one order, so that two that start at once do not each get a part.
    for (const directory of [...new Set(directories)].sort()) held.push(await take(directory, kind));
  } catch (error) {
    release();
    throw error;
  }
  const lost = new Promise<SaltbusError>((resolve) => {
    const timer = setInterval(() => {
      const gone = held.find(({ path, identity }) => identityOf(path) !== identity);
      if (held.length > 0 && gone === undefined) return;
      clearInterval(timer);
      if (gone !== undefined) {
        resolve(new SaltbusError('ERR_SALTBUS_RUNNING', `The lock ${gone.path} is no longer this daemon’s`));
      }
    }, LOST_CHECK_MS);
    timer.unref();
  });
  return { lost, release };
}

// The socket listens before it gets its name, and the name is given by link(), which never replaces: whoever finds the
// name finds somebody who answers, or one who died.
async function take(directory: string, kind: string): Promise<Held> {
  const path = join(directory, `.saltbus-${kind}.lock`);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const own = `.saltbus-${kind}.${randomBytes(6).toString('hex')}`;
    const server = await listenIn(directory, own);
    try {
      linkSync(join(directory, own), path);
      rmSync(join(directory, own), { force: true });
      return { path, server, identity: identityOf(path) ?? '' };
    } catch (error) {
      server.close();
      rmSync(join(directory, own), { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw refused(path, error);
    }
    const found = identityOf(path);
    if (found === undefined) continue;
    const holder = await ask(directory, path);
    if (holder !== undefined) throw running(directory, kind, holder.pid);
    moveAside(path, found);
  }
  throw new SaltbusError('ERR_SALTBUS_RUNNING', `Others keep taking the lock ${path}`);
}

// A dead one's socket is removed; one that took its place in this instant gets its name back.
function moveAside(path: string, dead: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw refused(path, error);
  }
  if (identityOf(aside) !== dead) {
    try {
      linkSync(aside, path);
    } catch (error) {
      // A third one was quicker; the second sees within a second that its lock is gone, and ends.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw refused(path, error);
    }
  }
  rmSync(aside, { force: true });
}

// The time of making besides the number, which a file system may give to the next file.
function identityOf(path: string): string | undefined {
  let stat: BigIntStats | undefined;
  try {
    stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  } catch {
    return undefined;
  }
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}:${stat.mtimeNs}`;
}

function listenIn(directory: string, name: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${process.pid}\n`);
  });
  server.unref();
  const { path, done } = shortPath(directory, name);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      done();
      reject(refused(join(directory, name), error));
    });
    server.once('listening', () => {
      done();
      server.on('error', () => undefined);
      resolve(server);
    });
    const umask = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(umask);
    }
  });
}

// The path of a socket is limited; that of a directory is not, and a descriptor of it is a short way to it.
function shortPath(directory: string, name: string): { readonly path: string; readonly done: () => void } {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= MOST_PATH || process.platform !== 'linux')
    return { path, done: () => undefined };
  let descriptor: number;
  try {
    descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw refused(directory, error);
  }
  return {
    path: `/proc/self/fd/${descriptor}/${name}`,
    done: () => {
      closeSync(descriptor);
    },
  };
}

interface Holder {
  /** `undefined`: it has not said. */
  readonly pid: number | undefined;
}

/** Who listens on a lock; `undefined` for nobody. */
function ask(directory: string, path: string): Promise<Holder | undefined> {
  const { path: short, done } = shortPath(directory, path.slice(directory.length + 1));
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = createConnection(short);
    const answer = (): void => {
      clearTimeout(timer);
      socket.destroy();
      done();
      resolve({ pid: /^\d+\n$/.test(said) ? Number(said) : undefined });
    };
    // One that is stopped, or hangs, holds its lock all the same.
    const timer = setTimeout(answer, ASK_MS);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      said = (said + text).slice(0, MOST_SAID);
    });
    socket.once('end', answer);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      socket.destroy();
      done();
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else if (error.code === 'EAGAIN' || error.code === 'ECONNRESET') resolve({ pid: undefined });
      else reject(refused(path, error));
    });
  });
}

function running(directory: string, kind: string, pid: number | undefined): SaltbusError {
  const who = pid === undefined ? 'a process that does not say its number' : `process ${pid}`;
  return new SaltbusError(
    'ERR_SALTBUS_RUNNING',
    `A saltbus ${kind} already runs on ${directory}: ${who}`,
    pid === undefined ? {} : { next: `Stop it first (kill ${pid}), or use other directories.` },
  );
}

function refused(path: string, error: unknown): SaltbusError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof SaltbusError) return error;
  if (code === 'EACCES' || code === 'EPERM') {
    const owner = ownershipOf(path);
    const whose = owner === undefined ? '' : ` (owner ${owner.user}, mode ${owner.mode})`;
    return new SaltbusError('ERR_SALTBUS_PERMISSION', `This user may not use the lock ${path}${whose}`, {
      cause: error,
      next: 'Run as the user that owns the directory, or give it to this user.',
    });
  }
  return new SaltbusError('ERR_SALTBUS_SYSTEM', `The lock ${path} cannot be taken: ${message}`, {
    cause: error,
  });
}
