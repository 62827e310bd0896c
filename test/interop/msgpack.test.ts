/**
 * Our msgpack against Salt's own (`salt.payload` of the release), on generated values in both directions. Six releases
 * run this: more than 10^5 values in all.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { decodeExact } from '../../src/codec/msgpack/decode.ts';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { MAX_DEPTH } from '../../src/codec/msgpack/limits.ts';
import { ExactFloat, SaltDateTime } from '../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';
import { ValueMaker } from '../helpers/value-maker.ts';
import { interop } from './helpers.ts';

const OURS = 10_000;
const THEIRS = 10_000;
const SCRIPT = new URL('./python/msgpack_oracle.py', import.meta.url).pathname;

function framed(bytes: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

/** Sends frames to one Python process, and hands each frame that comes back to `onFrame`, in order. */
async function oracle(
  frames: Iterable<Buffer>,
  theirs: number,
  seed: number,
  onFrame: (frame: Buffer) => void,
): Promise<void> {
  const child = spawn(interop().python, [SCRIPT, String(theirs), String(seed)], {
    env: { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<unknown>((resolve) => child.on('close', resolve));
  const read = async (): Promise<void> => {
    let held = Buffer.alloc(0);
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      held = Buffer.concat([held, chunk]);
      let at = 0;
      while (held.length - at >= 4 && held.length - at - 4 >= held.readUInt32BE(at)) {
        const end = at + 4 + held.readUInt32BE(at);
        onFrame(held.subarray(at + 4, end));
        at = end;
      }
      held = held.subarray(at);
    }
    assert.equal(held.length, 0, 'the output ends with a whole frame');
  };
  try {
    await Promise.all([pipeline(Readable.from(frames), child.stdin), read()]);
    assert.equal(await ended, 0);
  } finally {
    child.kill('SIGKILL');
  }
}

// One token a value; the same as in msgpack_oracle.py.
function describe(value: ExactValue, out: string[]): void {
  if (value === null) out.push('nil');
  else if (typeof value === 'boolean') out.push(String(value));
  else if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)))
    out.push(`i${value}`);
  else if (typeof value === 'number' || value instanceof ExactFloat)
    out.push(`f${encode(value).toString('hex', 1)}`);
  else if (typeof value === 'string') out.push(`s${Buffer.from(value).toString('hex')}`);
  else if (value instanceof Uint8Array) out.push(`b${Buffer.from(value).toString('hex')}`);
  else if (value instanceof SaltDateTime) out.push(`t${value.toString()}`);
  else if (Array.isArray(value)) {
    out.push(`l${value.length}`);
    for (const element of value as readonly ExactValue[]) describe(element, out);
  } else {
    const map = value as ReadonlyMap<ExactValue, ExactValue>;
    out.push(`m${map.size}`);
    for (const [key, element] of map) {
      describe(key, out);
      describe(element, out);
    }
  }
}

const SEED = Number(process.env['SALTBUS_SEED'] ?? Date.now() % 1_000_000);

test(
  `${OURS} values of ours are the same to Salt, and ${THEIRS} of Salt's to us (SALTBUS_SEED=${SEED})`,
  { timeout: 120_000 },
  async () => {
    const sent: string[] = [];
    const maker = new ValueMaker(SEED);
    function* frames(): Generator<Buffer> {
      for (let index = 0; index < OURS; index += 1) {
        const bytes = encode(maker.value(3));
        sent.push(bytes.toString('latin1'));
        yield framed(bytes);
      }
    }
    let seen = 0;
    let pending: Buffer | undefined;
    await oracle(frames(), THEIRS, SEED, (frame) => {
      const index = seen;
      seen += 1;
      if (index < OURS) {
        if (frame.toString('latin1') !== `=${sent[index] ?? ''}`)
          assert.equal(frame.toString('hex'), Buffer.from(`=${sent[index] ?? ''}`, 'latin1').toString('hex'));
        return;
      }
      if (pending === undefined) {
        pending = Buffer.from(frame);
        return;
      }
      const exact = decodeExact(pending);
      const hex = pending.toString('hex');
      const out: string[] = [];
      describe(exact, out);
      assert.equal(out.join(' '), frame.toString('utf8'), hex);
      assert.equal(encode(exact).toString('hex'), hex);
      pending = undefined;
    });
    assert.equal(seen, OURS + 2 * THEIRS);
  },
);

test('what Salt reads and writes at the limits of depth, so do we', { timeout: 60_000 }, async () => {
  const depths = [1, 511, 512, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 100_000];
  const nested = depths.map((depth) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]));
  const answers: string[] = [];
  await oracle(nested.map(framed), 0, 0, (frame) => {
    answers.push(frame.toString('latin1', 0, 1) === '=' ? 'same' : frame.toString('latin1'));
  });
  const ours = nested.map((bytes) => {
    try {
      assert.deepEqual(encode(decodeExact(bytes)), bytes);
      return 'same';
    } catch (error) {
      return `!${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`;
    }
  });
  assert.deepEqual(
    answers.map((answer) => answer === 'same'),
    ours.map((answer) => answer === 'same'),
    `Salt: ${answers.join(' ')}; ours: ${ours.join(' ')}`,
  );
});
