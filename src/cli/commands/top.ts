import type { Command } from 'commander';
import { connectTo } from '../../client/connect.ts';
import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { addBusOptions, connectOptions } from '../bus-options.ts';
import type { BusFlags } from '../bus-options.ts';
import { addTagOptions, excludedBy, listenOptions } from '../event-options.ts';
import type { TagFlags } from '../event-options.ts';
import { EXIT } from '../exit-codes.ts';
import { positive } from '../option-values.ts';
import { onStopSignal } from '../stop-signal.ts';
import { hasColor } from '../terminal.ts';
import { TopView } from '../top/driver.ts';
import { glyphsFor } from '../top/lines.ts';
import { restoreOnEveryExit } from '../top/restore.ts';
import { ownTerminal } from '../top/terminal-device.ts';

interface Flags extends BusFlags, TagFlags {
  readonly limit?: number;
  readonly color: boolean;
}

const EXAMPLES = `
Keys: space pauses the view (the bus is read on), / opens the filter box, Enter shows the event, r the rates by the first
two parts of the tag, q ends it. The line of the last minute shows a second without events (a dot), a second with events
(a bar), and a second in which events may have been missed (a cross) in different ways; a ? is what nobody can know.

  received  events that came to the view
  dropped   events that the queue of this program had no room for
  gaps      places where events are missing, or may be
  shed      events that went by faster than they could be drawn
  hidden    events that the filter box keeps out

Only the publish socket is opened: nothing is ever fired.

Examples:
  saltbus top
  saltbus top 'salt/job/*' --node master
  saltbus top -x 'salt/auth' -x 'minion_ping'

Exit codes: 0 done, 64 no terminal or usage, 69 no bus, 77 no permission.
`;

/** Adds `saltbus top`. */
export default function addTop(program: Command): void {
  const command = program
    .command('top')
    .description('watch a bus: a live list, rates, gaps and losses')
    .argument('[pattern]', 'which tags');
  addTagOptions(command)
    .option('--limit <n>', 'most events that wait for the view', positive)
    .optionsGroup('Output:')
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)');
  addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (pattern: string | undefined, flags: Flags) => {
      process.exitCode = await top(pattern, flags);
    });
}

async function top(pattern: string | undefined, flags: Flags): Promise<number> {
  let suspend: () => void = () => undefined;
  const device = ownTerminal(() => {
    suspend();
  });
  const isExcluded = excludedBy(flags);
  const stop = new AbortController();
  onStopSignal(() => {
    stop.abort();
  });
  let connected;
  try {
    connected = await connectTo({ ...connectOptions(flags), signal: stop.signal });
  } catch (error) {
    device.close();
    if (!(error instanceof SaltbusError) || !stop.signal.aborted) throw error;
    return EXIT.ok;
  }
  await using bus = connected.bus;
  const { node, pub } = connected.location;
  const view = new TopView({
    device,
    listen: () => bus.listen(listenOptions(pattern, flags)),
    endpoint: endpointName(pub),
    title: `${node} bus ${endpointName(pub)}${pattern === undefined ? '' : `  ${pattern}`}`,
    isExcluded,
    color: hasColor(process.stdout, flags.color),
    glyphs: glyphsFor(process.env),
  });
  const restore = restoreOnEveryExit(view);
  suspend = restore.suspend;
  stop.signal.addEventListener('abort', () => {
    view.stop();
  });
  try {
    if (!stop.signal.aborted) await view.run();
  } finally {
    restore.done();
  }
  return EXIT.ok;
}
