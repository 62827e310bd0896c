import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  boolOption,
  enumOption,
  integerOption,
  listOption,
  maxJobs,
  minionSettings,
  optionalText,
  pathOption,
  secondsOption,
} from '../../config/index.ts';
import type { SaltConfig } from '../../config/index.ts';
import type { DaemonContext, DaemonHandle } from '../../daemon/lifecycle/run-daemon.ts';
import type { MinionSpoolOptions } from '../../daemon/minion/minion-spools.ts';
import { startMinion } from '../../daemon/minion/minion.ts';
import { daemonConfig, logConfig } from '../daemon-config.ts';
import { lifeOf, logLevelFlag, logLevelFor, runDaemonCommand } from '../daemon.ts';
import type { LogLevel } from '../log.ts';
import { minionBus } from '../minion/minion-bus.ts';
import { logMinion } from '../minion/minion-log.ts';

interface MinionFlags {
  readonly configDir?: string;
  readonly id?: string;
  readonly dialect?: string;
  readonly logLevel?: LogLevel;
}

const EXAMPLES = `
A minion to its master as any other: accept its key there with salt-key -a ID. It runs the functions that sys.list_functions
shows, serves the event bus of this host's minion, and forwards what is fired there for the master.

Examples:
  saltbus minion                    with /etc/salt/minion
  saltbus minion -c /srv/minion     with another configuration
`;

/** Adds `saltbus minion`. */
export default function addMinion(program: Command): void {
  program
    .command('minion')
    .description('a minion under a salt-master')
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option('--id <id>', 'the id (default: from the configuration)')
    .option(
      '--dialect <release>',
      'what programs on its bus speak: a Salt release (default: the one installed here, or the newest)',
    )
    .addOption(logLevelFlag())
    .addHelpText('after', EXAMPLES)
    .action(async (flags: MinionFlags) => {
      process.exitCode = await serve(flags);
    });
}

function configOf({ configDir }: MinionFlags, before?: SaltConfig): SaltConfig {
  return daemonConfig({ node: 'minion', ...(configDir === undefined ? {} : { configDir }) }, before);
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

function serve(flags: MinionFlags): Promise<number> {
  const config = configOf(flags);
  const { id } = minionSettings(config, flags.id);
  return runDaemonCommand({
    ...lifeOf(config),
    kind: 'minion',
    name: `saltbus minion ${id}`,
    logLevel: logLevelFor(flags.logLevel, config),
    start: (context) => start(flags, config, context),
  });
}

/** Where and how events wait for the master on disk; `undefined` where that is switched off. */
function spoolOf(config: SaltConfig): MinionSpoolOptions | undefined {
  if (!boolOption(config, 'saltbus.spool').value) return undefined;
  return {
    directory: join(pathOption(config, 'cachedir').value, 'saltbus'),
    limits: {
      count: integerOption(config, 'saltbus.spool_events').value,
      bytes: integerOption(config, 'saltbus.spool_bytes').value,
      ageMs: secondsOption(config, 'saltbus.spool_age').value * 1000,
    },
    policy: enumOption(config, 'saltbus.spool_full', ['refuse', 'drop-oldest', 'drop-newest']).value,
    tellsIds: boolOption(config, 'saltbus.event_ids').value,
  };
}

async function start(flags: MinionFlags, config: SaltConfig, { log }: DaemonContext): Promise<DaemonHandle> {
  logConfig(config, log);
  logMinion(log);
  const settings = minionSettings(config, flags.id);
  const release = flags.dialect ?? optionalText(config, 'saltbus.dialect');
  const minion = await startMinion({
    settings,
    version: ownVersion(),
    ...minionBus(config, settings.id, release, listOption(config, 'saltbus.also').value),
    spool: spoolOf(config),
    forward: {
      maxItems: integerOption(config, 'saltbus.forward_queue_events').value,
      maxBytes: integerOption(config, 'saltbus.forward_queue_bytes').value,
    },
    jobs: { maxRunning: maxJobs(config) },
  });
  if (minion.isKeyNew) log.info({ fingerprint: minion.fingerprint }, 'a key pair was made');
  const masters = minion.status.masters.map(({ master }) => master).join(', ');
  return {
    ready: `serving the bus of ${settings.id}, signing in to ${masters}`,
    failed: minion.failed,
    reload: async () => {
      await minion.refresh(minionSettings(configOf(flags, config), flags.id));
    },
    close: async (options) => {
      await minion.close(options);
      const { jobs, forwarding, returns } = minion.status;
      log.info({ jobs, forwarding, returns }, 'stopped');
    },
  };
}
