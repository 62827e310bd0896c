/** The broker between a program that behaves and all those that do not: nobody else notices. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Duplex } from 'node:stream';
import { FrameSplitter } from '../../../src/codec/frame-splitter.ts';
import { findBody } from '../../../src/codec/envelope.ts';
import { onDiagnostics } from '../../../src/diagnostics.ts';
import { readEvent } from '../../../src/event.ts';
import { Broker } from '../../../src/daemon/broker.ts';
import type { BrokerLimits } from '../../../src/daemon/broker.ts';
import { memoryPair } from '../../../src/transport/memory.ts';
import { BAD_STREAMS, eventFrame, randomBytes } from '../../helpers/bad-streams.ts';

interface Scene {
  readonly broker: Broker;
  readonly writer: () => Duplex;
  readonly subscriber: () => Duplex;
  /** Waits until the good subscriber has seen so many events, and gives their tags. */
  readonly seen: (count: number) => Promise<string[]>;
}

/** A broker with one good subscriber. */
function scene(t: TestContext, limits: BrokerLimits = {}): Scene {
  const broker = new Broker(limits);
  t.after(() => broker.close());
  const attached = (attach: (end: Duplex) => void): Duplex => {
    const [ours, theirs] = memoryPair();
    attach(theirs);
    ours.on('error', () => undefined);
    return ours;
  };
  const writer = (): Duplex =>
    attached((end) => {
      broker.attachWriter(end, { principal: 'writer' });
    }).resume();
  const subscriber = (): Duplex =>
    attached((end) => {
      broker.attachSubscriber(end, { principal: 'subscriber', framing: 'bare' });
    });
  const tags: string[] = [];
  const splitter = new FrameSplitter((buffer, start, end) => {
    const body = findBody(buffer, start, end);
    const item = readEvent(buffer.subarray(body.start, body.end), 0);
    assert.equal(item.kind, 'event');
    tags.push(item.tag);
  });
  const good = subscriber().on('data', (chunk: Buffer) => {
    splitter.push(chunk);
  });
  const seen = async (count: number): Promise<string[]> => {
    while (tags.length < count) await once(good, 'data');
    return tags;
  };
  return { broker, writer, subscriber, seen };
}

for (const { name, bytes, kind, says } of BAD_STREAMS) {
  test(`${name}: counted, said, and nobody else is disturbed`, async (t) => {
    const { broker, writer, seen } = scene(t);
    const errors: string[] = [];
    t.after(
      onDiagnostics('saltbus:broker:malformed', ({ error }) => {
        errors.push(error.code);
      }),
    );
    const good = writer();
    good.write(eventFrame('good/1'));
    const bad = writer();
    const ended = once(bad, 'end');
    bad.write(eventFrame('bad/before'));
    assert.deepEqual((await seen(2)).toSorted(), ['bad/before', 'good/1']);
    if (kind === 'cut') bad.end(bytes);
    else bad.write(bytes);
    if (kind === 'out-of-step' || kind === 'cut') await ended;
    else if (kind === 'event') assert.equal((await seen(3)).at(-1), says);
    else while (broker.counters.malformed === 0) await turn();
    good.write(eventFrame('good/2'));
    const count = kind === 'event' ? 4 : 3;
    assert.equal((await seen(count)).at(-1), 'good/2');
    const { events, malformed, refused, writers, cut } = broker.counters;
    assert.deepEqual(
      { events, malformed, refused, writers, cut },
      {
        events: count,
        malformed: kind === 'bad-event' || kind === 'cut' ? 1 : 0,
        refused: kind === 'out-of-step' ? 1 : 0,
        writers: kind === 'bad-event' || kind === 'event' ? 2 : 1,
        cut: 0,
      },
    );
    assert.deepEqual(errors, kind === 'event' ? [] : [says]);
  });
}

test('a reset inside a frame is counted like an end inside a frame', async (t) => {
  const { broker, writer } = scene(t);
  const line = writer();
  line.write(eventFrame('x').subarray(0, 10));
  await turn();
  line.destroy(new Error('reset'));
  while (broker.counters.writers > 0) await turn();
  assert.equal(broker.counters.malformed, 1);
});

test('a writer that drips, one that says nothing, and one that half-closes', async (t) => {
  const { broker, writer, seen } = scene(t);
  writer();
  const frame = eventFrame('drip');
  const drip = writer();
  const half = writer();
  const ended = once(half, 'end');
  half.end(eventFrame('half'));
  await ended;
  for (const byte of frame) {
    drip.write(Buffer.from([byte]));
    await turn();
  }
  assert.deepEqual(await seen(2), ['half', 'drip']);
  assert.equal(broker.counters.malformed, 0);
  assert.equal(broker.counters.writers, 2);
});

test('a subscriber that talks, one that half-closes, and one that resets', async (t) => {
  const { broker, writer, subscriber, seen } = scene(t);
  const talks = subscriber().resume();
  talks.write(randomBytes(1, 5000));
  const half = subscriber();
  half.end();
  let received = 0;
  half.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  const [, resets] = memoryPair();
  broker.attachSubscriber(resets, { principal: 'resets', framing: 'bare' });
  resets.destroy(new Error('reset'));
  while (broker.counters.subscribers > 3) await turn();
  const frame = eventFrame('x');
  const line = writer();
  for (let n = 1; n <= 10; n += 1) {
    line.write(frame);
    await seen(n);
  }
  while (received < 10 * frame.length) await turn();
  assert.equal(received, 10 * frame.length, 'a subscriber that closed its own direction goes on receiving');
  assert.equal(broker.counters.subscribers, 3);
  assert.equal(broker.counters.cut, 0);
});

test('random bytes from a hundred writers leave a good one in peace', async (t) => {
  const { broker, writer, seen } = scene(t);
  const good = writer();
  for (let seed = 1; seed <= 100; seed += 1) {
    const bad = writer();
    bad.end(randomBytes(seed, 2000));
    good.write(eventFrame(`n/${seed}`));
  }
  const expected = Array.from({ length: 100 }, (_, index) => `n/${index + 1}`);
  assert.deepEqual(await seen(100), expected);
  while (broker.counters.writers > 1) await turn();
  const { malformed, refused, events } = broker.counters;
  assert.equal(events, 100);
  assert.ok(malformed + refused >= 100, `${malformed} malformed, ${refused} refused`);
});

test('connections beyond the bound are turned away, counted, and taken again when others go', async (t) => {
  const { broker, writer, subscriber, seen } = scene(t, { maxConnections: 3 });
  const line = writer();
  const third = subscriber();
  for (let n = 0; n < 5; n += 1) {
    const refused = n % 2 === 0 ? writer() : subscriber();
    if (!refused.readableEnded) await once(refused.resume(), 'end');
  }
  assert.equal(broker.counters.turnedAway, 5);
  third.destroy();
  await turn();
  subscriber();
  assert.equal(broker.counters.turnedAway, 5, 'the place of one that has left is taken');
  assert.equal(broker.counters.subscribers, 2);
  line.write(eventFrame('x'));
  assert.deepEqual(await seen(1), ['x']);
});
