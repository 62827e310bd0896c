import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configurationPage } from '../../../scripts/config-page/page.ts';

test('docs/configuration.md is made from the table of options', () => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  assert.equal(page, configurationPage(), 'run npx tsx scripts/config-page.ts');
});
