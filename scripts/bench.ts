/**
 * Runs the benchmarks, prints them, and keeps the figures as JSON: of short runs in `bench/results/latest.json`, of full ones
 * in `docs/performance.json` too, from which `scripts/performance-page.ts` makes the table of `docs/performance.md`.
 *
 *     npm run bench [-- --short] [NAME...]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { requests, signatures } from '../bench/channel.ts';
import { decode } from '../bench/decode.ts';
import { filteredSubscribers, manySubscriptions, stateReturns, tenSubscribers } from '../bench/fan-out.ts';
import { flood } from '../bench/flood.ts';
import { printFigure } from '../bench/lib/report.ts';
import type { Figure } from '../bench/lib/report.ts';
import { realBus } from '../bench/real-bus.ts';
import { refusals } from '../bench/refusals.ts';
import { roundTrip } from '../bench/round-trip.ts';
import { spoolMany, spoolOne } from '../bench/spool.ts';
import { target } from '../bench/target.ts';
import { stalled } from '../bench/stalled.ts';
import { throughput } from '../bench/throughput.ts';
import { zmtpPublications, zmtpRequests } from '../bench/zmtp.ts';
import { keepFigures } from './performance-page.ts';

const BENCHMARKS: Readonly<Record<string, (short: boolean) => Promise<Figure>>> = {
  decode,
  throughput,
  'ten-subscribers': tenSubscribers,
  'filtered-subscribers': filteredSubscribers,
  'many-subscriptions': manySubscriptions,
  'state-returns': stateReturns,
  target,
  stalled,
  'round-trip': roundTrip,
  'real-bus': realBus,
  'zmtp-requests': zmtpRequests,
  'zmtp-publications': zmtpPublications,
  'channel-requests': requests,
  'channel-signatures': signatures,
  refusals,
  flood,
  'spool-one': spoolOne,
  'spool-many': spoolMany,
};

const args = process.argv.slice(2);
const short = args.includes('--short');
const named = args.filter((arg) => !arg.startsWith('-'));
const figures: Record<string, Figure> = {};
for (const name of named.length === 0 ? Object.keys(BENCHMARKS) : named) {
  const measure = BENCHMARKS[name];
  if (measure === undefined)
    throw new Error(`There is no benchmark '${name}'; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  const figure = await measure(short);
  printFigure(figure);
  figures[name] = figure;
}
mkdirSync('bench/results', { recursive: true });
const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
writeFileSync('bench/results/latest.json', `${JSON.stringify({ short, machine, figures }, null, 2)}\n`);
if (!short) keepFigures(machine, figures);
