/**
 * What Salt's daemons do with certain tags, as data.
 */
import { compileGlob } from '../match/index.ts';

/** A tag prefix on which a minion daemon acts when it comes over its own bus. */
export interface ReservedPrefix {
  readonly prefix: string;
  /** What the daemon does, in a few words. */
  readonly effect: string;
}

function reserve(prefix: string, effect: string): ReservedPrefix {
  return { prefix, effect };
}

/** The prefixes in the order in which a minion tries them (3006.30, 3007.17, 3008.5; each with its first release). */
export const RESERVED_PREFIXES: readonly ReservedPrefix[] = [
  reserve('module_refresh', 'it loads its modules again (0.17)'),
  reserve('__master_req_channel_payload', 'it sends the data to its master as a request (3005)'),
  reserve('pillar_refresh', 'it compiles its pillar again (0.17)'),
  reserve('beacons_refresh', 'it loads its beacons again (2017.7)'),
  reserve('matchers_refresh', 'it loads its matchers again (2019.2)'),
  reserve('resource_refresh', 'it looks for its resources again (3008)'),
  reserve('manage_schedule', 'it changes its schedule (2014.7)'),
  reserve('manage_beacons', 'it changes its beacons (2015.8)'),
  reserve('grains_refresh', 'it collects its grains again (2014.1)'),
  reserve('environ_setenv', 'it sets environment variables of the daemon (2014.7)'),
  reserve('_minion_mine', 'it sends the data to the mine of its master (2015.5)'),
  reserve('fire_master', 'it forwards the data to its master (2014.1)'),
  reserve('__master_disconnected', 'it takes its connection for broken (2014.7)'),
  reserve('__master_failback', 'it goes back to its first master (2016.3)'),
  reserve('__master_connected', 'it takes its connection for restored (2014.7)'),
  reserve('__schedule_return', 'it sends the data to its master as the result of a job (2016.3)'),
  reserve('_salt_error', 'it forwards the data to its master as an error (2015.5)'),
  reserve('salt/auth/creds', 'it replaces its session credentials (2016.3)'),
  reserve('__beacons_return', 'it forwards the data to its master as beacon events (2019.2)'),
];

/** The prefix on which a minion daemon would act, if any. */
export function reservedPrefix(tag: string): ReservedPrefix | undefined {
  return RESERVED_PREFIXES.find(({ prefix }) => tag.startsWith(prefix));
}

/** Tags that a master drops when a minion sends them (3006.12, 3007.4 and later; CVE-2025-22239). */
export const DENIED_GLOBS: readonly string[] = [
  'salt/job/*/publish',
  'salt/job/*/new',
  'salt/job/*/return',
  'salt/key',
  'salt/cloud/*',
  'salt/run/*',
  'salt/cluster/*',
  'salt/wheel/*/new',
  'salt/wheel/*/return',
];

const DENIED = DENIED_GLOBS.map((glob) => ({ glob, test: compileGlob(glob).test }));

/** The pattern of the deny-list that a tag matches, if any. */
export function deniedBy(tag: string): string | undefined {
  return DENIED.find(({ test }) => test(tag))?.glob;
}
