/**
 * Takes each guard out in turn, in a copy of the tree, and runs the tests that should notice: a guard whose loss makes no test
 * fail is one that nothing protects. The result is the table of `docs/reliability.md`.
 *
 *     npx tsx scripts/mutate-guards.ts [--write] [NAME...]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { GUARDS } from './mutate-guards/guards.ts';
import type { Guard } from './mutate-guards/guards.ts';

const PAGE = 'docs/reliability.md';
const BEGIN = '<!-- guards: made by scripts/mutate-guards.ts -->';
const END = '<!-- end of the guards -->';
const COPIED = ['src', 'test', 'scripts', 'package.json', 'tsconfig.json'];
const MOST_MS = 240_000;

/** What came of one. */
interface Outcome {
  readonly guard: Guard;
  /** The first test that failed; `undefined`: none did. */
  readonly noticedBy: string | undefined;
}

function copyOfTree(): string {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-guards-'));
  for (const name of COPIED) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** The first test that fails, or how the run ended otherwise; `undefined` when all pass. */
function firstFailure(folder: string, files: readonly string[]): string | undefined {
  const args = ['--import', 'tsx', '--test', '--test-concurrency', '1', '--test-reporter', 'tap', ...files];
  // under a test runner of its own, Node would report to that one instead
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const done = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: MOST_MS, env });
  if (done.status === 0) {
    if (!/^# pass [1-9]/m.test(done.stdout))
      throw new Error(`No test ran in ${files.join(' ')}\n${done.stdout}`);
    return undefined;
  }
  // the innermost comes first, before the suite that it is in
  const failed = /^ *not ok \d+ - (.*)$/m.exec(done.stdout);
  return failed?.[1] ?? 'the run did not end';
}

function tryWithout(folder: string, guard: Guard): Outcome {
  const path = join(folder, guard.file);
  const text = readFileSync(path, 'utf8');
  if (text.split(guard.source).length !== 2)
    throw new Error(`${guard.name}: what is to be taken out does not stand once in ${guard.file}`);
  writeFileSync(
    path,
    text.replace(guard.source, () => guard.without),
  );
  try {
    return { guard, noticedBy: firstFailure(folder, guard.tests) };
  } finally {
    writeFileSync(path, text);
  }
}

function tableOf(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map(
    ({ guard, noticedBy }) =>
      `| ${guard.name} | \`${guard.file.replace('src/', '')}\` | ${noticedBy?.replaceAll('|', '\\|') ?? '**nobody**'} |`,
  );
  return ['| without | in | the first test that fails |', '| --- | --- | --- |', ...lines].join('\n');
}

function write(outcomes: readonly Outcome[]): void {
  const [before = '', rest = ''] = readFileSync(PAGE, 'utf8').split(BEGIN);
  const [, after = ''] = rest.split(END);
  const said = `${outcomes.length} guards were taken out, one at a time; ${outcomes.filter(({ noticedBy }) => noticedBy !== undefined).length} made a test fail.`;
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${said}\n\n${tableOf(outcomes)}\n\n${END}${after}`);
}

const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith('-'));
const chosen = GUARDS.filter(({ name }) => named.length === 0 || named.includes(name));
if (chosen.length === 0) throw new Error('There is no guard of that name');
const folder = copyOfTree();
const outcomes: Outcome[] = [];
try {
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
  const broken = firstFailure(folder, files);
  if (broken !== undefined) throw new Error(`With all guards in their places this fails: ${broken}`);
  for (const guard of chosen) {
    const outcome = tryWithout(folder, guard);
    outcomes.push(outcome);
    console.log(
      `${outcome.noticedBy === undefined ? 'FAIL' : 'ok  '}  without ${guard.name}: ${outcome.noticedBy ?? 'no test fails'}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (args.includes('--write')) write(outcomes);
const unnoticed = outcomes.filter(({ noticedBy }) => noticedBy === undefined).length;
console.log(`guards: ${outcomes.length - unnoticed} passed, ${unnoticed} failed, 0 skipped`);
if (unnoticed > 0) process.exitCode = 1;
