import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { Node } from '../../bus/bus.ts';
import type { BusItem } from '../../bus/queue.ts';
import { connectTo } from '../../client/connect.ts';
import type { CaptureTail } from '../../codec/capture/read.ts';
import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { addBusOptions, connectOptions } from '../bus-options.ts';
import type { BusFlags } from '../bus-options.ts';
import { recordChooser } from '../capture/choose.ts';
import type { Chosen, ReplayChoice } from '../capture/choose.ts';
import { Pace } from '../capture/pace.ts';
import { Refire } from '../capture/refire.ts';
import type { RefireCounts } from '../capture/refire.ts';
import { captureRecords } from '../capture/source.ts';
import { parseDuration } from '../duration.ts';
import { addTagOptions } from '../event-options.ts';
import { EXIT } from '../exit-codes.ts';
import { positive } from '../option-values.ts';
import { addOutputOptions, chooseFormat, writeItems } from '../output/items.ts';
import type { OutputFlags } from '../output/items.ts';
import { StdoutWriter } from '../output/writer.ts';
import { onStopSignal } from '../stop-signal.ts';
import { oneLine } from '../terminal.ts';
import { pause } from '../pause.ts';

interface Flags extends BusFlags, OutputFlags, ReplayChoice {
  readonly speed?: number;
  readonly atOnce?: boolean;
  readonly fire?: boolean;
  readonly prefix?: string;
  readonly internalTag?: boolean;
}

const EXAMPLES = `
Without --fire the events are printed, as listen prints them. The distances between them are kept, unless --speed or
--at-once says otherwise; the time between two runs of capture is left out.

With --fire they are fired on a bus, each with its own tag and a new _stamp. Tags on which a daemon acts (fire_master,
module_refresh, ...) are left out and counted, unless --internal-tag is given.

Examples:
  saltbus replay events.sbcap                             print, at the original pace
  saltbus replay events.sbcap --at-once -o tag
  saltbus replay events.sbcap 'salt/job/*' --from 10m --to 12m --speed 10
  saltbus replay events.sbcap --at-once --fire --prefix replay --node master

Exit codes: 0 done, 1 not a capture file, damaged, or events were refused, 64 usage, 69 no bus, 77 no permission.
`;

/** Adds `saltbus replay`. */
export default function addReplay(program: Command): void {
  const command = program
    .command('replay')
    .description('print or fire the events of a capture file')
    .argument('<file>', 'what capture has written, or - for stdin')
    .argument('[pattern]', 'which tags');
  addTagOptions(command)
    .option('-n, --count <n>', 'end after so many events', positive)
    .option('--from <duration>', 'begin so long after the first record', parseDuration)
    .option('--to <duration>', 'leave out what came later than so long after the first record', parseDuration)
    .optionsGroup('Pace:')
    .option('--speed <factor>', 'so many times as fast', parseSpeed)
    .option('--at-once', 'without waiting')
    .optionsGroup('Firing:')
    .option('--fire', 'fire the events on a bus instead of printing them')
    .option('--prefix <tag>', 'fire each under <tag>/ and its own tag')
    .option('--internal-tag', 'fire tags on which a daemon acts too');
  addOutputOptions(command);
  addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, pattern: string | undefined, flags: Flags) => {
      checkFlags(flags);
      process.exitCode = await replay(file, pattern, flags);
    });
}

function parseSpeed(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) {
    throw new InvalidArgumentError('It must be a number above 0, such as 10 or 0.5.');
  }
  return value;
}

function checkFlags(flags: Flags): void {
  if (flags.speed !== undefined && flags.atOnce === true) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', '--speed and --at-once exclude each other');
  }
  if (flags.fire !== true && (flags.prefix !== undefined || flags.internalTag === true)) {
    throw new SaltbusError(
      'ERR_SALTBUS_USAGE',
      '--prefix and --internal-tag mean something with --fire only',
      { next: 'Add --fire, or leave them out.' },
    );
  }
}

/** Where chosen items go. */
interface Target {
  /** When it is a bus: whose, and the name of its publish socket. */
  readonly bus?: { readonly node: Node; readonly name: string };
  take(items: readonly BusItem[]): Promise<void>;
}

