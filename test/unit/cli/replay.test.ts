/** Which records a replay wants, when they are due, and what is fired. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordChooser } from '../../../src/cli/capture/choose.ts';
import { Pace } from '../../../src/cli/capture/pace.ts';
import { itemOf, recordOf } from '../../../src/cli/capture/records.ts';
import { Refire, isInternalTag } from '../../../src/cli/capture/refire.ts';
import type { CaptureRecord } from '../../../src/codec/capture/records.ts';
import { SaltbusError } from '../../../src/errors.ts';
import { memoryBus } from '../../../src/testing/memory-bus.ts';
import { takeEvents } from '../../helpers/take.ts';

const ORIGIN = { node: 'minion', framing: 'bare' } as const;

function event(tag: string, seconds: number): CaptureRecord {
  const body = Buffer.from(`${tag}\n\n\x81\xa1n\x01`, 'latin1');
  return { kind: 'event', ...ORIGIN, time: 1_000_000_000 + seconds * 1_000_000, body };
}

function chosenTags(choose: (record: CaptureRecord) => { kind: string }, records: CaptureRecord[]): string[] {
  return records.map((record) => choose(record).kind);
}

test('records of items come back as the same items', () => {
  const bad = {
    kind: 'bad-event',
    tag: 'a',
    error: new SaltbusError('ERR_SALTBUS_DATA', 'The data of the event is no map'),
    raw: Buffer.from('a\n\n\x01', 'latin1'),
    receivedAt: 1000.125,
  } as const;
  const back = itemOf(recordOf(bad, ORIGIN));
  assert.ok(back?.kind === 'bad-event');
  assert.deepEqual(
    [back.tag, back.error.code, back.error.message, back.raw, back.receivedAt],
    [bad.tag, bad.error.code, bad.error.message, bad.raw, bad.receivedAt],
  );
  const gap = { kind: 'gap', reason: 'overflow', dropped: 3, since: 1000.5, until: 2000 } as const;
  assert.deepEqual(itemOf(recordOf(gap, ORIGIN)), gap);
});

test('--from and --to count from the first record; -n counts events; patterns and -x choose', () => {
  const records = [event('a/1', 0), event('b/2', 1), event('a/3', 2), event('a/4', 3)];
  const cases: readonly (readonly [ReturnType<typeof recordChooser>, string[]])[] = [
    [recordChooser(undefined, {}), ['item', 'item', 'item', 'item']],
    [recordChooser('a/', {}), ['item', 'none', 'item', 'item']],
    [recordChooser(undefined, { exclude: ['*/3', 'b'] }), ['item', 'none', 'none', 'item']],
    [recordChooser(undefined, { from: 1000, to: 2000 }), ['none', 'item', 'item', 'none']],
    [recordChooser('a/', { count: 2 }), ['item', 'none', 'item', 'end']],
  ];
  for (const [choose, wanted] of cases) assert.deepEqual(chosenTags(choose, records), wanted);
});

test('gaps pass every pattern; unreadable bytes without a tag pass only where all is wanted', () => {
  const gap = {
    kind: 'gap',
    ...ORIGIN,
    time: 0,
    reason: 'desync',
    dropped: undefined,
    since: 0,
    until: 0,
  } as const;
  const bad = {
    kind: 'bad',
    ...ORIGIN,
    time: 0,
    hasTag: false,
    code: 'ERR_SALTBUS_FRAME',
    message: 'no body',
    bytes: Buffer.of(1),
  } as const;
  assert.deepEqual(chosenTags(recordChooser('a/', {}), [gap, bad]), ['item', 'none']);
  assert.deepEqual(chosenTags(recordChooser(undefined, {}), [gap, bad]), ['item', 'item']);
});

test('the pace keeps distances, divides them by the speed, and begins anew with each run', () => {
  const pace = new Pace(2);
  assert.equal(pace.waitFor(5_000_000, 100), 0);
  assert.equal(pace.waitFor(7_000_000, 100), 1000);
  assert.equal(pace.waitFor(7_000_000, 1200), 0, 'what is late is due');
  assert.equal(pace.waitFor(1_000_000, 1200), 0, 'a clock that was set back holds nothing up');
  pace.restart();
  assert.equal(pace.waitFor(9_000_000_000, 1200), 0);
  assert.equal(new Pace(Infinity).waitFor(9_000_000_000, 0), 0);
  const jump = new Pace(1);
  jump.waitFor(0, 0);
  assert.equal(jump.waitFor(1e15, 0), 24 * 3_600_000);
});

test('tags on which a daemon acts', () => {
  assert.equal(isInternalTag('minion', 'fire_master'), true);
  assert.equal(isInternalTag('minion', 'module_refresh'), true);
  assert.equal(isInternalTag('minion', 'key'), false);
  assert.equal(isInternalTag('master', 'key'), true);
  assert.equal(isInternalTag('master', 'module_refresh'), false);
});

test('what is fired, left out, refused and passed over is counted', async () => {
  await using memory = memoryBus();
  const bus = memory.client({ maxEventSize: 100 });
  const subscription = memory.client().listen();
  await subscription.ready;
  const refire = new Refire(bus, { internalTag: false });
  const items = [event('a', 0), event('module_refresh', 0), event('b', 0)].map(itemOf);
  const gap = { kind: 'gap', reason: 'overflow', dropped: 3, since: 0, until: 0 } as const;
  const large = itemOf({ ...event('x', 0), kind: 'event', body: largeBody() });
  for (const item of [...items, gap, large]) if (item !== undefined) refire.fire(item);
  await refire.settle();
  const { reason, ...counts } = refire.counts;
  assert.deepEqual(counts, { fired: 2, internal: 1, refused: 1, nothing: 1 });
  assert.equal(reason?.code, 'ERR_SALTBUS_TOO_LARGE');
  const seen = await takeEvents(subscription, 2);
  assert.deepEqual(
    seen.map(({ tag, data }) => [tag, data['n']]),
    [
      ['a', 1],
      ['b', 1],
    ],
  );
});

function largeBody(): Buffer {
  const text = Buffer.alloc(200, 'x');
  return Buffer.concat([Buffer.from('x\n\n\x81\xa1t\xd9\xc8', 'latin1'), text]);
}

test('with a prefix, a tag means nothing to a daemon any more', async () => {
  await using memory = memoryBus();
  const subscription = memory.client().listen();
  await subscription.ready;
  const refire = new Refire(memory.client(), { internalTag: false, prefix: 'replay' });
  const item = itemOf(event('module_refresh', 0));
  assert.ok(item !== undefined);
  refire.fire(item);
  await refire.settle();
  assert.equal(refire.counts.fired, 1);
  assert.equal((await takeEvents(subscription, 1))[0]?.tag, 'replay/module_refresh');
});

test('a bus that is closed ends the replay with its error', async () => {
  await using memory = memoryBus();
  const bus = memory.client();
  const refire = new Refire(bus, { internalTag: false });
  const item = itemOf(event('a', 0));
  assert.ok(item !== undefined);
  bus.destroy();
  refire.fire(item);
  await assert.rejects(refire.settle(), { code: 'ERR_SALTBUS_CLOSED' });
});
