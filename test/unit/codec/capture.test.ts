/** The capture file: written, read in pieces, cut at every byte, damaged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32 } from '../../../src/codec/capture/crc32.ts';
import { CaptureReader } from '../../../src/codec/capture/read.ts';
import { MAX_PAYLOAD_BYTES } from '../../../src/codec/capture/records.ts';
import type { CaptureRecord } from '../../../src/codec/capture/records.ts';
import { captureHeader, encodeRecord } from '../../../src/codec/capture/write.ts';

const ORIGIN = { node: 'minion', framing: 'bare' } as const;
const TIME = 1_795_000_000_123_456;

const RECORDS: readonly CaptureRecord[] = [
  { kind: 'start', node: 'master', framing: undefined, time: TIME, bus: '/run/salt/master/pub.ipc' },
  { kind: 'event', ...ORIGIN, time: TIME + 1, body: Buffer.from('tag\n\n\x80', 'latin1') },
  {
    kind: 'bad',
    node: 'minion',
    framing: 'prefixed',
    time: TIME + 2,
    hasTag: true,
    code: 'ERR_SALTBUS_MSGPACK',
    message: 'cut short',
    bytes: Buffer.from('tag\n\n\x81', 'latin1'),
  },
  { kind: 'gap', ...ORIGIN, time: TIME + 3, reason: 'overflow', dropped: 7, since: TIME, until: TIME + 3 },
  { kind: 'gap', ...ORIGIN, time: TIME, reason: 'reconnect', dropped: undefined, since: TIME, until: TIME },
  { kind: 'event', ...ORIGIN, time: 0, body: Buffer.alloc(0) },
];

function file(records: readonly CaptureRecord[]): Buffer {
  return Buffer.concat([captureHeader(), ...records.map(encodeRecord)]);
}

function readAll(bytes: Buffer): { records: CaptureRecord[]; torn: number; whole: number } {
  const reader = new CaptureReader();
  const records = reader.push(bytes);
  const { tornBytes, wholeBytes } = reader.end();
  return { records, torn: tornBytes, whole: wholeBytes };
}

test('CRC-32: the check value of the polynomial, and in parts', () => {
  const text = Buffer.from('123456789');
  assert.equal(crc32(text, 0, 9), 0xcbf43926);
  assert.equal(crc32(text, 5, 9, crc32(text, 0, 5)), 0xcbf43926);
  assert.equal(crc32(text, 0, 0), 0);
});

test('the bytes of a record', () => {
  const [, event] = RECORDS;
  assert.ok(event !== undefined);
  assert.equal(
    file([event]).toString('hex'),
    // the checksum is zlib's
    '89534243' +
      '41500d0a' +
      '0001' +
      '02010100' +
      '0006608b01611241' +
      '00000006' +
      '204dfe45' +
      '7461670a0a80',
  );
});

test('every kind of record comes back as it was, in one piece and byte by byte', () => {
  const bytes = file(RECORDS);
  assert.deepEqual(readAll(bytes), { records: RECORDS, torn: 0, whole: bytes.length });
  const reader = new CaptureReader();
  const records = [...bytes.keys()].flatMap((at) => reader.push(bytes.subarray(at, at + 1)));
  assert.deepEqual(records, RECORDS);
  assert.deepEqual(reader.end(), { wholeBytes: bytes.length, tornBytes: 0 });
});

test('any event, in pieces of any size', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 64 }),
      (bodies, size) => {
        const records = bodies.map((body): CaptureRecord => ({
          kind: 'event',
          ...ORIGIN,
          time: TIME,
          body: Buffer.from(body),
        }));
        const bytes = file(records);
        const reader = new CaptureReader();
        const read: CaptureRecord[] = [];
        for (let at = 0; at < bytes.length; at += size)
          read.push(...reader.push(bytes.subarray(at, at + size)));
        assert.deepEqual(read, records);
        assert.equal(reader.end().tornBytes, 0);
      },
    ),
    { numRuns: 200 },
  );
});

test('cut at every byte: what is whole is given, the rest is told', () => {
  const bytes = file(RECORDS);
  let whole = 0;
  const ends = RECORDS.map((record) => encodeRecord(record).length);
  for (let end = 1; end <= bytes.length; end += 1) {
    const { records, torn, whole: wholeBytes } = readAll(bytes.subarray(0, end));
    let at = 10;
    whole = 0;
    while (whole < ends.length && at + (ends[whole] ?? 0) <= end) {
      at += ends[whole] ?? 0;
      whole += 1;
    }
    assert.equal(records.length, whole, `cut at ${end}`);
    assert.equal(wholeBytes + torn, end, `cut at ${end}`);
    assert.equal(wholeBytes, end < 10 ? 0 : at, `cut at ${end}`);
  }
  assert.equal(whole, RECORDS.length);
});

test('zeros at the end, as a power failure leaves them, are a torn tail', () => {
  const bytes = Buffer.concat([file(RECORDS), Buffer.alloc(5000)]);
  assert.deepEqual(readAll(bytes), { records: RECORDS, torn: 5000, whole: bytes.length - 5000 });
  const reader = new CaptureReader();
  for (const byte of bytes) reader.push(Buffer.of(byte));
  assert.deepEqual(reader.end(), { wholeBytes: bytes.length - 5000, tornBytes: 5000 });
  const after = new CaptureReader();
  after.push(bytes);
  assert.throws(() => after.push(Buffer.of(1)), { code: 'ERR_SALTBUS_CAPTURE' });
});

test('a flipped bit: in the last record a torn tail, before it an error that names the byte', () => {
  const bytes = file(RECORDS);
  const last = Buffer.from(bytes);
  last[last.length - 3] = 0xff;
  assert.equal(readAll(last).torn, 20);
  const early = Buffer.from(bytes);
  const at = 10 + 20 + 24;
  early[at + 21] = (early[at + 21] ?? 0) ^ 1;
  const reader = new CaptureReader();
  assert.throws(() => reader.push(early), {
    code: 'ERR_SALTBUS_CAPTURE',
    message: `The capture file is damaged at byte ${at}: a record does not fit its checksum`,
  });
});

test('a length beyond any record is damage, and nothing is gathered for it', () => {
  const record = encodeRecord({ kind: 'event', ...ORIGIN, time: TIME, body: Buffer.alloc(4) });
  record.writeUInt32BE(MAX_PAYLOAD_BYTES + 1, 12);
  assert.throws(() => readAll(Buffer.concat([captureHeader(), record])), {
    code: 'ERR_SALTBUS_CAPTURE',
    message: /longer than any/,
  });
});

test('what is no capture file, and what is of another version', () => {
  for (const bytes of ['', 'GET / HTTP/1.1\r\n\r\n', '{"tag":"a","data":{}}']) {
    assert.throws(() => readAll(Buffer.from(bytes)), {
      code: 'ERR_SALTBUS_CAPTURE',
      message: /no capture file/,
    });
  }
  const other = captureHeader();
  other.writeUInt16BE(2, 8);
  assert.throws(() => readAll(other), { code: 'ERR_SALTBUS_CAPTURE', message: /version 2/ });
});

test('a record with a right checksum and unknown bytes is refused', () => {
  const record = encodeRecord({ kind: 'event', ...ORIGIN, time: TIME, body: Buffer.alloc(1) });
  for (const at of [0, 1, 2, 3]) {
    const odd = Buffer.from(record);
    odd[at] = 9;
    odd.writeUInt32BE(crc32(odd, 20, odd.length, crc32(odd, 0, 16)), 16);
    assert.throws(
      () => readAll(Buffer.concat([captureHeader(), odd])),
      { message: /makes no sense/ },
      `byte ${at}`,
    );
  }
});
