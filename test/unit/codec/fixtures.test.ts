/** What each pinned release puts on the wire is read as what was fired, however the stream is cut. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { FrameSplitter } from '../../../src/codec/frame-splitter.ts';
import { findBody } from '../../../src/codec/envelope.ts';
import { traitsOfRelease } from '../../../src/dialect/releases.ts';
import { readEvent } from '../../../src/event.ts';
import type { SaltEvent } from '../../../src/event.ts';
import { FIXTURE_EVENTS } from '../../helpers/wire-fixtures.ts';

const FOLDER = new URL('../../fixtures/wire/', import.meta.url);
const RELEASES = readdirSync(FOLDER).sort();

test('there are fixtures of every release of the matrix', () => {
  const matrix = JSON.parse(
    readFileSync(new URL('../../../scripts/salt/releases.json', import.meta.url), 'utf8'),
  ) as { releases: { release: string }[] };
  assert.deepEqual(RELEASES, matrix.releases.map(({ release }) => release).sort());
});

function eventsOf(bytes: Buffer, chunkSize: number): { events: SaltEvent[]; framing: string | undefined } {
  const events: SaltEvent[] = [];
  const splitter = new FrameSplitter((buffer, start, end) => {
    const body = findBody(buffer, start, end);
    const item = readEvent(buffer.subarray(body.start, body.end), 0);
    assert.equal(item.kind, 'event');
    events.push(item);
  });
  for (let at = 0; at < bytes.length; at += chunkSize) splitter.push(bytes.subarray(at, at + chunkSize));
  assert.equal(splitter.atBoundary, true);
  return { events, framing: splitter.framing };
}

function expectedData(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => {
      if (typeof value !== 'object' || value === null || !('__bytes__' in value)) return [key, value];
      return [key, new Uint8Array(Buffer.from(String(value.__bytes__), 'base64'))];
    }),
  );
}

for (const release of RELEASES) {
  for (const file of ['master-pub.bin', 'minion-pub.bin', 'pull.bin']) {
    test(`${release} ${file}`, () => {
      const bytes = readFileSync(new URL(`${release}/${file}`, FOLDER));
      const dialect = traitsOfRelease(release)?.dialect;
      for (const chunkSize of [bytes.length, 1000, 7]) {
        const { events, framing } = eventsOf(bytes, chunkSize);
        assert.equal(framing, file === 'pull.bin' ? dialect?.pull : dialect?.pub);
        const ours = events.filter(({ tag }) => tag.startsWith('fixture/'));
        assert.deepEqual(
          ours.map(({ tag }) => tag),
          FIXTURE_EVENTS.map(({ tag }) => tag),
        );
        ours.forEach((event, index) => {
          const { _stamp: stamp, ...data } = event.data;
          assert.deepEqual(data, expectedData(FIXTURE_EVENTS[index]?.data ?? {}));
          assert.match(
            String(stamp),
            traitsOfRelease(release)?.zonedStamp === true ? /\+00:00$/ : /\d\.\d{6}$/,
          );
        });
      }
    });
  }
}
