import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { BusItem } from '../../bus/queue.ts';
import type { Subscription } from '../../bus/subscription.ts';
import { connectTo } from '../../client/connect.ts';
import type { BusLocation } from '../../client/locate.ts';
import { SaltbusError } from '../../errors.ts';
import type { SaltEvent } from '../../event.ts';
import { compileMatch, guessMode } from '../../match/index.ts';
import type { MatchMode, TagMatch } from '../../match/index.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { addBusOptions, connectOptions } from '../bus-options.ts';
import type { BusFlags } from '../bus-options.ts';
import { parseDuration } from '../duration.ts';
import { EXIT } from '../exit-codes.ts';
import { onStopSignal } from '../stop-signal.ts';
import { itemFormat, otherLine } from '../output/format.ts';
import type { ItemFormat, OutputForm } from '../output/format.ts';
import { compileFormat, fieldPath, fieldsJson, fieldsLine } from '../output/template.ts';
import { StdoutWriter } from '../output/writer.ts';
import { paintFor } from '../terminal.ts';

interface ListenFlags extends BusFlags {
  readonly match?: MatchMode;
  readonly exclude?: readonly string[];
  readonly count?: number;
  readonly timeout?: number;
  readonly idle?: number;
  readonly out: OutputForm | 'auto';
  readonly fields?: string;
  readonly format?: string;
  readonly color: boolean;
  readonly limit?: number;
  readonly ready?: boolean;
}

const EXAMPLES = `
A pattern without wildcards is a prefix; with *, ? or [ ] it is Salt's glob, in which * crosses slashes.

Examples:
  saltbus listen                                  everything, on the bus that is there
  saltbus listen mytag                            tags that begin with mytag
  saltbus listen 'salt/job/*/ret/web*' -o json    job returns as NDJSON
  saltbus listen --node master -x 'salt/auth' -n 10 --timeout 1m
  saltbus listen salt/job --format '{tag} {data.retcode}'

Exit codes: 0 done, 64 usage, 69 no bus, 77 no permission, 124 --timeout came first.
`;

/** Adds `saltbus listen`. */
export default function addListen(program: Command): void {
  const command = program
    .command('listen')
    .aliases(['sub', 'tail'])
    .description('listen to events')
    .argument('[pattern]', 'which tags')
    .optionsGroup('Which events:')
    .addOption(
      new Option('--match <mode>', 'how the pattern is read').choices(['glob', 'prefix', 'exact', 'regex']),
    )
    .option('-x, --exclude <pattern>', 'leave out tags (a glob or prefix; can be given again)', collect)
    .option('-n, --count <n>', 'end after so many events', positive)
    .option('--timeout <duration>', 'end after so long (5s, 2m)', parseDuration)
    .option('--idle <duration>', 'end after so long without an event', parseDuration)
    .option('--limit <n>', 'most events that wait while output is slow', positive)
    .option(
      '--ready',
      'say on stderr when nothing can be missed any more (fires one small event of our own to know)',
    )
    .optionsGroup('Output:')
    .addOption(
      new Option('-o, --out <form>', 'form of output: auto is pretty on a terminal and json in a pipe')
        .choices(['auto', 'pretty', 'json', 'yaml', 'tag', 'tsv', 'raw'])
        .default('auto'),
    )
    .option('--fields <list>', 'only these fields, for example tag,data.id,received')
    .option('--format <text>', "a line for each event, for example '{tag} {data.id}'")
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)');
  addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (pattern: string | undefined, flags: ListenFlags) => {
      process.exitCode = await listen(pattern, flags);
    });
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  }
  return value;
}

