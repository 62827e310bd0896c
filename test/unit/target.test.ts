import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SaltbusError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import {
  TARGET_LIMITS,
  compileReceivedTarget,
  compileTarget,
  resolveTarget,
} from '../../src/target/index.ts';
import type { MinionFacts, TargetSpec } from '../../src/target/index.ts';
import { DIFFERENT, MALFORMED, MINIONS, NODEGROUPS, TARGET_CASES } from '../helpers/target-cases.ts';

const nodegroups = NODEGROUPS;

function idsOf(spec: TargetSpec, minions: readonly MinionFacts[] = MINIONS): string[] {
  const target = compileReceivedTarget(spec, { nodegroups });
  return minions.filter((minion) => target.matches(minion)).map(({ id }) => id);
}

function errorOf(spec: TargetSpec): SaltbusError {
  try {
    compileTarget(spec, { nodegroups });
  } catch (error) {
    assert.ok(error instanceof SaltbusError, String(error));
    return error;
  }
  return assert.fail(`${JSON.stringify(spec)} was taken`);
}

function refuses(
  tgt: unknown,
  tgtType: string,
  message: RegExp,
  code: ErrorCode = 'ERR_SALTBUS_TARGET',
): void {
  const error = errorOf({ tgt, tgtType });
  assert.equal(error.code, code);
  assert.match(error.message, message);
}

// The interop test holds the same table against Salt's own matchers.
test('targets match the minions that Salt matches', () => {
  for (const [spec, ids] of TARGET_CASES) assert.deepEqual(idsOf(spec), ids, JSON.stringify(spec));
});

test('where Salt is wrong or cannot be followed, we match less', () => {
  for (const [spec, ids] of DIFFERENT) assert.deepEqual(idsOf(spec), ids, JSON.stringify(spec));
});

test('what is malformed is an error for who publishes it, and matches nobody where it is received', () => {
  for (const spec of MALFORMED) {
    const received = compileReceivedTarget(spec, { nodegroups });
    assert.deepEqual(idsOf(spec), [], JSON.stringify(spec));
    assert.ok(received.error instanceof SaltbusError, JSON.stringify(spec));
    assert.equal(received.test({ id: 'web1' }), 'no');
    // a node group is expanded by who publishes it
    if (spec.tgtType !== 'nodegroup') assert.equal(errorOf(spec).code, received.error.code);
  }
});

test('plain objects are looked into as maps are, and their prototype is not', () => {
  const minions = [{ id: 'a', grains: { os: 'Debian', nested: { list: [{ key: 1 }] } } }];
  assert.deepEqual(idsOf({ tgt: 'os:deb*', tgtType: 'grain' }, minions), ['a']);
  assert.deepEqual(idsOf({ tgt: 'nested:list:key:1', tgtType: 'grain' }, minions), ['a']);
  assert.deepEqual(idsOf({ tgt: 'constructor:*', tgtType: 'grain' }, minions), []);
  assert.deepEqual(idsOf({ tgt: 'nested:__proto__:*', tgtType: 'grain' }, minions), []);
});

test('a glob where nothing else is said', () => {
  assert.deepEqual(idsOf({ tgt: 'web*' }), ['web1', 'web2.example.com']);
  assert.equal(compileTarget({ tgt: 'web*' }).tgtType, 'glob');
});

test('what is not supported is refused by its name', () => {
  refuses('%web', 'range', /^Range targets are not supported$/);
  refuses('a:b', 'data', /data store/);
  refuses('R@web', 'compound', /range targets are not supported/);
  refuses('web1 and T@vcf_host', 'compound', /^"T@vcf_host": resource targets are not supported$/);
  refuses('X@web', 'compound', /there is no engine X@/);
  refuses('web', 'globs', /^"globs" is no type of a target$/);
  refuses('web', '__proto__', /is no type of a target$/);
  refuses('(?=web)', 'pcre', /./, 'ERR_SALTBUS_PATTERN');
  refuses('os:(?!x):y', 'grain_pcre', /./, 'ERR_SALTBUS_PATTERN');
});

