/**
 * Fire to listen through a broker, one firing and one listening process beside it, 400-byte job returns, every event
 * decoded on arrival. Peer: none in the short form; `--salt VENV` adds a real Salt's event publisher and clients.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Figure } from './lib/report.ts';

const PART = fileURLToPath(new URL('./lib/throughput-part.ts', import.meta.url));

function part(role: string, folder: string, count: number): ChildProcess {
  return fork(PART, [role, folder, String(count)], { execArgv: ['--import', 'tsx'] });
}

function message(
  child: ChildProcess,
  type: string,
): Promise<{ readonly type: string; readonly rate?: number }> {
  return new Promise((resolve, reject) => {
    child.on('message', (said: { readonly type: string; readonly rate?: number }) => {
      if (said.type === type) resolve(said);
    });
    child.on('exit', (code) => {
      reject(new Error(`A part of the benchmark ended early (${String(code)})`));
    });
  });
}

/** Events a second of one round. */
async function round(count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-bench-'));
  const children: ChildProcess[] = [];
  try {
    const broker = part('broker', folder, count);
    children.push(broker);
    await message(broker, 'up');
    const listener = part('listen', folder, count);
    children.push(listener);
    await message(listener, 'up');
    const done = message(listener, 'done');
    children.push(part('fire', folder, count));
    return (await done).rate ?? NaN;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures the figure. */
export async function throughput(short: boolean): Promise<Figure> {
  const rates: number[] = [];
  for (let index = 0; index < (short ? 1 : 5); index += 1)
    rates.push(await round(short ? 50_000 : 1_000_000));
  return { name: 'fire to listen through our broker, 1 to 1', unit: 'events/s', rounds: { saltbus: rates } };
}
