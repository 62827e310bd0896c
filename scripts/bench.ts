/** Runs the benchmarks, prints them, and keeps the figures as JSON: `npm run bench`, `npm run bench -- --short`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { decode } from '../bench/decode.ts';
import { printFigure } from '../bench/lib/report.ts';
import type { Figure } from '../bench/lib/report.ts';
import { throughput } from '../bench/throughput.ts';

const short = process.argv.includes('--short');
const figures: Figure[] = [];
for (const measure of [decode, throughput]) {
  const figure = await measure(short);
  printFigure(figure);
  figures.push(figure);
}
mkdirSync('bench/results', { recursive: true });
const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
writeFileSync('bench/results/latest.json', `${JSON.stringify({ short, machine, figures }, null, 2)}\n`);
