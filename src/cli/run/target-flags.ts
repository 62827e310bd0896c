/**
 * Which minions a command is for: the flags of Salt's own command line.
 */
import type { Command } from 'commander';
import type { RunTarget } from '../../client/run/run-options.ts';
import { SaltbusError } from '../../errors.ts';

/** The values of those flags. */
export interface TargetFlags {
  readonly pcre?: boolean;
  readonly list?: boolean;
  readonly grain?: boolean;
  readonly grainPcre?: boolean;
  readonly pillar?: boolean;
  readonly pillarPcre?: boolean;
  readonly compound?: boolean;
  readonly ipcidr?: boolean;
  readonly nodegroup?: boolean;
  readonly delimiter?: string;
}

const TYPES = [
  ['pcre', 'pcre'],
  ['list', 'list'],
  ['grain', 'grain'],
  ['grainPcre', 'grain_pcre'],
  ['pillar', 'pillar'],
  ['pillarPcre', 'pillar_pcre'],
  ['compound', 'compound'],
  ['ipcidr', 'ipcidr'],
  ['nodegroup', 'nodegroup'],
] as const;

/** Adds the flags. */
export function addTargetFlags(command: Command): Command {
  return command
    .optionsGroup('What TARGET is (default: a glob of ids):')
    .option('-E, --pcre', 'a regular expression of ids')
    .option('-L, --list', 'ids with commas or blanks between them')
    .option('-G, --grain', 'a grain and a glob of its value: os:Deb*')
    .option('-P, --grain-pcre', 'a grain and a regular expression of its value')
    .option('-I, --pillar', 'a key of the pillar and a glob of its value')
    .option('-J, --pillar-pcre', 'a key of the pillar and a regular expression of its value')
    .option('-C, --compound', "several of these: 'G@os:Debian and web* or E@db[0-9]'")
    .option('-S, --ipcidr', 'an address or a network')
    .option('-N, --nodegroup', "a node group of the master's configuration")
    .option('--delimiter <text>', 'between the parts of a lookup in grains or pillar (default: ":")');
}

/**
 * The target that is meant.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for flags that exclude each other
 */
export function targetOf(text: string, flags: TargetFlags): RunTarget {
  const chosen = TYPES.filter(([flag]) => flags[flag] === true);
  const [first, second] = chosen;
  if (second !== undefined) {
    throw new SaltbusError(
      'ERR_SALTBUS_USAGE',
      `The target is said to be of the types ${chosen.map(([, type]) => type).join(' and ')}`,
      { next: 'Say one of them, or put several tests into a compound (-C).' },
    );
  }
  const tgtType = first?.[1] ?? 'glob';
  return {
    tgt: tgtType === 'list' ? idsOf(text) : text,
    tgtType,
    ...(flags.delimiter === undefined ? {} : { delimiter: flags.delimiter }),
  };
}

// as salt does: commas with or without blanks, or blanks alone
function idsOf(text: string): string[] {
  const parts = text.includes(',') ? text.replaceAll(' ', '').split(',') : text.split(/\s+/);
  return parts.filter((part) => part !== '');
}
