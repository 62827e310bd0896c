import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameSplitter } from '../../../src/codec/frame-splitter.ts';
import { encodeFrame } from '../../../src/codec/framing.ts';
import type { Framing } from '../../../src/codec/framing.ts';
import { encode } from '../../../src/codec/msgpack/encode.ts';

interface Seen {
  readonly frame: string;
  readonly body: string | undefined;
}

function collect(options: { framing?: Framing; maxFrameBytes?: number } = {}): {
  splitter: FrameSplitter;
  seen: Seen[];
} {
  const seen: Seen[] = [];
  const splitter = new FrameSplitter((buffer, start, end, bodyStart) => {
    seen.push({
      frame: buffer.toString('hex', start, end),
      body: bodyStart === -1 ? undefined : buffer.toString('latin1', bodyStart, end),
    });
  }, options);
  return { splitter, seen };
}

const BODIES = ['a\n\n\x80', 'x'.repeat(300), '', 'y'.repeat(70_000), 'z'];
// Not canonical: body first, an extra key with every kind of value, wide headers.
const ODD = encode(
  new Map<string, unknown>([
    ['body', Buffer.from('odd')],
    [
      'more',
      [
        1,
        -1,
        300,
        70_000,
        5_000_000_000,
        -200,
        -40_000,
        2.5,
        null,
        true,
        'x'.repeat(40),
        new Date(0),
        { a: [] },
      ],
    ],
    ['head', {}],
  ]),
);

function stream(framing: Framing): Buffer {
  const odd = framing === 'bare' ? ODD : Buffer.concat([Buffer.from([0, 0, 0, ODD.length]), ODD]);
  return Buffer.concat([
    ...BODIES.map((body) => encodeFrame(Buffer.from(body, 'latin1'), framing)),
    odd,
    encodeFrame(Buffer.from('end'), framing),
  ]);
}

const EXPECTED = [...BODIES, undefined, 'end'];

for (const framing of ['bare', 'prefixed'] as const) {
  test(`${framing}: all frames of one chunk`, () => {
    const { splitter, seen } = collect();
    splitter.push(stream(framing));
    assert.deepEqual(
      seen.map(({ body }) => body),
      EXPECTED,
    );
    assert.equal(splitter.framing, framing);
    assert.equal(splitter.atBoundary, true);
    assert.equal(seen[5]?.frame, ODD.toString('hex'));
  });

  test(`${framing}: one byte at a time`, () => {
    const { splitter, seen } = collect();
    const bytes = stream(framing);
    for (let at = 0; at < bytes.length; at += 1) splitter.push(bytes.subarray(at, at + 1));
    assert.deepEqual(
      seen.map(({ body }) => body),
      EXPECTED,
    );
  });

  test(`${framing}: a stream of short frames cut at every pair of places`, () => {
    const bytes = Buffer.concat([
      encodeFrame(Buffer.from('one'), framing),
      framing === 'bare' ? ODD : Buffer.concat([Buffer.from([0, 0, 0, ODD.length]), ODD]),
      encodeFrame(Buffer.from('two'), framing),
    ]);
    for (let first = 0; first <= bytes.length; first += 1) {
      for (let second = first; second <= bytes.length; second += 7) {
        const { splitter, seen } = collect();
        splitter.push(bytes.subarray(0, first));
        splitter.push(bytes.subarray(first, second));
        splitter.push(bytes.subarray(second));
        assert.deepEqual(
          seen.map(({ body }) => body),
          ['one', undefined, 'two'],
          `cut at ${first} and ${second}`,
        );
      }
    }
  });

  test(`${framing}: a frame over the limit is refused before it is gathered`, () => {
    const { splitter, seen } = collect({ maxFrameBytes: 1000 });
    splitter.push(encodeFrame(Buffer.alloc(500), framing));
    assert.throws(() => splitter.push(encodeFrame(Buffer.alloc(2000), framing).subarray(0, 30)), {
      code: 'ERR_SALTBUS_LIMIT',
    });
    assert.equal(seen.length, 1);
    assert.ok(splitter.heldBytes < 1000);
  });
}

test('a drip of a large frame keeps little more than its bytes', () => {
  const { splitter } = collect();
  const frame = encodeFrame(Buffer.alloc(300_000, 1), 'bare');
  for (let at = 0; at < frame.length - 1; at += 1) splitter.push(frame.subarray(at, at + 1));
  assert.equal(splitter.heldBytes, frame.length - 1);
  assert.equal(splitter.atBoundary, false);
});

test('lengths up to 2^32-1 are refused at once', () => {
  const refuse = (hex: string, code: string): void => {
    const { splitter } = collect();
    assert.throws(() => splitter.push(Buffer.from(hex, 'hex')), { code }, hex);
    assert.throws(() => splitter.push(Buffer.from('80', 'hex')), { code }, 'it stays refused');
  };
  refuse('7fffffff', 'ERR_SALTBUS_LIMIT');
  refuse('81a4626f6479c6ffffffff', 'ERR_SALTBUS_LIMIT');
  refuse('81a4626f6479ddffffffff', 'ERR_SALTBUS_LIMIT');
  refuse('81a4626f6479dfffffffff', 'ERR_SALTBUS_LIMIT');
  refuse('dfffffffff', 'ERR_SALTBUS_LIMIT');
  refuse('00000000', 'ERR_SALTBUS_FRAME');
  refuse('c1', 'ERR_SALTBUS_FRAME');
  refuse('93', 'ERR_SALTBUS_FRAME');
  refuse('81a161c1', 'ERR_SALTBUS_FRAME');
  refuse(Buffer.from('GET / HTTP/1.1\r\n').toString('hex'), 'ERR_SALTBUS_LIMIT');
  refuse('1603010200', 'ERR_SALTBUS_LIMIT');
});

test('the wrong framing in the middle of a stream is an error, and what came before is kept', () => {
  const { splitter, seen } = collect();
  const bytes = Buffer.concat([
    encodeFrame(Buffer.from('one'), 'bare'),
    encodeFrame(Buffer.from('two'), 'prefixed'),
  ]);
  assert.throws(() => splitter.push(bytes), { code: 'ERR_SALTBUS_FRAME' });
  assert.deepEqual(
    seen.map(({ body }) => body),
    ['one'],
  );
});