test('messages say what is wrong and where', () => {
  refuses('web* db*', 'compound', /^"db\*" stands where and, or is expected \(word 2 of 2\)$/);
  refuses('web* and or x', 'compound', /^"or" stands where a test is expected \(word 3 of 4\)$/);
  refuses('( web*', 'compound', /^A parenthesis is not closed$/);
  refuses('web* )', 'compound', /^A parenthesis is closed that is not open \(word 2 of 2\)$/);
  refuses('web* and', 'compound', /^The compound target ends where a test is expected$/);
  refuses('os', 'grain', /^The lookup "os" holds no ":" between a key and a value$/);
  refuses('10.0.0.1/8', 'ipcidr', /^"10\.0\.0\.1\/8" is no address and no network$/);
  refuses('', 'glob', /^The glob is empty$/);
  refuses('\ud800', 'glob', /half a surrogate pair$/);
  refuses(['web1', 5], 'list', /something else than text/);
});

test('a delimiter that real minions do not look at is refused', () => {
  const error = errorOf({ tgt: 'role|web', tgtType: 'pillar_pcre', delimiter: '|' });
  assert.equal(error.next, 'Use a compound target, such as J|@key|value.');
  // a minion that receives one does as real minions do
  assert.deepEqual(idsOf({ tgt: 'role:web', tgtType: 'pillar_exact', delimiter: '|' }), ['web1']);
});

test('what is published has its node groups expanded, each in parentheses', () => {
  const published = (tgt: unknown, tgtType: string): unknown[] => {
    const target = compileTarget({ tgt, tgtType }, { nodegroups });
    return [target.tgt, target.tgtType, target.delimiter];
  };
  assert.deepEqual(published('nested', 'nodegroup'), ['( ( web* ) or ( db1 or db2 ) )', 'compound', ':']);
  assert.deepEqual(published('not N@names', 'compound'), ['not ( L@db1,db2 )', 'compound', ':']);
  assert.deepEqual(published('a or b', 'compound'), ['a or b', 'compound', ':']);
  assert.deepEqual(published(['a'], 'list'), [['a'], 'list', ':']);
});

test('node groups that hold themselves, or are not there, are refused', () => {
  const groups = {
    a: 'N@b',
    b: 'web* or N@a',
    self: 'N@self',
    empty: '',
    twice: 'N@leaf or N@leaf',
    leaf: 'x*',
  };
  const compile = (tgt: string): unknown =>
    compileTarget({ tgt, tgtType: 'nodegroup' }, { nodegroups: groups });
  assert.throws(() => compile('a'), { code: 'ERR_SALTBUS_TARGET', message: /"a" holds itself: a > b > a$/ });
  assert.throws(() => compile('self'), { message: /holds itself: self > self$/ });
  assert.throws(() => compile('gone'), { message: /^There is no node group "gone"$/ });
  assert.throws(() => compile('toString'), { message: /^There is no node group "toString"$/ });
  assert.throws(() => compile('empty'), { message: /"empty" is empty$/ });
  assert.deepEqual(compile('twice') instanceof Object, true);
});

test('node groups that multiply are bounded', () => {
  const groups: Record<string, string> = { g0: 'x*' };
  for (let level = 1; level < 40; level += 1) groups[`g${level}`] = `N@g${level - 1} or N@g${level - 1}`;
  assert.throws(() => compileTarget({ tgt: 'g39', tgtType: 'nodegroup' }, { nodegroups: groups }), {
    code: 'ERR_SALTBUS_TARGET',
    message: /more than 10000 words$/,
  });
});

test('limits are met exactly', () => {
  const nested = (depth: number): string => `${'( '.repeat(depth)}x${' )'.repeat(depth)}`;
  const taken: readonly (readonly [string, string | readonly string[]])[] = [
    ['glob', 'x'.repeat(TARGET_LIMITS.pattern)],
    ['list', Array.from({ length: TARGET_LIMITS.members }, (_, index) => `m${index}`)],
    ['grain', `${'a:'.repeat(TARGET_LIMITS.parts - 1)}b`],
    ['compound', nested(TARGET_LIMITS.depth)],
    ['compound', `x${' or x'.repeat(TARGET_LIMITS.words / 2 - 1)}`],
  ];
  for (const [tgtType, tgt] of taken) assert.equal(compileTarget({ tgt, tgtType }).tgtType, tgtType);
  refuses('x'.repeat(TARGET_LIMITS.pattern + 1), 'glob', /8193 characters; the limit is 8192$/);
  refuses(
    Array.from({ length: TARGET_LIMITS.members + 1 }, () => 'm'),
    'list',
    /100001 members/,
  );
  refuses('m,'.repeat(TARGET_LIMITS.characters / 2 + 1), 'list', /characters; the limit is/);
  refuses(`${'a:'.repeat(TARGET_LIMITS.parts)}b`, 'grain', /65 parts; the limit is 64$/);
  refuses(nested(TARGET_LIMITS.depth + 1), 'compound', /more than 64 parentheses/);
  refuses(`x${' or x'.repeat(TARGET_LIMITS.words / 2)}`, 'compound', /10001 words/);
  refuses('x'.repeat(TARGET_LIMITS.characters + 1), 'compound', /characters; the limit is/);
});

