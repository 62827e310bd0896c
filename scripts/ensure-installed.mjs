// Installs the dependencies of package-lock.json unless that very lock is installed already. Plain JavaScript: it runs
// in a fresh clone, before anything is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const marker = 'node_modules/.saltbus-installed';
const wanted = createHash('sha256')
  .update(readFileSync('package-lock.json'))
  .update(process.versions.modules)
  .digest('hex');

let installed = '';
try {
  installed = readFileSync(marker, 'utf8');
} catch {
  // Nothing is installed yet.
}
if (installed !== wanted) {
  console.error('Installing dependencies (npm ci) ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    console.error('npm ci failed: is the npm registry within reach?');
    process.exit(1);
  }
  writeFileSync(marker, wanted);
}
