/**
 * Fuzzes the codec for as long as it is told to: `npx tsx scripts/fuzz.ts --minutes 60 [--seed N]`.
 *
 * A finding is kept as a file in `test/fixtures/fuzz/`, where a unit test replays it, and the search goes on.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CaseMaker, checkCase } from '../test/helpers/fuzz.ts';

const FOLDER = 'test/fixtures/fuzz';
const ROUND = 1000;
const MOST_FINDINGS = 20;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
});
const end = performance.now() + Number(values.minutes) * 60_000;
let seed = Number(values.seed);
let cases = 0;
let findings = 0;
let report = performance.now() + 60_000;
console.log(`fuzz: ${values.minutes} minutes from seed ${seed}`);
while (performance.now() < end && findings < MOST_FINDINGS) {
  const maker = new CaseMaker(seed);
  for (let index = 0; index < ROUND; index += 1) {
    const made = maker.next();
    try {
      checkCase(made);
    } catch (error) {
      findings += 1;
      const name = `${made.kind}-${createHash('sha256').update(made.bytes).digest('hex').slice(0, 12)}.bin`;
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(`${FOLDER}/${name}`, made.bytes);
      console.log(
        `FOUND ${name}, seed ${seed}, case ${index}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    cases += 1;
  }
  seed += 1;
  if (performance.now() < report) continue;
  report += 60_000;
  console.log(`fuzz: ${cases} cases, ${findings} findings, next seed ${seed}`);
}
console.log(`fuzz: done, ${cases} cases, ${findings} findings, next seed ${seed}`);
if (findings > 0) process.exitCode = 1;
