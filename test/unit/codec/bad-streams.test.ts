/** The splitter, the envelope and the event body on everything that is no stream of events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findBody } from '../../../src/codec/envelope.ts';
import { FrameSplitter } from '../../../src/codec/frame-splitter.ts';
import { SaltbusError } from '../../../src/errors.ts';
import { readEvent } from '../../../src/event.ts';
import { BAD_STREAMS, eventFrame, randomBytes } from '../../helpers/bad-streams.ts';

interface Outcome {
  /** Tags of events, codes of bad events. */
  readonly items: string[];
  /** The code with which the stream was given up. */
  failed: string | undefined;
  atBoundary: boolean;
}

function run(chunks: Iterable<Buffer>): Outcome {
  const items: string[] = [];
  const splitter = new FrameSplitter((buffer, start, end) => {
    try {
      const range = findBody(buffer, start, end);
      const item = readEvent(buffer.subarray(range.start, range.end), 0);
      items.push(item.kind === 'event' ? `tag ${item.tag}` : item.error.code);
    } catch (error) {
      assert.ok(error instanceof SaltbusError, String(error));
      items.push(error.code);
    }
  });
  let failed: string | undefined;
  try {
    for (const chunk of chunks) splitter.push(chunk);
  } catch (error) {
    assert.ok(error instanceof SaltbusError, String(error));
    failed = error.code;
  }
  return { items, failed, atBoundary: splitter.atBoundary };
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

for (const { name, bytes, kind, says } of BAD_STREAMS) {
  test(`${name}: ${kind}`, () => {
    const good = eventFrame('good');
    const stream = kind === 'cut' ? Buffer.concat([good, bytes]) : Buffer.concat([good, bytes, good]);
    const expected: Outcome = {
      'out-of-step': { items: ['tag good'], failed: says, atBoundary: false },
      'bad-event': { items: ['tag good', says, 'tag good'], failed: undefined, atBoundary: true },
      cut: { items: ['tag good'], failed: undefined, atBoundary: false },
      event: { items: ['tag good', `tag ${says}`, 'tag good'], failed: undefined, atBoundary: true },
    }[kind];
    const sizes = bytes.length > 10_000 ? [stream.length, 65_536, 1000] : [stream.length, 1, 2, 3, 7, 50];
    for (const size of sizes) {
      const { items, failed, atBoundary } = run(chunksOf(stream, size));
      assert.deepEqual({ items, failed }, { items: expected.items, failed: expected.failed }, `by ${size}`);
      if (failed === undefined) assert.equal(atBoundary, expected.atBoundary);
    }
  });
}

test('a stream cut at every byte: nothing is made up, nothing that was whole is lost', () => {
  const streams = BAD_STREAMS.filter(({ bytes, kind }) => bytes.length < 200 && kind !== 'out-of-step');
  const stream = Buffer.concat(streams.map(({ bytes, kind }) => (kind === 'cut' ? Buffer.alloc(0) : bytes)));
  const whole = run([stream]).items;
  assert.equal(whole.length, streams.filter(({ kind }) => kind !== 'cut').length);
  for (let cut = 0; cut < stream.length; cut += 1) {
    const { items, failed } = run([stream.subarray(0, cut)]);
    assert.equal(failed, undefined, `cut at ${cut}`);
    assert.deepEqual(items, whole.slice(0, items.length), `cut at ${cut}`);
    const rest = run([stream.subarray(0, cut), stream.subarray(cut)]);
    assert.deepEqual(rest.items, whole, `cut at ${cut} and gone on`);
  }
});

test('random bytes are refused or read, in the same way however they are cut', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const bytes = randomBytes(seed, 400);
    const whole = run([bytes]);
    assert.deepEqual(run(chunksOf(bytes, 1)), whole, `seed ${seed}`);
    assert.deepEqual(run(chunksOf(bytes, 13)), whole, `seed ${seed}`);
  }
});
