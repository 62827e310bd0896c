#!/usr/bin/env node
/**
 * The `saltbus` command: parses arguments, and leaves the work to one file per command.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { SaltbusError } from '../errors.ts';
import { EXIT } from './exit-codes.ts';
import { reportError } from './report-error.ts';

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

type AddCommand = (program: Command) => void;

/** The commands, in the order of --help. Only the one that is asked for is loaded: a one-shot `fire` is mostly loading. */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly default: AddCommand }>>> = {
  listen: () => import('./commands/listen.ts'),
  fire: () => import('./commands/fire.ts'),
  run: () => import('./commands/run.ts'),
  top: () => import('./commands/top.ts'),
  bus: () => import('./commands/bus.ts'),
  master: () => import('./commands/master.ts'),
  minion: () => import('./commands/minion.ts'),
  capture: () => import('./commands/capture.ts'),
  replay: () => import('./commands/replay.ts'),
  doctor: () => import('./commands/doctor.ts'),
  config: () => import('./commands/config.ts'),
  key: () => import('./commands/key.ts'),
  spool: () => import('./commands/spool.ts'),
  demo: () => import('./commands/demo.ts'),
  completion: () => import('./commands/completion.ts'),
};

const ALIASES: Readonly<Record<string, string>> = { sub: 'listen', tail: 'listen', pub: 'fire' };

function commandsFor(args: readonly string[]): readonly string[] {
  const first = args.find((arg) => !arg.startsWith('-')) ?? '';
  const name = Object.hasOwn(ALIASES, first) ? (ALIASES[first] ?? '') : first;
  // Completion is made of all of them.
  return Object.hasOwn(COMMANDS, name) && name !== 'completion' ? [name] : Object.keys(COMMANDS);
}

async function makeProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('saltbus')
    .description("Salt's event bus without Python: listen, fire, and serve one of your own.")
    .option('--json-errors', 'errors as one JSON object on stderr, for programs')
    .version(version(), '-V, --version')
    // said by reportError() below, in the form of every other error
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true });
  for (const name of commandsFor(args)) (await COMMANDS[name]?.())?.default(program);
  const inner = program.commands.flatMap(({ commands }) => commands);
  for (const command of [program, ...program.commands, ...inner]) command.exitOverride();
  return program;
}

// `saltbus --help | head -3`: a reader that has seen enough is no error.
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function main(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);
  const program = await makeProgram(process.argv.slice(2));
  try {
    await program.parseAsync();
  } catch (error) {
    const asJson = program.opts<{ readonly jsonErrors?: boolean }>().jsonErrors === true;
    if (!(error instanceof CommanderError)) process.exitCode = reportError(error, asJson);
    else if (error.exitCode === 0) process.exitCode = EXIT.ok;
    // help that was not asked for has been written already
    else if (error.code === 'commander.help') process.exitCode = EXIT.usage;
    else process.exitCode = reportError(usageError(error), asJson);
  }
}

function usageError(error: CommanderError): SaltbusError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new SaltbusError('ERR_SALTBUS_USAGE', `${message.charAt(0).toUpperCase()}${message.slice(1)}`, {
    next: 'See saltbus --help, or saltbus COMMAND --help.',
  });
}

await main();
