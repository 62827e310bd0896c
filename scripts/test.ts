/**
 * Runs all tests, or the suites named: `npm test`, `npm test -- unit integration`.
 *
 * It builds first, where something has changed since the last time. Each suite has a budget; one that takes longer is said so at the end, in the same breath as the counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { closingLine, runFiles, runTogether, testFiles, total } from './run-files.ts';
import type { Outcome } from './run-files.ts';

interface Suite {
  readonly run: () => Promise<Outcome>;
  /** Seconds it should take on two cores. */
  readonly budget: number;
}

function folder(name: string, concurrency: number): () => Promise<Outcome> {
  return () => runFiles(testFiles(`test/${name}`), concurrency);
}

const SUITES: Readonly<Record<string, Suite>> = {
  unit: { run: () => runTogether(testFiles('test/unit'), 2), budget: 10 },
  contract: { run: folder('contract', 1), budget: 60 },
  integration: { run: folder('integration', 1), budget: 240 },
  crash: { run: folder('crash', 1), budget: 180 },
  memory: { run: folder('memory', 1), budget: 180 },
  fuzz: { run: folder('fuzz', 1), budget: 60 },
  nodes: { run: () => import('./node-matrix.ts').then((matrix) => matrix.runOnOtherNodes()), budget: 600 },
  interop: { run: () => import('./interop.ts').then((interop) => interop.runInterop()), budget: 1500 },
};

/** What is said in one line. */
class PlainError extends Error {}

async function main(names: readonly string[]): Promise<void> {
  const chosen =
    names.length === 0
      ? Object.keys(SUITES).filter(
          (name) => name === 'interop' || name === 'nodes' || existsSync(`test/${name}`),
        )
      : names;
  for (const name of chosen)
    if (SUITES[name] === undefined)
      throw new PlainError(
        `There is no suite '${name}'; there are ${Object.keys(SUITES).join(', ')} (one file: node --import tsx --test FILE)`,
      );
  const built = spawnSync(process.execPath, ['scripts/build.mjs', '--if-needed'], { stdio: 'inherit' });
  if (built.status !== 0) throw new PlainError('The build failed');
  const outcomes: Outcome[] = [];
  const report: string[] = [];
  for (const name of chosen) {
    const suite = SUITES[name];
    if (suite === undefined) continue;
    console.log(`\n##### ${name}`);
    const begun = performance.now();
    const outcome = await suite.run();
    const seconds = (performance.now() - begun) / 1000;
    outcomes.push(outcome);
    const over = seconds > suite.budget ? `, OVER its budget of ${suite.budget} s` : '';
    report.push(`${name}: ${closingLine(outcome)} in ${seconds.toFixed(0)} s${over}`);
  }
  const sum = total(outcomes);
  console.log(`\n${report.join('\n')}\n${closingLine(sum)}`);
  if (sum.failed > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PlainError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