test('what decides and is not known stays unknown', () => {
  const answer = (tgt: string, minion: MinionFacts): string =>
    compileTarget({ tgt, tgtType: 'compound' }).test(minion);
  const table: readonly (readonly [string, string])[] = [
    ['G@os:x', 'unknown'],
    ['not G@os:x', 'unknown'],
    ['S@10.0.0.0/8', 'unknown'],
    ['I@a:b', 'unknown'],
    ['G@os:x and web1', 'unknown'],
    ['G@os:x and db1', 'no'],
    ['db1 and G@os:x', 'no'],
    ['G@os:x or web1', 'yes'],
    ['G@os:x or db1', 'unknown'],
    ['not ( G@os:x or web1 )', 'no'],
  ];
  for (const [tgt, expected] of table) assert.equal(answer(tgt, { id: 'web1' }), expected, tgt);
  // to have no grains is something else
  assert.equal(answer('not G@os:x', { id: 'web1', grains: {} }), 'yes');
  assert.equal(answer('I@a:b', { id: 'web1', grains: {} }), 'unknown');
});

test('what a target needs to know', () => {
  const needs = (tgt: string): unknown => compileTarget({ tgt, tgtType: 'compound' }).needs;
  assert.deepEqual(needs('web* or E@x or L@y'), { grains: false, pillar: false });
  assert.deepEqual(needs('web* and S@10.0.0.1'), { grains: true, pillar: false });
  assert.deepEqual(needs('J@a:b or G@c:d'), { grains: true, pillar: true });
});

test('a lookup that the data makes too much work is given up', () => {
  const wide = (depth: number): object =>
    depth === 0
      ? { end: 'x' }
      : Object.fromEntries(Array.from({ length: 8 }, (_, key) => [`k${key}`, wide(depth - 1)]));
  const target = compileTarget({ tgt: `${'*:'.repeat(40)}none`, tgtType: 'grain' });
  const minion = { id: 'a', grains: { top: wide(5) } };
  assert.equal(target.test(minion), 'unknown');
  assert.equal(target.matches(minion), false);
  assert.deepEqual(resolveTarget(target, [minion]), { ids: [], unknown: ['a'], missing: [] });
  // one minion does not spoil the next
  assert.equal(target.test({ id: 'b', grains: { some: 1 } }), 'no');
  assert.equal(
    compileTarget({ tgt: '*:none', tgtType: 'grain' }).test({ id: 'b', grains: { none: 1 } }),
    'yes',
  );
});

test('a target is resolved for many minions: who matches, who is not known, who is missing', () => {
  const minions: MinionFacts[] = [
    { id: 'web1', grains: { os: 'Debian' } },
    { id: 'db1', grains: { os: 'RedHat' } },
    { id: 'new1' },
  ];
  const resolve = (tgt: string | readonly string[], tgtType: string): unknown =>
    resolveTarget(compileTarget({ tgt, tgtType }), minions);
  assert.deepEqual(resolve('os:Debian', 'grain'), { ids: ['web1'], unknown: ['new1'], missing: [] });
  assert.deepEqual(resolve(['new1', 'gone', 'web1', 'gone'], 'list'), {
    ids: ['web1', 'new1'],
    unknown: [],
    missing: ['gone'],
  });
  assert.deepEqual(resolve('L@gone,db1 or L@lost and not L@away', 'compound'), {
    ids: ['db1'],
    unknown: [],
    missing: ['gone', 'lost'],
  });
});
