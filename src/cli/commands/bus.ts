import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Node } from '../../bus/bus.ts';
import { busLocations } from '../../client/locate.ts';
import type { BusLocation } from '../../client/locate.ts';
import { installedSalt } from '../../config/index.ts';
import { serveBus } from '../../daemon/bus-server.ts';
import type { DaemonLog } from '../../daemon/lifecycle/log.ts';
import type { DaemonHandle } from '../../daemon/lifecycle/run-daemon.ts';
import { NEWEST_RELEASE } from '../../dialect/releases.ts';
import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { busSelector } from '../bus-options.ts';
import { alsoPair, pairOf, traitsFor } from '../bus-pairs.ts';
import { logLevelFlag, runDaemonCommand } from '../daemon.ts';
import { parseDuration } from '../duration.ts';
import type { LogLevel } from '../log.ts';
import { collect } from '../option-values.ts';

interface BusDaemonFlags {
  readonly node: Node;
  readonly configDir?: string;
  readonly sockDir?: string;
  readonly id?: string;
  readonly hashType?: string;
  readonly dialect?: string;
  readonly also?: readonly string[];
  readonly outbox?: number;
  readonly drainTimeout?: number;
  readonly logLevel?: LogLevel;
}

const EXAMPLES = `
It serves the two sockets that a Salt daemon would, with the same names and modes, so that Salt's own Python clients work
on it unchanged. Where this user may not write to Salt's directory, the sockets are kept in a directory of the user's
own, in which listen and fire look by themselves.

Examples:
  saltbus bus                                    the bus of a minion
  saltbus bus --node master --dialect 3006.30    as Salt 3006.30 speaks it
  saltbus bus --sock-dir /tmp/bus --id web01 --also /tmp/bus-old=3006.25
`;

/** Adds `saltbus bus`. */
export default function addBus(program: Command): void {
  program
    .command('bus')
    .description('serve an event bus of our own')
    .addOption(
      new Option('--node <node>', 'whose bus it stands for').choices(['minion', 'master']).default('minion'),
    )
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option('--sock-dir <dir>', 'the directory of the sockets')
    .option('--id <id>', "the minion's id, which names its sockets")
    .option('--hash-type <name>', 'the hash that turns the id into a name (default: from the configuration)')
    .option(
      '--dialect <release>',
      `what subscribers read: a Salt release (default: the one installed here, or ${NEWEST_RELEASE})`,
    )
    .option(
      '--also <dir=release>',
      'a further pair of sockets, with the dialect of a release (can be given again)',
      collect,
    )
    .option('--outbox <size>', 'most that waits for one subscriber, for example 16M', parseSize)
    .option(
      '--drain-timeout <duration>',
      'cut a subscriber that takes nothing for so long (default: 60s)',
      parseDuration,
    )
    .addOption(logLevelFlag())
    .addHelpText('after', EXAMPLES)
    .action(async (flags: BusDaemonFlags) => {
      process.exitCode = await serve(flags);
    });
}

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['K', 1024],
  ['M', 1024 ** 2],
  ['G', 1024 ** 3],
]);

function parseSize(text: string): number {
  const match = /^(\d+)([KMG]?)$/i.exec(text);
  const unit = SIZE_UNITS.get((match?.[2] ?? '').toUpperCase());
  if (match === null || unit === undefined)
    throw new InvalidArgumentError('It must be a size such as 512K or 16M.');
  return Number(match[1]) * unit;
}

function serve(flags: BusDaemonFlags): Promise<number> {
  return runDaemonCommand({
    kind: 'bus',
    name: 'saltbus bus',
    logLevel: flags.logLevel,
    // Its sockets are its lock, and whoever starts it is its user: it keeps nothing else.
    start: async ({ log }) => await startBus(flags, log),
  });
}

async function startBus(flags: BusDaemonFlags, log: DaemonLog): Promise<DaemonHandle> {
  const release = flags.dialect ?? installedSalt()?.version ?? NEWEST_RELEASE;
  let displaced: (error: SaltbusError) => void = () => undefined;
  const failed = new Promise<SaltbusError>((resolve) => {
    displaced = resolve;
  });
  const server = await serveBus({
    pairs: [
      pairOf(chooseLocation(flags), traitsFor(release)),
      ...(flags.also ?? []).map((text) => alsoPair(text, busSelector(flags))),
    ],
    ...(flags.outbox === undefined ? {} : { outboxBytes: flags.outbox }),
    ...(flags.drainTimeout === undefined ? {} : { drainTimeoutMs: flags.drainTimeout }),
    onDisplaced: displaced,
  });
  const [first, ...others] = server.pairs.map(({ pub, pull }) => ({
    pub: endpointName(pub),
    pull: endpointName(pull),
  }));
  for (const pair of others) log.info({ ...pair }, `the same ${flags.node} bus is here too`);
  return {
    ready: `serving the ${flags.node} bus`,
    fields: { ...first, dialect: release },
    failed,
    close: async () => {
      await server.close();
      log.info({ ...server.broker.counters }, 'stopped');
    },
  };
}

// The first place is Salt's, the second this user's own; what was said outright is the only one.
function chooseLocation(flags: BusDaemonFlags): BusLocation {
  const locations = busLocations(busSelector(flags));
  const [first] = locations;
  if (first === undefined) throw new SaltbusError('ERR_SALTBUS_USAGE', 'There is no place for the bus');
  return locations.find((location) => isWritable(location)) ?? first;
}

function isWritable(location: BusLocation): boolean {
  if (location.pub.kind !== 'unix') return true;
  let directory = dirname(location.pub.path);
  while (!existsSync(directory) && dirname(directory) !== directory) directory = dirname(directory);
  try {
    accessSync(directory, constants.W_OK);
    return statSync(directory).isDirectory();
  } catch {
    return false;
  }
}
