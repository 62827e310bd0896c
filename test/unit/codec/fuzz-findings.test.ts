/** What the fuzz has found stays mended. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { checkCase } from '../../helpers/fuzz.ts';

const FOLDER = new URL('../../fixtures/fuzz/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.bin'));

test('there are findings, and each says by its name what it is', () => {
  assert.notEqual(FILES.length, 0);
  for (const name of FILES) assert.match(name, /^(?:value|stream)-[\w-]+\.bin$/);
});

for (const name of FILES) {
  test(name, () => {
    const bytes = readFileSync(new URL(name, FOLDER));
    checkCase({ kind: name.startsWith('value-') ? 'value' : 'stream', bytes });
  });
}
