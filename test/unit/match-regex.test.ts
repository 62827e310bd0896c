import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SaltbusError } from '../../src/errors.ts';
import { compileMatch } from '../../src/match/index.ts';

// Results of Python 3.11's re.search with a caret in front; found by comparing 800 000 random pairs.
const MATCHING: readonly (readonly [pattern: string, text: string])[] = [
  ['', ''],
  ['', 'anything'],
  ['salt/job/\\d{20}/ret/.*', 'salt/job/20240102030405678901/ret/web01'],
  ['foo', 'foobar'],
  ['.*bar', 'foobar'],
  // only the first branch is anchored
  ['a|b', 'xb'],
  ['(a|b)c', 'bc'],
  // flags
  ['(?i)salt/É', 'SALT/é'],
  ['(?i)k', '\u212a'],
  ['(?i)ß', 'ẞ'],
  ['(?i)i', 'İ'],
  ['(?i)[h-j]', 'ı'],
  ['(?m)b', 'a\nb'],
  ['(?s).b', '\nb'],
  ['(?i)(?s)A.', 'a\n'],
  ['(?i:a)b', 'Ab'],
  ['(?i)a(?-i:b)', 'Ab'],
  ['(?-i:a)', 'a'],
  ['(?ms:^b$)', 'b\nc'],
  // ends
  ['a$', 'a'],
  ['a$', 'a\n'],
  ['(a$|b)', 'a\n'],
  ['(a$)?', 'a\n'],
  ['a\\Z', 'a'],
  ['(?m)a$', 'a\nb'],
  ['(?m)a$\\nb', 'a\nb'],
  ['\\Aa', 'a'],
  // classes know Unicode
  ['\\d', '٣'],
  ['\\w', 'é'],
  ['\\w', '²'],
  ['\\w', '_'],
  ['\\W', '/'],
  ['\\s', '\u3000'],
  ['\\s', '\x1c'],
  ['\\S', '\u200b'],
  ['[^\\W_]', 'é'],
  ['[\\W]', '-'],
  ['[^\\Wa]', 'b'],
  ['[\\S\\d]', 'x'],
  ['[^\\S]', '\x85'],
  ['[^\\D]', '٣'],
  ['[\\D]', 'x'],
  ['[\\w-]', '-'],
  ['(?i)[^\\w]', '-'],
  ['a\\b', 'a/b'],
  ['a\\Bb', 'ab'],
  // escapes
  ['\\101', 'A'],
  ['\\0', '\0'],
  ['\\08', '\x008'],
  ['[\\60]', '0'],
  ['\\x41\\u00e9\\U0001F600', 'Aé😀'],
  ['[\\b]', '\b'],
  ['\\a\\f\\n\\r\\t\\v', '\x07\f\n\r\t\v'],
  ['\\-\\/\\ \\é', '-/ é'],
  ['[\\]\\-]', '-'],
  ['\\.', '.'],
  // sets
  ['[]a]', ']'],
  ['[^]a]', 'b'],
  ['[a-]', '-'],
  ['[[:alpha:]', ':'],
  ['[^a]', '\n'],
  ['[😀-😂]', '😁'],
  ['[&&a]', '&'],
  // repetitions
  ['a{2}', 'aa'],
  ['a{,2}b', 'aab'],
  ['a{,}b', 'aaab'],
  ['a{2,}', 'aaa'],
  ['a{', 'a{'],
  ['a{}', 'a{}'],
  ['a{b}', 'a{b}'],
  ['{', '{'],
  ['(?:a{2}){3}', 'aaaaaa'],
  ['a*?b', 'aab'],
  ['a??', ''],
  ['(?:a*)*b', 'aab'],
  ['(|a)+', ''],
  ['a{0}b', 'b'],
  ['.', '😀'],
  // groups
  ['(?P<jid>\\d+)/(?P<é>x)', '12/x'],
  ['()', ''],
  ['a||b', ''],
];

const OTHERS: readonly (readonly [pattern: string, text: string])[] = [
  ['bar', 'foobar'],
  ['a|b', 'xa'],
  ['.', '\n'],
  ['a$', 'a\n\n'],
  ['a$', 'ab'],
  ['a\\Z', 'a\n'],
  ['b', 'a\nb'],
  ['(?i)a(?-i:b)', 'AB'],
  ['(?i)[^i]', 'ı'],
  ['[^\\W_]', '_'],
  ['[^\\Wa]', '-'],
  ['\\s', '\u200b'],
  ['\\w', '\u0345'],
  ['(?i)\\w', '\u0345'],
  ['\\d', '²'],
  ['[^a]', ''],
  ['a{2}$', 'aaa'],
  ['\\Ba', 'a'],
  ['a^b', 'ab'],
  ['..', '😀'],
];

