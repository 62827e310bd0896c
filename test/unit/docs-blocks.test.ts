import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocksOf, isShown, masked } from '../helpers/docs-blocks.ts';

test('blocks that begin with a command of ours are run, others are not', () => {
  const page = [
    '# T',
    '```sh',
    '$ saltbus fire a \\',
    '    b=1',
    'out',
    '',
    '$ echo $?',
    '0',
    '```',
    '```',
    '$ ls',
    '```',
  ];
  assert.deepEqual(blocksOf(page.join('\n')), [
    [
      { text: 'saltbus fire a \\\n    b=1', output: ['out', ''], line: 3 },
      { text: 'echo $?', output: ['0'], line: 7 },
    ],
  ]);
  assert.deepEqual(blocksOf('```\n$ saltbus listen'), [], 'a fence that does not end');
});

test('output is compared without what differs from run to run', () => {
  assert.equal(masked('at 2026-01-02T03:04:05.678Z in 12.5 ms'), 'at TIME in DURATION');
  assert.equal(isShown(['a  b'], ['a b']), true);
  assert.equal(isShown(['took 1 ms'], ['took 200 ms']), true);
  assert.equal(isShown(['a'], ['b']), false);
  assert.equal(isShown(['a'], ['a', 'b']), false);
  assert.equal(isShown([], ['b']), false);
  assert.equal(isShown(['a', '...', 'z'], ['a', 'x', 'y', 'z']), true);
  assert.equal(isShown(['a', '...', 'z'], ['a', 'x', 'y']), false);
  assert.equal(isShown(['...'], []), true);
});
