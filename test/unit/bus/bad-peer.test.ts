/** The client against a publisher that sends what is no stream of events, and against consumers that misbehave. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { mock, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Duplex } from 'node:stream';
import { Bus } from '../../../src/bus/bus.ts';
import type { BusItem } from '../../../src/bus/queue.ts';
import { otherLine } from '../../../src/cli/output/format.ts';
import { encodeFrame } from '../../../src/codec/framing.ts';
import { memoryBus } from '../../../src/testing/memory-bus.ts';
import { memoryPair } from '../../../src/transport/memory.ts';
import { BAD_STREAMS, bodyOf, eventFrame } from '../../helpers/bad-streams.ts';
import { eventOf, take, takeEvents, withoutStamp } from '../../helpers/take.ts';

/** A client whose publisher is a function of the end it is given; called for each connection, with its number from 0. */
function clientOf(t: TestContext, publisher: (end: Duplex, connection: number) => void): Bus {
  let connection = 0;
  const bus = new Bus({
    node: 'minion',
    names: { pub: 'pub', pull: 'pull' },
    dialect: { pub: 'bare', pull: 'bare' },
    backoff: { initialMs: 0, maxMs: 0 },
    openPub: () => {
      const [ours, theirs] = memoryPair();
      theirs.on('error', () => undefined);
      publisher(theirs, connection);
      connection += 1;
      return Promise.resolve(ours);
    },
    openPull: () => Promise.resolve(memoryPair()[0]),
  });
  t.after(() => {
    bus.destroy();
  });
  return bus;
}

function told(item: BusItem): string {
  if (item.kind === 'event') return `event ${item.tag}`;
  return item.kind === 'gap' ? `gap ${item.reason}` : `bad ${item.error.code}`;
}

for (const { name, bytes, kind, says } of BAD_STREAMS) {
  test(`${name}: the subscription is told, and goes on`, async (t) => {
    const bus = clientOf(t, (end, connection) => {
      if (connection > 0) {
        end.write(eventFrame('again'));
        return;
      }
      end.write(eventFrame('before'));
      if (kind === 'cut') end.end(bytes);
      else end.write(Buffer.concat([bytes, eventFrame('after')]));
    });
    const subscription = bus.listen();
    const quiet = bus.listen({ tag: 'b', match: 'prefix' });
    const expected = {
      'out-of-step': ['event before', 'gap desync', 'event again'],
      cut: ['event before', 'gap reconnect', 'event again'],
      'bad-event': ['event before', `bad ${says}`, 'event after'],
      event: ['event before', `event ${says}`, 'event after'],
    }[kind];
    assert.deepEqual((await take(subscription, 3)).map(told), expected);
    assert.equal(bus.counters.bad, kind === 'bad-event' ? 1 : 0);
    assert.equal(bus.counters.reconnects, kind === 'cut' || kind === 'out-of-step' ? 1 : 0);
    assert.equal(
      eventOf((await take(quiet, 1))[0]).tag,
      'before',
      'another subscription sees what it asked for',
    );
  });
}

test('a frame that drips in byte by byte is an event when its last byte is there', async (t) => {
  const frame = eventFrame('drip');
  let peer: Duplex | undefined;
  const bus = clientOf(t, (end) => {
    peer = end;
  });
  const subscription = bus.listen();
  while (peer === undefined) await turn();
  for (let at = 0; at < frame.length; at += 1) {
    assert.equal(bus.counters.received, 0, `after ${at} bytes`);
    peer.write(frame.subarray(at, at + 1));
    await turn();
  }
  assert.equal(eventOf((await take(subscription, 1))[0]).tag, 'drip');
});

test('a publisher that resets, or ends its side, is left and found again', async (t) => {
  const bus = clientOf(t, (end, connection) => {
    end.write(eventFrame(`n/${connection}`));
    if (connection === 0) setImmediate(() => end.destroy(new Error('reset')));
    if (connection === 1) end.end();
  });
  const items = await take(bus.listen(), 5);
  assert.deepEqual(items.map(told), [
    'event n/0',
    'gap reconnect',
    'event n/1',
    'gap reconnect',
    'event n/2',
  ]);
});

test('a tag over the limit is a bad event, and cannot be fired', async (t) => {
  const long = 'x'.repeat(70_000);
  const bus = clientOf(t, (end) => {
    end.write(Buffer.concat([eventFrame(long), eventFrame('short')]));
  });
  const items = await take(bus.listen(), 2);
  assert.deepEqual(items.map(told), ['bad ERR_SALTBUS_LIMIT', 'event short']);
  await assert.rejects(bus.fire(long, {}), {
    code: 'ERR_SALTBUS_LIMIT',
    message: /70000 bytes is over the limit of 65536/,
  });
});

