import { dirname, join } from 'node:path';
import { SaltbusError } from '../../errors.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DoctorSystem } from '../system.ts';

/** Most sockets that are tried; more than that in one directory were made by a program that goes wrong. */
const MOST = 64;

/** Sockets in the directory, besides the two that are meant: those that nobody listens on, and those of other minions. */
export async function leftoversFinding(
  subject: Subject,
  system: DoctorSystem,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const { location, key, node } = subject;
  if (location?.pub.kind !== 'unix' || location.pull.kind !== 'unix') return undefined;
  const directory = dirname(location.pub.path);
  const pattern =
    node === 'minion' ? /^minion_event_.+_(?:pub|pull)\.ipc$/ : /^master_event_(?:pub|pull)\.ipc$/;
  const names = system
    .list(directory)
    .filter((name) => pattern.test(name) && system.look(join(directory, name)) !== undefined)
    .sort();
  const tried = await Promise.all(
    names.slice(0, MOST).map(async (name) => {
      const path = join(directory, name);
      return { path, state: await stateOf(path, system, signal) };
    }),
  );
  const own = [location.pub.path, location.pull.path];
  // Whether the own ones are alive is told where they are connected to.
  const stale = tried
    .filter(({ path, state }) => state === 'stale' && !own.includes(path))
    .map(({ path }) => path);
  const strangers = tried.filter(
    ({ path, state }) => state === 'alive' && path.endsWith('_pub.ipc') && !own.includes(path),
  );
  const left = names.length > MOST ? [`${names.length - MOST} more files were not looked at.`] : [];
  const id = `${key}.leftovers`;
  if (stale.length > 0) {
    return finding(
      id,
      'warning',
      `${stale.length === 1 ? 'a socket was' : `${stale.length} sockets were`} left behind by a daemon that is gone`,
      [`Nobody listens on ${stale.slice(0, 4).join(', ')}${stale.length > 4 ? ' and others' : ''}.`, ...left],
      `They do no harm. To be rid of them: rm ${stale.slice(0, 4).join(' ')}`,
    );
  }
  if (strangers.length > 0) {
    const hashes = strangers.map(({ path }) => /minion_event_(.+)_pub\.ipc$/.exec(path)?.[1] ?? path);
    return finding(
      id,
      'warning',
      `${strangers.length + (tried.some(({ path, state }) => path === own[0] && state === 'alive') ? 1 : 0)} minions have their sockets in ${directory}`,
      [`Besides the one that is examined: ${hashes.slice(0, 8).join(', ')} (the hash of the id).`, ...left],
      'Say which one is meant with --id.',
    );
  }
  if (names.length === 0) return undefined;
  return finding(id, 'ok', `no leftover sockets in ${directory}`, left);
}

async function stateOf(
  path: string,
  system: DoctorSystem,
  signal: AbortSignal,
): Promise<'alive' | 'stale' | 'other'> {
  try {
    await system.reach({ kind: 'unix', path }, signal);
    return 'alive';
  } catch (error) {
    return error instanceof SaltbusError && error.code === 'ERR_SALTBUS_NO_BUS' ? 'stale' : 'other';
  }
}
