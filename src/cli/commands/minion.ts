import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { checkOwnSettings, integerOption, listOption, loadSaltConfig, maxJobs, minionSettings, optionalText } from '../../config/index.ts';
import { startMinion } from '../../daemon/minion/minion.ts';
import { EXIT } from '../exit-codes.ts';
import { openLog } from '../log.ts';
import { minionBus } from '../minion/minion-bus.ts';
import { logMinion } from '../minion/minion-log.ts';
import { reportError } from '../report-error.ts';
import { onStopSignal } from '../stop-signal.ts';

interface MinionFlags {
  readonly configDir?: string;
  readonly id?: string;
  readonly dialect?: string;
}

const EXAMPLES = `
A minion to its master as any other: accept its key there with salt-key -a ID. It runs the functions that sys.list_functions
shows, owns the event bus of this host's minion, and forwards what is fired there for the master.

Examples:
  saltbus minion                    with /etc/salt/minion
  saltbus minion -c /srv/minion     with another configuration
`;

/** Adds `saltbus minion`. */
export default function addMinion(program: Command): void {
  program
    .command('minion')
    .description('a minion under a salt-master, or under ours')
    .option('-c, --config-dir <dir>', "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)")
    .option('--id <id>', 'the id (default: from the configuration)')
    .addOption(new Option('--dialect <release>', 'what programs on its bus speak: a Salt release (default: the one installed here, or the newest)'))
    .addHelpText('after', EXAMPLES)
    .action(async (flags: MinionFlags) => {
      process.exitCode = await run(flags);
    });
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

async function run(flags: MinionFlags): Promise<number> {
  const config = loadSaltConfig({
    node: 'minion',
    ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }),
  });
  checkOwnSettings(config);
  const settings = minionSettings(config, flags.id);
  const log = await openLog();
  logMinion(log);
  const minion = await startMinion({
    settings,
    version: ownVersion(),
    ...minionBus(config, settings.id, flags.dialect ?? optionalText(config, 'saltbus.dialect'), listOption(config, 'saltbus.also').value),
    forward: {
      maxItems: integerOption(config, 'saltbus.forward_queue_events').value,
      maxBytes: integerOption(config, 'saltbus.forward_queue_bytes').value,
    },
    jobs: { maxRunning: maxJobs(config) },
  });
  const stop = new Promise<undefined>((resolve) => {
    onStopSignal(() => {
      resolve(undefined);
    });
  });
  void minion.ready.then(() => {
    log.info({ id: minion.id }, `the minion ${minion.id} is ready`);
  });
  const error = await Promise.race([minion.failed, stop]);
  await minion.close({ signal: AbortSignal.timeout(10_000) });
  log.info({ ...minion.status.jobs }, 'stopped');
  return error === undefined ? EXIT.ok : reportError(error, false);
}
