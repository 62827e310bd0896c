/** Decoding one 400-byte job return, plain and exact. */
import { decodeExact, decodePlain } from '../src/codec/msgpack/decode.ts';
import { encode } from '../src/codec/msgpack/encode.ts';
import { JOB_RETURN } from './lib/job-return.ts';
import type { Figure } from './lib/report.ts';

function rate(work: () => unknown, ms: number): number {
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < ms; count += 500) for (let index = 0; index < 500; index += 1) work();
  return (count / (performance.now() - begun)) * 1000;
}

/** Measures the figure. */
export function decode(short: boolean): Figure {
  const bytes = encode({ ...JOB_RETURN, _stamp: '2024-11-22T10:10:10.123456' });
  const plain: number[] = [];
  const exact: number[] = [];
  for (let index = 0; index < (short ? 1 : 5); index += 1) {
    plain.push(rate(() => decodePlain(bytes), short ? 200 : 1000));
    exact.push(rate(() => decodeExact(bytes), short ? 200 : 1000));
  }
  return {
    name: 'decode a job return',
    unit: 'events/s',
    rounds: { 'saltbus, plain view': plain, 'saltbus, exact view': exact },
  };
}
