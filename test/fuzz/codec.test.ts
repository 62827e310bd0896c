/** The bounded part of the fuzz; for hours: `npx tsx scripts/fuzz.ts --minutes 60`. Repeat a run with SALTBUS_SEED. */
import { test } from 'node:test';
import fc from 'fast-check';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { encodeFrame } from '../../src/codec/framing.ts';
import { exactValue } from '../helpers/exact-values.ts';
import { CaseMaker, checkCase } from '../helpers/fuzz.ts';

const SEED = Number(process.env['SALTBUS_SEED'] ?? Date.now() % 1_000_000_000);
const CASES = 12_000;

test(`structure: every value, and every stream of frames around it (SALTBUS_SEED=${SEED})`, () => {
  fc.assert(
    fc.property(
      exactValue,
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('bare', 'prefixed'),
      (value, tag, framing) => {
        const bytes = encode(value);
        checkCase({ kind: 'value', bytes });
        const body = Buffer.concat([Buffer.from(`${tag}\n\n`), encode(new Map([['value', value]]))]);
        checkCase({
          kind: 'stream',
          bytes: Buffer.concat([encodeFrame(body, framing), encodeFrame(body, framing)]),
        });
      },
    ),
    { numRuns: 500, seed: SEED },
  );
});

test(`mutation of ${CASES} values and captured streams (SALTBUS_SEED=${SEED})`, () => {
  const maker = new CaseMaker(SEED);
  for (let index = 0; index < CASES; index += 1) {
    const made = maker.next();
    try {
      checkCase(made);
    } catch (error) {
      const hex = made.bytes.toString('hex');
      throw new Error(`Case ${index}, a ${made.kind}: keep it in test/fixtures/fuzz/ (${hex})`, {
        cause: error,
      });
    }
  }
});
