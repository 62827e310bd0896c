/** Our minion under a master whose answers the test decides. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { MinionDaemon, MinionOptions } from '../../src/daemon/minion/minion.ts';
import { onDiagnostics } from '../../src/diagnostics.ts';
import { clientOfMinion, minionPlace, ownMinion } from '../helpers/own-minion.ts';
import type { MinionPlace } from '../helpers/own-minion.ts';
import { jobOf, scriptedMaster } from '../helpers/scripted-master.ts';
import type { ScriptedMaster } from '../helpers/scripted-master.ts';
import { takeEvents, withoutStamp } from '../helpers/take.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 60_000 };

interface Rig {
  readonly master: ScriptedMaster;
  readonly place: MinionPlace;
  readonly minion: MinionDaemon;
  /** The returns that came, by job id. */
  readonly returns: () => Map<unknown, ReadonlyMap<unknown, unknown>>;
  /** Publishes a job, and gives what came back. */
  readonly job: (fields: Readonly<Record<string, unknown>>) => Promise<ReadonlyMap<unknown, unknown>>;
}

async function rig(
  t: TestContext,
  config: Readonly<Record<string, unknown>> = {},
  options: Partial<MinionOptions> = {},
): Promise<Rig> {
  const master = await scriptedMaster(t);
  const place = minionPlace(t, 'web1', {
    master: `127.0.0.1:${master.port}`,
    grains: { role: 'web' },
    ...config,
  });
  const minion = await ownMinion(t, place, options);
  await minion.ready;
  const returns = (): Map<unknown, ReadonlyMap<unknown, unknown>> =>
    new Map(master.loads('_return').map((load) => [load.get('jid'), load]));
  return {
    master,
    place,
    minion,
    returns,
    job: async (fields) => {
      const job = jobOf(fields);
      await master.publish(job);
      await waitUntil(() => returns().has(job['jid']));
      return returns().get(job['jid']) ?? assert.fail();
    },
  };
}

test('the start: pillar with grains, and the start events; a job and its return', LIMIT, async (t) => {
  const { master, minion, job, place } = await rig(t, { start_event_grains: ['role'] });
  assert.deepEqual(
    master.asked.map(({ cmd, whole }) => [cmd, whole.get('tag')]),
    [
      ['_pillar', undefined],
      ['_minion_event', 'minion_start'],
      ['_minion_event', 'salt/minion/web1/start'],
    ],
  );
  const grains = master.loads('_pillar')[0]?.get('grains') as ReadonlyMap<string, unknown>;
  assert.deepEqual(
    [grains.get('id'), grains.get('role'), grains.get('saltversion')],
    ['web1', 'web', '3008.5'],
  );
  assert.deepEqual(master.loads('_minion_event')[1]?.get('grains'), new Map([['role', 'web']]));
  const load = await job({ fun: 'test.echo', arg: ['x'], metadata: { a: 1 } });
  const { jid, _stamp: stamp, ...rest } = Object.fromEntries(load) as Record<string, unknown>;
  assert.match(String(jid), /^\d{20}$/);
  assert.match(String(stamp), /^\d{4}-\d\d-\d\dT.*\+00:00$/);
  assert.deepEqual(rest, {
    cmd: '_return',
    success: true,
    return: 'x',
    retcode: 0,
    fun: 'test.echo',
    fun_args: ['x'],
    user: 'root',
    metadata: new Map([['a', 1]]),
  });
  const pki = join(place.configDir, 'pki');
  const modes = ['', 'minion.pem', 'minion.pub', 'minion_master.pub'].map(
    (name) => statSync(join(pki, name)).mode & 0o777,
  );
  assert.deepEqual(modes, [0o700, 0o400, 0o644, 0o644]);
  assert.equal(readFileSync(join(pki, 'minion_master.pub'), 'utf8'), master.master.desk.masterKey.publicPem);
  assert.equal(minion.status.jobs.succeeded, 1);
});

