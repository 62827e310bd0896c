import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MsgpackCursor } from '../../../src/codec/msgpack/cursor.ts';
import { decodeExact, decodePlain } from '../../../src/codec/msgpack/decode.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { MAX_DEPTH, MAX_ENCODE_DEPTH } from '../../../src/codec/msgpack/limits.ts';
import { ExactFloat, Ext, RawText, SaltDateTime } from '../../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../../src/codec/msgpack/values.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const wire = (value: unknown): string => encode(value).toString('hex');

test('integers take the shortest form, up to 64 bits', () => {
  const forms: readonly (readonly [number | bigint, string])[] = [
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [65535, 'cdffff'],
    [65536, 'ce00010000'],
    [4294967295, 'ceffffffff'],
    [4294967296, 'cf0000000100000000'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'],
    [-1, 'ff'],
    [-32, 'e0'],
    [-33, 'd0df'],
    [-128, 'd080'],
    [-129, 'd1ff7f'],
    [-32769, 'd2ffff7fff'],
    [-2147483649, 'd3ffffffff7fffffff'],
    [-(2n ** 63n), 'd38000000000000000'],
    [5n, '05'],
  ];
  for (const [value, bytes] of forms) {
    assert.equal(wire(value), bytes);
    assert.equal(
      decodeExact(hex(bytes)),
      typeof value === 'bigint' && value < 2n ** 53n && value > -(2n ** 53n) ? Number(value) : value,
    );
  }
});

test('an integer beyond 64 bits becomes decimal text, as in Salt', () => {
  assert.equal(wire(2n ** 64n), `b4${Buffer.from('18446744073709551616').toString('hex')}`);
  assert.equal(decodeExact(encode(-(2n ** 63n) - 1n)), '-9223372036854775809');
});

test('floats stay floats', () => {
  assert.equal(wire(1.5), 'cb3ff8000000000000');
  assert.equal(wire(new ExactFloat(1)), 'cb3ff0000000000000');
  assert.equal(wire(-0), 'cb8000000000000000');
  assert.deepEqual(decodeExact(hex('cb3ff0000000000000')), new ExactFloat(1));
  assert.equal(decodePlain(hex('cb3ff0000000000000')), 1);
  assert.deepEqual(decodeExact(hex('cb7ff0000000000000')), new ExactFloat(Infinity));
  assert.equal(decodeExact(hex('cb3ff8000000000000')), 1.5);
});

test('text and bytes are different families', () => {
  assert.equal(wire('é'), 'a2c3a9');
  assert.equal(wire(new Uint8Array([1, 2])), 'c4020102');
  assert.equal(wire('x'.repeat(32)), `d920${'78'.repeat(32)}`);
  assert.equal(wire('x'.repeat(256)), `da0100${'78'.repeat(256)}`);
  assert.equal(encode('x'.repeat(65536)).toString('hex', 0, 6), 'db0001000078');
  assert.deepEqual(decodePlain(hex('c4020102')), new Uint8Array([1, 2]));
});

test('text that is no UTF-8 is kept as bytes in the exact view', () => {
  const exact = decodeExact(hex('a2ff61'));
  assert.ok(exact instanceof RawText);
  assert.deepEqual(Buffer.from(exact.bytes), hex('ff61'));
  assert.equal(wire(exact), 'a2ff61');
  assert.equal(decodePlain(hex('a2ff61')), '\ufffda');
});

test('half a surrogate pair has no wire form', () => {
  assert.throws(() => encode('\ud800'), { code: 'ERR_SALTBUS_DATA' });
  assert.throws(() => encode(`${'x'.repeat(100)}\udc00`), { code: 'ERR_SALTBUS_DATA' });
});

test('datetimes are extension 78', () => {
  const bytes = 'c7184e32303234303130325430333a30343a30352e303030363738';
  const exact = decodeExact(hex(bytes));
  assert.ok(exact instanceof SaltDateTime);
  assert.equal(exact.toString(), '2024-01-02T03:04:05.000678');
  assert.equal(exact.toDate().toISOString(), '2024-01-02T03:04:05.000Z');
  assert.equal(wire(exact), bytes);
  assert.equal(SaltDateTime.fromIso('2024-01-02T00:00:00')?.wire, '20240102T00:00:00.000000');
  assert.equal(
    wire(new Date('2024-01-02T03:04:05.678Z')),
    wire(SaltDateTime.fromIso('2024-01-02T03:04:05.678000')),
  );
  assert.throws(() => encode(new Date(NaN)), { code: 'ERR_SALTBUS_DATA' });
});

test('an unknown extension keeps its type and bytes', () => {
  const forms = ['d40501', 'd5050102', 'd60501020304', `c70305010203`, `c8010005${'00'.repeat(256)}`];
  for (const form of forms) {
    const exact = decodeExact(hex(form));
    assert.ok(exact instanceof Ext);
    assert.equal(exact.type, 5);
    assert.equal(wire(exact), form);
  }
  assert.deepEqual(decodeExact(hex('d4ff01')), new Ext(-1, new Uint8Array([1])));
  // 78 with a payload that is no datetime is an extension like any other
  assert.deepEqual(decodeExact(hex('d44e01')), new Ext(78, new Uint8Array([1])));
});

test('keys of every type survive', () => {
  const bytes = '84c00101a178c3c2cb3ff000000000000003';
  const exact = decodeExact(hex(bytes));
  assert.ok(exact instanceof Map);
  assert.equal(wire(exact), bytes);
  const plain = decodePlain(hex('82a16101c002'));
  assert.deepEqual(
    plain,
    new Map<unknown, unknown>([
      ['a', 1],
      [null, 2],
    ]),
  );
});

test('a key named __proto__ is data', () => {
  const bytes = encode(
    new Map<string, unknown>([
      ['__proto__', new Map([['polluted', true]])],
      ['constructor', 1],
    ]),
  );
  const plain = decodePlain(bytes) as Record<string, unknown>;
  assert.deepEqual(Object.keys(plain), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(plain), Object.prototype);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.deepEqual(encode(plain), bytes);
});

test('what msgpack cannot say is refused', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  assert.throws(() => encode(circular), { code: 'ERR_SALTBUS_LIMIT' });
  assert.throws(() => encode(() => 1), { code: 'ERR_SALTBUS_DATA' });
  assert.throws(() => encode({ a: Symbol('x') }), { code: 'ERR_SALTBUS_DATA' });
  assert.throws(() => encode([undefined]), { code: 'ERR_SALTBUS_DATA' });
  assert.throws(() => encode(new URL('http://localhost')), {
    code: 'ERR_SALTBUS_DATA',
    message: /class URL/,
  });
  assert.equal(wire({ a: undefined, b: 1 }), '81a16201');
});

