/**
 * Tells whether the package index has a newer release of a line of the matrix than the newest one pinned, or a new line.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.ts';
import { findPython, run } from './python.ts';
import { readMatrix } from './releases.ts';

function compare(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

/** The newest of the versions in each line, such as `3007` -> `3007.17`; what is no `LINE.NUMBER` is left out. */
export function newestByLine(versions: readonly string[]): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const version of versions) {
    const line = /^(3\d{3})\.\d+$/.exec(version)?.[1];
    if (line === undefined) continue;
    const best = newest.get(line);
    if (best === undefined || compare(version, best) > 0) newest.set(line, version);
  }
  return newest;
}

/** Prints one line for each line of the matrix; the exit code is 0 when all is pinned at its newest, 1 when not, 2 when it cannot be told. */
export async function reportNewer(cache: string): Promise<number> {
  const matrix = await readMatrix();
  const python = await findPython(matrix.pythons);
  if (python === undefined) {
    process.stderr.write(`no Python ${matrix.pythons.join(' or ')} with venv was found\n`);
    return 2;
  }
  // the Python of a distribution often has no pip of its own
  const venv = join(cache, `pip-py${python.minor}`);
  await mkdir(cache, { recursive: true });
  const asked = await withLock(python, `${venv}.lock`, async () => {
    const made = await run(python.executable, ['-m', 'venv', venv]);
    if (made.code !== 0) return made;
    return await run(join(venv, 'bin', 'python'), ['-m', 'pip', 'index', 'versions', 'salt']);
  });
  const found = /^Available versions: (.*)$/m.exec(asked.output)?.[1];
  if (asked.code !== 0 || found === undefined) {
    process.stderr.write(`the package index does not tell the versions of salt:\n${asked.output.trim()}\n`);
    return 2;
  }
  const pinned = newestByLine(matrix.releases.map((entry) => entry.release));
  const oldest = [...pinned.keys()].sort(compare)[0] ?? '';
  let code = 0;
  for (const [line, newest] of [...newestByLine(found.split(', '))].sort(([a], [b]) => compare(a, b))) {
    // lines older than the matrix are out of support and stay out of it
    if (compare(line, oldest) < 0) continue;
    const ours = pinned.get(line);
    const isNewest = ours !== undefined && compare(ours, newest) >= 0;
    if (!isNewest) code = 1;
    process.stdout.write(
      `${line}: pinned ${ours ?? 'none'}, newest ${newest}${isNewest ? '' : '  <-- newer'}\n`,
    );
  }
  return code;
}
