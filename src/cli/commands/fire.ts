import { Option } from 'commander';
import type { Command } from 'commander';
import { listPackage, singlePackage } from '../../bus/fire-master.ts';
import type { ConfirmOptions } from '../../bus/confirmed.ts';
import type { FireMasterOptions, MasterEvent } from '../../bus/fire-master.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';
import { addBusOptions, connectOptions } from '../bus-options.ts';
import type { BusFlags } from '../bus-options.ts';
import { parseDuration } from '../duration.ts';
import { EXIT, exitCodeOf } from '../exit-codes.ts';
import { busDestination, directDestination } from '../fire-destination.ts';
import type { FireDestination } from '../fire-destination.ts';
import { readData, readLines } from '../fire-data.ts';
import type { InputLine } from '../fire-data.ts';
import { wholeNumber } from '../option-values.ts';
import { onStopSignal } from '../stop-signal.ts';
import { oneLine } from '../terminal.ts';

interface FireFlags extends Omit<BusFlags, 'wait'> {
  /** For a daemon that is not up yet, or, of an event for the master, for what is to be known of it. */
  readonly wait?: boolean | number | 'spooled' | 'accepted';
  readonly ttl?: number;
  readonly priority?: number;
  readonly file?: string;
  readonly lines?: boolean;
  readonly toMaster?: boolean;
  readonly pretag?: string;
  readonly internalTag?: boolean;
  readonly direct?: boolean;
  readonly timeout?: number;
  readonly out?: 'text' | 'json';
}

const EXAMPLES = `
DATA is one JSON object, or k=v pairs (values are typed as Salt types them), or - for JSON on stdin.

Examples:
  saltbus fire mytag '{"message": "a drop in the bucket"}'
  saltbus fire mytag message='a drop in the bucket' count=3
  echo '{"n": 1}' | saltbus fire mytag -
  tail -f app.log | saltbus fire myapp/log --lines
  saltbus fire mytag '{"k": "v"}' --to-master
  saltbus fire mytag '[{"message": "a drip"}, {"message": "a drop"}]' --to-master
  sudo saltbus fire mytag '{"k": "v"}' --to-master --direct

With --to-master, an object arrives on the master bus with the verified id of the minion around it; the events of a list
arrive flat, in order. With --lines, a line that begins with { is the data of an event, and any other line is put under
"message"; without TAG, each line is an event as \`saltbus listen -o json\` prints it. A line that is no event is said on
stderr and left out; the exit code is then 64.

With --direct, nothing goes over a local bus: the event is sent to the master with the key of this host's minion, as salt-call
does it, and exit code 0 says that the master has answered that it took it. That key is for root, or the minion's user.

Exit codes: 0 handed to the local bus (with --direct: accepted by the master), 64 usage, 69 no bus or no master, 77 no permission or not let in by
the master, 78 configuration, 124 no answer in time, 130 interrupted. The local bus has no answer: 0 says there that the operating system has
taken the event for the daemon, and no more.
`;

/** Adds `saltbus fire`. */
export default function addFire(program: Command): void {
  const command = program
    .command('fire')
    .alias('pub')
    .description('fire an event')
    .argument('[tag]', 'the tag of the event')
    .argument('[data...]', 'a JSON object, k=v pairs, or -')
    .optionsGroup('What to fire:')
    .option('-f, --file <file>', 'data from a file: JSON, or YAML when it ends in .yaml or .yml')
    .option('--lines', 'a line of stdin (or of --file) is an event')
    .option('--to-master', 'have the minion forward it to its master')
    .option(
      '--direct',
      "with --to-master: send it to the master with this host's minion key, without a daemon",
    )
    .option(
      '--timeout <duration>',
      'with --direct or --wait accepted: how long the master may take (default: 10s)',
      parseDuration,
    )
    .option('--ttl <duration>', 'with --to-master: how long the event is of any use', parseDuration)
    .option('--priority <priority>', 'with --to-master: 0 (the most urgent) to 4 (default: 2)', (text) =>
      wholeNumber(text, 0, 4),
    )
    .option('--pretag <tag>', 'with a list for the master: fire each a second time under <tag>/')
    .option('--internal-tag', 'allow a tag on which the minion daemon itself acts')
    .addOption(
      new Option('-o, --out <form>', 'how to say on stdout what was done')
        .choices(['text', 'json'])
        .default('text'),
    );
  addBusOptions(command, { wait: false })
    .option(
      '--wait [what]',
      'with --to-master: spooled (the default) or accepted; else a duration: wait for a daemon that is not up yet',
      waitFor,
    )
    .addHelpText('after', EXAMPLES)
    .action(async (tag: string | undefined, data: string[], flags: FireFlags) => {
      process.exitCode = await fire(tag, data, flags);
    });
}

