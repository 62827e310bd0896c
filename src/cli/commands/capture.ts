import type { Command } from 'commander';
import type { BusItem } from '../../bus/queue.ts';
import { MAX_TEXT_BYTES } from '../../codec/capture/records.ts';
import type { RecordOrigin } from '../../codec/capture/records.ts';
import { encodeRecord } from '../../codec/capture/write.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { addBusOptions } from '../bus-options.ts';
import { micros, recordOf } from '../capture/records.ts';
import { openSink } from '../capture/sink.ts';
import type { CaptureSink } from '../capture/sink.ts';
import { addListenOptions, addReadyOption } from '../event-options.ts';
import { Listening } from '../listening.ts';
import type { ListeningFlags } from '../listening.ts';
import { oneLine } from '../terminal.ts';

interface Flags extends ListeningFlags {
  readonly overwrite?: boolean;
}

const EXAMPLES = `
Bytes are kept as they came, with the time at which they came. A file that is there goes on where it ended. A kill loses
nothing that was written; a power failure loses the last second at most. \`saltbus replay\` prints the events or fires
them again. The file is readable by its owner only: events can hold secrets.

Examples:
  saltbus capture events.sbcap                          everything, until Ctrl-C
  saltbus capture events.sbcap 'salt/job/*/ret/*' -n 1000
  saltbus capture events.sbcap --node master --timeout 1h
  saltbus capture - mytag | ssh host 'cat >events.sbcap'

Exit codes: 0 done, 1 not a capture file or writing failed, 64 usage, 69 no bus, 77 no permission, 124 --timeout came first.
`;

/** Adds `saltbus capture`. */
export default function addCapture(program: Command): void {
  const command = program
    .command('capture')
    .description('keep events in a file, as they come')
    .argument('<file>', 'the file, or - for stdout')
    .argument('[pattern]', 'which tags');
  addReadyOption(addListenOptions(command));
  command.optionsGroup('Output:').option('--overwrite', 'begin the file anew, whatever it holds');
  addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, pattern: string | undefined, flags: Flags) => {
      process.exitCode = await capture(file, pattern, flags);
    });
}

async function capture(path: string, pattern: string | undefined, flags: Flags): Promise<number> {
  const opened = await Listening.open(pattern, flags);
  if (typeof opened === 'number') return opened;
  await using listening = opened;
  const { bus, location } = listening;
  const kept = { events: 0, bad: 0, gaps: 0 };
  {
    await using sink = await openSink(path, flags.overwrite === true, listening.stopped);
    if (sink.note !== undefined) process.stderr.write(`saltbus: ${oneLine(sink.note)}\n`);
    sink.onClosed(listening.stop);
    const name = endpointName(location.pub);
    await sink.write(
      encodeRecord({
        kind: 'start',
        time: micros(Date.now()),
        node: location.node,
        framing: undefined,
        bus: name.slice(0, MAX_TEXT_BYTES),
      }),
    );
    await listening.sayReady();
    for await (const items of listening.batches()) {
      await writeRecords(items, { node: location.node, framing: bus.pubFraming }, sink);
      for (const item of items) {
        if (item.kind === 'event') kept.events += 1;
        else if (item.kind === 'gap') kept.gaps += 1;
        else kept.bad += 1;
      }
    }
  }
  const more = [
    kept.bad > 0 ? `, ${kept.bad} that cannot be read` : '',
    kept.gaps > 0 ? `, ${kept.gaps} gaps` : '',
  ];
  process.stderr.write(`saltbus: ${kept.events} events captured${more.join('')}\n`);
  return listening.exitCode;
}

const WRITE_BYTES = 1024 * 1024;

// One write for many events, and never more than about a mebibyte beside what waits in the queue.
async function writeRecords(
  items: readonly BusItem[],
  origin: Omit<RecordOrigin, 'time'>,
  sink: CaptureSink,
): Promise<void> {
  let parts: Buffer[] = [];
  let size = 0;
  for (const item of items) {
    const bytes = encodeRecord(recordOf(item, origin));
    parts.push(bytes);
    size += bytes.length;
    if (size < WRITE_BYTES) continue;
    await sink.write(Buffer.concat(parts, size));
    parts = [];
    size = 0;
  }
  if (size > 0) await sink.write(Buffer.concat(parts, size));
}