test('jobs for others, and jobs that came already, are not run', LIMIT, async (t) => {
  const { master, minion, job } = await rig(t);
  master.pillar = new Map([['a', 'b']]);
  await job({ fun: 'saltutil.refresh_pillar' });
  const yes = [
    { tgt: 'web*' },
    { tgt: ['web1', 'x'], tgt_type: 'list' },
    { tgt: 'w.b1', tgt_type: 'pcre' },
    { tgt: 'role:web', tgt_type: 'grain' },
    { tgt: 'role:w.b', tgt_type: 'grain_pcre' },
    { tgt: 'G@role:web and not db*', tgt_type: 'compound' },
    { tgt: '127.0.0.0/8', tgt_type: 'ipcidr' },
    { tgt: 'a:b', tgt_type: 'pillar' },
  ];
  for (const target of yes) assert.equal((await job(target)).get('return'), true, JSON.stringify(target));
  const before = minion.status.jobs.began;
  const again = jobOf({});
  await master.publish(again);
  await master.publish(again);
  for (const target of [
    { tgt: 'db*' },
    { tgt: 'role:db', tgt_type: 'grain' },
    { tgt: '(', tgt_type: 'compound' },
    { tgt: '*', tgt_type: 'nonsense' },
  ])
    await master.publish(jobOf(target));
  await job({});
  assert.equal(minion.status.jobs.began, before + 2);
  assert.deepEqual(minion.status.masters[0]?.dropped, { duplicate: 1, 'not-for-us': 4 });
});

test('garbage on the publish port is dropped and counted, and jobs go on', LIMIT, async (t) => {
  const { master, minion, job } = await rig(t);
  const junk = [
    Buffer.alloc(0),
    Buffer.from('garbage'),
    Buffer.from([0x81, 0xa1, 0x61, 1]),
    Buffer.alloc(100_000, 0x81),
  ];
  for (const bytes of junk) master.publishRaw(bytes);
  master.publishRaw(Buffer.from('a'), Buffer.from('b'), Buffer.from('c'));
  await master.publish({ fun: 'test.ping', tgt: '*' });
  assert.equal((await job({})).get('return'), true);
  assert.deepEqual(minion.status.masters[0]?.dropped, { malformed: 5, fields: 1 });
});

test('with sign_pub_messages, what the master did not sign is dropped', LIMIT, async (t) => {
  const { master, minion, job } = await rig(t, { sign_pub_messages: true });
  assert.equal((await job({})).get('return'), true);
  // the signed bytes with another byte in the middle
  master.publishRaw(Buffer.from('82a3656e63a3616573a46c6f6164a178', 'hex'));
  await waitUntil(() => minion.status.masters[0]?.dropped['unsigned'] === 1);
});

test(
  'another publish key: one sign-in for all that was published with it, and no job is lost',
  LIMIT,
  async (t) => {
    const { master, minion, returns } = await rig(t);
    const before = master.signIns;
    await master.rotate();
    const jobs = Array.from({ length: 20 }, () => jobOf({}));
    for (const each of jobs) await master.publish(each);
    await waitUntil(() => jobs.every(({ jid }) => returns().has(jid)));
    assert.equal(master.signIns, before + 1);
    assert.equal(minion.status.jobs.succeeded, 20);
  },
);

test(
  'the master has forgotten the session: the request is made again after one sign-in',
  LIMIT,
  async (t) => {
    const { master, job } = await rig(t);
    const before = master.signIns;
    master.forget();
    assert.equal((await job({})).get('return'), true);
    assert.equal(master.signIns, before + 1);
  },
);

test(
  'the publish connection is lost: signed in anew, start events again, and what was fired is sent',
  LIMIT,
  async (t) => {
    const { master, minion, place, job } = await rig(t);
    const bus = await clientOfMinion(t, place);
    const own = bus.listen({ tag: '__master_' });
    await own.ready;
    const before = master.signIns;
    await master.dropSubscribers();
    await bus.fireMaster('x', { n: 1 });
    await waitUntil(
      () => minion.status.forwarding[0]?.sent === 1 && minion.status.masters[0]?.phase === 'up',
    );
    const events = await takeEvents(own, 2);
    assert.deepEqual(
      events.map((event) => [event.tag, withoutStamp(event)]),
      [
        ['__master_disconnected', { master: '127.0.0.1' }],
        ['__master_connected', { master: '127.0.0.1' }],
      ],
    );
    assert.equal(master.signIns, before + 1);
    const tags = master.loads('_minion_event').map((load) => load.get('tag'));
    assert.equal(tags.filter((tag) => tag === 'salt/minion/web1/start').length, 2);
    assert.equal(tags.filter((tag) => tag === 'x').length, 1);
    // the pillar is kept
    assert.equal(master.loads('_pillar').length, 1);
    assert.equal((await job({})).get('return'), true);
  },
);

