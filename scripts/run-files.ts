/**
 * Runs test files with node:test and counts what came of them.
 *
 * Node 20 finds no `.ts` test by itself and exits 0, so the files are listed here, and an empty list is a failure.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';

/** What came of a suite. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** All test files below a folder, sorted. */
export function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .sort();
}

/** Runs the files; prints as they go. */
export async function runFiles(files: readonly string[], concurrency: number): Promise<Outcome> {
  if (files.length === 0) throw new Error('There is no test file to run');
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const stream = run({ files: [...files], concurrency });
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    if (event.skip !== undefined || event.todo !== undefined) skipped += 1;
    else passed += 1;
  });
  stream.on('test:fail', (event) => {
    // A test that is still to be written is no failure of what is there, and no success either.
    if (event.todo !== undefined) skipped += 1;
    else if (event.details.type !== 'suite') failed += 1;
  });
  const report = stream.compose(new spec()) as NodeJS.ReadableStream;
  report.pipe(process.stdout, { end: false });
  await finished(report, { writable: false });
  if (passed + failed + skipped === 0) throw new Error(`No test ran in ${files.length} files`);
  return { passed, failed, skipped };
}

/**
 * Runs files that share nothing but the process, many in one: starting Node and TypeScript for each takes longer than most of them do.
 * Prints as they go.
 */
export async function runTogether(files: readonly string[], processes: number): Promise<Outcome> {
  if (files.length === 0) throw new Error('There is no test file to run');
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-tests-'));
  try {
    const entries = Array.from({ length: processes }, (_, index) => {
      const own = files.filter((_file, at) => at % processes === index);
      const entry = join(folder, `part-${index + 1}.mjs`);
      writeFileSync(entry, own.map((file) => `import '${pathToFileURL(resolve(file)).href}';\n`).join(''));
      return { entry, own };
    });
    const used = entries.filter(({ own }) => own.length > 0).map(({ entry }) => entry);
    return await runFiles(used, processes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The sum of outcomes. */
export function total(outcomes: readonly Outcome[]): Outcome {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const outcome of outcomes) {
    sum.passed += outcome.passed;
    sum.failed += outcome.failed;
    sum.skipped += outcome.skipped;
  }
  return sum;
}

/** The closing line of a run. */
export function closingLine(outcome: Outcome): string {
  return `${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped} skipped`;
}
