/** The built program, and the Node that runs it, in a folder that every user of the machine may read: a clone may be root's own. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A program that every user may run. */
export interface ForEverybody {
  readonly node: string;
  readonly main: string;
}

let copied: ForEverybody | undefined;

/** Copies what is needed, once for each process, which removes it at its end. */
export function forEverybody(root: string): ForEverybody {
  return (copied ??= copy(root));
}

function copy(root: string): ForEverybody {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-everybody-'));
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  chmodSync(folder, 0o755);
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  for (const name of dependenciesOf(root)) {
    const place = join('node_modules', name);
    mkdirSync(join(folder, place), { recursive: true });
    cpSync(join(root, place), join(folder, place), { recursive: true, dereference: true });
  }
  const node = join(folder, 'node');
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  return { node, main: join(folder, 'dist', 'cli', 'main.js') };
}

/** The packages that the program needs, and those that these need. */
function dependenciesOf(root: string): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (folder: string): void => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (found.has(name)) continue;
      found.add(name);
      add(join(root, 'node_modules', name));
    }
  };
  add(root);
  return found;
}
