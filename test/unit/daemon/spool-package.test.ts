/** What a package is, seen without building its data, and seen in full: the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkPackage } from '../../../src/bus/fire-master.ts';
import { decodeExact } from '../../../src/codec/msgpack/decode.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { packageKind, packageTags } from '../../../src/daemon/spool/handlers.ts';
import { SaltbusError } from '../../../src/errors.ts';

function codeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof SaltbusError) return error.code;
    throw error;
  }
}

const SINGLE = { tag: 'a/b', data: { n: 1 }, events: null, pretag: null };

test('single, list, and what is wrong with others', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [SINGLE, 'single'],
    [{ ...SINGLE, data: null }, 'single'],
    [{ ...SINGLE, pretag: 'p' }, 'single'],
    [{ ...SINGLE, extra: 1 }, 'single'],
    [{ ...SINGLE, tag: 'ä' }, 'single'],
    [{ ...SINGLE, events: [] }, 'single'],
    [{ ...SINGLE, events: [{ tag: 'a' }] }, 'list'],
    [{ ...SINGLE, tag: null, events: [{ tag: 'a', data: {} }], pretag: 'p' }, 'list'],
    [{ ...SINGLE, tag: '' }, 'ERR_SALTBUS_TAG'],
    [{ ...SINGLE, tag: 'salt/key' }, 'ERR_SALTBUS_DENIED_TAG'],
    [{ ...SINGLE, tag: 't'.repeat(65_536) }, 'single'],
    [{ ...SINGLE, tag: 't'.repeat(65_537) }, 'ERR_SALTBUS_LIMIT'],
    [{ ...SINGLE, tag: null }, 'ERR_SALTBUS_DATA'],
    [{ ...SINGLE, tag: 5 }, 'ERR_SALTBUS_DATA'],
    [{ ...SINGLE, events: 'text' }, 'ERR_SALTBUS_DATA'],
    [{ ...SINGLE, events: [{ data: {} }] }, 'ERR_SALTBUS_DATA'],
    [{ tag: 'a', data: {}, events: null }, 'ERR_SALTBUS_DATA'],
    ['text', 'ERR_SALTBUS_DATA'],
  ];
  for (const [load, expected] of cases)
    assert.equal(
      codeOf(() => packageKind(encode(load))),
      expected,
      JSON.stringify(load),
    );
});

test('bytes cut off, behind, or changed: as the full reading says', () => {
  const whole = encode({ ...SINGLE, data: { list: [1, 'two', { three: 3 }], bytes: new Uint8Array(20) } });
  const full = (bytes: Uint8Array): unknown =>
    codeOf(() => {
      const load = decodeExact(bytes);
      checkPackage(load);
      const events = load instanceof Map ? (load as ReadonlyMap<unknown, unknown>).get('events') : undefined;
      return Array.isArray(events) && events.length > 0 ? 'list' : 'single';
    });
  for (let length = 0; length < whole.length; length += 1) {
    const cut = whole.subarray(0, length);
    assert.equal(
      codeOf(() => packageKind(cut)),
      'ERR_SALTBUS_MSGPACK',
      `cut at ${length}`,
    );
  }
  // a key that comes twice takes the place of none of the others
  const twice = Buffer.from(encode(SINGLE).toString('latin1').replace('\xa6pretag', '\xa6events'), 'latin1');
  assert.equal(
    codeOf(() => packageKind(twice)),
    'ERR_SALTBUS_DATA',
  );
  assert.equal(
    codeOf(() => packageKind(Buffer.concat([whole, Buffer.from([0xc0])]))),
    'ERR_SALTBUS_MSGPACK',
  );
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(whole);
      changed[at] = value;
      assert.equal(
        codeOf(() => packageKind(changed)),
        full(changed),
      );
    }),
    { numRuns: 3000 },
  );
});

test('the first tags of a package', () => {
  assert.deepEqual(packageTags(encode(SINGLE)), ['a/b']);
  const events = Array.from({ length: 9 }, (_, n) => ({ tag: `t${n}` }));
  assert.deepEqual(packageTags(encode({ ...SINGLE, tag: null, events })), ['t0', 't1', 't2', 't3', 't4']);
  assert.deepEqual(packageTags(encode([1])), []);
});
