/**
 * Fuzzing of the codec: cases are made from a seed, and several ways to the same answer have to agree.
 *
 * A case is bytes and what they stand for: a `value` (msgpack) or a `stream` (frames). The name of a kept finding begins
 * with one of these words.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { exactToYaml } from '../../src/cli/output/yaml.ts';
import { findBody } from '../../src/codec/envelope.ts';
import { FrameSplitter } from '../../src/codec/frame-splitter.ts';
import { encodeFrame, framingOf, isMapMarker } from '../../src/codec/framing.ts';
import { exactFromJson, exactToJson, readForms } from '../../src/codec/json/exact-json.ts';
import { pythonJson } from '../../src/codec/json/python-json.ts';
import { MsgpackCursor } from '../../src/codec/msgpack/cursor.ts';
import { decodeExact, decodePlain } from '../../src/codec/msgpack/decode.ts';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { exactFloat } from '../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';
import { parseSaltYaml } from '../../src/config/index.ts';
import { SaltbusError } from '../../src/errors.ts';
import { readEvent } from '../../src/event.ts';
import { bodyOf } from './bad-streams.ts';
import { ValueMaker } from './value-maker.ts';

/** What bytes stand for. */
export type CaseKind = 'value' | 'stream';

/** One case. */
export interface FuzzCase {
  readonly kind: CaseKind;
  readonly bytes: Buffer;
}

/** The value of a call, or the code with which it was refused; any other error is a finding. */
function attempt<T>(call: () => T): { readonly value: T } | { readonly code: string } {
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof SaltbusError) return { code: error.code };
    throw error;
  }
}

function isRefused(outcome: object): outcome is { readonly code: string } {
  return 'code' in outcome;
}

/** Throws where two ways to the same answer do not agree. */
export function checkCase({ kind, bytes }: FuzzCase): void {
  if (kind === 'value') checkValue(bytes);
  else checkStream(bytes);
}

function checkValue(bytes: Buffer): void {
  const exact = attempt(() => decodeExact(bytes));
  const plain = attempt(() => decodePlain(bytes));
  const skipped = attempt(() => {
    const cursor = new MsgpackCursor(bytes, 0, bytes.length);
    cursor.skip();
    return cursor.position === bytes.length;
  });
  const isWhole = !isRefused(skipped) && skipped.value;
  assert.equal(isRefused(exact), !isWhole, 'decodeExact and the cursor agree');
  assert.equal(isRefused(plain), !isWhole, 'decodePlain and the cursor agree');
  if (!isRefused(exact)) checkForms(exact.value);
}

function checkForms(value: ExactValue): void {
  const once = encode(value);
  const again = encode(decodeExact(once));
  assert.equal(again.toString('hex'), once.toString('hex'), 'what was written is read as the same');
  assert.equal(
    encode(exactFromJson(exactToJson(value))).toString('hex'),
    once.toString('hex'),
    'by way of JSON',
  );
  assert.equal(typeof pythonJson(value), 'string');
  if (once.length > 300) return;
  const yaml = exactToYaml(value);
  const read = parseSaltYaml(yaml, { file: 'fuzz', float: exactFloat }) as ExactValue;
  assert.equal(
    encode(readForms(read, 'fuzz')).toString('hex'),
    once.toString('hex'),
    `by way of YAML:\n${yaml}`,
  );
}

interface Split {
  readonly frames: string[];
  /** Whether the end of the bytes is the end of a frame. */
  readonly whole: boolean;
}

/** Frames by looking at all of the bytes at once. */
function parseWhole(bytes: Buffer): Split {
  const frames: string[] = [];
  const framing = framingOf(bytes[0] ?? 0xc1);
  let at = 0;
  while (framing !== undefined && at < bytes.length) {
    let start = at;
    let end: number;
    if (framing === 'prefixed') {
      if (bytes.length - at < 4) break;
      start = at + 4;
      end = start + bytes.readUInt32BE(at);
      if (end > bytes.length || end === start) break;
    } else {
      if (!isMapMarker(bytes[at] ?? 0)) break;
      const cursor = new MsgpackCursor(bytes, at, bytes.length);
      if (isRefused(attempt(() => cursor.skip()))) break;
      end = cursor.position;
    }
    frames.push(`${start}-${end}`);
    at = end;
  }
  return { frames, whole: framing !== undefined && at === bytes.length };
}

function splitIn(bytes: Buffer, size: number): Split {
  const frames: string[] = [];
  let passed = 0;
  const prefix = framingOf(bytes[0] ?? 0xc1) === 'prefixed' ? 4 : 0;
  const splitter = new FrameSplitter((buffer, start, end, bodyStart) => {
    passed += prefix;
    frames.push(`${passed}-${passed + end - start}`);
    passed += end - start;
    checkFrame(buffer, start, end, bodyStart);
  });
  const failed = attempt(() => {
    for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
  });
  return { frames, whole: !isRefused(failed) && splitter.atBoundary && bytes.length > 0 };
}

