/** Arbitrary exact values: everything that msgpack has and Salt could meet. */
import fc from 'fast-check';
import {
  ExactFloat,
  Ext,
  RawText,
  SaltDateTime,
  exactFloat,
  exactNaN,
} from '../../src/codec/msgpack/values.ts';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';
import { isUtf8 } from 'node:buffer';

const NASTY = [
  '',
  '__proto__',
  'constructor',
  'toString',
  '$bin',
  '$map',
  '$int',
  'yes',
  '010',
  '1:30',
  'a\nb\n',
  ' x',
  'VALUE_TRIMMED',
];

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed()),
  fc.constantFrom(...NASTY),
);

const rawText = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .filter((bytes) => !isUtf8(bytes))
  .map((bytes) => new RawText(bytes));

const float = fc.oneof(
  fc.double({ noNaN: true }).map(exactFloat),
  fc.maxSafeInteger().map((value) => new ExactFloat(value)),
  fc
    .bigInt({ min: 1n, max: 2n ** 52n - 1n })
    .map((bits) => exactNaN(0x7ff0_0000_0000_0000n | bits) ?? new ExactFloat(NaN)),
);

const datetime = fc
  .date({ noInvalidDate: true, min: new Date('0100-01-01'), max: new Date('9999-12-31') })
  .map((date) => SaltDateTime.fromDate(date));

// 78 with a payload that has the shape of a datetime is a datetime.
const ext = fc
  .tuple(fc.integer({ min: -128, max: 127 }), fc.uint8Array({ maxLength: 20 }))
  .map(([type, data]) => new Ext(type, data));

/** Values that hold no others. */
export const exactScalar: fc.Arbitrary<ExactValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.integer({ min: -40, max: 300 }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  float,
  text,
  rawText,
  fc.uint8Array(),
  datetime,
  ext,
);

/** Values of any depth up to four, with keys of every type. */
export const exactValue: fc.Arbitrary<ExactValue> = fc.letrec<{ value: ExactValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    exactScalar,
    fc.array(tie('value'), { maxLength: 6 }),
    fc
      .array(
        fc.tuple(
          fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: tie('value') }),
          tie('value'),
        ),
        {
          maxLength: 6,
        },
      )
      .map((pairs) => new Map<ExactValue, ExactValue>(pairs)),
  ),
})).value;