async function listen(pattern: string | undefined, flags: ListenFlags): Promise<number> {
  const format = await chooseFormat(flags);
  const excluded = (flags.exclude ?? []).map((text) => compileMatch(text, flags.match ?? guessMode(text)));
  const stop = new AbortController();
  onStopSignal(() => {
    stop.abort();
  });
  const limits = new TimeLimits(flags, () => {
    stop.abort();
  });
  let connected;
  try {
    connected = await connectTo({ ...connectOptions(flags), signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return limits.timedOut ? EXIT.timeout : EXIT.ok;
  }
  await using bus = connected.bus;
  const subscription = bus.listen({
    ...(pattern === undefined ? {} : { tag: pattern }),
    ...(flags.match === undefined ? {} : { match: flags.match }),
    ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    signal: stop.signal,
  });
  if (flags.ready === true) await sayReady(subscription, connected.location);
  const out = new StdoutWriter();
  out.onClosed(() => {
    stop.abort();
  });
  const count = flags.count ?? Infinity;
  let seen = 0;
  for await (const items of subscription.batches()) {
    const wanted: BusItem[] = [];
    for (const item of items) {
      if (item.kind === 'event') {
        if (isExcluded(item, excluded)) continue;
        seen += 1;
      }
      wanted.push(item);
      if (seen === count) break;
    }
    if (wanted.some((item) => item.kind === 'event')) limits.eventSeen();
    await writeItems(wanted, format, out);
    if (seen === count) break;
  }
  limits.clear();
  await out.finish();
  if (seen === count) return EXIT.ok;
  // With -n, too few came; without, any event is a success.
  return limits.timedOut && (flags.count !== undefined || seen === 0) ? EXIT.timeout : EXIT.ok;
}

async function sayReady(subscription: Subscription, location: BusLocation): Promise<void> {
  await subscription.ready;
  process.stderr.write(`saltbus: listening on the ${location.node} bus ${endpointName(location.pub)}\n`);
}

function isExcluded(event: SaltEvent, excluded: readonly TagMatch[]): boolean {
  return excluded.some((match) => match.test(event.tag));
}

// Text of a whole batch is written at once: one system call for many events.
async function writeItems(items: readonly BusItem[], format: ItemFormat, out: StdoutWriter): Promise<void> {
  let text = '';
  for (const item of items) {
    if (item.kind === 'event') {
      const made = format.event(item);
      if (typeof made === 'string') text += made;
      else await out.write(made);
      continue;
    }
    const made = format.other(item);
    if (made !== undefined) text += made;
    else {
      if (text !== '') await out.write(text);
      text = '';
      process.stderr.write(`${otherLine(item)}\n`);
    }
  }
  if (text !== '') await out.write(text);
}

async function chooseFormat(flags: ListenFlags): Promise<ItemFormat> {
  const form = flags.out === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'json') : flags.out;
  if (flags.format !== undefined) {
    if (flags.fields !== undefined) {
      throw new SaltbusError('ERR_SALTBUS_USAGE', '--fields and --format exclude each other');
    }
    return { event: compileFormat(flags.format), other: () => undefined };
  }
  if (form === 'yaml') {
    const { yamlFormat } = await import('../output/yaml.ts');
    return yamlFormat();
  }
  const format = itemFormat(form, paintFor(process.stdout, flags.color), process.stdout.columns || 100);
  if (flags.fields === undefined) return format;
  const fields = flags.fields.split(',').map((text) => fieldPath(text.trim()));
  return form === 'json'
    ? { ...format, event: fieldsJson(fields) }
    : { event: fieldsLine(fields), other: () => undefined };
}

/** `--timeout` and `--idle`. */
class TimeLimits {
  readonly #idleMs: number | undefined;
  readonly #stop: () => void;
  readonly #total: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Whether one of them has come. */
  timedOut = false;

  constructor(flags: ListenFlags, stop: () => void) {
    this.#idleMs = flags.idle;
    this.#stop = stop;
    if (flags.timeout !== undefined) this.#total = this.#after(flags.timeout);
    this.eventSeen();
  }

  eventSeen(): void {
    if (this.#idleMs === undefined) return;
    if (this.#idle === undefined) this.#idle = this.#after(this.#idleMs);
    else this.#idle.refresh();
  }

  clear(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.timedOut = true;
      this.clear();
      this.#stop();
    }, ms);
  }
}