function checkFrame(buffer: Buffer, start: number, end: number, bodyStart: number): void {
  const found = attempt(() => findBody(buffer, start, end));
  if (bodyStart !== -1)
    assert.deepEqual(found, { value: { start: bodyStart, end } }, 'the short way to the body');
  if (isRefused(found)) return;
  const body = buffer.subarray(found.value.start, found.value.end);
  const item = readEvent(body, 0);
  if (item.kind === 'bad-event') return;
  // What passed the check is decoded without an error: the getters promise that.
  assert.equal(item.exact instanceof Map, true);
  assert.equal(typeof item.data, 'object');
  for (const framing of ['bare', 'prefixed'] as const) {
    let bodies = '';
    new FrameSplitter((frame, _start, stop, at) => {
      bodies += frame.toString('latin1', at, stop);
    }).push(encodeFrame(body, framing));
    assert.equal(bodies, body.toString('latin1'), 'framed anew, it is the same');
  }
}

function checkStream(bytes: Buffer): void {
  const expected = parseWhole(bytes);
  for (const size of [bytes.length || 1, 1, 7, 64]) {
    const { frames, whole } = splitIn(bytes, size);
    // The cursor has a limit of depth that the splitter has not: it may stop earlier, and never later.
    assert.deepEqual(frames.slice(0, expected.frames.length), expected.frames, `in chunks of ${size}`);
    if (expected.whole) assert.deepEqual({ frames, whole }, expected, `in chunks of ${size}`);
  }
}

const INTERESTING = [
  0x00, 0x0a, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xca,
];
const MORE = [0xcb, 0xcf, 0xd3, 0xd4, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff];
const BYTES = [...INTERESTING, ...MORE];

/** Frames of the captured fixtures, the small ones. */
function capturedFrames(): Buffer[] {
  const folder = new URL('../fixtures/wire/', import.meta.url);
  const frames: Buffer[] = [];
  for (const release of readdirSync(folder)) {
    for (const file of readdirSync(new URL(`${release}/`, folder))) {
      if (!file.endsWith('.bin')) continue;
      new FrameSplitter((buffer, start, end) => {
        if (end - start < 1000) frames.push(Buffer.from(buffer.subarray(start, end)));
      }).push(readFileSync(new URL(`${release}/${file}`, folder)));
    }
  }
  assert.notEqual(frames.length, 0, 'there are captured frames');
  return frames;
}

/** Makes cases from a seed. */
export class CaseMaker {
  readonly #values: ValueMaker;
  static #captured: Buffer[] | undefined;

  constructor(seed: number) {
    this.#values = new ValueMaker(seed);
  }

  next(): FuzzCase {
    const { kind, bytes } = this.#values.int(1) === 0 ? this.#value() : this.#stream();
    let mutated = bytes;
    for (let count = this.#values.int(4); count > 0; count -= 1) mutated = this.#mutate(mutated);
    return { kind, bytes: mutated };
  }

  #value(): FuzzCase {
    return { kind: 'value', bytes: encode(this.#values.value(3)) };
  }

  #stream(): FuzzCase {
    const framing = this.#values.int(1) === 0 ? 'bare' : 'prefixed';
    const frames = Array.from({ length: 1 + this.#values.int(3) }, () => this.#frame(framing));
    return { kind: 'stream', bytes: Buffer.concat(frames) };
  }

  #frame(framing: 'bare' | 'prefixed'): Buffer {
    if (this.#values.int(1) === 0) {
      return encodeFrame(bodyOf(this.#values.text(), { value: this.#values.value(2) }), framing);
    }
    const captured = (CaseMaker.#captured ??= capturedFrames());
    const frame = captured[this.#values.int(captured.length - 1)] ?? Buffer.alloc(0);
    if (framing === 'bare') return frame;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frame.length);
    return Buffer.concat([head, frame]);
  }

  #mutate(bytes: Buffer): Buffer {
    const { length } = bytes;
    const at = this.#values.int(length);
    const some = Math.min(length - at, this.#values.int(16));
    const before = bytes.subarray(0, at);
    const byte = Buffer.from([BYTES[this.#values.int(BYTES.length - 1)] ?? 0]);
    switch (this.#values.int(7)) {
      case 0:
        return before;
      case 1:
        return Buffer.concat([before, bytes.subarray(at + some)]);
      case 2:
        return Buffer.concat([before, bytes.subarray(at, at + some), bytes.subarray(at)]);
      case 3:
        return Buffer.concat([before, byte, bytes.subarray(at)]);
      case 4:
        return Buffer.concat([before, Buffer.alloc(4, 0xff), bytes.subarray(at + 4)]);
      case 5:
        return Buffer.concat([before, this.#values.bytes(some), bytes.subarray(at + some)]);
      case 6:
        return Buffer.concat([Buffer.alloc(this.#values.int(1100), byte), bytes.subarray(at)]);
      default:
        return Buffer.concat([before, byte, bytes.subarray(at + 1)]);
    }
  }
}
