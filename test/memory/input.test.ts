/** Memory under bad input: heap and external, after a collection, stay under twice the input plus 8 MiB. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const MIB = 1024 * 1024;
const PART = new URL('../helpers/memory-part.ts', import.meta.url).pathname;

function run(...args: string[]): unknown {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--expose-gc', '--import', 'tsx', PART, ...args],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const PARTS = run() as string[];

test('there is something to measure', () => {
  assert.notEqual(PARTS.length, 0);
});

for (const name of PARTS) {
  test(name, (t) => {
    const { input, grown, counters } = run(name) as { input: number; grown: number; counters: unknown };
    const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
    t.diagnostic(`${mib(input)} MiB in, ${mib(grown)} MiB more in use; ${JSON.stringify(counters)}`);
    assert.ok(grown <= 2 * input + 8 * MIB, `${mib(grown)} MiB for ${mib(input)} MiB`);
  });
}
