/** Every kind of value: decoded exactly, printed without loss, read back, and encoded to the bytes that Salt would write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactFromJson, exactToJson, readForms } from '../../../src/codec/json/exact-json.ts';
import { decodeExact, decodePlain } from '../../../src/codec/msgpack/decode.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { ExactFloat, Ext, SaltDateTime, exactFloat } from '../../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../../src/codec/msgpack/values.ts';
import { exactToYaml } from '../../../src/cli/output/yaml.ts';
import { parseSaltYaml } from '../../../src/config/index.ts';
import { exactValue } from '../../helpers/exact-values.ts';

function fromYaml(text: string): ExactValue {
  return readForms(parseSaltYaml(text, { file: 'data.yaml', float: exactFloat }) as ExactValue, 'data.yaml');
}

/** Wire to value to JSON and to YAML, back, and to the wire again. */
function roundTrip(hex: string, again = hex): void {
  const exact = decodeExact(Buffer.from(hex, 'hex'));
  assert.equal(encode(exact).toString('hex'), again, 'exact');
  const json = exactToJson(exact);
  assert.equal(encode(exactFromJson(json)).toString('hex'), again, json);
  const yaml = exactToYaml(exact);
  assert.equal(encode(fromYaml(yaml)).toString('hex'), again, yaml);
}

const text = (value: string): string => encode(value).toString('hex');

const SAME: Readonly<Record<string, string>> = {
  nil: 'c0',
  'largest integer': 'cfffffffffffffffff',
  'least integer': 'd38000000000000000',
  '2^53': 'cf0020000000000000',
  'one as a float': 'cb3ff0000000000000',
  'minus zero': 'cb8000000000000000',
  'the least float': 'cb0000000000000001',
  'a large float': 'cb7fefffffffffffff',
  nan: 'cb7ff8000000000000',
  'nan with a sign': 'cbfff8000000000000',
  'nan with a payload': 'cb7ff8000000000001',
  'a signalling nan': 'cb7ff0000000000001',
  infinity: 'cb7ff0000000000000',
  'minus infinity': 'cbfff0000000000000',
  'empty text': 'a0',
  'text with a byte-order mark': text('\ufeffa'),
  'text that is no UTF-8': 'a2ff61',
  'text with a surrogate in UTF-8': 'a3eda080',
  'no bytes': 'c400',
  bytes: 'c40300ff80',
  'a datetime': 'c7184e32303234303130325430333a30343a30352e303030363738',
  'a date': 'c7184e32303234303130325430303a30303a30302e303030303030',
  'a datetime that no calendar has': 'c7184e32303234393939395439393a39393a39392e303030363738',
  'a timestamp of msgpack': 'd6ff00000001',
  "Salt's constant": 'd54f92c0',
  'an extension without data': 'c7004e',
  'an empty map': '80',
  'an empty key': '81a001',
  'integer, nil, boolean and float keys': '850101c002c303cb3ff800000000000004ff05',
  'a float key that is whole': '81cb3ff000000000000001',
  'keys of bytes, text that is no UTF-8, and a datetime':
    '83c401ff01a1ff02c7184e32303234303130325430333a30343a30352e30303036373803',
  'a key that is a list': '8191c001',
  'a key that is a map': '8181a16101c0',
  '__proto__ and constructor': `82${text('__proto__')}81${text('x')}01${text('constructor')}c0`,
  'keys that look like integers keep their order': '83a13201a13102a0c0',
  'a map that looks like a form': `81${text('$bin')}${text('AAAA')}`,
  'a map that looks like $map': `81${text('$map')}90`,
  'a form inside a form': `81${text('$map')}9192a1619181${text('$int')}a135`,
};

for (const [name, hex] of Object.entries(SAME)) {
  test(`${name}: the same bytes again`, () => {
    roundTrip(hex);
  });
}

// What Salt's encoder would not write: the value is kept, and comes out as Salt would write it.
const CANONICAL: Readonly<Record<string, readonly [string, string]>> = {
  'a 32-bit float': ['ca3fc00000', 'cb3ff8000000000000'],
  'a 32-bit nan with a payload': ['ca7fc00001', 'cb7ff8000020000000'],
  'a wide integer': ['cf0000000000000001', '01'],
  'a positive integer with a sign': ['d30000000000000080', 'cc80'],
  'wide text': ['db0000000161', 'a161'],
  'wide bytes': ['c60000000161', 'c40161'],
  'a wide list': ['dd0000000101', '9101'],
  'a wide map': ['df0000000101c0', '8101c0'],
  'a wide extension': ['c90000000105aa', 'd405aa'],
  "a key that stands twice: the first gives the place, the last the value, as in Python's dict": [
    '83a16101a16202a16103',
    '82a16103a16202',
  ],
};

for (const [name, [hex, again]] of Object.entries(CANONICAL)) {
  test(name, () => {
    roundTrip(hex, again);
  });
}

