import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveBus } from '../../src/daemon/bus-server.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import { clientOf, ownBus, socketsIn, temporaryFolder } from '../helpers/own-bus.ts';
import { eventOf, take } from '../helpers/take.ts';

for (const dialect of ['bare', 'prefixed', 'prefixed-pull'] as const) {
  test(`what one client fires, another sees: ${dialect}`, async (t) => {
    const folder = temporaryFolder(t);
    const server = await ownBus(t, folder, dialect);
    const listener = clientOf(t, folder);
    const subscription = listener.listen({ tag: 'mytag' });
    await subscription.ready;
    const firing = clientOf(t, folder);
    await firing.fire('other', { n: 0 });
    await firing.fire('mytag/a', { n: 1, text: 'é', list: [1, null] });
    const event = eventOf((await take(subscription, 1))[0]);
    assert.equal(event.tag, 'mytag/a');
    const { _stamp: stamp, ...data } = event.data;
    assert.deepEqual(data, { n: 1, text: 'é', list: [1, null] });
    assert.match(String(stamp), /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}$/);
    assert.equal(server.broker.counters.malformed, 0);
    assert.equal(subscription.counters.queued, 1);
  });
}

test('a directory that cannot be made is an error, not an endless attempt', { timeout: 10_000 }, async () => {
  await assert.rejects(serveBus({ pairs: [{ ...socketsIn('/proc/saltbus/s'), dialect: DIALECTS.bare }] }), {
    code: 'ERR_SALTBUS_SYSTEM',
    message: /\/proc\/saltbus/,
  });
});

test('ready means that the next event is seen, from the first one on', async (t) => {
  const folder = temporaryFolder(t);
  await ownBus(t, folder);
  const firing = clientOf(t, folder);
  await firing.fire('warm', {});
  for (let round = 0; round < 50; round += 1) {
    const listener = clientOf(t, folder);
    const subscription = listener.listen({ tag: 'round' });
    await subscription.ready;
    await firing.fire('round', { round });
    assert.equal(eventOf((await take(subscription, 1))[0]).data['round'], round);
    await listener.close();
  }
});

test('events fired in one tick keep their order, all of them', async (t) => {
  const folder = temporaryFolder(t);
  await ownBus(t, folder);
  const bus = clientOf(t, folder);
  const subscription = bus.listen({ tag: 'n' });
  await subscription.ready;
  const fired: Promise<void>[] = [];
  for (let n = 0; n < 5000; n += 1) fired.push(bus.fire('n', { n }));
  await Promise.all(fired);
  const items = await take(subscription, 5000);
  assert.deepEqual(
    items.map((item) => eventOf(item).data['n']),
    Array.from({ length: 5000 }, (_, n) => n),
  );
  assert.equal(bus.counters.fired, 5001, 'the events and one probe');
});

test('a daemon that restarts is found again, with a gap in the place of what may be missing', async (t) => {
  const folder = temporaryFolder(t);
  const first = await ownBus(t, folder);
  const bus = clientOf(t, folder, { backoff: { initialMs: 5, maxMs: 20 } });
  const subscription = bus.listen();
  await subscription.ready;
  await bus.fire('before', {});
  assert.equal(eventOf((await take(subscription, 1))[0]).tag, 'before');
  await first.close();
  await ownBus(t, folder, 'prefixed');
  const [gap] = await take(subscription, 1);
  assert.equal(gap?.kind, 'gap');
  assert.equal(gap.reason, 'reconnect');
  assert.equal(gap.dropped, undefined);
  // The new daemon speaks another dialect, and the event is neither lost nor sent twice.
  await bus.fire('after', {});
  assert.equal(eventOf((await take(subscription, 1))[0]).tag, 'after');
  assert.equal(bus.counters.reconnects, 1);
});

