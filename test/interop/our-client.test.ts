/** Our client on the buses of real daemons, side by side with Salt's own client, both nodes, both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Bus, Node } from '../../src/bus/bus.ts';
import { connect } from '../../src/client/connect.ts';
import { SaltDateTime } from '../../src/codec/msgpack/values.ts';
import { takeEvents, withoutStamp } from '../helpers/take.ts';
import { interop, pythonFire, pythonListen } from './helpers.ts';

const LIMIT = { timeout: 60_000 };

async function connected(t: TestContext, node: Node): Promise<Bus> {
  const { masterConfigDir, minionConfigDir } = interop();
  const bus = await connect({ node, configDir: node === 'master' ? masterConfigDir : minionConfigDir });
  t.after(() => {
    bus.destroy();
  });
  return bus;
}

for (const node of ['master', 'minion'] as const) {
  test(`${node}: what we fire, Salt's client and ours see, in order`, LIMIT, async (t) => {
    const bus = await connected(t, node);
    const theirs = pythonListen(t, { node, tag: 'interop/ours/' });
    const ours = bus.listen({ tag: 'interop/ours/' });
    await Promise.all([theirs.ready, ours.ready]);
    const data = {
      text: 'é',
      number: 2 ** 40,
      negative: -1,
      float: 1.5,
      none: null,
      list: [true, { deep: 'x' }],
      bytes: new Uint8Array([0, 255]),
    };
    for (let n = 0; n < 200; n += 1) await bus.fire(`interop/ours/${n}`, { ...data, n });
    const [seenByThem, seenByUs] = await Promise.all([theirs.collect(200), takeEvents(ours, 200)]);
    const tags = Array.from({ length: 200 }, (_, n) => `interop/ours/${n}`);
    assert.deepEqual(
      seenByThem.map((event) => event.tag),
      tags,
    );
    assert.deepEqual(
      seenByUs.map((event) => event.tag),
      tags,
    );
    const { _stamp: stamp, ...rest } = seenByThem[7]?.data ?? {};
    assert.deepEqual(rest, { ...data, n: 7, bytes: { __bytes__: 'AP8=' } });
    assert.match(String(stamp), /^\d{4}-\d{2}-\d{2}T/);
    assert.deepEqual(withoutStamp(seenByUs[7] ?? assert.fail()), { ...data, n: 7 });
  });

  test(`${node}: what Salt's client fires, we see`, LIMIT, async (t) => {
    const bus = await connected(t, node);
    const subscription = bus.listen({ tag: 'interop/theirs/*/x', match: 'glob' });
    await subscription.ready;
    const events = Array.from({ length: 100 }, (_, n) => ({
      tag: `interop/theirs/${n}/x`,
      data: { n, raw: { __bytes__: '/wA=' } },
    }));
    await pythonFire(t, { node, events: [{ tag: 'interop/theirs/no', data: {} }, ...events] });
    const seen = await takeEvents(subscription, 100);
    assert.deepEqual(
      seen.map((event) => event.tag),
      events.map((event) => event.tag),
    );
    assert.deepEqual(withoutStamp(seen[3] ?? assert.fail()), { n: 3, raw: new Uint8Array([255, 0]) });
  });

  test(`${node}: a datetime and integers of 64 bits make the round trip`, LIMIT, async (t) => {
    const bus = await connected(t, node);
    const subscription = bus.listen({ tag: 'interop/exact' });
    await subscription.ready;
    const when = SaltDateTime.fromIso('2024-01-02T03:04:05.000678');
    await bus.fire(
      'interop/exact',
      new Map<unknown, unknown>([
        ['when', when],
        ['big', 2n ** 64n - 1n],
        [1, 'integer key'],
        [null, 'nil key'],
      ]),
    );
    const [event] = await takeEvents(subscription, 1);
    assert.deepEqual(event?.exact.get('when'), when);
    assert.equal(event?.exact.get('big'), 2n ** 64n - 1n);
    assert.equal(event.exact.get(1), 'integer key');
    assert.equal(event.exact.get(null), 'nil key');
  });

  test(`${node}: ready is true: the very next event of Salt's client is seen`, LIMIT, async (t) => {
    const firing = await connected(t, node);
    for (let round = 0; round < 20; round += 1) {
      const bus = await connected(t, node);
      const subscription = bus.listen({ tag: `interop/ready/${node}/${round}` });
      await subscription.ready;
      await firing.fire(`interop/ready/${node}/${round}`, { round });
      const [event] = await takeEvents(subscription, 1);
      assert.equal(event?.data['round'], round);
      await bus.close();
    }
  });
}

test('one event for the master arrives with the id of the minion around it', LIMIT, async (t) => {
  const minion = await connected(t, 'minion');
  const master = await connected(t, 'master');
  const subscription = master.listen({ tag: 'interop/forward/single' });
  await subscription.ready;
  await minion.fireMaster('interop/forward/single', { message: 'a drop' });
  const [event] = await takeEvents(subscription, 1);
  assert.equal(event?.data['id'], interop().minionId);
  assert.equal(event.data['cmd'], '_minion_event');
  assert.deepEqual(event.data['data'], { message: 'a drop' });
});

test(
  'a list for the master arrives flat and in order, and a second time under its pretag',
  LIMIT,
  async (t) => {
    const minion = await connected(t, 'minion');
    const master = await connected(t, 'master');
    const theirs = pythonListen(t, { node: 'master', tag: 'interop/forward/list' });
    const subscription = master.listen({ tag: 'interop/forward/list' });
    const under = master.listen({ tag: 'before/interop/forward/list' });
    await Promise.all([theirs.ready, subscription.ready]);
    const events = ['drap', 'drep', 'drip', 'drop', 'drup'].map((message) => ({
      tag: 'interop/forward/list',
      data: { message },
    }));
    await minion.fireMaster(events);
    await minion.fireMaster([{ tag: 'interop/forward/list', message: 'the element itself' }], {
      pretag: 'before',
    });
    const seen = await takeEvents(subscription, 6);
    assert.deepEqual(
      seen.slice(0, 5).map(withoutStamp),
      events.map((event) => event.data),
    );
    assert.deepEqual(withoutStamp(seen[5] ?? assert.fail()), {
      tag: 'interop/forward/list',
      message: 'the element itself',
    });
    const [again] = await takeEvents(under, 1);
    assert.equal(again?.data['message'], 'the element itself');
    assert.deepEqual(
      (await theirs.collect(5)).map((event) => event.data['message']),
      events.map((event) => event.data.message),
    );
  },
);
