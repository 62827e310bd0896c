import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ItemQueue } from '../../../src/bus/queue.ts';
import type { BusItem } from '../../../src/bus/queue.ts';
import { backoffDelay } from '../../../src/transport/backoff.ts';
import { EventBodyEncoder } from '../../../src/codec/event-body.ts';
import { readEvent } from '../../../src/event.ts';

function event(tag: string, padding = ''): BusItem {
  return readEvent(Buffer.from(new EventBodyEncoder().encode(tag, { padding })), 0);
}

function show(item: BusItem | undefined): string {
  if (item === undefined) return 'nothing';
  if (item.kind === 'gap') return `gap ${item.reason} ${String(item.dropped)}`;
  return item.tag ?? '?';
}

test('items come out in order; what does not fit is one gap in its place', () => {
  const queue = new ItemQueue({ items: 2, bytes: 1e6 });
  assert.equal(queue.push(event('a'), 1), true);
  assert.equal(queue.push(event('b'), 1), true);
  assert.equal(queue.push(event('c'), 1), false);
  assert.equal(queue.push(event('d'), 1), false);
  assert.equal(show(queue.shift()), 'a');
  assert.equal(queue.push(event('e'), 2), true);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => show(queue.shift())),
    ['b', 'gap overflow 2', 'e', 'nothing'],
  );
});

test('a loss at the end is seen without a further event', () => {
  const queue = new ItemQueue({ items: 1, bytes: 1e6 });
  queue.push(event('a'), 1);
  queue.push(event('b'), 1);
  assert.deepEqual(
    [1, 2, 3].map(() => show(queue.shift())),
    ['a', 'gap overflow 1', 'nothing'],
  );
  queue.push(event('a'), 1);
  queue.push(event('b'), 1);
  assert.deepEqual(queue.takeAll().map(show), ['a']);
  assert.deepEqual(queue.takeAll().map(show), ['gap overflow 1']);
});

test('bytes are bounded, but one event always fits', () => {
  const queue = new ItemQueue({ items: 100, bytes: 50 });
  assert.equal(queue.push(event('large', 'x'.repeat(1000)), 1), true);
  assert.equal(queue.push(event('b'), 1), false);
  queue.shift();
  assert.equal(show(queue.shift()), 'gap overflow 1');
  assert.equal(queue.push(event('b'), 1), true);
});

test('a long queue that is taken from keeps its order', () => {
  const queue = new ItemQueue({ items: 1e6, bytes: 1e9 });
  let next = 0;
  for (let index = 0; index < 10_000; index += 1) {
    queue.push(event(String(index)), 1);
    if (index % 3 === 0) {
      assert.equal(show(queue.shift()), String(next));
      next += 1;
    }
  }
  for (; next < 10_000; next += 1) assert.equal(show(queue.shift()), String(next));
  assert.equal(queue.length, 0);
});

test('back-off doubles from 50 ms with jitter, up to its most', () => {
  const backoff = { initialMs: 50, maxMs: 5000 };
  assert.equal(backoffDelay(backoff, 0, 0), 25);
  assert.equal(backoffDelay(backoff, 0, 1), 50);
  assert.equal(backoffDelay(backoff, 3, 1), 400);
  assert.equal(backoffDelay(backoff, 1000, 1), 5000);
});