async function fire(tag: string | undefined, args: string[], flags: FireFlags): Promise<number> {
  checkFlags(tag, args, flags);
  // Read before connecting: bad input is an error whether or not there is a bus.
  const data = flags.lines === true ? undefined : await readData(args, flags.file);
  if (data !== undefined && tag !== undefined) check(tag, data, flags);
  const stop = new AbortController();
  onStopSignal(() => {
    stop.abort();
  });
  let destination;
  try {
    destination = await openDestination(flags, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    throw error;
  }
  await using open = destination;
  let fired: Fired = { count: 1, refused: 0 };
  try {
    if (flags.lines === true) fired = await fireLines(open, tag, flags, stop.signal);
    else if (tag !== undefined && data !== undefined) await fireOne(open, tag, data, flags);
  } catch (error) {
    if (stop.signal.aborted && error instanceof SaltbusError && error.code === 'ERR_SALTBUS_ABORTED')
      return EXIT.interrupted;
    throw error;
  }
  say(open, fired, tag, flags);
  return fired.refused > 0 ? EXIT.usage : open.exitCode();
}

function openDestination(flags: FireFlags, signal: AbortSignal): Promise<FireDestination> {
  if (flags.direct === true) {
    return directDestination({
      signal,
      ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }),
      ...(flags.id === undefined ? {} : { id: flags.id }),
      ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    });
  }
  return busDestination(
    { ...connectOptions(nodeFlags(flags)), signal },
    {
      toMaster: flags.toMaster === true,
      allowInternalTag: flags.internalTag === true,
      confirm: confirmOptions(flags),
    },
  );
}

const ACCEPTED_MS = 10_000;

function waitFor(text: string): number | 'spooled' | 'accepted' {
  return text === 'spooled' || text === 'accepted' ? text : parseDuration(text);
}

function confirmOptions({ wait, timeout, ttl, priority }: FireFlags): ConfirmOptions {
  return {
    ...(wait === 'spooled' ? { wait } : {}),
    ...(wait === 'accepted' ? { wait, timeoutMs: timeout ?? ACCEPTED_MS } : {}),
    ...(ttl === undefined ? {} : { ttlMs: ttl }),
    ...(priority === undefined ? {} : { priority }),
  };
}

function say(open: FireDestination, fired: Fired, tag: string | undefined, flags: FireFlags): void {
  if (flags.out === 'json') {
    const { count: events, refused: leftOut } = fired;
    const done = { result: open.result, ...open.facts(), events, ...(leftOut > 0 ? { leftOut } : {}) };
    process.stdout.write(`${JSON.stringify(done)}\n`);
  } else if ((process.stderr.isTTY || open.exitCode() === EXIT.notDrained) && fired.count > 0) {
    const what = fired.count === 1 ? `${tag ?? 'the event'} was` : `${fired.count} events were`;
    process.stderr.write(`saltbus: ${oneLine(what)} ${open.outcome()}\n`);
  }
}

// What goes to the master goes over the bus of a minion.
function nodeFlags({ wait, ...flags }: FireFlags): BusFlags {
  return {
    ...flags,
    ...(typeof wait === 'string' || wait === undefined ? {} : { wait }),
    ...(flags.toMaster === true && flags.node === undefined && flags.socket === undefined
      ? { node: 'minion' }
      : {}),
  };
}

function checkFlags(tag: string | undefined, args: readonly string[], flags: FireFlags): void {
  const wrong = (message: string, next: string): SaltbusError =>
    new SaltbusError('ERR_SALTBUS_USAGE', message, { next });
  if (tag === undefined && flags.lines !== true) {
    throw wrong('fire needs a tag', 'Say saltbus fire TAG [DATA...], or --lines with events on stdin.');
  }
  if (flags.lines === true && args.length > 0) {
    throw wrong(
      '--lines reads events from stdin or --file, and data was given too',
      'Leave one of them out.',
    );
  }
  if (flags.file !== undefined && args.length > 0) {
    throw wrong('--file was given, and data too', 'Leave one of them out.');
  }
  if (flags.toMaster === true && flags.node === 'master') {
    throw wrong(
      '--to-master goes over the bus of a minion',
      'Leave --node out, or fire without --to-master.',
    );
  }
  for (const name of ['pretag', 'direct', 'ttl', 'priority'] as const) {
    if (flags[name] !== undefined && flags.toMaster !== true)
      throw wrong(`--${name} means something with --to-master only`, 'Add --to-master.');
  }
  const isConfirmed = flags.wait === 'spooled' || flags.wait === 'accepted';
  if (isConfirmed && flags.toMaster !== true)
    throw wrong(`--wait ${flags.wait} means something with --to-master only`, 'Add --to-master.');
  if (flags.timeout !== undefined && flags.direct !== true && flags.wait !== 'accepted')
    throw wrong(
      '--timeout means something with --direct or --wait accepted only',
      'Leave it out: the local bus has no answer.',
    );
  const ofBus = (
    ['node', 'sockDir', 'hashType', 'socket', 'wait', 'internalTag', 'ttl', 'priority'] as const
  ).find((name) => flags[name] !== undefined);
  if (flags.direct === true && ofBus !== undefined) {
    const name = ofBus.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw wrong(`--${name} is about a local bus, and --direct goes past it`, 'Leave one of them out.');
  }
}

