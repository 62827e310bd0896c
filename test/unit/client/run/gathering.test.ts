import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gathering } from '../../../../src/client/run/gathering.ts';
import type { GatheringInput, GatheringStep } from '../../../../src/client/run/gathering.ts';

const TIMES = { timeoutMs: 5000, gatherJobTimeoutMs: 10_000 };

type Line = readonly [
  input: GatheringInput,
  step: GatheringStep,
  after?: { wakeAt?: number; unanswered?: readonly string[]; complete?: boolean },
];

const back = (id: string): GatheringInput => ({ kind: 'return', id });
const time = (now: number): GatheringInput => ({ kind: 'time', now });
const asked = (now: number): GatheringInput => ({ kind: 'asked', now });
const running = (id: string, now: number): GatheringInput => ({ kind: 'running', id, now });
const WAIT: GatheringStep = { kind: 'wait' };
const DONE: GatheringStep = { kind: 'done' };
const taken = (expected = true): GatheringStep => ({ kind: 'take', expected });
const ask = (...ids: string[]): GatheringStep => ({ kind: 'ask', ids });

/** Every job is begun at 1000 for a and b. */
const CASES: Readonly<Record<string, readonly Line[]>> = {
  'all answer': [
    [back('a'), taken(), { unanswered: ['b'], complete: false, wakeAt: 6000 }],
    [back('b'), taken(), { unanswered: [], complete: true }],
    [time(1500), DONE],
  ],
  'a return that comes again': [
    [back('a'), taken()],
    [back('a'), { kind: 'repeated' }, { unanswered: ['b'] }],
  ],
  'somebody who was not asked': [
    [back('x'), taken(false), { unanswered: ['a', 'b'] }],
    [back('x'), { kind: 'repeated' }],
  ],
  'a silent minion is asked once, and given up when the time for answers is over': [
    [back('a'), taken()],
    [time(5999), WAIT, { wakeAt: 6000 }],
    [time(6000), ask('b'), { wakeAt: Infinity }],
    [time(7000), WAIT],
    [asked(6100), WAIT, { wakeAt: 16_100 }],
    [time(16_099), WAIT],
    [time(16_100), DONE, { unanswered: ['b'] }],
  ],
  'the job runs: the minion is given the timeout anew, and is asked again': [
    [time(6000), ask('a', 'b')],
    [asked(6000), WAIT, { wakeAt: 16_000 }],
    [running('b', 6200), WAIT, { wakeAt: 16_000 }],
    [back('a'), taken()],
    [time(16_000), ask('b')],
    [asked(16_000), WAIT, { wakeAt: 26_000 }],
    [back('b'), taken(), { complete: true }],
  ],
  'it ran, and then nobody says so any more': [
    [time(6000), ask('a', 'b')],
    [asked(6000), WAIT],
    [running('a', 15_900), WAIT],
    [time(16_000), ask('a', 'b')],
    [asked(16_000), WAIT],
    [time(26_000), DONE, { unanswered: ['b', 'a'].sort() }],
  ],
  'it is waited for whoever was given time, beyond the time for answers': [
    [time(6000), ask('a', 'b')],
    [asked(6000), WAIT],
    [{ kind: 'expect', ids: ['c', 'a'], now: 15_000 }, WAIT, { wakeAt: 20_000, unanswered: ['a', 'b', 'c'] }],
    [time(16_000), WAIT],
    [time(20_000), DONE],
  ],
  'a late answer that it runs is believed': [
    [time(6000), ask('a', 'b')],
    [asked(6000), WAIT],
    [{ kind: 'expect', ids: ['c'], now: 15_000 }, WAIT],
    [time(16_000), WAIT],
    [running('c', 17_000), WAIT, { wakeAt: 16_000 }],
    [time(17_001), ask('a', 'b', 'c')],
  ],
  'somebody who was not asked says that it runs: waited for like the others': [
    [back('a'), taken()],
    [back('b'), taken(), { complete: true }],
    [running('c', 2000), WAIT, { unanswered: ['c'], complete: false }],
    [back('c'), taken(), { complete: true }],
  ],
  'who has answered does not run': [
    [back('a'), taken()],
    [running('a', 2000), WAIT, { unanswered: ['b'] }],
  ],
  'who cannot tell is not waited for, and is named': [
    [back('a'), taken()],
    [{ kind: 'cannot-tell', id: 'b' }, DONE, { unanswered: ['b'], complete: true }],
    [back('b'), taken(), { unanswered: [] }],
  ],
};

for (const [name, lines] of Object.entries(CASES)) {
  test(name, () => {
    const gathering = new Gathering(['a', 'b', 'a'], TIMES, 1000);
    lines.forEach(([input, step, after = {}], index) => {
      const at = `line ${index}: ${JSON.stringify(input)}`;
      assert.deepEqual(gathering.take(input), step, at);
      if (after.wakeAt !== undefined) assert.equal(gathering.wakeAt, after.wakeAt, at);
      if (after.unanswered !== undefined)
        assert.deepEqual([...gathering.unanswered].sort(), [...after.unanswered].sort(), at);
      if (after.complete !== undefined) assert.equal(gathering.isComplete, after.complete, at);
    });
  });
}

test('a job for nobody is complete at once', () => {
  const gathering = new Gathering([], TIMES, 0);
  assert.equal(gathering.isComplete, true);
  assert.deepEqual(gathering.take(time(0)), DONE);
});

test('a hundred thousand minions take no longer for each return', () => {
  const ids = Array.from({ length: 100_000 }, (_, index) => `m${index}`);
  const gathering = new Gathering(ids, TIMES, 0);
  for (const id of ids) assert.equal(gathering.take(back(id)).kind, 'take');
  assert.equal(gathering.isComplete, true);
});