async function replay(file: string, pattern: string | undefined, flags: Flags): Promise<number> {
  const stop = new AbortController();
  onStopSignal(() => {
    stop.abort();
  });
  if (flags.fire === true) return replayToBus(file, pattern, flags, stop);
  const format = await chooseFormat(flags);
  const out = new StdoutWriter(stop.signal);
  out.onClosed(() => {
    stop.abort();
  });
  await run(file, pattern, flags, { take: (items) => writeItems(items, format, out) }, stop.signal);
  await out.finish(EXIT.ok);
  return EXIT.ok;
}

async function replayToBus(
  file: string,
  pattern: string | undefined,
  flags: Flags,
  stop: AbortController,
): Promise<number> {
  let connected;
  try {
    connected = await connectTo({ ...connectOptions(flags), signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return EXIT.ok;
  }
  await using bus = connected.bus;
  const refire = new Refire(bus, {
    ...(flags.prefix === undefined ? {} : { prefix: flags.prefix }),
    internalTag: flags.internalTag === true,
  });
  const target: Target = {
    bus: { node: bus.node, name: endpointName(connected.location.pub) },
    take: async (items) => {
      for (const item of items) refire.fire(item);
      await refire.settle();
    },
  };
  try {
    await run(file, pattern, flags, target, stop.signal);
  } finally {
    process.stderr.write(`saltbus: ${whatBecame(refire.counts, bus.node)}\n`);
  }
  const { reason } = refire.counts;
  if (reason === undefined) return EXIT.ok;
  process.stderr.write(`saltbus: the first that was refused: ${oneLine(reason.message)} [${reason.code}]\n`);
  return EXIT.failure;
}

function whatBecame(counts: RefireCounts, node: string): string {
  const parts = [`${counts.fired} events handed to the ${node} bus`];
  if (counts.internal > 0) {
    parts.push(
      `${counts.internal} left out, because a ${node} acts on their tags (--internal-tag fires them)`,
    );
  }
  if (counts.refused > 0) parts.push(`${counts.refused} refused`);
  if (counts.nothing > 0) parts.push(`${counts.nothing} gaps and unreadable items passed over`);
  return parts.join('; ');
}

async function run(
  file: string,
  pattern: string | undefined,
  flags: Flags,
  target: Target,
  signal: AbortSignal,
): Promise<void> {
  const choose = recordChooser(pattern, flags);
  const pace = new Pace(flags.atOnce === true ? Infinity : (flags.speed ?? 1));
  let isFirst = true;
  for await (const records of captureRecords(file, signal, sayTail(file))) {
    let due: BusItem[] = [];
    for (const record of records) {
      const chosen = choose(record);
      if (chosen.kind === 'item') {
        const wait = pace.waitFor(chosen.time, performance.now());
        if (wait > 0) {
          if (due.length > 0) await target.take(due);
          due = [];
          await pause(wait, signal);
        }
        if (signal.aborted) return;
        due.push(chosen.item);
      } else if (chosen.kind === 'start') {
        pace.restart();
        if (file === '-') refuseCircle(chosen, target);
        noteOtherNode(chosen, target);
        if (!isFirst) process.stderr.write('-- capture ended here, and began again later --\n');
      } else if (chosen.kind === 'end') {
        await target.take(due);
        return;
      }
      isFirst = false;
    }
    if (due.length > 0) await target.take(due);
  }
}

// What capture writes into this pipe is what is fired here, which it would see, and write, and so on without an end.
function refuseCircle(start: Extract<Chosen, { kind: 'start' }>, target: Target): void {
  if (start.bus !== target.bus?.name) return;
  throw new SaltbusError('ERR_SALTBUS_USAGE', `The events from stdin were captured on ${start.bus} itself`, {
    next: 'Fire them on another bus, or capture them into a file first.',
  });
}

function noteOtherNode(start: Extract<Chosen, { kind: 'start' }>, target: Target): void {
  if (target.bus === undefined || target.bus.node === start.node) return;
  process.stderr.write(
    `saltbus: note: captured on the bus of a ${start.node}, fired on the bus of a ${target.bus.node}\n`,
  );
}

function sayTail(file: string): (tail: CaptureTail) => void {
  return ({ tornBytes }) => {
    if (tornBytes === 0) return;
    process.stderr.write(
      `saltbus: the last record of ${oneLine(file)} was cut short: its ${tornBytes} bytes are left out\n`,
    );
  };
}
