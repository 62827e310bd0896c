/**
 * For the interop tests of our master: real minions under it, and the real command line beside it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RealSalt } from '../../src/testing/real-salt.ts';
import type { OwnMaster } from '../helpers/own-master.ts';
import { pythonFire, runSalt, startOwnPair } from './helpers.ts';
import type { RanSalt } from './helpers.ts';

/** The id of the minion. */
export const ID = 'real1';

/** A real minion that belongs to our master; resolves when its bus works. */
export async function minionOf(t: TestContext, master: OwnMaster, config: object = {}): Promise<RealSalt> {
  return await startOwnPair(t, {
    master: false,
    minion: { id: ID },
    extraMinionConfig: {
      master: '127.0.0.1',
      master_port: master.requestPort,
      auth_timeout: 5,
      return_retry_timer: 1,
      return_retry_timer_max: 2,
      ...config,
    },
  });
}

/** Runs `salt` on our master, its output as JSON. */
export async function salt(
  t: TestContext,
  master: OwnMaster,
  ...args: string[]
): Promise<RanSalt & { readonly json: unknown }> {
  const ran = await runSalt(t, 'salt', ['-c', master.folder, '--out', 'json', ...args]);
  assert.notEqual(ran.stdout, '', `${args.join(' ')}: ${ran.stderr}\n${master.problems.join('\n')}`);
  return { ...ran, json: JSON.parse(ran.stdout) as unknown };
}

export async function saltKey(t: TestContext, master: OwnMaster, ...args: string[]): Promise<void> {
  const ran = await runSalt(t, 'salt-key', ['-c', master.folder, '-y', ...args]);
  assert.equal(ran.code, 0, ran.stderr);
}

/** The errors in the minion's log. */
export function complaints(minion: RealSalt): string[] {
  const log = readFileSync(join(minion.minionConfigDir, 'log'), 'utf8');
  return log.split('\n').filter((line) => /\[(ERROR|CRITICAL)/.test(line));
}

/** Fires on the bus of the minion what it is to forward. */
export async function fireSingle(t: TestContext, minion: RealSalt, tag: string): Promise<void> {
  const data = { tag, data: { n: 1 }, pretag: null, events: null };
  const events = [{ tag: 'fire_master', data }];
  await pythonFire(t, { node: 'minion', sockDir: minion.minionSockDir, id: ID, events });
}