test('returns are seen on the own bus, as those of real minions', LIMIT, async (t) => {
  const { place, job } = await rig(t);
  const bus = await clientOfMinion(t, place);
  const own = bus.listen({ tag: '__master_req_channel_' });
  await own.ready;
  const load = await job({ fun: 'test.echo', arg: ['x'] });
  const [sent, answered] = await takeEvents(own, 2);
  if (sent === undefined || answered === undefined) return assert.fail();
  const [, about = ''] =
    /^__master_req_channel_payload\/([0-9a-f]{32})\/127\.0\.0\.1$/.exec(sent.tag) ?? assert.fail();
  assert.deepEqual([sent.data['id'], sent.data['jid'], sent.data['return']], ['web1', load.get('jid'), 'x']);
  assert.equal(answered.tag, `__master_req_channel_return/${about}`);
  assert.deepEqual(withoutStamp(answered), { ret: null });
});

test('what programs ask of the minion on its bus', LIMIT, async (t) => {
  const { master, place } = await rig(t);
  const bus = await clientOfMinion(t, place);
  const own = bus.listen({ tag: '/salt/minion/' });
  await own.ready;
  await bus.fire('pillar_refresh', {}, { allowInternalTag: true });
  const [event] = await takeEvents(own, 1);
  assert.equal(event?.tag, '/salt/minion/minion_pillar_refresh_complete');
  assert.equal(master.loads('_pillar').length, 2);
});

test('pending, then accepted; told how to accept it', LIMIT, async (t) => {
  const master = await scriptedMaster(t);
  master.master.verdict = 'pending';
  const outcomes: string[] = [];
  t.after(onDiagnostics('saltbus:minion:sign-in', ({ outcome }) => outcomes.push(outcome)));
  const minion = await ownMinion(t, minionPlace(t, 'web1', { master: `127.0.0.1:${master.port}` }));
  await waitUntil(() => outcomes.length >= 2);
  assert.equal(minion.status.masters[0]?.phase, 'signing-in');
  master.master.verdict = 'accepted';
  await minion.ready;
  assert.deepEqual(new Set(outcomes.slice(0, -1)), new Set(['pending']));
  assert.equal(outcomes.at(-1), 'accepted');
});

test('rejected: the minion ends with that, or goes on asking where it is told to', LIMIT, async (t) => {
  const master = await scriptedMaster(t);
  master.master.verdict = 'rejected';
  const first = await ownMinion(t, minionPlace(t, 'web1', { master: `127.0.0.1:${master.port}` }));
  assert.equal((await first.failed).code, 'ERR_SALTBUS_REJECTED');
  assert.equal(first.status.masters[0]?.phase, 'failed');
  const second = await ownMinion(
    t,
    minionPlace(t, 'web2', { master: `127.0.0.1:${master.port}`, rejected_retry: true }),
  );
  const before = master.signIns;
  await waitUntil(() => master.signIns > before + 1);
  master.master.verdict = 'accepted';
  await second.ready;
});

test('full: it goes on asking', LIMIT, async (t) => {
  const master = await scriptedMaster(t);
  master.master.verdict = 'full';
  const minion = await ownMinion(t, minionPlace(t, 'web1', { master: `127.0.0.1:${master.port}` }));
  await waitUntil(() => master.signIns > 1);
  assert.equal(minion.status.masters[0]?.phase !== 'failed', true);
  master.master.verdict = 'accepted';
  await minion.ready;
});

test('a key that is rejected while the minion runs ends it', LIMIT, async (t) => {
  const { master, minion, place } = await rig(t);
  master.master.verdict = 'rejected';
  master.master.accepted.clear();
  await (await clientOfMinion(t, place)).fireMaster('x', { n: 1 });
  assert.equal((await minion.failed).code, 'ERR_SALTBUS_REJECTED');
});

