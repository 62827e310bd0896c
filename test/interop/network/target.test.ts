/** Salt's own matchers and ours say the same of who a job is for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { compileReceivedTarget } from '../../../src/target/index.ts';
import type { MinionFacts, TargetSpec } from '../../../src/target/index.ts';
import { DIFFERENT, MALFORMED, MINIONS, NODEGROUPS, TARGET_CASES } from '../../helpers/target-cases.ts';
import { generatedTargets } from '../../helpers/generated-targets.ts';
import { interop } from '../helpers.ts';

const SCRIPT = new URL('../python/target.py', import.meta.url).pathname;

/** For each target the ids of the minions that say yes in the release's own Python. */
function askSalt(targets: readonly TargetSpec[]): readonly string[][] {
  const input = encode({
    minions: MINIONS,
    nodegroups: NODEGROUPS,
    targets: targets.map(({ tgt, tgtType, delimiter }) => ({
      tgt,
      tgt_type: tgtType,
      ...(delimiter === undefined ? {} : { delimiter }),
    })),
  });
  const { stdout, stderr } = spawnSync(interop().python, [SCRIPT], {
    input: Buffer.from(input).toString('base64'),
    encoding: 'utf8',
    env: { ...process.env, PYTHONWARNINGS: 'ignore' },
  });
  assert.notEqual(stdout, '', stderr);
  const answers = JSON.parse(stdout) as (boolean | 'error')[][];
  assert.equal(answers.length, MINIONS.length);
  return targets.map((_, index) =>
    MINIONS.filter((_minion, at) => answers[at]?.[index] === true).map(({ id }) => id),
  );
}

function askUs(spec: TargetSpec, minions: readonly MinionFacts[] = MINIONS): readonly string[] {
  const target = compileReceivedTarget(spec, { nodegroups: NODEGROUPS });
  return minions.filter((minion) => target.matches(minion)).map(({ id }) => id);
}

test(`${TARGET_CASES.length} targets by hand match the minions that they match in Salt`, () => {
  const salts = askSalt(TARGET_CASES.map(([spec]) => spec));
  TARGET_CASES.forEach(([spec, ids], index) => {
    assert.deepEqual(salts[index], ids, `Salt, ${JSON.stringify(spec)}`);
    assert.deepEqual(askUs(spec), ids, JSON.stringify(spec));
  });
});

test(`${MALFORMED.length} malformed targets match nobody`, () => {
  const salts = askSalt(MALFORMED);
  MALFORMED.forEach((spec, index) => {
    assert.deepEqual(salts[index], [], `Salt, ${JSON.stringify(spec)}`);
    assert.deepEqual(askUs(spec), [], JSON.stringify(spec));
  });
});

test('where we differ, it is on purpose', () => {
  const salts = askSalt(DIFFERENT.map(([spec]) => spec));
  DIFFERENT.forEach(([spec, ours, theirs], index) => {
    assert.deepEqual(salts[index], theirs, `Salt, ${JSON.stringify(spec)}`);
    assert.deepEqual(askUs(spec), ours, JSON.stringify(spec));
  });
});

test('a managing minion is an id, since 3008', () => {
  const isKnown = interop().release.startsWith('3008.');
  assert.deepEqual(askSalt([{ tgt: 'M@web1', tgtType: 'compound' }]), [isKnown ? ['web1'] : []]);
  assert.deepEqual(askUs({ tgt: 'M@web1', tgtType: 'compound' }), ['web1']);
});

const GENERATED = generatedTargets(3000);

test(`${GENERATED.length} generated targets match the minions that they match in Salt`, () => {
  const salts = askSalt(GENERATED);
  const ours = GENERATED.map((spec) => askUs(spec));
  const different = GENERATED.map((spec, index) => ({ spec, ours: ours[index], salts: salts[index] })).filter(
    (each) => each.ours?.join() !== each.salts?.join(),
  );
  assert.deepEqual(different.slice(0, 20), []);
  const matching = ours.filter((ids) => ids.length > 0 && ids.length < MINIONS.length).length;
  // else the generator makes nothing that is worth asking
  assert.ok(matching > GENERATED.length / 10, `only ${matching} of them tell minions apart`);
});
