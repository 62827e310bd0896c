import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Grace } from '../../../src/daemon/grace.ts';

test('a wait is given while it helps and the budget lasts', () => {
  const grace = new Grace(0);
  assert.equal(grace.ask(false, 0), false);
  assert.equal(grace.ask(true, 10), true);
  assert.equal(grace.ask(true, 1009), true);
  assert.equal(grace.ask(true, 1010), false, 'a second is all');
  assert.equal(grace.leftMs, 0);
});

test('the budget grows by a twentieth of the time, up to a bound', () => {
  const grace = new Grace(0);
  assert.equal(grace.ask(true, 0), true);
  assert.equal(grace.ask(true, 1000), false);
  assert.equal(grace.ask(true, 1400), false, '20 ms are not worth it');
  assert.equal(grace.ask(true, 1420), true, '21 ms are');
  assert.equal(grace.ask(false, 1420), false);
  assert.equal(grace.ask(false, 1_000_000), false);
  assert.equal(grace.leftMs, 1000);
});

test('one that is slower for good costs a twentieth of the time, and a second once', () => {
  const grace = new Grace(0);
  let waited = 0;
  let given = false;
  for (let now = 0; now <= 100_000; now += 1) {
    if (given) waited += 1;
    given = grace.ask(true, now);
  }
  assert.ok(waited > 5500 && waited < 6500, `${waited} ms of 100 s`);
});
