/** Writes `docs/configuration.md` from the table of options, or with `--check` says whether it is up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationPage } from './config-page/page.ts';

const FILE = 'docs/configuration.md';

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== configurationPage())
    throw new Error(`${FILE} is not up to date: npx tsx scripts/config-page.ts`);
} else writeFileSync(FILE, configurationPage());
