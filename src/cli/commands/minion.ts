import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  checkOwnSettings,
  integerOption,
  listOption,
  loadSaltConfig,
  maxJobs,
  minionSettings,
  optionalText,
} from '../../config/index.ts';
import type { SaltConfig } from '../../config/index.ts';
import type { DaemonContext, DaemonHandle } from '../../daemon/lifecycle/run-daemon.ts';
import { startMinion } from '../../daemon/minion/minion.ts';
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

function configOf({ configDir }: MinionFlags): SaltConfig {
  const config = loadSaltConfig({ node: 'minion', ...(configDir === undefined ? {} : { configDir }) });
  checkOwnSettings(config);
  return config;
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

async function start(flags: MinionFlags, config: SaltConfig, { log }: DaemonContext): Promise<DaemonHandle> {
  for (const warning of config.warnings) log.warn({}, warning);
  logMinion(log);
  const settings = minionSettings(config, flags.id);
  const release = flags.dialect ?? optionalText(config, 'saltbus.dialect');
  const minion = await startMinion({
    settings,
    version: ownVersion(),
    ...minionBus(config, settings.id, release, listOption(config, 'saltbus.also').value),
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
      await minion.refresh(minionSettings(configOf(flags), flags.id));
    },
    close: async (options) => {
      await minion.close(options);
      const { jobs, forwarding, returns } = minion.status;
      log.info({ jobs, forwarding, returns }, 'stopped');
    },
  };
}
