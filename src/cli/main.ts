#!/usr/bin/env node
/**
 * The `saltbus` command: parses arguments, and leaves the work to one file per command.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import addBus from './commands/bus.ts';
import addDemo from './commands/demo.ts';
import addFire from './commands/fire.ts';
import addListen from './commands/listen.ts';
import { EXIT } from './exit-codes.ts';
import { reportError } from './report-error.ts';

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

function makeProgram(): Command {
  const program = new Command('saltbus')
    .description("Salt's event bus without Python: listen, fire, and serve one of your own.")
    .option('--json-errors', 'errors as one JSON object on stderr, for programs')
    .version(version(), '-V, --version')
    .showHelpAfterError('(saltbus --help, or saltbus COMMAND --help)')
    .configureHelp({ showGlobalOptions: true });
  for (const add of [addListen, addFire, addBus, addDemo]) add(program);
  for (const command of [program, ...program.commands]) command.exitOverride();
  return program;
}

async function main(): Promise<void> {
  const program = makeProgram();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else
      process.exitCode = reportError(
        error,
        program.opts<{ readonly jsonErrors?: boolean }>().jsonErrors === true,
      );
  }
}

await main();
