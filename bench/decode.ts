/**
 * Decoding the events of the captured streams of all releases, against @msgpack/msgpack and msgpackr. Both lose things that ours keeps:
 * floats that are whole numbers, integers beyond 2^53, text that is no UTF-8.
 */
import { decode as decodeReference } from '@msgpack/msgpack';
import { Unpackr } from 'msgpackr';
import { readFileSync, readdirSync } from 'node:fs';
import { dataStart } from '../src/codec/event-body.ts';
import { findBody } from '../src/codec/envelope.ts';
import { FrameSplitter } from '../src/codec/frame-splitter.ts';
import { decodeExact, decodePlain } from '../src/codec/msgpack/decode.ts';
import { encode } from '../src/codec/msgpack/encode.ts';
import { JOB_RETURN } from './lib/payloads.ts';
import { inTurn } from './lib/report.ts';
import type { Figure } from './lib/report.ts';

const FIXTURES = new URL('../test/fixtures/wire/', import.meta.url);

/** The data of each event, but for the few that are large; and as many job returns. */
function events(): Buffer[] {
  const found: Buffer[] = [];
  for (const release of readdirSync(FIXTURES)) {
    const splitter = new FrameSplitter((buffer, start, end) => {
      const body = findBody(buffer, start, end);
      const data = buffer.subarray(dataStart(buffer, body.start, body.end), body.end);
      if (data.length < 5000) found.push(data);
    });
    splitter.push(readFileSync(new URL(`${release}/master-pub.bin`, FIXTURES)));
  }
  const stamped = encode({ ...JOB_RETURN, _stamp: '2024-11-22T10:10:10.123456' });
  return [...found, ...found.map(() => stamped)];
}

/** Measures the figure. */
export async function decode(short: boolean): Promise<Figure> {
  const all = events();
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  const rate = (read: (bytes: Buffer) => unknown) => (): Promise<number> => {
    const begun = performance.now();
    let count = 0;
    while (performance.now() - begun < (short ? 150 : 1000)) {
      for (let turn = 0; turn < 20; turn += 1) for (const bytes of all) read(bytes);
      count += 20 * all.length;
    }
    return Promise.resolve((count / (performance.now() - begun)) * 1000);
  };
  return {
    name: 'decoding captured events and job returns',
    unit: 'events/s',
    rounds: await inTurn(
      {
        'saltbus, exact view': rate((bytes) => decodeExact(bytes)),
        'saltbus, plain view': rate((bytes) => decodePlain(bytes)),
        '@msgpack/msgpack': rate((bytes) => decodeReference(bytes)),
        msgpackr: rate((bytes) => unpackr.unpack(bytes) as unknown),
      },
      short ? 1 : 5,
    ),
  };
}
