/**
 * Runs the unit and integration suites on the newer Node releases, which npm carries as packages.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from './run-files.ts';
import { cacheDirectory } from './salt/install.ts';

const MAJORS = [22, 24];

/** The path of a Node of this major release, installed into the cache; `undefined` where there is none for this machine. */
function nodeOf(major: number): string | undefined {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cacheDirectory(), `node-${major}`);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const args = [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      `${name}@${major}`,
    ];
    spawnSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return existsSync(binary) ? binary : undefined;
}

/** Runs the suites on each release. One that cannot be had is skipped; with CI=true that is a failure. */
export async function runOnOtherNodes(): Promise<Outcome> {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const major of MAJORS) {
    const node = nodeOf(major);
    if (node === undefined) {
      console.log(`Node ${major}: no package for ${process.platform}-${process.arch} within reach; left out`);
      if (process.env['CI'] === 'true') sum.failed += 1;
      else sum.skipped += 1;
      continue;
    }
    const outcome = await runSuites(node);
    console.log(
      `Node ${major}: ${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped} skipped`,
    );
    sum.passed += outcome.passed;
    sum.failed += outcome.failed;
    sum.skipped += outcome.skipped;
  }
  return sum;
}

async function runSuites(node: string): Promise<Outcome> {
  const child = spawn(node, ['--import', 'tsx', 'scripts/run-suites.ts', 'unit', 'integration'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
  if (child.exitCode !== 0) console.log(output);
  if (counts === null) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(counts[1]), failed: Number(counts[2]), skipped: Number(counts[3]) };
}
