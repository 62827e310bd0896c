/**
 * The broker for an hour at 20 000 events a second, beside a subscriber that never reads: its memory must stay flat.
 *
 *     npx tsx bench/soak.ts [--minutes 60] [--rate 20000]
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BrokerCounters } from '../src/daemon/broker.ts';
import { message } from './lib/run-parts.ts';

const PART = fileURLToPath(new URL('./lib/soak-part.ts', import.meta.url));
const MIB = 1024 * 1024;

/** What the broker says of itself. */
export interface SoakSample {
  /** Milliseconds since its start. */
  readonly at: number;
  /** Heap and external memory after a collection. */
  readonly bytes: number;
  readonly resident: number;
  readonly descriptors: number;
  readonly counters: BrokerCounters;
}

/** What came of a soak. */
export interface Soak {
  /** The first is from before anybody was connected. */
  readonly samples: readonly SoakSample[];
  readonly fired: number;
  /** What the listener that reads has seen, and how many gaps or errors. */
  readonly seen: number;
  readonly lost: number;
}

/** How long and how fast. */
export interface SoakOptions {
  readonly seconds: number;
  /** Events a second. */
  readonly rate: number;
  readonly sampleMs: number;
  readonly onSample?: (sample: SoakSample) => void;
}

/** Runs a soak. */
export async function soak({ seconds, rate, sampleMs, onSample }: SoakOptions): Promise<Soak> {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-soak-'));
  const children: ChildProcess[] = [];
  const part = (role: string, number = 0): ChildProcess => {
    const child = fork(PART, [role, folder, String(number)], {
      execArgv: ['--expose-gc', '--import', 'tsx'],
    });
    children.push(child);
    return child;
  };
  try {
    const broker = part('broker', sampleMs);
    const samples: SoakSample[] = [];
    broker.on('message', (told: SoakSample & { readonly type: string }) => {
      if (told.type !== 'sample') return;
      samples.push(told);
      onSample?.(told);
    });
    await message(broker, 'up');
    const listener = part('listen');
    await message(listener, 'up');
    await message(part('never-read'), 'up');
    const firing = part('fire', rate);
    const fired = message<{ readonly count: number }>(firing, 'fired');
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    firing.send('stop');
    const { count } = await fired;
    let told = { count: 0, lost: 0 };
    for (let tries = 0; tries < 100 && told.count + told.lost < count; tries += 1) {
      const answer = message<{ readonly count: number; readonly lost: number }>(listener, 'seen');
      listener.send('tell');
      told = await answer;
      if (told.count < count) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { samples, fired: count, seen: told.count, lost: told.lost };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By how much a figure grows in an hour: the slope of the line that fits the samples after so many seconds best. */
export function slopePerHour(
  samples: readonly SoakSample[],
  figure: (sample: SoakSample) => number,
  afterSeconds: number,
): number {
  const begun = samples[0]?.at ?? 0;
  const points = samples
    .map((sample) => ({ hours: (sample.at - begun) / 3_600_000, value: figure(sample) }))
    .filter(({ hours }) => hours * 3600 >= afterSeconds);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(({ hours }) => hours));
  const y = mean(points.map(({ value }) => value));
  const above = points.reduce((sum, { hours, value }) => sum + (hours - x) * (value - y), 0);
  const below = points.reduce((sum, { hours }) => sum + (hours - x) ** 2, 0);
  return above / below;
}

/**
 * The sample of each minute in which the least was held: the outbox of the one that never reads is full at one time and
 * empty at another, and would hide a small slope.
 */
export function leastOfEachMinute(samples: readonly SoakSample[]): readonly SoakSample[] {
  const least = new Map<number, SoakSample>();
  for (const sample of samples) {
    const minute = Math.floor(sample.at / 60_000);
    const known = least.get(minute);
    if (known === undefined || sample.bytes < known.bytes) least.set(minute, sample);
  }
  return [...least.values()];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '60' }, rate: { type: 'string', default: '20000' } },
  });
  const seconds = Number(values.minutes) * 60;
  const settled = Math.min(600, seconds / 6);
  const show = ({ at, bytes, resident, descriptors, counters }: SoakSample): void => {
    const minutes = (at / 60_000).toFixed(1).padStart(5);
    const mib = (value: number): string => `${(value / MIB).toFixed(1)} MiB`;
    console.log(
      `${minutes} min  ${mib(bytes)} held, ${mib(resident)} resident, ${descriptors} descriptors, ${counters.events} events, ${counters.cut} cut`,
    );
  };
  let count = 0;
  const done = await soak({
    seconds,
    rate: Number(values.rate),
    sampleMs: 1000,
    onSample: (sample) => {
      count += 1;
      if (count % 60 === 1) show(sample);
    },
  });
  const least = leastOfEachMinute(done.samples);
  const held = slopePerHour(least, ({ bytes }) => bytes / MIB, settled);
  const resident = slopePerHour(done.samples, (sample) => sample.resident / MIB, settled);
  console.log(`fired ${done.fired}, seen ${done.seen}, gaps ${done.lost}`);
  console.log(
    `after ${settled} s, least of each minute: held ${held.toFixed(2)} MiB/h, resident ${resident.toFixed(2)} MiB/h (target: 1 MiB/h)`,
  );
  mkdirSync('bench/results', { recursive: true });
  writeFileSync('bench/results/soak.json', `${JSON.stringify(done, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