test('nesting is bounded in both directions', () => {
  const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), hex('c0')]);
  assert.ok(Array.isArray(decodePlain(nested(MAX_DEPTH))));
  assert.throws(() => decodePlain(nested(MAX_DEPTH + 1)), { code: 'ERR_SALTBUS_LIMIT' });
  assert.throws(() => decodeExact(nested(100_000)), { code: 'ERR_SALTBUS_LIMIT' });
  const bytes = nested(100_000);
  assert.throws(() => new MsgpackCursor(bytes, 0, bytes.length).skip(), { code: 'ERR_SALTBUS_LIMIT' });
  let deep: unknown = null;
  for (let level = 0; level < MAX_ENCODE_DEPTH; level += 1) deep = [deep];
  assert.equal(encode(deep).length, MAX_ENCODE_DEPTH + 1);
  assert.throws(() => encode([deep]), { code: 'ERR_SALTBUS_LIMIT' });
});

test('a value cut at any byte, or followed by more, is refused', () => {
  const whole = encode({
    a: [1, 2.5, 'text', new Uint8Array(3)],
    b: { c: null },
    d: 70000,
    e: -5_000_000_000,
  });
  for (let cut = 0; cut < whole.length; cut += 1) {
    const part = Buffer.from(whole.subarray(0, cut));
    assert.throws(() => decodePlain(part), { code: 'ERR_SALTBUS_MSGPACK' }, `cut at ${cut}`);
    assert.throws(
      () => new MsgpackCursor(part, 0, cut).skip(),
      { code: 'ERR_SALTBUS_MSGPACK' },
      `cut at ${cut}`,
    );
  }
  assert.throws(() => decodePlain(Buffer.concat([whole, hex('00')])), {
    code: 'ERR_SALTBUS_MSGPACK',
    message: /1 bytes follow/,
  });
});

test('a length that the input cannot hold is refused before anything is built', () => {
  for (const bytes of ['ddffffffff', 'dfffffffff', 'c6ffffffff', 'dbffffffff', 'c9ffffffff05']) {
    assert.throws(() => decodePlain(hex(bytes)), { code: 'ERR_SALTBUS_MSGPACK' }, bytes);
  }
});

const scalar: fc.Arbitrary<ExactValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc
    .double({ noNaN: true })
    .map((value) => (Number.isInteger(value) || !Number.isFinite(value) ? new ExactFloat(value) : value)),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array(),
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') })
    .map((date) => SaltDateTime.fromDate(date)),
);
const value: fc.Arbitrary<ExactValue> = fc.letrec<{ value: ExactValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 6 }),
    fc
      .uniqueArray(
        fc.tuple(fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean()), tie('value')),
        {
          maxLength: 6,
          selector: ([key]) => key,
        },
      )
      .map((pairs) => new Map<ExactValue, ExactValue>(pairs)),
  ),
})).value;

test('any value is the same after encoding and exact decoding, and the cursor passes over all of it', () => {
  fc.assert(
    fc.property(value, (original) => {
      const bytes = encode(original);
      assert.deepEqual(encode(decodeExact(bytes)), bytes);
      const cursor = new MsgpackCursor(bytes, 0, bytes.length);
      cursor.skip();
      assert.equal(cursor.position, bytes.length);
    }),
    { numRuns: 500 },
  );
});
