import { join } from 'node:path';
import type { Command } from 'commander';
import { busLocations } from '../../client/locate.ts';
import {
  boolOption,
  installedSalt,
  integerOption,
  listOption,
  optionalText,
  pathOption,
  secondsOption,
} from '../../config/index.ts';
import { fingerprint } from '../../codec/rsa/pem.ts';
import type { SaltConfig } from '../../config/index.ts';
import type { DaemonLog } from '../../daemon/lifecycle/log.ts';
import type { DaemonHandle } from '../../daemon/lifecycle/run-daemon.ts';
import type { AcceptedOptions } from '../../daemon/master/accepted.ts';
import { checkedMasterSettings } from '../../daemon/master/checked-settings.ts';
import { startMaster } from '../../daemon/master/master.ts';
import { NEWEST_RELEASE } from '../../dialect/releases.ts';
import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { alsoPair, pairOf, traitsFor } from '../bus-pairs.ts';
import { daemonConfig, logConfig } from '../daemon-config.ts';
import { lifeOf, logLevelFlag, logLevelFor, runDaemonCommand } from '../daemon.ts';
import type { LogLevel } from '../log.ts';
import { logMaster } from '../master-log.ts';
import { collect } from '../option-values.ts';

interface MasterFlags {
  readonly configDir?: string;
  readonly dialect?: string;
  readonly also?: readonly string[];
  readonly logLevel?: LogLevel;
}

const EXAMPLES = `
It reads the configuration of a salt-master and stands in its place: minions of Salt 3006, 3007 and 3008 sign in to it, and
salt and salt-key of a real Salt on the same host work with it.

Examples:
  saltbus master                           as /etc/salt/master says
  saltbus master -c ./salt --dialect 3006.30
`;

/** Adds `saltbus master`. */
export default function addMaster(program: Command): void {
  program
    .command('master')
    .description('run a master of our own')
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option(
      '--dialect <release>',
      `the Salt release that it is like on its bus (default: the one installed here, or ${NEWEST_RELEASE})`,
    )
    .option(
      '--also <dir=release>',
      'a further pair of bus sockets, with the dialect of a release (can be given again)',
      collect,
    )
    .addOption(logLevelFlag())
    .addHelpText('after', EXAMPLES)
    .action(async (flags: MasterFlags) => {
      process.exitCode = await serve(flags);
    });
}

function selectorOf(flags: MasterFlags): { readonly node: 'master'; readonly configDir?: string } {
  return { node: 'master', ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }) };
}

async function serve(flags: MasterFlags): Promise<number> {
  const config = daemonConfig(selectorOf(flags));
  return await runDaemonCommand({
    kind: 'master',
    name: 'saltbus master',
    logLevel: logLevelFor(flags.logLevel, config),
    ...lifeOf(config),
    start: async ({ log }) => await start(flags, log),
  });
}

/** Where and how long events of minions are kept; `undefined` where that is switched off. */
function acceptedOf(config: SaltConfig): AcceptedOptions | undefined {
  if (!boolOption(config, 'saltbus.accepted').value) return undefined;
  return {
    path: join(pathOption(config, 'cachedir').value, 'saltbus', 'accepted.db'),
    maxCount: integerOption(config, 'saltbus.accepted_events').value,
    maxAgeMs: secondsOption(config, 'saltbus.accepted_age').value * 1000,
  };
}

async function start(flags: MasterFlags, log: DaemonLog): Promise<DaemonHandle> {
  const selector = selectorOf(flags);
  const config = daemonConfig(selector);
  logConfig(config, log);
  const release =
    flags.dialect ?? optionalText(config, 'saltbus.dialect') ?? installedSalt()?.version ?? NEWEST_RELEASE;
  const traits = traitsFor(release);
  const [location] = busLocations(selector);
  if (location === undefined) throw new SaltbusError('ERR_SALTBUS_USAGE', 'There is no place for the bus');
  const also = flags.also ?? listOption(config, 'saltbus.also').value;
  let displaced: (error: SaltbusError) => void = () => undefined;
  const failed = new Promise<SaltbusError>((resolve) => {
    displaced = resolve;
  });
  logMaster(log);
  const settings = checkedMasterSettings(config);
  const master = await startMaster({
    settings,
    traits,
    pairs: [pairOf(location, traits), ...also.map((text) => alsoPair(text, selector))],
    accepted: acceptedOf(config),
    onDisplaced: displaced,
  });
  const { publicPem, created } = master.ownKey;
  if (created)
    log.info({ fingerprint: fingerprint(publicPem, settings.keys.hashType) }, 'a key pair was made');
  const { request, publish, bus, keys } = master.status;
  return {
    ready: 'taking requests',
    fields: {
      request: endpointName(request),
      publish: endpointName(publish),
      bus: bus.map(({ pub }) => endpointName(pub)).join(' '),
      dialect: release,
      ...keys,
    },
    failed,
    reload: async () => {
      await master.reload(checkedMasterSettings(daemonConfig(selector, config)));
    },
    close: async (options) => {
      await master.close(options);
      const { requests, events, accepted, published, requestPort } = master.counters;
      log.info(
        {
          requests: requests.requests,
          refused: sum(requests.refused),
          declined: sum(requests.declined),
          events: events.fired,
          ...(accepted === undefined ? {} : { accepted: accepted.accepted, copies: accepted.copies }),
          published,
          connections: requestPort.accepted,
        },
        'stopped',
      );
    },
  };
}

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
