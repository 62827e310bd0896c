import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeCommand,
  encodeError,
  encodePing,
  encodePong,
  encodeReady,
  encodeSubscription,
} from '../../../src/codec/zmtp/command.ts';
import {
  encodeMessage,
  envelopeHeadLength,
  messageLength,
  writeEnvelopeHead,
} from '../../../src/codec/zmtp/frame.ts';
import { encodeGreeting } from '../../../src/codec/zmtp/greeting.ts';
import type { ZmtpLimits } from '../../../src/codec/zmtp/limits.ts';
import { DEFAULT_ZMTP_LIMITS } from '../../../src/codec/zmtp/limits.ts';
import { ZmtpParser } from '../../../src/codec/zmtp/parser.ts';

const GREETING = Buffer.from(`ff00000000000000017f03014e554c4c${'00'.repeat(48)}`, 'hex');

function collect(limits: Partial<ZmtpLimits> = {}): { parser: ZmtpParser; seen: string[] } {
  const seen: string[] = [];
  const parser = new ZmtpParser(
    {
      onGreeting: ({ minor }) => seen.push(`greeting ${minor}`),
      onFrame: (buffer, start, end, more) =>
        seen.push(`${more ? 'more' : 'last'} ${short(buffer.subarray(start, end))}`),
      onCommand: (buffer, start, end) => seen.push(`command ${short(buffer.subarray(start, end))}`),
    },
    { ...DEFAULT_ZMTP_LIMITS, ...limits },
  );
  return { parser, seen };
}

function short(bytes: Buffer): string {
  return bytes.length > 64
    ? `${bytes.length} of ${bytes.toString('latin1', 0, 1)}`
    : bytes.toString('latin1');
}

// What libzmq 4.3.5 writes: greeting, READY of a REQ, a request, a PING, a subscription, a publication of two frames.
const STREAM = Buffer.concat([
  GREETING,
  Buffer.from(
    '04260552454144590b536f636b65742d5479706500000003524551084964656e7469747900000000' +
      '0100' +
      '0005' +
      '68656c6c6f' +
      '04070450494e470000' +
      '040a09535542534352494245',
    'hex',
  ),
  encodeMessage([Buffer.from('topic'), Buffer.alloc(300, 'x')]),
  Buffer.from('0000', 'hex'),
]);
const SEEN = [
  'greeting 1',
  `command \x05READY\x0bSocket-Type\0\0\0\x03REQ\x08Identity\0\0\0\0`,
  'more ',
  'last hello',
  'command \x04PING\0\0',
  'command \x09SUBSCRIBE',
  'more topic',
  'last 300 of x',
  'last ',
];

test('what libzmq writes is read, in one chunk', () => {
  const { parser, seen } = collect();
  parser.push(STREAM);
  assert.deepEqual(seen, SEEN);
  assert.equal(parser.heldBytes, 0);
});

test('one byte at a time', () => {
  const { parser, seen } = collect();
  for (let at = 0; at < STREAM.length; at += 1) parser.push(STREAM.subarray(at, at + 1));
  assert.deepEqual(seen, SEEN);
});

test('cut at every place, and at every second place behind it', () => {
  for (let first = 0; first <= STREAM.length; first += 1) {
    for (let second = first; second <= STREAM.length; second += 5) {
      const { parser, seen } = collect();
      parser.push(STREAM.subarray(0, first));
      parser.push(STREAM.subarray(first, second));
      parser.push(STREAM.subarray(second));
      assert.deepEqual(seen, SEEN, `cut at ${first} and ${second}`);
    }
  }
});

test('a frame within one chunk is a view of it, one across chunks is copied once', () => {
  const views: Buffer[] = [];
  const parser = new ZmtpParser({
    onGreeting: () => undefined,
    onFrame: (buffer) => views.push(buffer),
    onCommand: () => undefined,
  });
  parser.push(GREETING);
  const bytes = encodeMessage([Buffer.alloc(100, 'a')]);
  parser.push(bytes);
  parser.push(bytes.subarray(0, 50));
  assert.equal(parser.heldBytes, 48);
  parser.push(bytes.subarray(50));
  assert.equal(views[0], bytes);
  assert.notEqual(views[1], bytes);
  assert.equal(views[1]?.length, 100);
});

test('a parser that is stopped reports nothing behind the present frame', () => {
  const seen: string[] = [];
  const parser: ZmtpParser = new ZmtpParser({
    onGreeting: () => undefined,
    onFrame: (buffer, start, end) => {
      seen.push(buffer.toString('latin1', start, end));
      parser.stop();
    },
    onCommand: () => undefined,
  });
  parser.push(
    Buffer.concat([GREETING, encodeMessage([Buffer.from('one')]), encodeMessage([Buffer.from('two')])]),
  );
  parser.push(encodeMessage([Buffer.from('three')]));
  assert.deepEqual(seen, ['one']);
});