async function fireOne(to: FireDestination, tag: string, data: ExactValue, flags: FireFlags): Promise<void> {
  const events = listFor(tag, data, flags);
  if (flags.toMaster !== true) await to.fire(tag, requireMap(data));
  else if (events !== undefined) await to.fireList(events, listOptions(flags));
  else await to.fire(tag, data);
}

function check(tag: string, data: ExactValue, flags: FireFlags): void {
  const events = listFor(tag, data, flags);
  if (flags.toMaster !== true) requireMap(data);
  else if (events !== undefined) listPackage(events, listOptions(flags));
  else singlePackage(tag, data);
}

function listOptions({ pretag }: FireFlags): FireMasterOptions {
  return pretag === undefined ? {} : { pretag };
}

// What goes to the master as a list; `undefined` for one event, which arrives in another shape.
function listFor(tag: string, data: ExactValue, flags: FireFlags): readonly MasterEvent[] | undefined {
  if (flags.toMaster !== true) return undefined;
  if (Array.isArray(data))
    return (data as readonly ExactValue[]).map((element, index) => masterEvent(tag, element, index));
  return flags.pretag === undefined ? undefined : [masterEvent(tag, data, 0)];
}

// An element that names its own tag is the event as it is (the seed's form); any other is data under the given tag.
function masterEvent(tag: string, element: ExactValue, index: number): MasterEvent {
  if (!(element instanceof Map)) {
    throw new SaltbusError('ERR_SALTBUS_DATA', `Element ${index} of the list is no map`, {
      next: 'Make each element an object.',
    });
  }
  const map = element as ReadonlyMap<string, ExactValue>;
  const own = map.get('tag');
  if (own === undefined) return { tag, data: map };
  if (typeof own !== 'string') {
    throw new SaltbusError('ERR_SALTBUS_DATA', `The tag of element ${index} of the list is no text`, {
      next: 'Make it text, or leave it out: the event is then fired under TAG.',
    });
  }
  return { ...Object.fromEntries(map), tag: own };
}

function requireMap(data: ExactValue): ReadonlyMap<unknown, unknown> {
  if (data instanceof Map) return data as ReadonlyMap<unknown, unknown>;
  throw new SaltbusError('ERR_SALTBUS_DATA', 'The data of an event is a map', {
    next: 'Give a JSON object such as {"message": "..."}, or k=v pairs.',
  });
}

// A line that is no event is said and left out, and the others go on: a log that is followed must not end at one of them.
async function fireLines(
  to: FireDestination,
  tag: string | undefined,
  flags: FireFlags,
  signal: AbortSignal,
): Promise<Fired> {
  const refused = new RefusedLines();
  let count = 0;
  const fireLine = async (line: InputLine): Promise<void> => {
    const event = line.asEvent(tag);
    await to.fire(event.tag, event.data);
  };
  try {
    for await (const lines of readLines(flags.file, signal)) {
      // The next group is read when this one is on its way.
      const size = to.oneAtATime ? 1 : lines.length;
      for (let at = 0; at < lines.length; at += size) {
        const group = lines.slice(at, at + size);
        const results = await Promise.allSettled(group.map(fireLine));
        for (const [index, result] of results.entries()) {
          if (result.status === 'fulfilled') count += 1;
          else refused.add(group[index]?.where ?? '', result.reason);
        }
      }
    }
  } catch (error) {
    if (count > 0) process.stderr.write(`saltbus: ${count} events were ${to.result} before this:\n`);
    throw error;
  }
  return { count, refused: refused.finish() };
}

/** What came of firing. */
interface Fired {
  readonly count: number;
  readonly refused: number;
}

const SAID_LINES = 10;

/** Lines that are no event: the first ones are said, all are counted. What is wrong with the bus itself is thrown. */
class RefusedLines {
  #count = 0;

  add(where: string, reason: unknown): void {
    if (!(reason instanceof SaltbusError) || exitCodeOf(reason.code) !== EXIT.usage) throw reason;
    this.#count += 1;
    if (this.#count > SAID_LINES) return;
    const message = reason.message.startsWith(where) ? reason.message : `${where}: ${reason.message}`;
    process.stderr.write(`saltbus: left out: ${oneLine(message)} [${reason.code}]\n`);
  }

  finish(): number {
    if (this.#count > SAID_LINES)
      process.stderr.write(`saltbus: ${this.#count} lines were left out in all\n`);
    return this.#count;
  }
}
