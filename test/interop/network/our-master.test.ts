/** Our master with real minions, and the real command line beside it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { SaltEvent } from '../../../src/event.ts';
import type { RealSalt } from '../../../src/testing/real-salt.ts';
import { ownMaster, watchMaster } from '../../helpers/own-master.ts';
import type { WatchedBus } from '../../helpers/own-master.ts';
import { withoutStamp } from '../../helpers/take.ts';
import { waitUntil } from '../../helpers/wait-until.ts';
import { interop, pythonFire, runSalt } from '../helpers.ts';
import { ID, complaints, minionOf, salt, saltKey } from '../master-helpers.ts';

const LIMIT = { timeout: 150_000 };

function returnOf(fun: string): (event: SaltEvent) => boolean {
  return (event) => /^salt\/job\/\d{20}\/ret\//.test(event.tag) && event.data['fun'] === fun;
}

test('pending, accepted with salt-key, used in every way that salt knows', LIMIT, async (t) => {
  const { release } = interop();
  const master = await ownMaster(t, {
    release,
    config: {
      auto_accept: false,
      nodegroups: { ours: 'L@real1' },
      saltbus: { pillar_folder: '/pillar' },
    },
    before: (folder) => {
      mkdirSync(join(folder, 'pillar'));
      writeFileSync(join(folder, 'pillar', 'real*.yml'), 'role: web\nports: [80, 443]\n');
      mkdirSync(join(folder, 'srv', '_returners'), { recursive: true });
      writeFileSync(join(folder, 'srv', '_returners', 'nowhere.py'), 'def returner(ret):\n    pass\n');
    },
  });
  const seen = await watchMaster(t, master.sockDir);
  const minion = await minionOf(t, master, { mine_functions: { 'test.ping': [] } });
  const pended = await seen.until((event) => event.tag === 'salt/auth');
  assert.deepEqual(
    [pended.data['act'], pended.data['result'], pended.data['id']],
    ['pend', true, ID],
    'its key waits',
  );
  await saltKey(t, master, '-a', ID);
  const started = await seen.until(`salt/minion/${ID}/start`);
  assertStart(started);
  await t.test('test.ping by each kind of target', async (t) => {
    const answer = { [ID]: true };
    for (const target of [
      ['-L', ID],
      ['-G', 'kernel:Linux'],
      ['-C', 'I@role:web and E@real[0-9] and not L@other'],
      ['-N', 'ours'],
    ]) {
      const { code, json } = await salt(t, master, ...target, 'test.ping');
      assert.deepEqual([code, json], [0, answer], target.join(' '));
    }
  });
  await t.test('nobody is meant', async (t) => {
    const ran = await runSalt(t, 'salt', ['-c', master.folder, 'nobody*', 'test.ping']);
    assert.deepEqual(
      [ran.code, /No minions matched the target/.test(ran.stdout + ran.stderr)],
      [2, true],
      ran.stdout + ran.stderr,
    );
  });
  await t.test('a function that fails has its exit code, and one that is slow is waited for', async (t) => {
    const unknown = await salt(t, master, '*', 'no.such');
    assert.equal(unknown.code, 1);
    assert.deepEqual(unknown.json, { [ID]: "'no.such' is not available." });
    const slow = await salt(t, master, '-t', '1', '*', 'test.sleep', '3');
    assert.deepEqual([slow.code, slow.json], [0, { [ID]: true }]);
    assert.equal(seen.events.some(returnOf('saltutil.find_job')), true, 'it was asked whether it still runs');
  });
  await t.test('pillar, files, mine and states', async (t) => {
    // 3008 shows no values of pillar on the command line
    const pillar = await salt(t, master, '*', 'pillar.ls');
    const names = (pillar.json as Readonly<Record<string, string[]>>)[ID];
    assert.deepEqual(names?.sort(), ['ports', 'role']);
    const synced = await salt(t, master, '*', 'saltutil.sync_returners');
    assert.deepEqual(synced.json, { [ID]: ['returners.nowhere'] });
    assert.deepEqual((await salt(t, master, '*', 'mine.update')).json, { [ID]: true });
    // the minion sends it when it has answered
    const mines = [join('minions', ID, 'mine.p'), join('mine', `${ID}.p`)];
    await waitUntil(() => mines.some((path) => existsSync(join(master.folder, 'c', path))));
    const mine = await salt(t, master, '*', 'mine.get', '*', 'test.ping');
    assert.deepEqual(mine.json, { [ID]: { [ID]: true } });
    const applied = await salt(t, master, '*', 'state.apply');
    assert.notEqual(applied.code, 0);
    assert.match(JSON.stringify(applied.json), /No (states|Top file or master_tops data) /i);
  });
  await t.test('salt-run manage.up', async (t) => {
    const up = await runSalt(t, 'salt-run', ['-c', master.folder, '--out', 'json', 'manage.up']);
    assert.deepEqual(JSON.parse(up.stdout), [ID], up.stderr);
  });
  await t.test('forwarded events, in the two shapes', async (t) => {
    await assertForwarding(t, minion, seen);
  });
  await t.test('what it has said in its log', () => {
    // its key waited, state.apply was to fail, and so was the unknown function
    const meant = /\[asyncio|has cached the public key|no\.such|state\.apply|top file|No states/i;
    const bad = complaints(minion).filter((line) => !meant.test(line));
    assert.deepEqual(bad, []);
    assert.deepEqual(
      master.problems.filter((line) => !/^refused .*: session/.test(line)),
      [],
    );
  });
});

/** The data, without what our master adds: who has sent it. */
function ofTheMinion(event: SaltEvent): Record<string, unknown> {
  const { _saltbus: added, ...data } = withoutStamp(event);
  assert.deepEqual(Object.values(added as object), [ID]);
  return data;
}

function assertStart(event: SaltEvent): void {
  const { ts, ...data } = ofTheMinion(event);
  assert.equal(typeof ts, 'number');
  const said = data['data'];
  assert.match(String(said), /^Minion real1 started at /);
  assert.deepEqual(data, {
    cmd: '_minion_event',
    pretag: null,
    data: said,
    tag: `salt/minion/${ID}/start`,
    id: ID,
  });
}

async function assertForwarding(t: TestContext, minion: RealSalt, seen: WatchedBus): Promise<void> {
  const at = { node: 'minion', sockDir: minion.minionSockDir, id: ID } as const;
  const events = [
    { tag: 'a/list', data: { n: 1 } },
    { tag: 'a/list2', data: { text: 'é', deep: { list: [1, null, 2.5] } } },
  ];
  await pythonFire(t, {
    ...at,
    events: [
      { tag: 'fire_master', data: { tag: 'a/single', data: { n: 1 }, pretag: null, events: null } },
      { tag: 'fire_master', data: { events, pretag: null, tag: null, data: null } },
      { tag: 'fire_master', data: { events, pretag: 'pre', tag: null, data: null } },
    ],
  });
  const single = await seen.until('a/single');
  const { ts, ...data } = ofTheMinion(single);
  assert.equal(typeof ts, 'number');
  const nested = data['data'] as Record<string, unknown>;
  assert.equal(nested['n'], 1);
  assert.deepEqual(
    { ...data, data: { n: 1 } },
    { cmd: '_minion_event', pretag: null, data: { n: 1 }, tag: 'a/single', id: ID },
  );
  for (const tag of ['a/list', 'pre/a/list']) assert.deepEqual(ofTheMinion(await seen.until(tag)), { n: 1 });
  assert.deepEqual(ofTheMinion(await seen.until('pre/a/list2')), {
    text: 'é',
    deep: { list: [1, null, 2.5] },
  });
}