test('another master key than the pinned one, and than master_finger', LIMIT, async (t) => {
  const { minion, place } = await rig(t);
  await minion.close();
  const other = await scriptedMaster(t, { key: 'other-master' });
  const config = JSON.parse(readFileSync(join(place.configDir, 'minion'), 'utf8')) as Record<string, unknown>;
  const configure = (changes: Readonly<Record<string, unknown>>): void => {
    writeFileSync(join(place.configDir, 'minion'), JSON.stringify({ ...config, ...changes }));
  };
  configure({ master: `127.0.0.1:${other.port}` });
  const changed = await ownMinion(t, place);
  assert.equal((await changed.failed).code, 'ERR_SALTBUS_MASTER_CHANGED');
  assert.equal(other.asked.length, 0);
  await changed.close();
  configure({ master: `127.0.0.1:${other.port}`, open_mode: true, master_finger: '00:11' });
  const finger = await (await ownMinion(t, place)).failed;
  assert.match(finger.message, /^The fingerprint of the master is .*, not master_finger$/);
});

test(
  'two masters: a job that comes from both is run once, what is fired goes to both, one may be away',
  LIMIT,
  async (t) => {
    const [first, second] = [await scriptedMaster(t), await scriptedMaster(t)];
    const place = minionPlace(t, 'web1', { master: [`127.0.0.1:${first.port}`, `127.0.0.1:${second.port}`] });
    const minion = await ownMinion(t, place);
    await waitUntil(() => minion.status.masters.every(({ phase }) => phase === 'up'));
    const job = jobOf({});
    await first.publish(job);
    await second.publish(job);
    await waitUntil(() => minion.status.masters.some(({ dropped }) => dropped['duplicate'] === 1));
    assert.equal(minion.status.jobs.began, 1);
    first.stop();
    const bus = await clientOfMinion(t, place);
    await bus.fireMaster('x', { n: 1 });
    await waitUntil(() => minion.status.forwarding.some(({ sent }) => sent === 1));
    assert.equal(second.loads('_minion_event').at(-1)?.get('tag'), 'x');
    assert.deepEqual(minion.status.forwarding.map(({ sent, waiting }) => [sent, waiting]).sort(), [
      [0, 1],
      [1, 0],
    ]);
  },
);

test('a second master with another key is refused, and the first goes on', LIMIT, async (t) => {
  const [first, second] = [await scriptedMaster(t), await scriptedMaster(t, { key: 'other-master' })];
  const place = minionPlace(t, 'web1', { master: [`127.0.0.1:${first.port}`, `127.0.0.1:${second.port}`] });
  const minion = await ownMinion(t, place);
  await waitUntil(() => minion.status.masters.every(({ phase }) => phase === 'up' || phase === 'failed'));
  const phases = minion.status.masters
    .map(({ phase, error }) => `${phase} ${error?.code ?? ''}`.trim())
    .sort();
  assert.deepEqual(phases, ['failed ERR_SALTBUS_MASTER_CHANGED', 'up']);
});

test('the end: jobs that run end first, and what was fired is sent; it is bounded', LIMIT, async (t) => {
  const { master, minion, place, returns } = await rig(t);
  const job = jobOf({ fun: 'test.sleep', arg: [0.3] });
  await master.publish(job);
  await waitUntil(() => minion.status.jobs.running === 1);
  const bus = await clientOfMinion(t, place);
  await bus.fireMaster('last', { n: 1 });
  await waitUntil(() => minion.status.forwarding[0]?.queued === 1);
  await minion.close();
  assert.equal(returns().get(job['jid'])?.get('return'), true);
  assert.equal(master.loads('_minion_event').at(-1)?.get('tag'), 'last');
  const silent = await rig(t);
  silent.master.isAnswering = false;
  await (await clientOfMinion(t, silent.place)).fireMaster('lost', { n: 1 });
  await waitUntil(() => silent.minion.status.forwarding[0]?.queued === 1);
  const stop = new AbortController();
  const closed = silent.minion.close({ signal: stop.signal });
  stop.abort();
  await closed;
  assert.equal(silent.minion.status.forwarding[0]?.dropped, 1);
});

test(
  'ZeroMQ filtering: what is for all or for this minion is heard, and the rest is not',
  LIMIT,
  async (t) => {
    const { master, minion, returns } = await rig(t, { zmq_filtering: true });
    await master.subscribed(2);
    const [own, all, others] = [jobOf({}), jobOf({}), jobOf({})];
    await master.publish(others, createHash('sha1').update('web2').digest('hex'));
    await master.publish(own, createHash('sha1').update('web1').digest('hex'));
    await master.publish(all, 'broadcast');
    await waitUntil(() => returns().has(own['jid']) && returns().has(all['jid']));
    assert.equal(minion.status.jobs.began, 2);
  },
);
