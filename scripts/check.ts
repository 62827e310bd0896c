/**
 * All checks besides the tests: linters, import rules, dead code, the packed package and its types, a short run of each benchmark.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Check {
  readonly name: string;
  /** Throws, or returns a line to print. */
  readonly run: () => string;
}

function command(name: string, args: readonly string[], cwd?: string): string {
  const done = spawnSync(name, args, {
    encoding: 'utf8',
    ...(cwd === undefined ? {} : { cwd }),
    maxBuffer: 64 * 1024 * 1024,
  });
  if (done.status !== 0)
    throw new Error(
      `${name} ${args.join(' ')} ended with ${String(done.status)}\n${done.stdout}${done.stderr}`,
    );
  return done.stdout;
}

const npx = (...args: readonly string[]): string => command('npx', ['--no-install', ...args]);

/** The import rules; a checker that has read nothing is green too, so the number of modules is looked at. */
function importRules(): string {
  const output = npx('depcruise', 'src', '--config', '.dependency-cruiser.js', '--output-type', 'json');
  const { summary } = JSON.parse(output) as {
    summary: { totalCruised: number; totalDependenciesCruised: number; error: number };
  };
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  ).length;
  if (summary.totalCruised < files || summary.totalDependenciesCruised < files) {
    throw new Error(
      `It read ${summary.totalCruised} modules and ${summary.totalDependenciesCruised} imports of ${files} files`,
    );
  }
  return `${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports`;
}

/** A rule that cannot fail is none: an import that the table forbids has to be found. */
function importRulesBite(): string {
  const file = 'src/codec/forbidden-by-the-table.ts';
  writeFileSync(
    file,
    "import { connect } from '../client/connect.ts';\n\nexport const forbidden: unknown = connect;\n",
  );
  try {
    const done = spawnSync(
      'npx',
      ['--no-install', 'depcruise', 'src', '--config', '.dependency-cruiser.js'],
      { encoding: 'utf8' },
    );
    if (done.status === 0 || !done.stdout.includes('room-codec'))
      throw new Error(`A forbidden import was not found\n${done.stdout}`);
  } finally {
    rmSync(file);
  }
  return 'a forbidden import is found';
}

/** The package as a user gets it: packed, installed with scripts off, imported, and run. */
function packedPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-pack-'));
  try {
    const [packed] = JSON.parse(
      command('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]),
    ) as [{ filename: string; size: number }];
    const tarball = join(folder, packed.filename);
    npx('publint', 'run', tarball, '--strict');
    npx('attw', tarball, '--profile', 'esm-only');
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    command(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', tarball],
      folder,
    );
    writeFileSync(
      join(folder, 'use.mjs'),
      "import { connect } from 'saltbus';\nimport 'saltbus/codec';\nimport 'saltbus/daemon';\nimport 'saltbus/testing';\nprocess.stdout.write(typeof connect);\n",
    );
    const type = command(process.execPath, ['use.mjs'], folder);
    if (type !== 'function') throw new Error(`connect is of type ${type} in the installed package`);
    command(join(folder, 'node_modules', '.bin', 'saltbus'), ['--version'], folder);
    return `${packed.filename}, ${Math.round(packed.size / 1024)} kB, installs and runs with scripts off`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const CHECKS: readonly Check[] = [
  { name: 'build', run: () => command('npm', ['run', '--silent', 'build']) },
  { name: 'types', run: () => npx('tsc', '-p', '.') },
  { name: 'eslint', run: () => npx('eslint', '.', '--max-warnings', '0') },
  { name: 'prettier', run: () => (npx('prettier', '--check', '.'), '') },
  { name: 'import rules', run: importRules },
  { name: 'import rules bite', run: importRulesBite },
  { name: 'knip', run: () => npx('knip') },
  {
    name: 'docs are generated',
    run: () =>
      ['errors-page', 'config-page']
        .map((name) => command(process.execPath, ['--import', 'tsx', `scripts/${name}.ts`, '--check']))
        .join(''),
  },
  { name: 'packed package', run: packedPackage },
  {
    name: 'benchmarks, short',
    run: () => command(process.execPath, ['--import', 'tsx', 'scripts/bench.ts', '--short']),
  },
];

let passed = 0;
let failed = 0;
for (const { name, run } of CHECKS) {
  const begun = performance.now();
  try {
    const said = run().trim();
    passed += 1;
    console.log(
      `ok    ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)${said === '' ? '' : `\n${said.replaceAll(/^/gm, '      ')}`}`,
    );
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(`checks: ${passed} passed, ${failed} failed, 0 skipped`);
if (failed > 0) process.exitCode = 1;