test('lengths are written and read at their borders', () => {
  for (const length of [0, 1, 254, 255, 256, 65_535, 65_536]) {
    const message = encodeMessage([Buffer.alloc(length, 'x')]);
    assert.equal(message.length, messageLength([Buffer.alloc(length)]));
    assert.equal(message.length, length + (length < 256 ? 2 : 9));
    const { parser, seen } = collect();
    parser.push(GREETING);
    parser.push(message);
    assert.equal(seen[1], `last ${short(Buffer.alloc(length, 'x'))}`);
  }
});

test('a long length for a short frame is taken, as libzmq takes it', () => {
  const { parser, seen } = collect();
  parser.push(GREETING);
  parser.push(Buffer.from('02000000000000000161', 'hex'));
  assert.deepEqual(seen.slice(1), ['last a']);
});

test('the bytes that libzmq 4.3.5 writes are what we write', () => {
  assert.equal(encodeGreeting().toString('hex'), GREETING.toString('hex'));
  assert.equal(encodeGreeting(4).toString('hex', 0, 12), 'ff00000000000000057f0301');
  assert.equal(
    encodeReady('REQ', new Uint8Array(0)).toString('hex'),
    '04260552454144590b536f636b65742d5479706500000003524551084964656e7469747900000000',
  );
  assert.equal(
    encodeReady('SUB', undefined).toString('hex'),
    '04190552454144590b536f636b65742d5479706500000003535542',
  );
  assert.equal(encodeSubscription(Buffer.from(''), true, 1).toString('hex'), '040a09535542534352494245');
  assert.equal(encodeSubscription(Buffer.from('ab'), false, 1).toString('hex'), '04090643414e43454c6162');
  assert.equal(encodeSubscription(Buffer.from('ab'), true, 0).toString('hex'), '0003016162');
  assert.equal(encodeSubscription(Buffer.from('ab'), false, 0).toString('hex'), '0003006162');
  assert.equal(encodePing(0).toString('hex'), '04070450494e470000');
  assert.equal(encodePing(1500, Buffer.from('c')).toString('hex'), '04080450494e47000f63');
  assert.equal(encodePong(new Uint8Array(0)).toString('hex'), '040504504f4e47');
  const envelope = Buffer.alloc(envelopeHeadLength(5));
  assert.equal(writeEnvelopeHead(envelope, 0, 5), 4);
  assert.equal(envelope.toString('hex'), '01000005');
});

test('commands are read back', () => {
  const read = (frame: Buffer): unknown => decodeCommand(frame, 2, frame.length);
  assert.deepEqual(read(encodeReady('ROUTER', Buffer.from('salt-req/minion/web1/0'))), {
    name: 'READY',
    socketType: 'ROUTER',
    identity: Buffer.from('salt-req/minion/web1/0'),
  });
  assert.deepEqual(read(encodeError('no')), { name: 'ERROR', reason: 'no' });
  assert.deepEqual(read(encodePing(300, Buffer.from('0123456789abcdef'))), {
    name: 'PING',
    ttlMs: 300,
    context: Buffer.from('0123456789abcdef'),
  });
  assert.deepEqual(read(encodePong(Buffer.from('x'))), { name: 'PONG', context: Buffer.from('x') });
  assert.deepEqual(read(Buffer.from('0405044a4f494e', 'hex')), { name: 'OTHER' });
});

test('the name of a property has no case; a context over 16 bytes is cut', () => {
  const ready = encodeReady('REQ', undefined).toString('latin1').replace('Socket-Type', 'SOCKET-TYPE');
  assert.deepEqual(decodeCommand(Buffer.from(ready, 'latin1'), 2, ready.length), {
    name: 'READY',
    socketType: 'REQ',
    identity: Buffer.alloc(0),
  });
  const ping = encodePing(0, Buffer.alloc(40, 'c'));
  const read = decodeCommand(ping, 2, ping.length);
  assert.equal(read.name === 'PING' && read.context.toString(), 'c'.repeat(16));
});

