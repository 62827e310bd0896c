import type { Command } from 'commander';
import { examine } from '../../doctor/index.ts';
import type { Finding, Level, Report } from '../../doctor/index.ts';
import { addBusOptions, busSelector } from '../bus-options.ts';
import type { BusFlags } from '../bus-options.ts';
import { oneLine, paintFor } from '../terminal.ts';
import type { Paint } from '../terminal.ts';

interface DoctorFlags extends Omit<BusFlags, 'wait'> {
  readonly json?: boolean;
  readonly color: boolean;
}

const EXAMPLES = `
Looks at the configuration, the directories and sockets, who may use them, what is spoken on them, and sends an event of
its own around each bus that it may use. Nothing is changed, and nobody on the bus is disturbed. It ends within half a minute.

Examples:
  saltbus doctor                          every bus of this host, Salt's and this user's own
  saltbus doctor --node master
  saltbus doctor -c /srv/salt/conf --json | jq -r '.findings[] | select(.level == "error") | .next'

Exit codes: 0 all is well or unknown, 1 the worst is a warning, 2 the worst is an error, 64 usage.
`;

const EXIT_BY_LEVEL: Readonly<Record<Level, number>> = { ok: 0, unknown: 0, warning: 1, error: 2 };

/** Adds `saltbus doctor`. */
export default function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('find out what is wrong with the event buses of this host')
    .option('--json', 'one JSON object with all findings')
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)');
  addBusOptions(command, { wait: false })
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DoctorFlags) => {
      const report = await examine({
        ...busSelector(flags),
        ...(flags.dialect === undefined ? {} : { dialect: flags.dialect }),
      });
      process.stdout.write(
        flags.json === true ? `${JSON.stringify(report)}\n` : reportText(report, flags.color),
      );
      process.exitCode = EXIT_BY_LEVEL[report.worst];
    });
}

interface Mark {
  /** On a terminal. */
  readonly sign: string;
  /** In a pipe. */
  readonly word: string;
  readonly paint: (paint: Paint) => (text: string) => string;
}

const MARKS: Readonly<Record<Level, Mark>> = {
  ok: { sign: '✔', word: 'ok', paint: (paint) => paint.good },
  unknown: { sign: '?', word: 'unknown', paint: (paint) => paint.dim },
  warning: { sign: '!', word: 'warning', paint: (paint) => paint.warn },
  error: { sign: '✖', word: 'error', paint: (paint) => paint.bad },
};
const WORD_WIDTH = 7;

function reportText(report: Report, color: boolean): string {
  const paint = paintFor(process.stdout, color);
  const isTerminal = process.stdout.isTTY;
  const counts = (['error', 'warning', 'unknown', 'ok'] as const)
    .map((level) => ({ level, count: report.findings.filter((found) => found.level === level).length }))
    .filter(({ count }) => count > 0)
    .map(({ level, count }) => `${count} ${level}`);
  return [
    ...report.findings.map((found) => findingText(found, paint, isTerminal)),
    '',
    `${counts.join(', ')}: ${report.worst}`,
    '',
  ].join('\n');
}

function findingText({ level, title, detail, next }: Finding, paint: Paint, isTerminal: boolean): string {
  const { sign, word, paint: painted } = MARKS[level];
  const mark = painted(paint)(isTerminal ? sign : word.padEnd(WORD_WIDTH));
  const indent = ' '.repeat(isTerminal ? 2 : WORD_WIDTH + 1);
  const lines = [`${mark} ${oneLine(title)}`];
  if (detail !== '') lines.push(`${indent}${paint.dim(oneLine(detail))}`);
  if (next !== null) lines.push(`${indent}-> ${oneLine(next)}`);
  return lines.join('\n');
}
