/**
 * The options by which every command finds its bus.
 */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Node } from '../bus/bus.ts';
import type { ConnectOptions } from '../client/connect.ts';
import type { BusSelector } from '../client/locate.ts';
import { parseDuration } from './duration.ts';

/** The values of those options, as commander gives them. */
export interface BusFlags {
  readonly node?: Node;
  readonly configDir?: string;
  readonly sockDir?: string;
  readonly id?: string;
  readonly hashType?: string;
  readonly socket?: string;
  readonly dialect?: string;
  readonly wait?: boolean | number;
}

/** Adds the options that name a bus. `wait: false` for commands that look at what is there now. */
export function addBusOptions(command: Command, { wait = true }: { readonly wait?: boolean } = {}): Command {
  command
    .optionsGroup('Which bus:')
    .addOption(
      new Option('--node <node>', 'whose bus (default: the one that is there)').choices(['minion', 'master']),
    )
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option('--sock-dir <dir>', 'the directory of the sockets')
    .option('--id <id>', "the minion's id, which names its sockets")
    .option('--hash-type <name>', 'the hash that turns the id into a name (default: from the configuration)')
    .option('--socket <path>', 'the path of either socket; the other stands beside it')
    .option(
      '--dialect <dialect>',
      'auto, bare, prefixed, prefixed-pull, or a Salt release such as 3007.17',
      'auto',
    );
  return wait
    ? command.option('--wait [duration]', 'wait for a daemon that is not up yet', parseDuration)
    : command;
}

/** The bus that the flags name. */
export function busSelector(flags: Omit<BusFlags, 'dialect' | 'wait'>): BusSelector {
  return {
    ...(flags.node === undefined ? {} : { node: flags.node }),
    ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }),
    ...(flags.sockDir === undefined ? {} : { sockDir: flags.sockDir }),
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...(flags.hashType === undefined ? {} : { hashType: flags.hashType }),
    ...(flags.socket === undefined ? {} : { path: flags.socket }),
  };
}

/** The options for connect() that the flags ask for. */
export function connectOptions(flags: BusFlags): ConnectOptions {
  return {
    ...busSelector(flags),
    ...(flags.dialect === undefined ? {} : { dialect: flags.dialect }),
    ...(flags.wait === undefined ? {} : { wait: flags.wait }),
    onNote: (note) => process.stderr.write(`saltbus: ${note}\n`),
  };
}
