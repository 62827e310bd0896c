/** What `npm run build` and `npm test` do besides: a build that programs may run through, and an error of one line. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start } from '../helpers/cli.ts';
import type { Ended } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT = { timeout: 120_000 };
const SAID = 'Building dist/ ...\n';

/** A project of two files that the script of ours builds. */
function smallProject(t: TestContext): string {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'src/cli'), { recursive: true });
  writeFileSync(join(folder, 'src/cli/main.ts'), 'export const main = 1;\n');
  writeFileSync(join(folder, 'src/other.ts'), 'export const other = 1;\n');
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  writeFileSync(join(folder, 'tsconfig.json'), '{}');
  writeFileSync(
    join(folder, 'tsconfig.build.json'),
    JSON.stringify({
      compilerOptions: { module: 'nodenext', target: 'es2022', rootDir: 'src', outDir: 'dist', types: [] },
      include: ['src'],
    }),
  );
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

// The script works in the current folder, as npm starts it in that of the package.
async function build(t: TestContext, folder: string, ...args: readonly string[]): Promise<Ended> {
  const script = join(ROOT, 'scripts/build.mjs');
  return await start(t, 'sh', ['-c', 'cd "$0" && exec "$@"', folder, process.execPath, script, ...args])
    .ended;
}

function folders(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('dist'));
}

test('a build is put in the place of the one before, and one that fails is not', LIMIT, async (t) => {
  const folder = smallProject(t);
  assert.deepEqual(await build(t, folder, '--if-needed'), { code: 0, stdout: '', stderr: SAID });
  const dist = join(folder, 'dist');
  assert.deepEqual(readdirSync(dist).sort(), ['cli', 'other.js']);
  assert.equal(statSync(join(dist, 'cli/main.js')).mode & 0o777, 0o755);

  const first = statSync(dist).ino;
  assert.deepEqual(await build(t, folder, '--if-needed'), { code: 0, stdout: '', stderr: '' });
  assert.equal(statSync(dist).ino, first);

  renameSync(join(folder, 'src/other.ts'), join(folder, 'src/renamed.ts'));
  assert.deepEqual(await build(t, folder, '--if-needed'), { code: 0, stdout: '', stderr: SAID });
  assert.deepEqual(readdirSync(dist).sort(), ['cli', 'renamed.js']);

  const before = readFileSync(join(dist, 'cli/main.js'), 'utf8');
  writeFileSync(join(folder, 'src/cli/main.ts'), 'export const main: string = 1;\n');
  const failed = await build(t, folder, '--if-needed');
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /src\/cli\/main\.ts\(1,14\): error TS2322/);
  assert.equal(readFileSync(join(dist, 'cli/main.js'), 'utf8'), before);
  assert.deepEqual(folders(folder), ['dist']);
});

test('a suite that is none is told in one line', LIMIT, async (t) => {
  const script = join(ROOT, 'scripts/test.ts');
  const done = await start(t, process.execPath, ['--import', 'tsx', script, 'test/unit/target.test.ts'])
    .ended;
  assert.deepEqual(done, {
    code: 1,
    stdout: '',
    stderr:
      "There is no suite 'test/unit/target.test.ts'; there are unit, contract, integration, crash, memory, fuzz, nodes, interop (one file: node --import tsx --test FILE)\n",
  });
});
