/**
 * Random values that Salt reads as they are, made fast: a hundred thousand in a second. For structure that shrinks, see
 * `exact-values.ts`.
 */
import { SaltDateTime, ExactFloat, exactFloat, exactNaN } from '../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';

const LENGTHS = [0, 1, 3, 10, 23, 24, 31, 32, 33, 255, 256, 300];
const EDGES = [
  2n ** 64n - 1n,
  2n ** 63n,
  -(2n ** 63n),
  2n ** 53n,
  -(2n ** 53n),
  2n ** 32n,
  -(2n ** 31n) - 1n,
];

/** Makes values from a seed (xorshift: the same seed makes the same values). */
export class ValueMaker {
  #state: number;
  readonly #bytes = new DataView(new ArrayBuffer(8));

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) | 0 || 1;
  }

  /** A whole number from 0 to `most`. */
  int(most: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return Math.floor(((state >>> 0) / 2 ** 32) * (most + 1));
  }

  #bits(): bigint {
    return (BigInt(this.int(0xffff_ffff)) << 32n) | BigInt(this.int(0xffff_ffff));
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.int(list.length - 1)] as T;
  }

  #integer(): number | bigint {
    if (this.int(9) === 0) return this.#pick(EDGES);
    const value = BigInt.asIntN(64, this.#bits()) >> BigInt(this.int(63));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #float(): number | ExactFloat {
    if (this.int(3) === 0) return new ExactFloat(this.int(10) - 5);
    const bits = this.#bits();
    this.#bytes.setBigUint64(0, bits);
    return exactNaN(bits) ?? exactFloat(this.#bytes.getFloat64(0));
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.int(255));
  }

  text(): string {
    const length = this.#pick(LENGTHS);
    const kind = this.int(3);
    let text = '';
    for (let index = 0; index < length; index += 1) {
      if (kind < 2) text += String.fromCharCode(32 + this.int(94));
      else if (kind === 2) text += String.fromCharCode(this.int(0x7ff));
      else text += String.fromCodePoint(0xe000 + this.int(0x10ffff - 0xe000));
    }
    return text;
  }

  #datetime(): SaltDateTime {
    const two = (value: number): string => String(value).padStart(2, '0');
    const date = `${1000 + this.int(8999)}${two(1 + this.int(11))}${two(1 + this.int(27))}`;
    const time = `${two(this.int(23))}:${two(this.int(59))}:${two(this.int(59))}`;
    return new SaltDateTime(`${date}T${time}.${String(this.int(999_999)).padStart(6, '0')}`);
  }

  #scalar(): ExactValue {
    switch (this.int(7)) {
      case 0:
        return this.#pick([null, true, false]);
      case 1:
      case 2:
        return this.#integer();
      case 3:
        return this.#float();
      case 4:
        return this.bytes(this.#pick(LENGTHS));
      case 5:
        return this.#datetime();
      default:
        return this.text();
    }
  }

  // To Python 1, 1.0 and True are one key: integers stay away from 0 and 1, and lists and maps are no keys at all.
  #key(): ExactValue {
    switch (this.int(7)) {
      case 0:
        return 2 + this.int(100_000);
      case 1:
        return null;
      case 2:
        return this.int(10_000) + 0.5;
      default:
        return this.text();
    }
  }

  value(depth: number): ExactValue {
    const kind = this.int(9);
    if (depth === 0 || kind < 4) return this.#scalar();
    const size = this.#pick([0, 1, 2, 3, 5, 16]);
    if (kind < 6) return Array.from({ length: size }, () => this.value(depth - 1));
    const map = new Map<ExactValue, ExactValue>();
    for (let index = 0; index < size; index += 1) map.set(this.#key(), this.value(depth - 1));
    return map;
  }
}
