/** Our minion and the life of its masters: accepted, restarted, rotated, replaced, several. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SaltEvent } from '../../../src/event.ts';
import { start } from '../../helpers/cli.ts';
import { clientOfMinion, minionPlace, ownMinion } from '../../helpers/own-minion.ts';
import { busOf, listenTo, runSalt, salt } from '../../helpers/salt-commands.ts';
import { takeEvents } from '../../helpers/take.ts';
import { waitUntil } from '../../helpers/wait-until.ts';
import { startOwnPair } from '../helpers.ts';

const LIMIT = { timeout: 180_000 };
const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

test(
  'a new minion as a user runs it: its key is pending, is accepted with salt-key, and it is pinged',
  LIMIT,
  async (t) => {
    const pair = await startOwnPair(t, { minion: false, extraMasterConfig: { auto_accept: false } });
    const events = await listenTo(t, pair.masterConfigDir, '');
    const { configDir } = minionPlace(t, 'ours1', {
      master: '127.0.0.1',
      master_port: pair.requestPort,
      grains: { role: 'web' },
      start_event_grains: ['role'],
    });
    const running = start(t, process.execPath, ['--import', 'tsx', MAIN, 'minion', '-c', configDir]);
    assert.match(await running.line('pending', 'stderr'), /salt-key -a ours1/);
    const keys = (await salt(pair.masterConfigDir, 'salt-key', '-L')) as Record<string, unknown>;
    assert.deepEqual(keys['minions_pre'], ['ours1']);
    await runSalt(pair.masterConfigDir, 'salt-key', '-y', '-a', 'ours1');
    await running.line('the master is there', 'stderr');
    const seen: SaltEvent[] = [];
    while (seen.at(-1)?.tag !== 'salt/minion/ours1/start') seen.push(...(await takeEvents(events, 1)));
    const tags = seen.map(({ tag }) => tag);
    assert.deepEqual(
      tags.filter((tag) => /^(minion_start|salt\/minion|minion\/refresh)/.test(tag)),
      ['minion/refresh/ours1', 'minion_start', 'salt/minion/ours1/start'],
    );
    const { data } = seen.at(-1) ?? assert.fail();
    assert.match(String(data['data']), /^Minion ours1 started at \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/);
    assert.deepEqual(data['grains'], { role: 'web' });
    assert.deepEqual(await salt(pair.masterConfigDir, 'salt', '*', 'test.ping'), { ours1: true });
    assert.deepEqual(await salt(pair.masterConfigDir, 'salt', '-G', 'role:web', 'grains.get', 'id'), {
      ours1: 'ours1',
    });
    assert.deepEqual(await salt(pair.masterConfigDir, 'salt-run', 'manage.up'), ['ours1']);
    const { stdout } = await runSalt(pair.masterConfigDir, 'salt', '*', 'grains.items');
    assert.match(stdout, /\n {4}os_family:\n/);
    // asked for while it runs: the command line waits longer than its timeout, because find_job says that it does
    assert.deepEqual(await salt(pair.masterConfigDir, 'salt', '-t', '1', '*', 'test.sleep', '4'), {
      ours1: true,
    });
    running.child.kill('SIGTERM');
    assert.equal((await running.ended).code, 0);
  },
);

test('the master restarts, rotates its key, and is replaced', LIMIT, async (t) => {
  const pair = await startOwnPair(t, { minion: false, extraMasterConfig: { loop_interval: 1 } });
  const place = minionPlace(t, 'ours5', { master: '127.0.0.1', master_port: pair.requestPort });
  const other = await ownMinion(
    t,
    minionPlace(t, 'other', { master: '127.0.0.1', master_port: pair.requestPort }),
  );
  const minion = await ownMinion(t, place);
  await Promise.all([minion.ready, other.ready]);
  await other.close();
  const bus = await clientOfMinion(t, place);
  const ping = async (): Promise<void> => {
    assert.deepEqual(await salt(pair.masterConfigDir, 'salt', 'ours5', 'test.ping'), { ours5: true });
  };
  await t.test('a publish key rotated by salt-key loses no job', async () => {
    await ping();
    const master = await busOf(t, pair.masterConfigDir);
    const rotated = master.listen({ tag: 'key', match: 'exact' });
    await rotated.ready;
    await runSalt(pair.masterConfigDir, 'salt-key', '-y', '-d', 'other');
    await takeEvents(rotated, 1);
    const before = minion.status.masters[0]?.counters.signIns ?? 0;
    await ping();
    await ping();
    assert.equal(minion.status.masters[0]?.counters.signIns, before + 1);
  });
  await t.test('what is fired while the master is away arrives when it is back, in order', async () => {
    await pair.stopMaster();
    await waitUntil(() => minion.status.masters[0]?.phase !== 'up');
    for (let n = 0; n < 50; n += 1) await bus.fireMaster('interop/away', { n });
    await waitUntil(() => minion.status.forwarding[0]?.waiting === 50);
    await pair.startMaster();
    const events = await listenTo(t, pair.masterConfigDir, 'interop/away');
    const found = await takeEvents(events, 50);
    assert.deepEqual(
      found.map(({ data }) => (data['data'] as { readonly n: number }).n),
      Array.from({ length: 50 }, (_, n) => n),
    );
    await waitUntil(() => minion.status.masters[0]?.phase === 'up');
    await ping();
  });
  await t.test('the minion restarts with the same key', async () => {
    await minion.close();
    const again = await ownMinion(t, place);
    assert.equal(again.isKeyNew, false);
    await again.ready;
    await ping();
    await again.close();
  });
  await t.test('a master with another key is refused', async () => {
    await pair.stopMaster();
    rmSync(join(pair.masterConfigDir, 'pki'), { recursive: true });
    await pair.startMaster();
    const again = await ownMinion(t, place);
    const error = await again.failed;
    assert.equal(error.code, 'ERR_SALTBUS_MASTER_CHANGED');
    assert.equal(again.status.masters[0]?.phase, 'failed');
    await again.close();
    // from the command line
    const running = start(t, process.execPath, ['--import', 'tsx', MAIN, 'minion', '-c', place.configDir]);
    const ended = await running.ended;
    assert.equal(ended.code, 77);
    assert.match(ended.stderr, /another key than the pinned one.*ERR_SALTBUS_MASTER_CHANGED/);
    // the operator says that it is right
    rmSync(join(place.configDir, 'pki', 'minion_master.pub'));
    const trusting = await ownMinion(t, place);
    await trusting.ready;
    await ping();
    await trusting.close();
  });
});

test('several masters: all at once, and one after the other', LIMIT, async (t) => {
  const first = await startOwnPair(t, { minion: false });
  const second = await startOwnPair(t, { master: false, minion: false });
  cpSync(join(first.masterConfigDir, 'pki'), join(second.masterConfigDir, 'pki'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await second.startMaster();
  const masters = [`127.0.0.1:${first.requestPort}`, `127.0.0.1:${second.requestPort}`];
  await t.test('all', async (inner) => {
    const place = minionPlace(inner, 'hot', { master: masters });
    const minion = await ownMinion(inner, place);
    await waitUntil(() => minion.status.masters.every(({ phase }) => phase === 'up'));
    for (const { masterConfigDir } of [first, second])
      assert.deepEqual(await salt(masterConfigDir, 'salt', 'hot', 'test.ping'), { hot: true });
    const heard = [
      await listenTo(inner, first.masterConfigDir, 'interop/hot'),
      await listenTo(inner, second.masterConfigDir, 'interop/hot'),
    ];
    await (await clientOfMinion(inner, place)).fireMaster('interop/hot', { a: 1 });
    for (const events of heard) assert.deepEqual((await takeEvents(events, 1))[0]?.data['data'], { a: 1 });
    await minion.close();
  });
  await t.test('failover', async (inner) => {
    const place = minionPlace(inner, 'over', {
      master: masters,
      master_type: 'failover',
      master_failback: true,
      master_failback_interval: 1,
    });
    const minion = await ownMinion(inner, place);
    await minion.ready;
    assert.deepEqual(
      minion.status.masters.map(({ master }) => master),
      [masters[0]],
    );
    const heard = await listenTo(inner, second.masterConfigDir, 'interop/over');
    await first.stopMaster();
    await (await clientOfMinion(inner, place)).fireMaster('interop/over', { a: 1 });
    assert.deepEqual((await takeEvents(heard, 1))[0]?.data['data'], { a: 1 });
    assert.deepEqual(await salt(second.masterConfigDir, 'salt', 'over', 'test.ping'), { over: true });
    await first.startMaster();
    await waitUntil(
      () => minion.status.masters[0]?.master === masters[0] && minion.status.masters[0]?.phase === 'up',
    );
    assert.deepEqual(await salt(first.masterConfigDir, 'salt', 'over', 'test.ping'), { over: true });
    await minion.close();
  });
});
