import type { Command } from 'commander';
import type { BusItem } from '../../bus/queue.ts';
import type { Subscription } from '../../bus/subscription.ts';
import { connectTo } from '../../client/connect.ts';
import type { BusLocation } from '../../client/locate.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { addBusOptions, connectOptions } from '../bus-options.ts';
import type { BusFlags } from '../bus-options.ts';
import { TimeLimits, addListenOptions, excludedBy, listenOptions } from '../event-options.ts';
import type { ListenFlags } from '../event-options.ts';
import { EXIT } from '../exit-codes.ts';
import { onStopSignal } from '../stop-signal.ts';
import { addOutputOptions, chooseFormat, writeItems } from '../output/items.ts';
import type { OutputFlags } from '../output/items.ts';
import { StdoutWriter } from '../output/writer.ts';

interface Flags extends BusFlags, ListenFlags, OutputFlags {
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
    .argument('[pattern]', 'which tags');
  addListenOptions(command).option(
    '--ready',
    'say on stderr when nothing can be missed any more (fires one small event of our own to know)',
  );
  addOutputOptions(command);
  addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (pattern: string | undefined, flags: Flags) => {
      process.exitCode = await listen(pattern, flags);
    });
}

async function listen(pattern: string | undefined, flags: Flags): Promise<number> {
  const format = await chooseFormat(flags);
  const isExcluded = excludedBy(flags);
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
  const subscription = bus.listen({ ...listenOptions(pattern, flags), signal: stop.signal });
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
        if (isExcluded(item.tag)) continue;
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
