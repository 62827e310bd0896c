/**
 * `_master_opts`: the options that a minion takes over from its master before it renders states.
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { isTruthy } from './load.ts';
import type { Load } from './load.ts';

// Field and default, in the order in which masters send them (3006.30, 3007.17, 3008.5).
const WITH_ENVIRONMENTS: readonly (readonly [string, ExactValue])[] = [
  ['top_file_merging_strategy', 'merge'],
  ['env_order', []],
  ['default_top', 'base'],
];

const OTHERS: readonly (readonly [string, ExactValue])[] = [
  ['renderer', 'jinja|yaml'],
  ['failhard', false],
  ['state_top', 'top.sls'],
  ['state_top_saltenv', null],
  ['nodegroups', new Map()],
  ['state_auto_order', true],
  ['state_events', false],
  ['state_aggregate', false],
  ['jinja_env', new Map()],
  ['jinja_sls_env', new Map()],
  ['jinja_lstrip_blocks', false],
  ['jinja_trim_blocks', false],
];

/**
 * The answer: environments without their folders, and the options.
 * @param configured - options of the master by name; what is not in it has Salt's default
 */
export function masterOpts(
  load: Load,
  environments: readonly string[],
  configured: ReadonlyMap<string, ExactValue> = new Map(),
): Load {
  const roots = new Map<ExactValue, ExactValue>(environments.map((name) => [name, []]));
  const fields = isTruthy(load.get('env_only')) ? WITH_ENVIRONMENTS : [...WITH_ENVIRONMENTS, ...OTHERS];
  return new Map<ExactValue, ExactValue>([
    ['file_roots', roots],
    ...fields.map(([name, fallback]) => [name, configured.get(name) ?? fallback] as [ExactValue, ExactValue]),
  ]);
}
