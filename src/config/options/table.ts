/**
 * The table of options: every option of Salt that is read here, with Salt's defaults, and our own settings. Whatever asks
 * for one of them asks here; options of Salt that nobody reads are not in it, and stay unnoticed.
 */
import type { Configured, ConfiguredValues, ConfigNode } from '../configured.ts';
import type { OptionEntry } from './entry.ts';
import { MASTER_OPTIONS } from './master.ts';
import { MINION_OPTIONS } from './minion.ts';
import { OUR_OPTIONS } from './ours.ts';
import { SHARED_OPTIONS } from './shared.ts';

/** The table. */
export const OPTIONS: readonly OptionEntry[] = [
  ...SHARED_OPTIONS,
  ...MINION_OPTIONS,
  ...MASTER_OPTIONS,
  ...OUR_OPTIONS,
];

/** The options that a node has, in the order of the table. */
export function optionsOf(node: ConfigNode): readonly OptionEntry[] {
  return OPTIONS.filter((entry) => entry.only === undefined || entry.only === node);
}

function byName(node: ConfigNode): ReadonlyMap<string, OptionEntry> {
  return new Map(optionsOf(node).map((entry) => [entry.name, entry]));
}

const BY_NAME: Readonly<Record<ConfigNode, ReadonlyMap<string, OptionEntry>>> = {
  minion: byName('minion'),
  master: byName('master'),
};

/** The row of an option; one that a node does not have is a mistake of whoever asks. */
export function entryOf(name: string, node: ConfigNode): OptionEntry {
  const entry = BY_NAME[node].get(name);
  if (entry === undefined) throw new TypeError(`${name} is not in the table of options of a ${node}`);
  return entry;
}

/** Salt's default of an option of the table. */
export function optionDefault(name: string, node: ConfigNode): unknown {
  return entryOf(name, node).value(node);
}

/** The option of a node that names the port of one of its sockets with `ipc_mode: tcp`. */
export function portName(node: ConfigNode, socket: 'pub' | 'pull'): string {
  return node === 'master' ? `tcp_master_${socket}_port` : `tcp_${socket}_port`;
}

/** What the files say of an option; `undefined` where they say nothing, and where they say that nothing is set. */
export function configuredOf(config: ConfiguredValues, entry: OptionEntry): Configured | undefined {
  const configured = config.values.get(entry.name);
  const value = configured?.value;
  if (value === undefined || value === null) return undefined;
  if (value === '' && (entry.kind === 'text' || entry.kind === 'path')) {
    const fallback = entry.value(config.node);
    if (fallback === '' || fallback === null) return undefined;
  }
  return configured;
}
