/** Every room of src/ has a row in docs/architecture.md and one in the table of import rules, and neither has a row for what is not there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const PAGE = readFileSync(new URL('docs/architecture.md', ROOT), 'utf8');

// The entry is no room: the page names it below the table.
const ROOMS = readdirSync(new URL('src', ROOT), { withFileTypes: true })
  .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
  .filter((name) => name !== 'index.ts')
  .sort();

/** The rows of the table with this head, each as its cells. */
function rowsBelow(head: string): readonly (readonly string[])[] {
  const [, after = ''] = PAGE.split(`${head}\n`);
  const lines = after.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(1, end).map((line) => line.split('|').map((cell) => cell.trim()));
}

function codeIn(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
}

test('the rows of the page are the rooms', () => {
  const rows = rowsBelow('| room | what it holds | to change |');
  assert.deepEqual(rows.flatMap(([, room]) => codeIn(room)).sort(), ROOMS);
});

test('the import rules are for the same rooms', async () => {
  const { default: rules } = (await import(new URL('.dependency-cruiser.js', ROOT).href)) as {
    readonly default: { readonly forbidden: readonly { readonly name: string }[] };
  };
  const named = rules.forbidden.flatMap(({ name }) => /^room-(.*)$/.exec(name)?.[1] ?? []);
  assert.deepEqual(
    [...named, 'errors'].sort(),
    [...ROOMS, 'index.ts'].map((name) => name.replace(/\/$|\.ts$/, '')).sort(),
  );
});

test('the queues of the page are where it says', () => {
  const rows = rowsBelow('| what waits | file | bound, where nothing else is said | when it is full |');
  const files = rows.flatMap(([, , file]) => codeIn(file));
  assert.deepEqual(
    files.filter((file) => !existsSync(new URL(`src/${file}`, ROOT))),
    [],
  );
  assert.equal(files.length >= rows.length && rows.length > 10, true);
});