test('every text is the same after YAML, whatever it looks like', () => {
  const texts = [
    ...[
      'yes',
      'No',
      'on',
      'y',
      'null',
      '~',
      '',
      ' ',
      'true',
      '010',
      '0x1f',
      '1:30',
      '1e3',
      '1.5',
      '.inf',
      '.nan',
      '1_000',
    ],
    ...[
      '2024-01-02',
      '2024-01-02T03:04:05',
      '<<',
      '=',
      '-',
      '- a',
      '? a',
      'a: b',
      'a #b',
      '# a',
      '---',
      '...',
      '%a',
      '@a',
    ],
    ...[
      '*a',
      '&a',
      '!a',
      '| a',
      '> a',
      "it's",
      '"',
      '{a',
      '[a',
      'a,',
      'C:\\x',
      'a\tb',
      'a\r\nb',
      'é',
      '🎉',
      '\u0085',
      '\u2028',
    ],
    ...[
      'a\nb',
      'a\nb\n',
      'a\nb\n\n',
      '\na',
      ' a\nb',
      'a\n b\n  c',
      'a\n\n\nb',
      'a \nb ',
      '\n',
      '\n\n',
      'a\n ',
      'a\n#b',
      'a\n---\nb',
    ],
    ...[
      'a\n\tb',
      '\ta\nb',
      'a\n...\n',
      'a\ufeff\nb',
      'a\u001b[2J',
      'x'.repeat(3000),
      `${'x'.repeat(3000)}\ny`,
      'a\n\n ',
    ],
  ];
  const value = new Map<ExactValue, ExactValue>([
    ['list', texts],
    ['map', new Map(texts.map((key, index) => [key, index]))],
    ['values', new Map(texts.map((value, index) => [`k${index}`, value]))],
    ['pairs', new Map(texts.map((value, index) => [index, [value, [value]]]))],
  ]);
  const yaml = exactToYaml(value);
  assert.deepEqual(fromYaml(yaml), value);
  assert.doesNotMatch(yaml, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
});

test('any value is the same after JSON and YAML', () => {
  fc.assert(
    fc.property(exactValue, (value) => {
      const bytes = encode(value).toString('hex');
      const json = exactToJson(value);
      assert.equal(encode(exactFromJson(json)).toString('hex'), bytes, json);
      const yaml = exactToYaml(value);
      assert.equal(encode(fromYaml(yaml)).toString('hex'), bytes, yaml);
    }),
    { numRuns: 300 },
  );
});

test('what is nested as deep as can be read is printed and read again', () => {
  const deepest = Buffer.concat([Buffer.alloc(1024, 0x91), Buffer.from('c0', 'hex')]);
  roundTrip(deepest.toString('hex'));
  const maps = Buffer.concat([Buffer.from('81a161'.repeat(1024), 'hex'), Buffer.from('c0', 'hex')]);
  roundTrip(maps.toString('hex'));
});

test('a form in YAML that does not hold what it should is an error that names the file', () => {
  for (const yaml of [
    'a: {$bin: "***"}',
    'a: {$int: 5}',
    '$float: nan:0000000000000000',
    'a: [{$map: [[a]]}]',
    '{$map: [[a, 1], [a, 2]]}',
  ])
    assert.throws(() => fromYaml(yaml), { code: 'ERR_SALTBUS_DATA', message: /In data\.yaml, \{"\$/ }, yaml);
  assert.deepEqual(fromYaml('{$other: 1}'), new Map([['$other', 1]]));
});

test('numbers in JSON that no float or integer can be are errors', () => {
  assert.throws(() => exactFromJson('{"a": 1e400}'), {
    code: 'ERR_SALTBUS_JSON',
    message: /larger than a float .*column 7/,
  });
  assert.throws(() => exactFromJson('9'.repeat(100_000)), {
    code: 'ERR_SALTBUS_JSON',
    message: /more than 4300 characters/,
  });
  assert.equal(exactFromJson('9'.repeat(100)), BigInt('9'.repeat(100)));
});

test('values that a program makes up and the wire has no form for are refused', () => {
  const refused = (value: unknown, message: RegExp): void => {
    assert.throws(() => encode(value), { code: 'ERR_SALTBUS_DATA', message });
  };
  refused(new Ext(300, new Uint8Array(1)), /-128 to 127, not 300/);
  refused(new SaltDateTime('tomorrow'), /'tomorrow' is no datetime/);
  refused(new Date('+012345-01-01T00:00:00Z'), /is no datetime of Python/);
  refused(Object.create({ constructor: null }), /class unknown/);
  assert.equal(encode({ constructor: 5 }).toString('hex'), `81${text('constructor')}05`);
});

test('a plain view with __proto__ and constructor touches no prototype', () => {
  const plain = decodePlain(Buffer.from(SAME['__proto__ and constructor'] ?? '', 'hex')) as Record<
    string,
    unknown
  >;
  assert.deepEqual(Object.entries(plain), [
    ['__proto__', { x: 1 }],
    ['constructor', null],
  ]);
  assert.equal(Object.getPrototypeOf(plain), Object.prototype);
  assert.equal(new ExactFloat(1).nanBits, undefined);
});
