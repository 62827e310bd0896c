import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExactFloat, Ext, RawText, SaltDateTime } from '../../src/codec/msgpack/values.ts';
import { pythonText } from '../../src/target/python-text.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

// What str() of Python 3.11 says; for a list that is the repr() of its members.
const FORMS: readonly (readonly [value: unknown, text: string])[] = [
  ["it's", "it's"],
  [null, 'None'],
  [true, 'True'],
  [12, '12'],
  [1e15, '1000000000000000'],
  [2n ** 64n - 1n, '18446744073709551615'],
  [1.5, '1.5'],
  [new ExactFloat(1), '1.0'],
  [new ExactFloat(1e22), '1e+22'],
  [new ExactFloat(Infinity), 'inf'],
  [new ExactFloat(-Infinity), '-inf'],
  [new ExactFloat(NaN), 'nan'],
  [new RawText(bytes('a\xff')), 'a\ufffd'],
  [bytes("a'b\n\x00\xff\\"), String.raw`b"a'b\n\x00\xff\\"`],
  [bytes(`'"`), String.raw`b'\'"'`],
  [new SaltDateTime('20240102T03:04:05.000000'), '2024-01-02 03:04:05'],
  [new SaltDateTime('20240102T03:04:05.000006'), '2024-01-02 03:04:05.000006'],
  [[new SaltDateTime('20240102T03:04:00.000000')], '[datetime.datetime(2024, 1, 2, 3, 4)]'],
  [[new SaltDateTime('20240102T03:04:00.000006')], '[datetime.datetime(2024, 1, 2, 3, 4, 0, 6)]'],
  [new Ext(5, bytes('x')), "ExtType(code=5, data=b'x')"],
  [["it's", 'say "x"', `both ' "`], String.raw`["it's", 'say "x"', 'both \' "']`],
  [['a\\b\t\u00a0\u2028\u{e0001}é😀 '], String.raw`['a\\b\t\xa0\u2028\U000e0001é😀 ']`],
  [{ a: [1, null], b: {} }, "{'a': [1, None], 'b': {}}"],
  [
    new Map<unknown, unknown>([
      [1, false],
      [null, 'x'],
    ]),
    "{1: False, None: 'x'}",
  ],
];

test('values are written as Python writes them', () => {
  for (const [value, text] of FORMS) assert.equal(pythonText(value), text);
});
