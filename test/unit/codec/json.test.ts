import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactFromJson, exactToJson } from '../../../src/codec/json/exact-json.ts';
import { pythonFloat, pythonJson } from '../../../src/codec/json/python-json.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { ExactFloat, Ext, RawText, SaltDateTime } from '../../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../../src/codec/msgpack/values.ts';

const bytes = new Uint8Array([0, 255]);

const FORMS: readonly (readonly [ExactValue, string])[] = [
  [null, 'null'],
  [1, '1'],
  [new ExactFloat(1), '1.0'],
  [new ExactFloat(-0), '-0.0'],
  [new ExactFloat(1e21), '1e+21'],
  [1.5, '1.5'],
  [2n ** 64n - 1n, '{"$int":"18446744073709551615"}'],
  [new ExactFloat(NaN), '{"$float":"nan"}'],
  [new ExactFloat(-Infinity), '{"$float":"-inf"}'],
  [bytes, '{"$bin":"AP8="}'],
  [new RawText(bytes), '{"$text":"AP8="}'],
  [new SaltDateTime('20240102T03:04:05.000678'), '{"$datetime":"2024-01-02T03:04:05.000678"}'],
  [new Ext(5, bytes), '{"$ext":[5,"AP8="]}'],
  [new Map([[1, 'a']]), '{"$map":[[1,"a"]]}'],
  [new Map([['$bin', 'a']]), '{"$map":[["$bin","a"]]}'],
  [
    new Map<ExactValue, ExactValue>([
      ['2', 1],
      ['1', [new Map()]],
    ]),
    '{"2":1,"1":[{}]}',
  ],
  [new Map([['__proto__', 1]]), '{"__proto__":1}'],
  ['a"\n\u0001', '"a\\"\\n\\u0001"'],
];

test('every value has one JSON form, and is the same when read back', () => {
  for (const [value, json] of FORMS) {
    assert.equal(exactToJson(value), json);
    assert.deepEqual(encode(exactFromJson(json)), encode(value), json);
  }
});

// -0 is an integer in JSON (as Python reads it) and a float in JavaScript; integers beyond 2^53, and a map that could be
// taken for a form, have forms of their own.
function withoutForms(json: string): unknown {
  return JSON.parse(json, (_key, value: unknown) => {
    if (value === 0) return 0;
    if (typeof value !== 'object' || value === null) return value;
    if ('$int' in value) return Number(value.$int);
    return '$map' in value ? Object.fromEntries(value.$map as [string, unknown][]) : value;
  });
}

test('any JSON text means the same as to JSON.parse', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), null, indent);
      assert.deepEqual(withoutForms(exactToJson(exactFromJson(spaced))), withoutForms(spaced));
    }),
    { numRuns: 300 },
  );
});

test('integers of any size and floats keep their kind', () => {
  assert.equal(exactFromJson('18446744073709551615'), 2n ** 64n - 1n);
  assert.deepEqual(exactFromJson('1e2'), new ExactFloat(100));
  assert.equal(exactFromJson('-0'), 0);
  assert.equal(exactFromJson('0.5'), 0.5);
});

test('an error names the place', () => {
  const wrong = (text: string, message: RegExp): void => {
    assert.throws(() => exactFromJson(text, 'DATA'), { code: 'ERR_SALTBUS_JSON', message }, text);
  };
  wrong('', /DATA is not valid JSON: it ends too early \(line 1, column 1\)/);
  wrong('{"a":1,\n "a":2}', /"a" stands twice \(line 2, column 2\)/);
  wrong('{"a" 1}', /':' is expected/);
  wrong("{'a': 1}", /a key in double quotes/);
  wrong('[1,]', /"\]" is not expected/);
  wrong('[1', /ends too early/);
  wrong('1 2', /something follows/);
  wrong('01', /something follows/);
  wrong('"a', /does not end/);
  wrong('"\\x"', /bad escape/);
  wrong('nul', /"n" is not expected/);
  wrong('{"$bin": "***"}', /does not hold/);
  wrong('{"$datetime": "yesterday"}', /does not hold/);
  wrong('{"$ext": [300, ""]}', /does not hold/);
  wrong('['.repeat(100_000), /deeper than 1024/);
});

test('a key that looks like a form and is none is a key', () => {
  assert.deepEqual(exactFromJson('{"$unknown":1}'), new Map([['$unknown', 1]]));
  assert.deepEqual(
    exactFromJson('{"$bin":"AA==","b":1}'),
    new Map<string, unknown>([
      ['$bin', 'AA=='],
      ['b', 1],
    ]),
  );
});

test("floats print as Python's repr", () => {
  const forms: readonly (readonly [number, string])[] = [
    [1, '1.0'],
    [0, '0.0'],
    [-0, '-0.0'],
    [0.1, '0.1'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.5e-7, '1.5e-07'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [123456789012345680, '1.2345678901234568e+17'],
    [1e100, '1e+100'],
    [-2.5, '-2.5'],
    [5e-324, '5e-324'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
  ];
  for (const [value, text] of forms) assert.equal(pythonFloat(value), text);
});

test("maps and lists print as Python's json.dumps", () => {
  const value = new Map<ExactValue, ExactValue>([
    ['a', [1, new ExactFloat(2), 'é']],
    [1, null],
    [null, true],
    [false, 2n ** 64n - 1n],
    ['when', new SaltDateTime('20240102T03:04:05.000000')],
    ['b', new Uint8Array([255])],
    ['empty', new Map()],
  ]);
  assert.equal(
    pythonJson(value),
    '{"a": [1, 2.0, "é"], "1": null, "null": true, "false": 18446744073709551615, "when": "2024-01-02T03:04:05", "b": "/w==", "empty": {}}',
  );
});

test('keys that are one key to Python become one, as in its dict', () => {
  const value = new Map<ExactValue, ExactValue>([
    [1, 'one'],
    ['1', 'text'],
    [0, 'zero'],
    [true, 'yes'],
    [new ExactFloat(0), 'nought'],
  ]);
  assert.equal(pythonJson(value), '{"1": "yes", "1": "text", "0": "nought"}');
});

test('maps as keys of maps, to any depth: as long as their bytes, not longer with each level', () => {
  let value: ExactValue = 'innermost';
  for (let depth = 0; depth < 60; depth += 1) value = new Map<ExactValue, ExactValue>([[value, depth]]);
  assert.equal(
    pythonJson(new Map<ExactValue, ExactValue>([[new Map([['a', 1]]), true]])),
    '{"gaFhAQ==": true}',
  );
  assert.ok(pythonJson(value).length < 500);
});
