import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Duplex } from 'node:stream';
import { EventBodyEncoder } from '../../../src/codec/event-body.ts';
import { FrameSplitter } from '../../../src/codec/frame-splitter.ts';
import { encodeFrame } from '../../../src/codec/framing.ts';
import type { Framing } from '../../../src/codec/framing.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { Broker } from '../../../src/daemon/broker.ts';
import type { BrokerLimits } from '../../../src/daemon/broker.ts';
import { memoryPair } from '../../../src/transport/memory.ts';

function body(tag: string): Buffer {
  return Buffer.from(new EventBodyEncoder().encode(tag, { n: 1 }));
}

function broker(t: TestContext, limits: BrokerLimits = {}): Broker {
  const made = new Broker(limits);
  t.after(() => made.close());
  return made;
}

function writer(to: Broker): Duplex {
  const [ours, theirs] = memoryPair();
  to.attachWriter(theirs, { principal: 'writer' });
  ours.on('error', () => undefined);
  ours.resume();
  return ours;
}

/** A subscriber, and a function that waits until it has seen as many tags. */
function subscriber(
  to: Broker,
  framing: Framing,
): { end: Duplex; tags: string[]; seen: (count: number) => Promise<string[]> } {
  const [ours, theirs] = memoryPair();
  to.attachSubscriber(theirs, { principal: 'subscriber', framing });
  const tags: string[] = [];
  let wake: (() => void) | undefined;
  const splitter = new FrameSplitter(
    (buffer, _start, end, bodyStart) => {
      assert.notEqual(bodyStart, -1, 'frames are canonical');
      const text = buffer.toString('latin1', bodyStart, end);
      tags.push(text.slice(0, text.indexOf('\n')));
      wake?.();
    },
    { framing },
  );
  ours.on('data', (chunk: Buffer) => {
    splitter.push(chunk);
  });
  ours.on('error', () => undefined);
  const seen = async (count: number): Promise<string[]> => {
    while (tags.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return tags;
  };
  return { end: ours, tags, seen };
}

test('any framing from firing programs reaches subscribers of any framing, in order', async (t) => {
  const bus = broker(t);
  const bare = subscriber(bus, 'bare');
  const prefixed = subscriber(bus, 'prefixed');
  const first = writer(bus);
  first.write(Buffer.concat(['a', 'b', 'c'].map((tag) => encodeFrame(body(tag), 'bare'))));
  assert.deepEqual(await bare.seen(3), ['a', 'b', 'c']);
  const second = writer(bus);
  second.write(Buffer.concat(['d', 'e'].map((tag) => encodeFrame(body(tag), 'prefixed'))));
  assert.deepEqual(await bare.seen(5), ['a', 'b', 'c', 'd', 'e']);
  assert.deepEqual(await prefixed.seen(5), ['a', 'b', 'c', 'd', 'e']);
  assert.equal(bus.counters.events, 5);
});

test('a frame that is not canonical is passed on in canonical form', async (t) => {
  const bus = broker(t);
  const reader = subscriber(bus, 'bare');
  const odd = encode(
    new Map<string, unknown>([
      ['body', body('odd')],
      ['extra', 1],
    ]),
  );
  writer(bus).write(Buffer.concat([encodeFrame(body('a'), 'bare'), odd, encodeFrame(body('b'), 'bare')]));
  assert.deepEqual(await reader.seen(3), ['a', 'odd', 'b']);
});

test('a bad event is dropped and counted, and the next one passes', async (t) => {
  const bus = broker(t);
  const reader = subscriber(bus, 'bare');
  const bad = [
    Buffer.from('no tag end'),
    Buffer.from('t\n\n\x01', 'latin1'),
    Buffer.from('t\n\n\x81\xa1', 'latin1'),
    Buffer.from('t\n\n\x80\x80', 'latin1'),
  ];
  const line = writer(bus);
  line.write(
    Buffer.concat([
      ...bad.map((bytes) => encodeFrame(bytes, 'bare')),
      encode({ head: {} }),
      encodeFrame(body('good'), 'bare'),
    ]),
  );
  assert.deepEqual(await reader.seen(1), ['good']);
  assert.deepEqual(
    { ...bus.counters },
    { events: 1, malformed: 5, refused: 0, cut: 0, turnedAway: 0, subscribers: 1, writers: 1 },
  );
});

test('a firing program that is out of step is closed, and nobody else is', async (t) => {
  const bus = broker(t);
  const reader = subscriber(bus, 'bare');
  const good = writer(bus);
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00', '\xc1', '\x93\x01\x02\x03']) {
    const stray = writer(bus);
    const closed = new Promise((resolve) => stray.once('end', resolve));
    stray.write(Buffer.from(bytes, 'latin1'));
    await closed;
  }
  good.write(encodeFrame(body('good'), 'bare'));
  assert.deepEqual(await reader.seen(1), ['good']);
  assert.equal(bus.counters.refused, 4);
  assert.equal(bus.counters.writers, 1);
});

test('a stream that ends inside a frame is counted', async (t) => {
  const bus = broker(t);
  const line = writer(bus);
  const closed = new Promise((resolve) => line.once('end', resolve));
  line.end(encodeFrame(body('cut'), 'bare').subarray(0, 20));
  await closed;
  assert.equal(bus.counters.malformed, 1);
  assert.equal(bus.counters.writers, 0);
});

test('a subscriber that does not read is cut at its bound, and others get everything', async (t) => {
  const bus = broker(t, { outboxBytes: 100_000 });
  const [stalled, end] = memoryPair();
  bus.attachSubscriber(end, { principal: 'stalled', framing: 'bare' });
  stalled.on('error', () => undefined);
  const reader = subscriber(bus, 'bare');
  const line = writer(bus);
  const frame = encodeFrame(body('x'.repeat(900)), 'bare');
  for (let sent = 0; sent < 500; sent += 50) {
    line.write(Buffer.concat(Array.from({ length: 50 }, () => frame)));
    await reader.seen(sent + 50);
  }
  assert.equal(bus.counters.cut, 1);
  assert.equal(bus.counters.subscribers, 1);
  assert.equal(reader.tags.length, 500);
});

test('closing lets subscribers take what waits', async (t) => {
  const bus = broker(t);
  const reader = subscriber(bus, 'bare');
  const ended = new Promise((resolve) => reader.end.once('end', resolve));
  const line = writer(bus);
  line.write(encodeFrame(body('last'), 'bare'));
  await reader.seen(1);
  await bus.close();
  await ended;
  assert.deepEqual(reader.tags, ['last']);
});

test('an event of this process itself reaches subscribers, and observers see each one', async (t) => {
  const bus = broker(t);
  const seenInside: string[] = [];
  const stop = bus.observe((buffer, { start, end }) => {
    const text = buffer.toString('latin1', start, end);
    seenInside.push(text.slice(0, text.indexOf('\n')));
  });
  const [bare, prefixed] = [subscriber(bus, 'bare'), subscriber(bus, 'prefixed')];
  bus.fire(body('own'));
  writer(bus).write(encodeFrame(body('other'), 'prefixed'));
  for (const { seen } of [bare, prefixed]) assert.deepEqual(await seen(2), ['own', 'other']);
  stop();
  bus.fire(body('unseen'));
  assert.deepEqual(await bare.seen(3), ['own', 'other', 'unseen']);
  assert.deepEqual([seenInside, bus.counters.events], [['own', 'other'], 3]);
});
