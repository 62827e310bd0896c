import { createInterface } from 'node:readline/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import { connectControl } from '../../client/control.ts';
import { MOST_ITEMS } from '../../control/index.ts';
import type { ControlClient } from '../../control/index.ts';
import { SaltbusError } from '../../errors.ts';
import { busSelector } from '../bus-options.ts';
import { EXIT } from '../exit-codes.ts';
import { wholeNumber } from '../option-values.ts';
import { showData, showFigures, showItem, showItems } from '../output/spool.ts';
import type { SpoolForm } from '../output/spool.ts';
import { oneLine } from '../terminal.ts';

interface SpoolFlags {
  readonly configDir?: string;
  readonly sockDir?: string;
  readonly id?: string;
  readonly hashType?: string;
  readonly out: SpoolForm;
}

interface ListFlags extends SpoolFlags {
  readonly limit: number;
  readonly priority?: number;
  readonly lane?: string;
}

interface DropFlags extends SpoolFlags {
  readonly all?: boolean;
  readonly yes?: boolean;
}

const EXAMPLES = `
It asks the minion of saltbus that runs on this host, over its control socket. A salt-minion has no spool.

Examples:
  saltbus spool list                    what waits for the master, and what is just being sent
  saltbus spool show ID                 one entry, with the package
  saltbus spool drop ID...              give entries up
  saltbus spool drop --all -y           give all of them up, without a question
  saltbus spool flush                   send now, and not after the pause that was to come
  saltbus spool stats -o json           figures, by priority too

Exit codes: 0 done, 1 nothing with such an id waits, or the answer was no, 64 usage, 69 no daemon, 77 no permission, 78 configuration.
`;

/** Adds `saltbus spool`. */
export default function addSpool(program: Command): void {
  const spool = program
    .command('spool')
    .description('what a minion keeps for its master until the master has it')
    .addHelpText('after', EXAMPLES);
  common(spool.command('list'))
    .description('list entries, the most urgent first')
    .option('-n, --limit <count>', 'at most so many', (text) => wholeNumber(text, 1, MOST_ITEMS), 100)
    .option('--priority <priority>', 'of this priority, 0 to 4', (text) => wholeNumber(text, 0, 4))
    .option('--lane <lane>', 'of this lane')
    .action((flags: ListFlags) => withDaemon(flags, (daemon) => list(daemon, flags)));
  common(spool.command('show'))
    .description('show entries with what is in them')
    .argument('<ids...>', 'their ids')
    .action((ids: string[], flags: SpoolFlags) => withDaemon(flags, (daemon) => show(daemon, ids, flags)));
  common(spool.command('drop'))
    .description('give entries up: the master never gets them')
    .argument('[ids...]', 'their ids')
    .option('--all', 'all that wait')
    .option('-y, --yes', 'do it without a question')
    .action((ids: string[], flags: DropFlags) => withDaemon(flags, (daemon) => drop(daemon, ids, flags)));
  common(spool.command('flush'))
    .description('send what waits now')
    .action((flags: SpoolFlags) => withDaemon(flags, (daemon) => flush(daemon, flags)));
  common(spool.command('stats'))
    .description('figures of the spool')
    .action((flags: SpoolFlags) => withDaemon(flags, (daemon) => stats(daemon, flags)));
}

function common(command: Command): Command {
  return command
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option('--sock-dir <dir>', 'the directory of the sockets')
    .option('--id <id>', "the minion's id, which names its sockets")
    .option('--hash-type <name>', 'the hash that turns the id into a name (default: from the configuration)')
    .addOption(
      new Option('-o, --out <form>', 'how to write it').choices(['text', 'json', 'yaml']).default('text'),
    );
}

async function withDaemon(flags: SpoolFlags, ask: (daemon: ControlClient) => Promise<number>): Promise<void> {
  await using daemon = await connectControl(
    { ...busSelector(flags), node: 'minion' },
    { program: 'saltbus spool' },
  );
  process.exitCode = await ask(daemon);
}

async function list(daemon: ControlClient, flags: ListFlags): Promise<number> {
  const { limit, priority, lane, out } = flags;
  const { items, depth } = await daemon.request('spool.list', {
    most: limit,
    ...(priority === undefined ? {} : { priority }),
    ...(lane === undefined ? {} : { lane }),
  });
  const isAll = priority === undefined && lane === undefined;
  process.stdout.write(showItems(items, isAll ? depth : items.length, out, Date.now()));
  return EXIT.ok;
}

async function show(daemon: ControlClient, ids: readonly string[], flags: SpoolFlags): Promise<number> {
  const { items } = await daemon.request('spool.show', { ids });
  const now = Date.now();
  for (const [at, item] of items.entries()) {
    if (at > 0 && flags.out === 'text') process.stdout.write('\n');
    process.stdout.write(showItem(item, flags.out, now));
  }
  requireAll(
    ids,
    items.map(({ id }) => id),
  );
  return EXIT.ok;
}

async function drop(daemon: ControlClient, ids: readonly string[], flags: DropFlags): Promise<number> {
  if ((flags.all === true) === ids.length > 0) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', 'drop needs ids, or --all', {
      next: 'Say saltbus spool drop ID..., or saltbus spool drop --all.',
    });
  }
  if (flags.all === true && !(await isWanted(daemon, flags))) return EXIT.failure;
  const { dropped } = await daemon.request('spool.drop', { ids: flags.all === true ? 'all' : ids });
  process.stdout.write(
    flags.out === 'text'
      ? flags.all === true
        ? `${countOf(dropped.length)} dropped.\n`
        : dropped.map((id) => `${oneLine(id)} was dropped.\n`).join('')
      : showData({ dropped }, flags.out),
  );
  if (flags.all !== true) requireAll(ids, dropped);
  return EXIT.ok;
}

async function isWanted(daemon: ControlClient, flags: DropFlags): Promise<boolean> {
  if (flags.yes === true) return true;
  const { depth } = await daemon.request('spool.list', { most: 1 });
  if (!process.stdin.isTTY) {
    throw new SaltbusError(
      'ERR_SALTBUS_USAGE',
      `${countOf(depth)} would be dropped, and there is no terminal to ask on`,
      {
        next: 'Say -y to do it without a question.',
      },
    );
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(
      await asking.question(`${countOf(depth)} would be dropped for good. Proceed? [N/y] `),
    );
  } finally {
    asking.close();
  }
}

function countOf(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`;
}

function requireAll(wanted: readonly string[], found: readonly string[]): void {
  const missing = wanted.filter((id) => !found.includes(id));
  if (missing.length === 0) return;
  throw new SaltbusError(
    'ERR_SALTBUS_NOT_SPOOLED',
    `No entry in the spool has the id ${missing.join(', ')}, or it is just being sent`,
  );
}

async function flush(daemon: ControlClient, flags: SpoolFlags): Promise<number> {
  const { waiting } = await daemon.request('spool.flush', {});
  process.stdout.write(
    flags.out === 'text'
      ? `The minion tries now; ${countOf(waiting)} ${waiting === 1 ? 'waits' : 'wait'}.\n`
      : showData({ waiting }, flags.out),
  );
  return EXIT.ok;
}

async function stats(daemon: ControlClient, flags: SpoolFlags): Promise<number> {
  process.stdout.write(showFigures(await daemon.request('spool.stats', {}), flags.out));
  return EXIT.ok;
}
