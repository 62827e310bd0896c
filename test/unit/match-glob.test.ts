import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGlob } from '../../src/match/glob.ts';

// Results of Python 3.11's fnmatch.fnmatchcase; found by comparing two million random pairs.
const MATCHING: readonly (readonly [glob: string, text: string])[] = [
  ['', ''],
  ['*', ''],
  ['*', 'a/b\nc'],
  ['a*b', 'a/x/b'],
  ['?', '/'],
  ['?', '\n'],
  ['?', '😀'],
  ['a?b', 'a😀b'],
  ['*?', '😀'],
  ['a\\*', 'a\\bc'],
  ['[abc]', 'b'],
  ['[!abc]', 'd'],
  ['[!abc]', '\n'],
  ['[^a]', '^'],
  ['[^a]', 'a'],
  ['[a-c]x', 'bx'],
  ['[a-]', '-'],
  ['[-a]', '-'],
  ['[]]', ']'],
  ['[]-a]', '^'],
  ['[!]]', 'a'],
  ['[!]a-]', 'b'],
  ['[', '['],
  ['a[', 'a['],
  ['[]', '[]'],
  ['[!]', '[!]'],
  ['[!', '[!'],
  ['[a', '[a'],
  ['[[]', '['],
  ['[\\]', '\\'],
  ['[--0]', '.'],
  ['[!b-a]', 'x'],
  ['[a-cb-a]', 'b'],
  ['[a-cb-a-e]', '-'],
  ['[&&|~]', '&'],
  ['[😀-😂]', '😁'],
  ['[!a]', '😀'],
  // an empty range goes, and what is left can begin with the sign of a negation
  ['[b-a!x]', 'y'],
  ['[😀-!!-b]', '\n'],
  ['[\\--!-\\!z^b]', '/'],
  ['salt/job/*/ret/*', 'salt/job/20240102030405678901/ret/web01.example.com'],
  ['salt/job/*/ret/*', 'salt/job/x/y/ret/a/b'],
  ['*/ret/web0[1-3].*', 'salt/job/1/ret/web02.example.com'],
  ['*a*a*b', 'aaab'],
  ['*ab*ab', 'abab'],
  ['**', 'x'],
];

const OTHERS: readonly (readonly [glob: string, text: string])[] = [
  ['', 'a'],
  ['?', ''],
  ['?', 'ab'],
  ['a', 'A'],
  ['a', 'a\n'],
  ['a*b', 'a/x/bc'],
  ['[abc]', 'abc'],
  ['[!abc]', 'a'],
  ['[!^a]', '^'],
  ['[b-a]', 'a'],
  ['[b-a]', '-'],
  ['[a-cb-a-e]', 'd'],
  ['[b-a!x]', 'x'],
  ['[😀-!!-b]', '-'],
  ['[!a]', ''],
  ['*ab*ab', 'ab'],
  ['ab*bc', 'abc'],
  ['??', '😀'],
  ['*??', '😀'],
  ['salt/job/*/new', 'salt/job//newer'],
];

for (const [glob, text] of MATCHING) {
  test(`${JSON.stringify(glob)} matches ${JSON.stringify(text)}`, () => {
    assert.equal(compileGlob(glob).test(text), true);
  });
}

for (const [glob, text] of OTHERS) {
  test(`${JSON.stringify(glob)} does not match ${JSON.stringify(text)}`, () => {
    assert.equal(compileGlob(glob).test(text), false);
  });
}

test('the literal prefix ends at the first wildcard', () => {
  assert.equal(compileGlob('salt/job/*/new').literalPrefix, 'salt/job/');
  assert.equal(compileGlob('salt/é😀?').literalPrefix, 'salt/é😀');
  assert.equal(compileGlob('a[b').literalPrefix, 'a[b');
  assert.equal(compileGlob('a[b]').literalPrefix, 'a');
  assert.equal(compileGlob('*').literalPrefix, '');
});

test('what makes a backtracking matcher explode takes no time', () => {
  const start = performance.now();
  assert.equal(compileGlob(`${'*a'.repeat(40)}*b`).test('a'.repeat(100_000)), false);
  assert.equal(compileGlob(`${'*?a'.repeat(40)}*[!a]`).test('a'.repeat(20_000)), false);
  assert.ok(performance.now() - start < 2000, 'linear in the text');
});

test('a glob of a million characters is compiled', () => {
  const text = 'a'.repeat(1_000_000);
  assert.equal(compileGlob(`${text}*`).test(text), true);
});
