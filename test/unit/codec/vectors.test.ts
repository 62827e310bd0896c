/** The byte-exact vectors of the protocol description (docs/wire/local-bus.md). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findBody } from '../../../src/codec/envelope.ts';
import { EventBodyEncoder, dataStart } from '../../../src/codec/event-body.ts';
import { encodeFrame, framingOf } from '../../../src/codec/framing.ts';
import { decodePlain } from '../../../src/codec/msgpack/decode.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function body(tag: string, data: Record<string, unknown>): Buffer {
  return Buffer.from(new EventBodyEncoder().encode(tag, data));
}

const MYTAG_BODY = hex(
  '6d797461670a0a82a464617461a178a65f7374616d70ba323032342d30312d30325430333a30343a30352e363738393031',
);
const MYTAG_BARE = hex(`82a46865616480a4626f6479c431${MYTAG_BODY.toString('hex')}`);

test('a body is tag, two line feeds, msgpack', () => {
  const made = new EventBodyEncoder().encode('mytag', { data: 'x' }, '2024-01-02T03:04:05.678901');
  assert.deepEqual(Buffer.from(made), MYTAG_BODY);
});

test('a stamp replaces the one that is there, in its place, as Python does', () => {
  const made = new EventBodyEncoder().encode('t', { _stamp: 'old', a: 1 }, 'new');
  assert.deepEqual(Buffer.from(made), body('t', { _stamp: 'new', a: 1 }));
  const map = new EventBodyEncoder().encode('t', new Map<unknown, unknown>([[1, 2]]), 'now');
  assert.equal(Buffer.from(map).toString('hex'), '740a0a820102a65f7374616d70a36e6f77');
});

test('frames: bare, and with a length', () => {
  assert.deepEqual(encodeFrame(MYTAG_BODY, 'bare'), MYTAG_BARE);
  assert.deepEqual(encodeFrame(MYTAG_BODY, 'prefixed'), Buffer.concat([hex('0000003f'), MYTAG_BARE]));
  assert.deepEqual(
    encodeFrame(body('foo/bar', { a: 1 }), 'prefixed'),
    hex('0000001b82a46865616480a4626f6479c40d666f6f2f6261720a0a81a16101'),
  );
});

test('fire_master packages of both forms', () => {
  const list = {
    tag: null,
    pretag: null,
    data: null,
    events: [{ tag: 'myco/a', data: { n: 1 } }],
    id: 'minion1',
  };
  assert.equal(
    encodeFrame(body('fire_master', list), 'bare').toString('hex'),
    '82a46865616480a4626f6479c449666972655f6d61737465720a0a85a3746167c0a6707265746167c0a464617461c0a66576656e74739182a3746167a66d79636f2f61a46461746181a16e01a26964a76d696e696f6e31',
  );
  const single = { data: { k: 'v' }, tag: 'myco/x', events: null, pretag: null };
  assert.equal(
    encodeFrame(body('fire_master', single), 'bare').toString('hex'),
    '82a46865616480a4626f6479c433666972655f6d61737465720a0a84a46461746181a16ba176a3746167a66d79636f2f78a66576656e7473c0a6707265746167c0',
  );
});

test('the width of the body length follows the body', () => {
  assert.equal(
    encodeFrame(Buffer.alloc(316), 'bare').toString('hex', 0, 15),
    '82a46865616480a4626f6479c5013c',
  );
  assert.equal(
    encodeFrame(Buffer.alloc(70018), 'bare').toString('hex', 0, 17),
    '82a46865616480a4626f6479c600011182',
  );
});

test('the first byte of a stream tells the framing', () => {
  assert.equal(framingOf(0x82), 'bare');
  assert.equal(framingOf(0x81), 'bare');
  assert.equal(framingOf(0xde), 'bare');
  assert.equal(framingOf(0x00), 'prefixed');
  assert.equal(framingOf(0x7f), 'prefixed');
  assert.equal(framingOf(0x92), undefined);
  assert.equal(framingOf(0xc0), undefined);
});

test('a body is found whatever the key order, extra keys, key type or body type', () => {
  const inner = hex('740a0a80');
  const read = (frame: Buffer): string => {
    const range = findBody(frame, 0, frame.length);
    return frame.toString('hex', range.start, range.end);
  };
  // 2016.3 on Python 2: body first, raw type
  assert.equal(read(hex('82a4626f6479a8610a0a81a16ba176a46865616480')), '610a0a81a16ba176');
  assert.equal(read(hex(`81a4626f6479c404${inner.toString('hex')}`)), '740a0a80');
  assert.equal(
    read(hex(`83a378787890a46865616481a36d69641fa4626f6479c404${inner.toString('hex')}`)),
    '740a0a80',
  );
  assert.equal(read(hex(`82c40468656164c0c404626f6479c404${inner.toString('hex')}`)), '740a0a80');
});

test('a frame without a body, or that is no map, is refused with a reason', () => {
  const refuse = (bytes: string, message: RegExp): void => {
    const frame = hex(bytes);
    assert.throws(() => findBody(frame, 0, frame.length), { code: 'ERR_SALTBUS_FRAME', message });
  };
  refuse('81a46865616480', /no body/);
  refuse('92a46865616480', /no map/);
  refuse('82a46865616480a4626f647901', /no byte string/);
  refuse('82a46865616480a4626f6479c40161c0', /1 bytes follow/);
});

test('the end of a tag is the first pair of line feeds', () => {
  const at = (text: string): number => dataStart(Buffer.from(text), 0, Buffer.byteLength(text));
  assert.equal(at('tag\n\n\x80'), 5);
  assert.equal(at('\n\n\x80'), 2);
  assert.equal(at('a\nb\n\n\x80'), 5);
  assert.equal(at('a\n\n\n\x80'), 3);
  assert.equal(at('tag\n'), -1);
  assert.equal(at(''), -1);
});

test('a datetime in an event reads as ISO text', () => {
  const value = hex('c7184e32303234303130325430333a30343a30352e303030363738');
  assert.equal(decodePlain(value), '2024-01-02T03:04:05.000678');
});
