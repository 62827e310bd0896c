/** One stalled subscriber among five, 10^6 events at full rate: the other four get all, and the broker keeps its bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stalledRound } from '../../bench/stalled.ts';

const MIB = 1024 * 1024;
const COUNT = 1_000_000;
/** The outbox of one subscriber, as the broker has it by default. */
const BOUND = 16 * MIB;

test(`${COUNT} events past a subscriber that never reads`, { timeout: 280_000 }, async (t) => {
  const { rate, seen, grown, counters } = await stalledRound(COUNT, true);
  t.diagnostic(`${Math.round(rate)} events/s, ${(grown / MIB).toFixed(1)} MiB`);
  assert.deepEqual(seen, [COUNT, COUNT, COUNT, COUNT]);
  assert.equal(counters.cut, 1);
  assert.equal(counters.subscribers, 4);
  assert.equal(counters.malformed + counters.refused + counters.turnedAway, 0);
  assert.ok(grown <= BOUND + 10 * MIB, `the broker grew by ${(grown / MIB).toFixed(1)} MiB`);
});
