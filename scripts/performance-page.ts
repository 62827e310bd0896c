/**
 * Keeps the figures of full benchmark runs in `docs/performance.json`, and writes them as tables into `docs/performance.md`.
 *
 *     npx tsx scripts/performance-page.ts [--check]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { contendersOf, show } from '../bench/lib/report.ts';
import type { Figure } from '../bench/lib/report.ts';

/** What a figure was measured on. */
export interface Machine {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
}

interface KeptFigure extends Figure {
  /** The day, such as 2026-11-25. */
  readonly day: string;
  readonly machine: Machine;
}

const JSON_FILE = 'docs/performance.json';
const PAGE = 'docs/performance.md';
const BEGIN = '<!-- figures: made by scripts/performance-page.ts -->';
const END = '<!-- end of the figures -->';

function kept(): Readonly<Record<string, KeptFigure>> {
  return existsSync(JSON_FILE)
    ? (JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Record<string, KeptFigure>)
    : {};
}

/** Lays figures over those that are kept, by the name of the benchmark. */
export function keepFigures(machine: Machine, figures: Readonly<Record<string, Figure>>): void {
  const day = new Date().toISOString().slice(0, 10);
  const all: Record<string, KeptFigure> = { ...kept() };
  for (const [name, figure] of Object.entries(figures)) all[name] = { ...figure, day, machine };
  writeFileSync(JSON_FILE, `${JSON.stringify(all, null, 2)}\n`);
  if (existsSync(PAGE)) writeFileSync(PAGE, page());
}

function tableOf(name: string, figure: KeptFigure): string {
  const { unit, day, machine } = figure;
  const lines = [
    `### ${name}`,
    '',
    `${figure.name}. ${day}, ${machine.cores} cores of ${machine.cpu}, Node ${machine.node}.`,
    '',
    `| | median, ${unit} | least to most | ours against it |`,
    '| --- | ---: | ---: | ---: |',
  ];
  for (const { name: contender, values, middle, ratio } of contendersOf(figure)) {
    const times = ratio === undefined || Number.isNaN(ratio) ? '' : `${show(ratio)} x`;
    const spread = `${show(Math.min(...values))} to ${show(Math.max(...values))}`;
    lines.push(`| ${contender} | ${show(middle)} | ${spread} | ${times} |`);
  }
  return lines.join('\n');
}

function page(): string {
  const text = readFileSync(PAGE, 'utf8');
  const [before, rest = ''] = text.split(BEGIN);
  const [, after = ''] = rest.split(END);
  const tables = Object.entries(kept()).map(([name, figure]) => tableOf(name, figure));
  return `${before ?? ''}${BEGIN}\n\n${tables.join('\n\n')}\n\n${END}${after}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--check')) writeFileSync(PAGE, page());
  else if (readFileSync(PAGE, 'utf8') !== page())
    throw new Error(`${PAGE} is not up to date: npx tsx scripts/performance-page.ts`);
}
