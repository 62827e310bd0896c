import type { Command } from 'commander';
import { addBusOptions } from '../bus-options.ts';
import { addListenOptions, addReadyOption } from '../event-options.ts';
import { Listening } from '../listening.ts';
import type { ListeningFlags } from '../listening.ts';
import { addOutputOptions, chooseFormat, writeItems } from '../output/items.ts';
import type { OutputFlags } from '../output/items.ts';
import { StdoutWriter } from '../output/writer.ts';

type Flags = ListeningFlags & OutputFlags;

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
  addReadyOption(addListenOptions(command));
  addOutputOptions(command);
  addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (pattern: string | undefined, flags: Flags) => {
      process.exitCode = await listen(pattern, flags);
    });
}

async function listen(pattern: string | undefined, flags: Flags): Promise<number> {
  const format = await chooseFormat(flags);
  const opened = await Listening.open(pattern, flags);
  if (typeof opened === 'number') return opened;
  await using listening = opened;
  await listening.sayReady();
  const out = new StdoutWriter(listening.stopped);
  out.onClosed(listening.stop);
  for await (const items of listening.batches()) await writeItems(items, format, out);
  await out.finish(listening.exitCode);
  return listening.exitCode;
}