test('a consumer that throws, rejects, or never returns disturbs nobody', async (t) => {
  const bus = memoryBus();
  t.after(() => bus.close());
  const client = bus.client();
  const consume = async (how: () => unknown): Promise<void> => {
    for await (const item of client.listen({ limit: 10 })) {
      assert.equal(item.kind, 'event');
      await how();
    }
  };
  const failures = [
    consume(() => {
      throw new Error('thrown');
    }),
    consume(() => Promise.reject(new Error('rejected'))),
  ].map((failure) => failure.catch((error: unknown) => String(error)));
  const stuck = client.listen({ limit: 10 });
  const good = client.listen();
  await good.ready;
  await client.fire('first', {});
  assert.deepEqual(await Promise.all(failures), ['Error: thrown', 'Error: rejected']);
  for (let n = 0; n < 100; n += 1) await client.fire('n', { n });
  const events = await takeEvents(good, 101);
  assert.deepEqual(
    events.slice(1).map((event) => event.data['n']),
    Array.from({ length: 100 }, (_, n) => n),
  );
  assert.equal(stuck.counters.waiting, 10);
  assert.equal(stuck.counters.dropped, 91);
  assert.equal(good.counters.dropped, 0);
});

test('a clock that jumps back or ahead makes no gap end before it began, and stops nothing', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000_000_000 });
  t.after(() => {
    mock.timers.reset();
  });
  const start = 1_000_000_000_000;
  const times = [start, start - 3_600_000, 2 * start];
  let peer: Duplex | undefined;
  const bus = clientOf(t, (end, connection) => {
    // The clock jumps between the loss of a connection and the next one.
    mock.timers.setTime(times[connection] ?? 0);
    peer = end;
    end.write(eventFrame(`n/${connection}`));
  });
  const subscription = bus.listen({ limit: 2 });
  assert.equal(eventOf((await take(subscription, 1))[0]).receivedAt, start);
  for (const [since, until] of [
    [start, start],
    [start - 3_600_000, 2 * start],
  ]) {
    peer?.destroy();
    const [gap, event] = await take(subscription, 2);
    assert.equal(gap?.kind, 'gap');
    assert.deepEqual([gap.since, gap.until], [since, until]);
    assert.match(otherLine(gap), /connected again after \d+/);
    assert.equal(event?.kind, 'event');
  }
  peer?.write(Buffer.concat([1, 2, 3, 4].map((n) => eventFrame(`n/${n}`))));
  await turn();
  mock.timers.setTime(0);
  const items = await take(subscription, 3);
  assert.deepEqual(items.map(told), ['event n/1', 'event n/2', 'gap overflow']);
  const [, , overflow] = items;
  assert.equal(overflow?.kind === 'gap' && overflow.until >= overflow.since, true);
});

test('trimmed values are counted when an event is decoded, and not before', async (t) => {
  const data = {
    return: 'VALUE_TRIMMED',
    list: ['VALUE_TRIMMED'],
    inner: { VALUE_TRIMMED: 1, a: { b: 'VALUE_TRIMMED' } },
  };
  const bus = clientOf(t, (end) => {
    end.write(Buffer.concat([encodeFrame(bodyOf('cut', data), 'bare'), eventFrame('whole')]));
  });
  const [cut, whole] = await takeEvents(bus.listen(), 2);
  assert.equal(bus.counters.trimmed, 0);
  assert.deepEqual(cut?.data, data);
  assert.equal(cut.trimmed, 2);
  assert.equal(cut.exact.size, 3);
  assert.equal(whole?.trimmed, 0);
  assert.equal(bus.counters.trimmed, 2);
});

test('the context of a W3C trace travels in the data as it is', async (t) => {
  const trace = {
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
  };
  const bus = memoryBus();
  t.after(() => bus.close());
  const client = bus.client();
  const subscription = client.listen();
  await subscription.ready;
  await client.fire('traced', { ...trace, nested: trace });
  await client.fireMaster('traced', trace);
  const [plain, forwarded] = await takeEvents(subscription, 2);
  assert.ok(plain !== undefined && forwarded !== undefined);
  assert.deepEqual(withoutStamp(plain), { ...trace, nested: trace });
  assert.deepEqual(forwarded.data['data'], trace);
});

test('a tag that is too long for a regular expression is a bad event for who asked with it, and nobody else', async (t) => {
  const bus = memoryBus();
  t.after(() => bus.close());
  const client = bus.client();
  const regex = client.listen({ tag: '(.*a){300}', match: 'regex' });
  const all = client.listen();
  await all.ready;
  const tag = 'a'.repeat(2000);
  await client.fire(tag, {});
  await client.fire('a'.repeat(310), { n: 1 });
  const items = await take(regex, 2);
  assert.deepEqual(items.map(told), ['bad ERR_SALTBUS_LIMIT', `event ${'a'.repeat(310)}`]);
  const [bad] = items;
  assert.ok(bad?.kind === 'bad-event');
  assert.equal(bad.tag, tag);
  assert.match(
    bad.error.message,
    /^A tag of 2000 characters was not compared: the regular expression .*takes \d+$/,
  );
  assert.deepEqual((await take(all, 2)).map(told), [`event ${tag}`, `event ${'a'.repeat(310)}`]);
  assert.equal(regex.counters.bad, 1);
});
