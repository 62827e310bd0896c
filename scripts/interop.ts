/**
 * Runs the interop tests against each real Salt release of the matrix.
 *
 *     npx tsx scripts/interop.ts [RELEASE...] [TEST FILE...]
 *
 * Where no Python or no package index can be had, a release is skipped; with CI=true that is a failure.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSalt } from '../src/testing/real-salt.ts';
import type { RealSalt } from '../src/testing/real-salt.ts';
import { closingLine, testFiles, total } from './run-files.ts';
import type { Outcome } from './run-files.ts';
import { describeInstallation, installSalt } from './salt/install.ts';
import { chooseReleases, isNewestOfLine, readMatrix } from './salt/releases.ts';
import type { Matrix } from './salt/releases.ts';

const SIDE_BY_SIDE = 2;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORKER = fileURLToPath(new URL('salt/interop-worker.ts', import.meta.url));

/** Options of {@link runInterop}. */
export interface InteropOptions {
  /** @defaultValue those of `SALTBUS_RELEASES`, or all of the matrix */
  readonly releases?: readonly string[];
  /** Paths of the test files. @defaultValue all of `test/interop`, those in `network/` for the newest release of each line */
  readonly files?: readonly string[];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function writePair(salt: RealSalt): Promise<string> {
  const file = join(salt.root, 'interop.json');
  const { release, venv, root, minionId, publishPort, requestPort, masterBus, minionBus } = salt;
  const { masterConfigDir, minionConfigDir, masterSockDir, minionSockDir } = salt;
  const places = { masterConfigDir, minionConfigDir, masterSockDir, minionSockDir, masterBus, minionBus };
  const python = join(venv, 'bin', 'python');
  await writeFile(
    file,
    JSON.stringify({ release, venv, python, root, minionId, publishPort, requestPort, ...places }),
  );
  return file;
}

function isOutcome(value: unknown): value is Outcome {
  return (
    typeof value === 'object' &&
    value !== null &&
    'passed' in value &&
    'failed' in value &&
    'skipped' in value
  );
}

/** Runs the files in a child, and gives what it printed only when it is done: two releases run at the same time. */
async function runTests(
  salt: RealSalt,
  files: readonly string[],
): Promise<{ outcome: Outcome; output: string }> {
  const child = fork(WORKER, files, {
    cwd: ROOT,
    execArgv: ['--import', 'tsx'],
    silent: true,
    env: { ...process.env, SALTBUS_INTEROP: await writePair(salt) },
  });
  // a worker that could not even run its files has failed once
  let outcome: Outcome = { passed: 0, failed: 1, skipped: 0 };
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.on('message', (message) => {
    if (isOutcome(message)) outcome = message;
  });
  await once(child, 'close');
  return { outcome, output };
}

async function runRelease(release: string, files: readonly string[]): Promise<Outcome> {
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  try {
    const [installation] = await installSalt([release], {
      onDone: (done) => say(describeInstallation(done)),
    });
    if (installation?.available !== true) {
      const isFailure = process.env['CI'] === 'true';
      return { passed: 0, failed: isFailure ? 1 : 0, skipped: isFailure ? 0 : 1 };
    }
    await using salt = await startSalt({ venv: installation.venv, release });
    const ready = seconds();
    const { outcome, output } = await runTests(salt, files);
    say(`\n=== salt ${release} ===\n${output.trimEnd()}`);
    if (outcome.failed > 0) say(salt.logs());
    say(`=== salt ${release}: ${closingLine(outcome)} (ready after ${ready}, done after ${seconds()}) ===`);
    return outcome;
  } catch (error) {
    say(`\n=== salt ${release}: ${error instanceof Error ? error.message : String(error)} ===`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const TESTS = join(ROOT, 'test', 'interop');
// The network protocol and what targets mean changed inside the lines: they are held against the newest release of each, which is the one
// that saltbus speaks to over the network. The local bus is held against all.
const NETWORK = join(TESTS, 'network');

function filesFor(release: string, matrix: Matrix): readonly string[] {
  const all = testFiles(TESTS);
  return isNewestOfLine(matrix, release) ? all : all.filter((file) => !file.startsWith(NETWORK));
}

/**
 * Runs the interop tests against releases of the matrix, two at a time.
 * @throws Error when a release is not in the matrix
 */
export async function runInterop(options: InteropOptions = {}): Promise<Outcome> {
  const fromEnvironment = (process.env['SALTBUS_RELEASES'] ?? '')
    .split(/[\s,]+/)
    .filter((name) => name !== '');
  const matrix = await readMatrix();
  const waiting = chooseReleases(matrix, options.releases ?? fromEnvironment).map((entry) => entry.release);
  const named = options.files ?? [];
  const results: (readonly [string, Outcome])[] = [];
  const worker = async (): Promise<void> => {
    for (let release = waiting.shift(); release !== undefined; release = waiting.shift()) {
      results.push([
        release,
        await runRelease(release, named.length > 0 ? named : filesFor(release, matrix)),
      ]);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  say('');
  for (const [release, outcome] of results.sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))) {
    say(`salt ${release}: ${closingLine(outcome)}`);
  }
  return total(results.map(([, outcome]) => outcome));
}

async function main(args: readonly string[]): Promise<void> {
  const files = args.filter((arg) => arg.endsWith('.ts')).map((arg) => resolve(arg));
  const releases = args.filter((arg) => !arg.endsWith('.ts'));
  const outcome = await runInterop({ files, ...(releases.length > 0 ? { releases } : {}) });
  say(`interop: ${closingLine(outcome)}`);
  if (outcome.failed > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
