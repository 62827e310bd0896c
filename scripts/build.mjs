// Compiles src/ into a folder of its own and puts that in the place of dist/, so that programs that run from dist/ never find it
// empty, and a file that was renamed in src/ does not live on there. With --if-needed only when something in src/ has changed since.
// Plain JavaScript: it runs in a fresh clone.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

const DIST = 'dist';
const BIN = 'cli/main.js';
const NEW = `dist-new-${process.pid}`;
const OLD = `dist-old-${process.pid}`;

/** When a file or anything in a folder changed last: by ctime, which a copy does not keep and nobody can set back. */
function lastChange(path) {
  const entry = lstatSync(path);
  if (!entry.isDirectory()) return entry.ctimeMs;
  const inside = readdirSync(path).map((name) => lastChange(join(path, name)));
  return Math.max(entry.ctimeMs, ...inside);
}

function isUpToDate() {
  const built = join(DIST, BIN);
  if (!existsSync(built)) return false;
  const changes = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map(lastChange);
  return Math.max(...changes) < lstatSync(built).mtimeMs;
}

function moved(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    // nothing there yet, or another build was quicker
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) return false;
    throw error;
  }
}

function build() {
  console.error('Building dist/ ...');
  const begun = new Date();
  // An interrupt ends the compiler, and then this, which has to clean up.
  process.on('SIGINT', () => undefined);
  try {
    const { status } = spawnSync(
      'npx',
      ['--no-install', 'tsc', '-p', 'tsconfig.build.json', '--outDir', NEW],
      {
        stdio: 'inherit',
      },
    );
    if (status !== 0) return false;
    // tsc writes no mode: the file behind a bin entry needs to be executable when it is run from a checkout.
    chmodSync(join(NEW, BIN), 0o755);
    // What is changed while the compiler runs counts as changed since.
    utimesSync(join(NEW, BIN), begun, begun);
    for (let tries = 0; tries < 3; tries += 1) {
      moved(DIST, OLD);
      if (moved(NEW, DIST)) return true;
      rmSync(OLD, { recursive: true, force: true });
    }
    console.error('Another build put its dist/ in the place of this one.');
    return false;
  } finally {
    for (const folder of [NEW, OLD]) rmSync(folder, { recursive: true, force: true });
  }
}

if (!(process.argv.includes('--if-needed') && isUpToDate()) && !build()) process.exitCode = 1;