for (const [pattern, text] of MATCHING) {
  test(`${JSON.stringify(pattern)} matches ${JSON.stringify(text)}`, () => {
    const match = compileMatch(pattern, 'regex');
    assert.equal(match.test(text), true);
    assert.equal(text.startsWith(match.literalPrefix), true);
  });
}

for (const [pattern, text] of OTHERS) {
  test(`${JSON.stringify(pattern)} does not match ${JSON.stringify(text)}`, () => {
    assert.equal(compileMatch(pattern, 'regex').test(text), false);
  });
}

// pattern, position, what the message says
const REFUSED: readonly (readonly [string, number, RegExp])[] = [
  // what needs backtracking, or RE2 does not have
  ['(a)\\1', 3, /^A backreference, \\1, is not supported/],
  ['(a)\\18', 3, /^A backreference, \\1, /],
  ['\\8', 0, /^A backreference, \\8, /],
  ['(?P<n>a)(?P=n)', 8, /^A backreference, \(\?P=\.\.\.\), /],
  ['a(?=b)', 1, /^A look-ahead, \(\?=\.\.\.\), /],
  ['a(?!b)', 1, /^A look-ahead, \(\?!\.\.\.\), /],
  ['(?<=a)b', 0, /^A look-behind, \(\?<=\.\.\.\), /],
  ['(?<!a)b', 0, /^A look-behind, \(\?<!\.\.\.\), /],
  ['(a)(?(1)b|c)', 3, /^A conditional group, /],
  ['(?>a)', 0, /^An atomic group, /],
  ['a++', 1, /^A possessive repetition /],
  ['a*+', 1, /^A possessive repetition /],
  ['a?+', 1, /^A possessive repetition /],
  ['a{1,2}+', 1, /^A possessive repetition /],
  ['a(?#b)', 1, /^A comment, /],
  ['(?x)a', 0, /^The inline flag x is not supported/],
  ['(?a)a', 0, /^The inline flag a is /],
  ['(?u)a', 0, /^The inline flag u is /],
  ['(?L)a', 0, /^The inline flag L is /],
  ['\\N{DASH}', 0, /^A character by its name, /],
  ['a{1001}', 1, /^Repetitions that multiply to more than 1000 are /],
  ['a{1001,}', 1, /^Repetitions /],
  ['a{0,4294967296}', 1, /^Repetitions /],
  ['((a{20}b){20}){3}', 14, /^Repetitions /],
  // what RE2 has and Python has not
  ['\\Qa\\E', 0, /^Python knows no escape \\Q/],
  ['\\C', 0, /^Python knows no escape \\C/],
  ['x\\pN', 1, /^Python knows no escape \\p/],
  ['\\z', 0, /^Python knows no escape \\z/],
  ['(?<n>a)', 0, /^Python knows no \(\?<\.\.\.; a named group is written \(\?P<name>/],
  ['(?U)a', 2, /^Python knows no inline flag U/],
  ['^*', 1, /^There is nothing to repeat/],
  ['$+', 1, /^There is nothing to repeat/],
  ['\\b?', 2, /^There is nothing to repeat/],
  // what is malformed
  ['*', 0, /^There is nothing to repeat/],
  ['a|*', 2, /^There is nothing to repeat/],
  ['(*)', 1, /^There is nothing to repeat/],
  ['(?i)*', 4, /^There is nothing to repeat/],
  ['a**', 2, /^What is repeated already /],
  ['a{2}{3}', 4, /^What is repeated already /],
  ['a{3,2}', 1, /^The least count /],
  ['(a', 0, /^A group is not closed/],
  ['a)', 1, /^A group is closed /],
  ['😀)', 1, /^A group is closed /],
  ['a[b', 1, /^A set of characters is not closed/],
  ['[]', 0, /^A set of characters is not closed/],
  ['[a-', 0, /^A set of characters is not closed/],
  ['[xb-a]', 2, /^b-a is no range/],
  ['[a-\\d]', 1, /^a-\\d is no range/],
  ['[\\d-a]', 1, /^\\d-a is no range/],
  ['[\\8]', 1, /^Python knows no escape \\8/],
  ['[\\A]', 1, /^Python knows no escape \\A/],
  ['\\400', 0, /^The octal escape \\400 is above/],
  ['\\x1', 0, /^An escape lacks some of its 2 /],
  ['\\u12g4', 0, /^An escape lacks some of its 4 /],
  ['\\U00110000', 0, /^An escape is beyond the last character/],
  ['a\\', 1, /^The pattern ends with a backslash/],
  ['(?', 0, /^The pattern ends inside of/],
  ['(?P', 0, /^Python knows no \(\?P/],
  ['(?P>n)', 0, /^Python knows no \(\?P>/],
  ['(?P<n', 4, /^The name of a group is not closed/],
  ['(?P<>a)', 4, /^"" is no name/],
  ['(?P<1>a)', 4, /^"1" is no name/],
  ['(?P<n>a)(?P<n>b)', 12, /^Two groups are named n/],
  ['(?', 0, /^The pattern ends/],
  ['(?/a)', 0, /^Python knows no \(\?\//],
  ['(?i', 3, /^One of - : \) is missing/],
  ['(?i-)', 4, /^A flag is missing/],
  ['(?-i)', 4, /^A : is missing/],
  ['(?i-i:a)', 0, /^The flag i is turned on and off/],
  ['a(?i)', 1, /^Flags for the whole pattern stand at its start/],
  ['((?i))', 1, /^Flags for the whole pattern /],
  [`${'('.repeat(201)}${')'.repeat(201)}`, 200, /^More than 200 groups are nested/],
];

for (const [pattern, position, message] of REFUSED) {
  test(`${JSON.stringify(pattern.slice(0, 40))} is refused at ${position}`, () => {
    assert.throws(
      () => compileMatch(pattern, 'regex'),
      (error) => {
        assert.equal(error instanceof SaltbusError && error.code, 'ERR_SALTBUS_PATTERN');
        assert.match((error as Error).message, message);
        assert.equal(
          (error as Error).message.endsWith(` (at position ${position} of ${JSON.stringify(pattern)})`),
          true,
        );
        return true;
      },
    );
  });
}

test('the literal prefix is what every match begins with', () => {
  const prefixes = {
    'salt/job/\\d+': 'salt/job/',
    '^salt/(job)/.*': 'salt/job/',
    'salt/(job|run)/': 'salt/',
    'ab+c': 'ab',
    'ab*c': 'a',
    '(ab)+c': 'ab',
    '(?:a(?:b.)c)': 'ab',
    'a\\.b$': 'a.b',
    'a|b': '',
    '(?i)a': '',
    'a(?i:b)': 'a',
    '(?m)a': '',
    '[a]b': '',
    '': '',
  };
  for (const [pattern, prefix] of Object.entries(prefixes)) {
    assert.equal(compileMatch(pattern, 'regex').literalPrefix, prefix, pattern);
  }
});

test('what makes a backtracking engine explode takes no time', () => {
  const text = `${'a'.repeat(50_000)}b`;
  const start = performance.now();
  for (const pattern of ['(a+)+$', '(a|a)*$', '(a*)*c', '(?:a?){30}a{30}$', '(.*)(.*)(.*)c']) {
    assert.equal(compileMatch(pattern, 'regex').test(text), false, pattern);
  }
  assert.ok(performance.now() - start < 2000, 'linear in the text');
});

test('a pattern that would take too many steps is refused before it is compiled', () => {
  const begun = performance.now();
  for (const pattern of [
    '(\\w{900}|\\W{900})'.repeat(60),
    'a'.repeat(5000),
    '(((a|b){10}c){10}d){9}'.repeat(3),
  ]) {
    assert.throws(() => compileMatch(pattern, 'regex'), {
      code: 'ERR_SALTBUS_PATTERN',
      message: /^A pattern with more than 5000 parts, repetitions written out, is not supported/,
    });
  }
  assert.ok(performance.now() - begun < 1000, 'nothing large was built');
  assert.equal(compileMatch('(((a|b){10}c){10}d){9}', 'regex').test('abababababc'), false);
});

test('a tag that is too long for the size of the pattern is not compared', () => {
  const match = compileMatch('(.*a){300}', 'regex');
  assert.ok(match.longestTag > 300 && match.longestTag < 1000, String(match.longestTag));
  assert.equal(match.test('a'.repeat(match.longestTag)), true);
  assert.equal(match.test('a'.repeat(match.longestTag + 1)), false);
  assert.ok(compileMatch('salt/job/\\d+/ret/.*web', 'regex').longestTag > 10_000);
  assert.equal(compileMatch('salt/*', 'glob').longestTag, Infinity);
});
