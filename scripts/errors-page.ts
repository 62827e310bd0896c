/** Writes `docs/errors.md` from the table of errors, or with `--check` says whether it is up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { exitCodeOf } from '../src/cli/exit-codes.ts';
import { ERRORS } from '../src/errors.ts';
import type { ErrorCode } from '../src/errors.ts';

const FILE = 'docs/errors.md';

function page(): string {
  const parts = [
    '# Errors',
    '',
    'Every error that saltbus raises on purpose is a `SaltbusError` with one of these codes. *Retry*: the same call can succeed later',
    'without anything being changed by hand. This page is made from `src/errors.ts` by `scripts/errors-page.ts`.',
    '',
  ];
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const { meaning, next, retryable } = ERRORS[code];
    const ends = `Exit code of a command: ${exitCodeOf(code)}.`;
    parts.push(
      `## ${code}`,
      '',
      meaning,
      '',
      `What to do: ${next}${retryable ? ' *Retry.*' : ''} ${ends}`,
      '',
    );
  }
  return parts.join('\n');
}

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== page())
    throw new Error(`${FILE} is not up to date: npx tsx scripts/errors-page.ts`);
} else writeFileSync(FILE, page());