test('a consumer that does not take loses events, counted, and the bus is read on', async (t) => {
  const folder = temporaryFolder(t);
  await ownBus(t, folder);
  const bus = clientOf(t, folder);
  const slow = bus.listen({ tag: 'n', limit: 10 });
  const quick = bus.listen({ tag: 'n' });
  await quick.ready;
  for (let n = 0; n < 100; n += 1) await bus.fire('n', { n });
  await take(quick, 100);
  const items = await take(slow, 11);
  assert.deepEqual(
    items.slice(0, 10).map((item) => eventOf(item).data['n']),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.equal(items[10]?.kind, 'gap');
  assert.equal(items[10].dropped, 90);
  assert.equal(slow.counters.dropped, 90);
});

test('subscriptions end with their signal, with the loop, and with the bus', async (t) => {
  const folder = temporaryFolder(t);
  const server = await ownBus(t, folder);
  const bus = clientOf(t, folder);
  const stop = new AbortController();
  const withSignal = bus.listen({ signal: stop.signal });
  const withBus = bus.listen();
  await withBus.ready;
  stop.abort();
  assert.equal((await withSignal.next()).done, true);
  await bus.fire('last', {});
  for await (const item of bus.listen()) {
    assert.equal(item.kind, 'event');
    break;
  }
  assert.equal(server.broker.counters.subscribers, 1);
  await bus.close();
  await bus.close();
  assert.equal(eventOf((await withBus.next()).value).tag, 'last', 'what waits is still yielded');
  assert.equal((await withBus.next()).done, true);
  await assert.rejects(bus.fire('x', {}), { code: 'ERR_SALTBUS_CLOSED' });
  assert.throws(() => bus.listen(), { code: 'ERR_SALTBUS_CLOSED' });
});

test('destroy rejects what waits and throws into the loops', async (t) => {
  const folder = temporaryFolder(t);
  await ownBus(t, folder);
  const bus = clientOf(t, folder);
  const subscription = bus.listen();
  await subscription.ready;
  const next = subscription.next();
  const reason = new Error('enough');
  bus.destroy(reason);
  bus.destroy();
  await assert.rejects(next, reason);
});

test('what the bus cannot carry is refused before it is sent', async (t) => {
  const folder = temporaryFolder(t);
  const server = await ownBus(t, folder);
  const bus = clientOf(t, folder);
  const refused = async (code: string, fire: Promise<unknown>): Promise<void> => {
    await assert.rejects(fire, { code });
  };
  await refused('ERR_SALTBUS_TAG', bus.fire('', {}));
  await refused('ERR_SALTBUS_TAG', bus.fire('a\n\nb', {}));
  await refused('ERR_SALTBUS_DATA', bus.fire('a', [] as unknown as Record<string, unknown>));
  await refused('ERR_SALTBUS_DATA', bus.fire('a', { f: () => 1 }));
  await refused('ERR_SALTBUS_TOO_LARGE', bus.fire('a', { text: 'x'.repeat(1024 * 1024) }));
  await refused('ERR_SALTBUS_RESERVED_TAG', bus.fire('module_refresh', {}));
  await refused('ERR_SALTBUS_DATA', bus.fire('fire_master', { tag: 't', data: {} }));
  await refused('ERR_SALTBUS_DATA', bus.fireMaster([]));
  await refused('ERR_SALTBUS_DENIED_TAG', bus.fireMaster('salt/key', {}));
  await refused('ERR_SALTBUS_DENIED_TAG', bus.fireMaster([{ tag: 'ok' }, { tag: 'salt/run/x' }]));
  await refused('ERR_SALTBUS_DENIED_TAG', bus.fireMaster([{ tag: 'x' }], { pretag: 'salt/run' }));
  await bus.fire('module_refresh', {}, { allowInternalTag: true });
  await bus.fireMaster('mytag', { message: 'a drop' });
  assert.equal(bus.counters.fired, 2);
  assert.equal(server.broker.counters.malformed, 0);
});

test('without a bus, fire says so after its time, and not before a daemon had the chance to come', async (t) => {
  const folder = temporaryFolder(t);
  const bus = clientOf(t, folder, { fireTimeoutMs: 100, backoff: { initialMs: 5, maxMs: 10 } });
  await assert.rejects(bus.fire('x', {}), { code: 'ERR_SALTBUS_NO_BUS' });
  const patient = clientOf(t, folder, { backoff: { initialMs: 5, maxMs: 10 } });
  const fired = patient.fire('x', {});
  await ownBus(t, folder);
  await fired;
});

test('a chosen dialect is used as it is', async (t) => {
  const folder = temporaryFolder(t);
  await ownBus(t, folder, 'prefixed');
  const bus = clientOf(t, folder, { dialect: { pull: 'prefixed', pub: 'prefixed' } });
  const subscription = bus.listen({ tag: 'x' });
  await subscription.ready;
  await bus.fire('x', {});
  assert.equal(eventOf((await take(subscription, 1))[0]).tag, 'x');
});
