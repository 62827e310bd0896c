/** Which entry is next: order within a lane, fairness between them, and nobody waits for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Priority } from '../../../src/daemon/spool/entry.ts';
import { SpoolOrder } from '../../../src/daemon/spool/order.ts';
import type { Ordered } from '../../../src/daemon/spool/order.ts';

const AGEING_MS = 1000;

interface Entry extends Ordered<Entry> {
  readonly seq: number;
}

function entry(seq: number, lane = 'a', priority: Priority = 2, arrivedAt = seq): Entry {
  return { seq, lane, priority, arrivedAt, before: undefined, behind: undefined, queue: undefined };
}

function seqs(entries: readonly Entry[]): number[] {
  return entries.map(({ seq }) => seq);
}

test('one lane: first in, first out', () => {
  const order = new SpoolOrder<Entry>(AGEING_MS);
  for (let seq = 0; seq < 10; seq += 1) order.push(entry(seq));
  assert.deepEqual(seqs(order.take(4)), [0, 1, 2, 3]);
  assert.equal(order.waiting, 6);
});

test('while something of a lane and priority is out, nothing else of it is given', () => {
  const order = new SpoolOrder<Entry>(AGEING_MS);
  const [a, b, c, other] = [entry(0), entry(1), entry(2), entry(3, 'b')];
  for (const one of [a, b, c, other]) order.push(one);
  assert.deepEqual(seqs(order.take(1)), [0]);
  assert.deepEqual(seqs(order.take(10)), [3]);
  assert.deepEqual(seqs(order.take(10)), []);
  order.settle(a);
  assert.deepEqual(seqs(order.take(10)), [1, 2]);
  order.settle(b);
  assert.deepEqual(seqs(order.take(10)), []);
  order.putBack([c]);
  assert.deepEqual(seqs(order.take(10)), [2]);
});

test('what is put back stands before what is behind it, in the old order', () => {
  const order = new SpoolOrder<Entry>(AGEING_MS);
  const entries = Array.from({ length: 6 }, (_, seq) => entry(seq));
  for (const one of entries) order.push(one);
  const out = order.take(4);
  assert.deepEqual(seqs(out), [0, 1, 2, 3]);
  order.settle(entries[1] ?? entry(1));
  order.putBack([entries[3] ?? entry(3), entries[0] ?? entry(0)]);
  assert.deepEqual(seqs(order.take(10)), []);
  order.putBack([entries[2] ?? entry(2)]);
  assert.deepEqual(seqs(order.take(10)), [0, 2, 3, 4, 5]);
});

test('an urgent entry goes first, unless a less urgent one has waited for longer than the step is worth', () => {
  const order = new SpoolOrder<Entry>(AGEING_MS);
  order.push(entry(0, 'a', 4, 0));
  order.push(entry(1, 'b', 0, 100));
  order.push(entry(2, 'c', 3, 3500));
  order.push(entry(3, 'd', 0, 4100));
  // 4 is worth 4000 ms: 0 + 4000 stands between 100 and 4100; 3500 + 3000 is the last
  assert.deepEqual(seqs(order.take(10)), [1, 0, 3, 2]);
});

test('lanes take turns: a long one does not hold up a short one', () => {
  const order = new SpoolOrder<Entry>(AGEING_MS);
  for (let seq = 0; seq < 1000; seq += 1) order.push(entry(seq, 'long', 2, 0));
  order.push(entry(1000, 'short', 2, 5));
  order.push(entry(1001, 'short', 2, 5));
  const first = order.take(6);
  assert.deepEqual(
    first.filter(({ lane }) => lane === 'short').map(({ seq }) => seq),
    [1000, 1001],
  );
});

test('an old lane gets a quarter at the least, however many new ones come', () => {
  const order = new SpoolOrder<Entry>(AGEING_MS);
  for (let seq = 0; seq < 100; seq += 1) order.push(entry(seq, 'old', 2, 0));
  let seq = 1000;
  let old = 0;
  for (let round = 0; round < 200; round += 1) {
    for (let lane = 0; lane < 20; lane += 1, seq += 1) order.push(entry(seq, `new ${seq}`, 2, 10 + round));
    for (const taken of order.take(2)) {
      if (taken.lane === 'old') old += 1;
      order.settle(taken);
    }
  }
  assert.equal(old >= 99, true, `${old} of 400 were of the old lane`);
});

test('what is taken out is not given, whether it stands first or not', () => {
  const order = new SpoolOrder<Entry>(AGEING_MS);
  const entries = Array.from({ length: 5 }, (_, seq) => entry(seq));
  for (const one of entries) order.push(one);
  assert.equal(order.remove(entries[0] ?? entry(0)), true);
  assert.equal(order.remove(entries[2] ?? entry(2)), true);
  assert.equal(order.remove(entries[2] ?? entry(2)), false);
  assert.equal(order.oldest(2)?.seq, 1);
  assert.equal(order.oldest(3), undefined);
  assert.deepEqual(seqs(order.take(10)), [1, 3, 4]);
});

test('any course of events: each entry is given once until it is put back, and each lane in order', () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('push'),
        lane: fc.nat(4),
        priority: fc.nat(4),
        after: fc.nat(900),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take'), most: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('settle'), which: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('put back'), which: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove'), which: fc.nat(20) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const order = new SpoolOrder<Entry>(AGEING_MS);
      const waiting = new Set<Entry>();
      const out: Entry[] = [];
      const left = new Map<string, number>();
      let seq = 0;
      let now = 0;
      const nameOf = ({ lane, priority }: Entry): string => `${lane} ${priority}`;
      const take = (most: number): void => {
        const busy = new Set(out.map(nameOf));
        for (const taken of order.take(most)) {
          assert.equal(waiting.delete(taken), true);
          assert.equal(busy.has(nameOf(taken)), false);
          for (const other of waiting)
            if (nameOf(other) === nameOf(taken)) assert.equal(other.seq > taken.seq, true);
          assert.equal(taken.seq > (left.get(nameOf(taken)) ?? -1), true);
          out.push(taken);
        }
      };
      for (const one of steps) {
        if ('after' in one) {
          now += one.after;
          const pushed = entry(seq++, `lane ${one.lane}`, one.priority as Priority, now);
          order.push(pushed);
          waiting.add(pushed);
        } else if ('most' in one) take(one.most);
        else if (one.do === 'remove') {
          const removed = [...waiting][one.which];
          if (removed === undefined) continue;
          assert.equal(order.remove(removed), true);
          waiting.delete(removed);
        } else {
          // a daemon settles the entries of a lane in order
          const chosen = out[one.which % Math.max(1, out.length)];
          if (chosen === undefined) continue;
          const first = out.find((other) => nameOf(other) === nameOf(chosen)) ?? chosen;
          out.splice(out.indexOf(first), 1);
          if (one.do === 'settle') {
            order.settle(first);
            left.set(nameOf(first), first.seq);
          } else {
            const rest = [first, ...out.filter((other) => nameOf(other) === nameOf(first))];
            for (const back of rest) {
              if (out.includes(back)) out.splice(out.indexOf(back), 1);
              waiting.add(back);
            }
            order.putBack(rest);
          }
        }
      }
      for (const taken of out.splice(0)) order.settle(taken);
      while (waiting.size > 0) {
        take(7);
        assert.notEqual(out.length, 0);
        for (const taken of out.splice(0)) order.settle(taken);
      }
      assert.equal(order.waiting, 0);
    }),
    { numRuns: 300 },
  );
});

test('nobody starves: an entry is overtaken only by a bounded number of later ones', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4 }),
      fc.array(fc.record({ lane: fc.nat(5), priority: fc.nat(4) }), { minLength: 50, maxLength: 400 }),
      (priority, others) => {
        const order = new SpoolOrder<Entry>(AGEING_MS);
        const ours = entry(0, 'ours', priority as Priority, 0);
        order.push(ours);
        let now = 0;
        let gone = false;
        // one comes every 100 ms, and one goes: the queue does not get shorter
        for (const [at, other] of others.entries()) {
          now += 100;
          order.push(entry(at + 1, `lane ${other.lane}`, other.priority as Priority, now));
          const [taken] = order.take(1);
          assert.notEqual(taken, undefined);
          if (taken === ours) gone = true;
          if (taken !== undefined) order.settle(taken);
          // once it has aged past the most urgent of now, it is its turn, or it is the oldest's within four
          if (now > 4 * AGEING_MS + 800) assert.equal(gone, true);
        }
      },
    ),
  );
});
