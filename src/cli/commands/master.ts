import { Option } from 'commander';
import type { Command } from 'commander';
import { busLocations } from '../../client/locate.ts';
import { installedSalt, loadSaltConfig, masterSettings } from '../../config/index.ts';
import { startMaster } from '../../daemon/master/master.ts';
import { NEWEST_RELEASE } from '../../dialect/releases.ts';
import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { alsoPair, pairOf, traitsFor } from '../bus-pairs.ts';
import { EXIT } from '../exit-codes.ts';
import { openLog } from '../log.ts';
import { collect } from '../option-values.ts';
import { reportError } from '../report-error.ts';
import { onStopSignal } from '../stop-signal.ts';

interface MasterFlags {
  readonly configDir?: string;
  readonly dialect?: string;
  readonly also?: readonly string[];
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
    .addOption(
      new Option(
        '--dialect <release>',
        `the Salt release that it is like on its bus (default: the one installed here, or ${NEWEST_RELEASE})`,
      ),
    )
    .option(
      '--also <dir=release>',
      'a further pair of bus sockets, with the dialect of a release (can be given again)',
      collect,
    )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: MasterFlags) => {
      process.exitCode = await serve(flags);
    });
}

async function serve(flags: MasterFlags): Promise<number> {
  const selector = {
    node: 'master' as const,
    ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }),
  };
  const traits = traitsFor(flags.dialect ?? installedSalt()?.version ?? NEWEST_RELEASE);
  const settings = masterSettings(loadSaltConfig(selector));
  const [location] = busLocations(selector);
  if (location === undefined) throw new SaltbusError('ERR_SALTBUS_USAGE', 'There is no place for the bus');
  const log = await openLog();
  let stop: (error?: SaltbusError) => void = () => undefined;
  const stopped = new Promise<SaltbusError | undefined>((resolve) => {
    stop = resolve;
  });
  onStopSignal(() => stop());
  await using master = await startMaster({
    settings,
    traits,
    pairs: [pairOf(location, traits), ...(flags.also ?? []).map((text) => alsoPair(text, selector))],
    onDisplaced: (error) => stop(error),
  });
  const { request, publish, bus } = master.status;
  log.info(
    { request: endpointName(request), publish: endpointName(publish), bus: bus.map(({ pub }) => endpointName(pub)) },
    'the master is ready',
  );
  const error = await stopped;
  return error === undefined ? EXIT.ok : reportError(error, false);
}
