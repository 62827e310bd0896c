/** Four subscribers that read, alone and beside a fifth that never does: what the four get, and what the broker keeps. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrokerCounters } from '../src/daemon/broker.ts';
import type { Figure } from './lib/report.ts';
import { message } from './lib/run-parts.ts';

const PART = fileURLToPath(new URL('./lib/stalled-part.ts', import.meta.url));

/** What came of one round. */
export interface StalledRound {
  /** Events a second, from the first one fired until the last of the four has all. */
  readonly rate: number;
  /** Events that each of the four has seen. */
  readonly seen: readonly number[];
  /** The most that the broker's heap and external memory grew, after a collection, in bytes. */
  readonly grown: number;
  readonly counters: BrokerCounters;
}

/** One round, with a stalled subscriber or without. */
export async function stalledRound(count: number, stalled: boolean): Promise<StalledRound> {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-bench-'));
  const children: ChildProcess[] = [];
  const part = (role: string): ChildProcess => {
    const args = [role, folder, String(count), ...(stalled ? ['stalled'] : [])];
    const child = fork(PART, args, { execArgv: ['--expose-gc', '--import', 'tsx'] });
    children.push(child);
    return child;
  };
  try {
    const broker = part('broker');
    await message(broker, 'up');
    const listener = part('listen');
    await message(listener, 'up');
    const done = message<{ readonly rate: number; readonly seen: readonly number[] }>(listener, 'done');
    part('fire');
    const { rate, seen } = await done;
    const told = message<{ readonly most: number; readonly counters: BrokerCounters }>(broker, 'told');
    broker.send('tell');
    const { most, counters } = await told;
    return { rate, seen, grown: most, counters };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures the figure: rounds of both kinds in turn. */
export async function stalled(short: boolean): Promise<Figure> {
  const beside: number[] = [];
  const alone: number[] = [];
  for (let index = 0; index < (short ? 1 : 5); index += 1) {
    const count = short ? 50_000 : 1_000_000;
    beside.push((await stalledRound(count, true)).rate);
    alone.push((await stalledRound(count, false)).rate);
  }
  return {
    name: '1 to 4 subscribers, with and without a fifth that never reads',
    unit: 'events/s',
    rounds: { 'saltbus, with the stalled one': beside, 'without it': alone },
  };
}
