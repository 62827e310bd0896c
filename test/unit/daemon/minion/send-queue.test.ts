import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SendQueue } from '../../../../src/daemon/minion/send-queue.ts';
import type { Sent } from '../../../../src/daemon/minion/send-queue.ts';

interface Rig {
  readonly queue: SendQueue<string>;
  readonly sent: string[];
  /** Says what comes of the one that is being sent. */
  readonly answer: (sent: Sent) => Promise<void>;
}

function rig(limits: { readonly maxItems?: number; readonly maxBytes?: number } = {}): Rig {
  const sent: string[] = [];
  const waiting: ((sent: Sent) => void)[] = [];
  const queue = new SendQueue<string>({
    maxItems: 100,
    maxBytes: 1000,
    againMs: 1,
    ...limits,
    send: (item) => {
      sent.push(item);
      return new Promise((resolve) => waiting.push(resolve));
    },
  });
  return {
    queue,
    sent,
    answer: async (how) => {
      waiting.shift()?.(how);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}

test('one at a time, in order, and nothing before the master is there', async () => {
  const { queue, sent, answer } = rig();
  for (const item of ['a', 'b', 'c']) assert.equal(queue.push(item, 10), true);
  assert.deepEqual([sent, queue.length, queue.bytes], [[], 3, 30]);
  queue.resume();
  assert.deepEqual(sent, ['a']);
  await answer('done');
  await answer('drop');
  assert.deepEqual(sent, ['a', 'b', 'c']);
  await answer('done');
  assert.deepEqual([queue.length, queue.bytes], [0, 0]);
});

test('what could not be sent stays at the head until the master is back', async () => {
  const { queue, sent, answer } = rig();
  queue.resume();
  queue.push('a', 1);
  queue.push('b', 1);
  await answer('keep');
  assert.deepEqual([sent, queue.length], [['a'], 2]);
  queue.resume();
  assert.deepEqual(sent, ['a', 'a']);
  await answer('done');
  assert.deepEqual(sent, ['a', 'a', 'b']);
});

test('a master that came back while one was being sent is not taken for away', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { queue, sent, answer } = rig();
  queue.resume();
  queue.push('a', 1);
  queue.pause();
  queue.resume();
  await answer('keep');
  t.mock.timers.tick(1);
  assert.deepEqual(sent, ['a', 'a']);
});

test('again comes after a moment', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { queue, sent, answer } = rig();
  queue.resume();
  queue.push('a', 1);
  await answer('again');
  assert.deepEqual(sent, ['a']);
  t.mock.timers.tick(1);
  assert.deepEqual(sent, ['a', 'a']);
});

test('it is bounded in count and in bytes', () => {
  const { queue } = rig({ maxItems: 2, maxBytes: 10 });
  assert.deepEqual(
    [queue.push('a', 6), queue.push('b', 5), queue.push('c', 4), queue.push('d', 0)],
    [true, false, true, false],
  );
});

test('drained: when nothing waits, or the master is away', async () => {
  const { queue, answer } = rig();
  await queue.drain();
  queue.push('a', 1);
  await queue.drain();
  queue.resume();
  let isDrained = false;
  const drained = queue.drain().then(() => (isDrained = true));
  queue.push('b', 1);
  await answer('done');
  assert.equal(isDrained, false);
  await answer('keep');
  await drained;
  assert.equal(queue.length, 1);
});

test('the end gives back what was not sent, and takes nothing more', async () => {
  const { queue, sent, answer } = rig();
  queue.push('a', 1);
  queue.push('b', 1);
  queue.resume();
  assert.deepEqual(queue.end(), ['a', 'b']);
  assert.equal(queue.push('c', 1), false);
  await answer('done');
  assert.deepEqual([sent, queue.length, queue.bytes], [['a'], 0, 0]);
});
