import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchPlan, batchSize } from '../../../../src/client/run/batch-plan.ts';

test('sizes of a batch are numbers or percentages, at least one', () => {
  const sizes: readonly (readonly [number | string, number, number])[] = [
    [3, 10, 3],
    ['3', 10, 3],
    ['50%', 10, 5],
    ['25%', 10, 2],
    ['1%', 10, 1],
    ['0.5%', 10, 1],
    ['100%', 10, 10],
    ['150%', 10, 15],
    ['10%', 0, 1],
  ];
  for (const [batch, minions, size] of sizes) assert.equal(batchSize(batch, minions), size, String(batch));
  for (const wrong of [0, '0', '0%', '-1', '1.5', '%', 'all', '', 'NaN', '1e3', '99999999999999999999']) {
    assert.throws(() => batchSize(wrong, 10), { code: 'ERR_SALTBUS_USAGE' }, String(wrong));
  }
});

test('a place that becomes free is filled at once', () => {
  const plan = new BatchPlan(['a', 'b', 'c', 'd'], { size: 2 });
  assert.deepEqual(plan.due(0), ['a', 'b']);
  assert.deepEqual(plan.due(0), []);
  plan.ended('b', false, 10);
  assert.deepEqual(plan.due(10), ['c']);
  plan.ended('a', true, 20);
  plan.ended('c', false, 20);
  assert.deepEqual([plan.left, plan.isDone], [['d'], false]);
  assert.deepEqual(plan.due(20), ['d']);
  assert.equal(plan.isDone, false);
  plan.ended('d', false, 30);
  assert.equal(plan.isDone, true);
});

test('a place stays empty for the time that is said', () => {
  const plan = new BatchPlan(['a', 'b', 'c'], { size: 2, waitMs: 100 });
  assert.deepEqual(plan.due(0), ['a', 'b']);
  plan.ended('a', false, 50);
  assert.deepEqual([plan.due(50), plan.wakeAt], [[], 150]);
  assert.deepEqual(plan.due(149), []);
  assert.deepEqual(plan.due(150), ['c']);
  assert.equal(plan.wakeAt, undefined);
});

test('after a failure nobody more is begun with, where that is asked for', () => {
  const plan = new BatchPlan(['a', 'b', 'c'], { size: 2, failHard: true });
  plan.due(0);
  plan.ended('a', true, 1);
  assert.deepEqual([plan.due(1), plan.isDone, plan.left], [[], false, ['c']]);
  plan.ended('b', false, 2);
  assert.equal(plan.isDone, true);
});

test('who does not run cannot end, and who ends twice makes one place', () => {
  const plan = new BatchPlan(['a', 'b', 'c'], { size: 1 });
  assert.deepEqual(plan.due(0), ['a']);
  plan.ended('x', false, 1);
  assert.deepEqual(plan.due(1), []);
  plan.ended('a', false, 2);
  plan.ended('a', false, 2);
  assert.deepEqual(plan.due(2), ['b']);
  assert.equal(new BatchPlan([], { size: 1 }).isDone, true);
});
