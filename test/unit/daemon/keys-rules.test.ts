import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseGrainValues,
  parseIdPatterns,
  writableByOthers,
} from '../../../src/daemon/master/keys/automatic-rules.ts';
import { AUTH_TAG, KEY_TAG, keyEventOf } from '../../../src/daemon/master/keys/index.ts';
import type { KeyChange } from '../../../src/daemon/master/keys/index.ts';

test('patterns: exact, glob, or a regular expression for the whole id', () => {
  const { test: matches, problems } = parseIdPatterns(`
# a comment, and an empty line

plain
web-*
  db\\d+\\.example\\.com
app|api
10.0.0.?
(broken
[ab]1
`);
  const yes = ['plain', 'web-1', 'web-', 'db12.example.com', 'app', 'api', '10.0.0.7', '(broken', 'a1'];
  const no = [
    'plain2',
    'xplain',
    'web1',
    'xweb-1',
    'db12.example.com.evil',
    'xdb12.example.com',
    'db12xexample.com',
    // Salt itself lets these two in
    'apple',
    'xapi',
    'broken',
    'ab1',
    '# a comment, and an empty line',
    '',
  ];
  for (const id of yes) assert.equal(matches(id), true, id);
  for (const id of no) assert.equal(matches(id), false, id);
  assert.deepEqual(problems, ['(broken']);
});

test('a pattern that would take for ever in Python takes none here', () => {
  const { test: matches } = parseIdPatterns('(a+)+$b');
  const started = performance.now();
  assert.equal(matches('a'.repeat(5000)), false);
  assert.ok(performance.now() - started < 2000, 'it took more than two seconds');
});

test('values of a grain', () => {
  assert.deepEqual([...parseGrainValues('one\n #two\n three \n\n')], ['one', 'three']);
});

test('a file that others may write is not believed', () => {
  assert.equal(writableByOthers(0o100644, false), undefined);
  assert.equal(writableByOthers(0o100600, false), undefined);
  assert.match(writableByOthers(0o100664, false) ?? '', /group/);
  assert.equal(writableByOthers(0o100664, true), undefined);
  assert.match(writableByOthers(0o100666, true) ?? '', /everybody/);
  assert.match(writableByOthers(0o100602, false) ?? '', /everybody/);
});

test('events about changes on disk', () => {
  assert.deepEqual([AUTH_TAG, KEY_TAG], ['salt/auth', 'salt/key']);
  const change = (state: KeyChange['state'], source: KeyChange['source'] = 'disk'): KeyChange => ({
    id: 'web1',
    state,
    previous: 'pending',
    replaced: false,
    source,
  });
  assert.deepEqual(keyEventOf(change('accepted')), { result: true, act: 'accept', id: 'web1' });
  assert.deepEqual(keyEventOf(change('rejected')), { result: true, act: 'reject', id: 'web1' });
  assert.deepEqual(keyEventOf(change('deleted')), { result: true, act: 'delete', id: 'web1' });
  assert.equal(keyEventOf(change('pending')), undefined);
  assert.equal(keyEventOf(change('denied')), undefined);
  assert.equal(keyEventOf(change('accepted', 'sign-in')), undefined);
});