test('malformed commands are refused', () => {
  const refuse = (hex: string): void => {
    const bytes = Buffer.from(hex, 'hex');
    assert.throws(() => decodeCommand(bytes, 0, bytes.length), { code: 'ERR_SALTBUS_ZMTP' }, hex);
  };
  refuse('');
  refuse('00');
  refuse('0550494e47');
  refuse('0450494e4700');
  refuse('055245414459' + '0b536f636b6574');
  refuse('055245414459' + '00');
  refuse('055245414459' + '0161ffffffff');
  refuse('055245414459' + '016100000000'.repeat(17));
  refuse(`055245414459084964656e7469747900000100${'61'.repeat(256)}`);
});

test('strangers are told off with a name, as early as their bytes allow', () => {
  const refuse = (bytes: Buffer | string, message: RegExp): void => {
    const { parser, seen } = collect();
    const refused = { code: 'ERR_SALTBUS_ZMTP', message };
    assert.throws(() => parser.push(Buffer.from(bytes as string, 'latin1')), refused);
    assert.throws(() => parser.push(GREETING), refused, 'it stays refused');
    assert.deepEqual(seen, []);
  };
  refuse('GET / HTTP/1.1\r\n', /HTTP request/);
  refuse('HTTP/1.1 400', /HTTP server/);
  refuse('\x16\x03\x01\x02\x00\x01', /TLS hello/);
  refuse('SSH-2.0-OpenSSH', /SSH/);
  refuse('\x82\xa4head', /0x82/);
  refuse(Buffer.from('ff0000000000000001000301', 'hex').toString('latin1'), /ZMTP 1.0/);
  refuse(Buffer.from('ff00000000000000017f01', 'hex').toString('latin1'), /ZMTP 2.0/);
  const curve = Buffer.from(GREETING);
  curve.write('CURVE', 12);
  refuse(curve.toString('latin1'), /'CURVE'/);
  refuse(curve.toString('latin1', 0, 13), /'C'/);
  const longer = Buffer.from(GREETING);
  longer.write('NULLX', 12);
  refuse(longer.toString('latin1'), /'NULLX'/);
});

test('ZMTP 3.0 and a version to come are taken', () => {
  const minorOf = (major: number, minor: number): string | undefined => {
    const { parser, seen } = collect();
    const greeting = Buffer.from(GREETING);
    greeting[10] = major;
    greeting[11] = minor;
    parser.push(greeting);
    return seen[0];
  };
  assert.equal(minorOf(3, 0), 'greeting 0');
  assert.equal(minorOf(4, 0), 'greeting 1');
});

test('lengths up to 2^63 and beyond are refused before anything is held', () => {
  const refuse = (hex: string, code: string, limits: Partial<ZmtpLimits> = {}): void => {
    for (const cut of [1, hex.length / 2]) {
      const { parser } = collect(limits);
      parser.push(GREETING);
      const bytes = Buffer.from(hex, 'hex');
      assert.throws(
        () => {
          parser.push(bytes.subarray(0, cut));
          parser.push(bytes.subarray(cut));
        },
        { code },
        hex,
      );
      assert.equal(parser.heldBytes, 0);
    }
  };
  refuse('027fffffffffffffff', 'ERR_SALTBUS_LIMIT');
  refuse('028000000000000000', 'ERR_SALTBUS_LIMIT');
  refuse('02ffffffffffffffff', 'ERR_SALTBUS_LIMIT');
  refuse('020000000100000000', 'ERR_SALTBUS_LIMIT');
  refuse('020000000006400001', 'ERR_SALTBUS_LIMIT');
  refuse('060000000000001001', 'ERR_SALTBUS_LIMIT');
  refuse('0011', 'ERR_SALTBUS_LIMIT', { maxMessageBytes: 16 });
  refuse('0008', 'ERR_SALTBUS_LIMIT', { maxMessageBytes: 7 });
  refuse('0500', 'ERR_SALTBUS_ZMTP');
  refuse('0800', 'ERR_SALTBUS_ZMTP');
  refuse('8000', 'ERR_SALTBUS_ZMTP');
});

test('the limits on a message count all of its frames, and begin anew with the next', () => {
  const { parser, seen } = collect({ maxMessageBytes: 10, maxFrames: 3 });
  const whole = encodeMessage([Buffer.from('12345'), Buffer.from('12345')]);
  parser.push(Buffer.concat([GREETING, whole, whole]));
  assert.equal(seen.length, 5);
  assert.throws(() => parser.push(encodeMessage([Buffer.from('12345'), Buffer.from('123456')])), {
    code: 'ERR_SALTBUS_LIMIT',
  });
  const frames = collect({ maxFrames: 3 });
  frames.parser.push(GREETING);
  assert.throws(() => frames.parser.push(Buffer.from('0100'.repeat(4), 'hex')), {
    code: 'ERR_SALTBUS_LIMIT',
    message: /4 frames/,
  });
});
