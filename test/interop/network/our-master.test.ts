/** Our master with a real minion, and the real command line beside it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { RealSalt } from '../../../src/testing/real-salt.ts';
import { ownMaster, watchMaster } from '../../helpers/own-master.ts';
import type { OwnMaster } from '../../helpers/own-master.ts';
import { interop, saltCommand, startOwnPair } from '../helpers.ts';

const LIMIT = { timeout: 120_000 };

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the release with the configuration of our master. */
function run(t: TestContext, folder: string, name: string, ...args: string[]): Promise<Ran> {
  const child = spawn(saltCommand(name), ['-c', folder, ...args], {
    env: { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })));
}

/** A real minion that belongs to our master. */
async function minionOf(t: TestContext, master: OwnMaster, id = 'real1'): Promise<RealSalt> {
  return await startOwnPair(t, {
    master: false,
    minion: { id },
    extraMinionConfig: { master: '127.0.0.1', master_port: master.requestPort, auth_timeout: 5 },
  });
}

test('a real minion signs in, and the real command line reaches it', LIMIT, async (t) => {
  const { release } = interop();
  const master = await ownMaster(t, { release });
  const seen = await watchMaster(t, master.sockDir);
  await minionOf(t, master);
  await seen.until('salt/minion/real1/start');
  const ping = await run(t, master.folder, 'salt', '*', 'test.ping', '--out', 'json', '--static');
  assert.deepEqual([ping.code, JSON.parse(ping.stdout || '{}')], [0, { real1: true }], `${ping.stderr}\n${master.problems.join('\n')}`);
});
