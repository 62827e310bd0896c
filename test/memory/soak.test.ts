/** The broker at 20 000 events a second beside a subscriber that never reads and always comes back: the short form of the soak. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../../bench/soak.ts';

const MIB = 1024 * 1024;
/** The outbox of one subscriber, as the broker has it by default. */
const BOUND = 16 * MIB;
const SECONDS = 20;
const RATE = 20_000;

test(
  `${SECONDS} s at ${RATE} events/s beside a subscriber that never reads`,
  { timeout: 90_000 },
  async (t) => {
    const { samples, fired, seen, lost } = await soak({ seconds: SECONDS, rate: RATE, sampleMs: 500 });
    const [first] = samples;
    const last = samples.at(-1);
    assert.ok(first !== undefined && last !== undefined);
    const grown = Math.max(...samples.map(({ bytes }) => bytes)) - first.bytes;
    t.diagnostic(`${fired} events, ${last.counters.cut} cut, ${(grown / MIB).toFixed(1)} MiB`);
    assert.equal(seen, fired);
    assert.equal(lost, 0);
    assert.ok(last.counters.cut >= 2, 'the one that never reads was cut, came back and was cut again');
    assert.equal(last.counters.malformed + last.counters.refused + last.counters.turnedAway, 0);
    assert.ok(grown <= BOUND + 10 * MIB, `the broker grew by ${(grown / MIB).toFixed(1)} MiB`);
    assert.ok(
      last.descriptors <= first.descriptors + 4,
      `${first.descriptors} descriptors became ${last.descriptors}`,
    );
  },
);
