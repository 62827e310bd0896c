/** Our master beside a real one: in its place for a while, and held against it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeClearRequest } from '../../../src/codec/payload/request.ts';
import { ownMaster } from '../../helpers/own-master.ts';
import { rawRequest } from '../../helpers/raw-req.ts';
import { waitUntil } from '../../helpers/wait-until.ts';
import { interop, runSalt, startOwnPair } from '../helpers.ts';
import { ID, salt } from '../master-helpers.ts';

const LIMIT = { timeout: 150_000 };

test('a real master’s keys are taken over, and given back', LIMIT, async (t) => {
  const { release } = interop();
  const pair = await startOwnPair(t, {
    minion: { id: ID },
    extraMinionConfig: { return_retry_timer: 1, return_retry_timer_max: 2 },
  });
  const { masterConfigDir, requestPort, publishPort } = pair;
  const finger = readFileSync(join(masterConfigDir, 'pki', 'master.pub'), 'utf8');
  await pair.stopMaster();
  const master = await ownMaster(t, {
    release,
    folder: masterConfigDir,
    ports: { retPort: requestPort, publishPort },
    config: { auto_accept: false, id: undefined },
  });
  assert.deepEqual(master.daemon.status.keys, { accepted: 1, pending: 0, rejected: 0, denied: 0 });
  assert.equal(readFileSync(join(masterConfigDir, 'pki', 'master.pub'), 'utf8'), finger);
  await waitUntil(() => master.daemon.counters.publishPort.subscriptions > 0);
  assert.deepEqual(
    (await salt(t, master, '-t', '30', '*', 'test.ping')).json,
    { [ID]: true },
    master.problems.join('\n'),
  );
  await master.stop();
  // it starts on what ours has left, and the minion comes back to it
  await pair.startMaster();
  const ping = await runSalt(t, 'salt', [
    '-c',
    masterConfigDir,
    '--out',
    'json',
    '-t',
    '20',
    '*',
    'test.ping',
  ]);
  assert.deepEqual(JSON.parse(ping.stdout), { [ID]: true }, ping.stderr);
});

test('clear commands are answered as a real master answers them', LIMIT, async (t) => {
  const { release, requestPort, masterConfigDir, minionId } = interop();
  const master = await ownMaster(t, { release });
  writeFileSync(
    join(master.folder, 'pki', 'minions', minionId),
    readFileSync(join(masterConfigDir, 'pki', 'minions', minionId)),
  );
  await waitUntil(() => master.daemon.status.keys.accepted === 1);
  // other tests leave keys on the shared master
  const job = {
    cmd: 'publish',
    tgt: `${minionId}*`,
    fun: 'test.ping',
    arg: [],
    tgt_type: 'glob',
    ret: '',
    user: 'root',
  };
  const list = { tgt: [minionId, 'x'], tgt_type: 'list' };
  const questions: readonly (readonly [isKnown: boolean, load: Record<string, unknown>])[] = [
    [false, { cmd: 'ping' }],
    [false, { cmd: 'no_such' }],
    [false, { cmd: 'get_token', token: 'abcdef' }],
    [false, { cmd: 'mk_token', eauth: 'pam', username: 'a', password: 'b' }],
    [false, { ...job, jid: '20261122145001719101' }],
    [false, { cmd: 'runner', fun: 'test.arg', user: 'root' }],
    [false, { cmd: 'wheel', fun: 'key.list_all', user: 'root' }],
    [true, { ...job, jid: '20261122145001719102' }],
    [true, { ...job, jid: '20261122145001719103', ...list }],
    [
      true,
      { ...job, jid: '20261122145001719104', user: 'bob', kwargs: { metadata: { a: 1 }, delimiter: ':' } },
    ],
    [true, { ...job, jid: '', tgt: 'nobody*' }],
    [true, { ...job, jid: '', tgt: ['nobody', "it's"], tgt_type: 'list' }],
    [true, { ...job, jid: '', tgt: 'G@a:b and', tgt_type: 'compound' }],
    [true, { ...job, jid: '', kwargs: { eauth: 'pam', username: 'x', password: 'y' } }],
  ];
  const secret = (folder: string): string =>
    readFileSync(join(folder, 'c', `.${userInfo().username}_key`), 'utf8');
  const keys = { real: secret(masterConfigDir), ours: secret(master.folder) };
  for (const [isKnown, load] of questions) {
    const ask = (port: number, key: string): Promise<Buffer> =>
      rawRequest(port, encodeClearRequest(isKnown ? { ...load, key } : load), { timeoutMs: 20_000 });
    const real = await ask(requestPort, keys.real);
    const ours = await ask(master.requestPort, keys.ours);
    assert.equal(ours.toString('hex'), real.toString('hex'), JSON.stringify(load));
  }
});
