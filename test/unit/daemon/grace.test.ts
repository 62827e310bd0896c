import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Grace } from '../../../src/daemon/grace.ts';

test('a wait is given while it helps and the budget lasts', () => {
  const grace = new Grace(0);
  assert.equal(grace.ask(false, 0), false);
  assert.equal(grace.ask(true, 10), true);
  assert.equal(grace.ask(true, 259), true);
  assert.equal(grace.ask(true, 260), false, 'a quarter of a second is all');
  assert.equal(grace.leftMs, 0);
});

test('the budget grows by a twentieth of the time, up to a bound', () => {
  const grace = new Grace(0);
  assert.equal(grace.ask(true, 0), true);
  assert.equal(grace.ask(true, 250), false);
  assert.equal(grace.ask(true, 650), false, '20 ms are not worth it');
  assert.equal(grace.ask(true, 670), true, '21 ms are');
  assert.equal(grace.ask(false, 670), false);
  assert.equal(grace.ask(false, 1_000_000), false);
  assert.equal(grace.leftMs, 250);
});

test('one that is slower for good costs a twentieth of the time', () => {
  const grace = new Grace(0);
  let waited = 0;
  let given = false;
  for (let now = 0; now <= 100_000; now += 1) {
    if (given) waited += 1;
    given = grace.ask(true, now);
  }
  assert.ok(waited > 4500 && waited < 5500, `${waited} ms of 100 s`);
});
