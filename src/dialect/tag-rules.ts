/**
 * The tags that Salt's daemons treat apart, as data.
 */
import { compileGlob } from '../match/glob.ts';

/** Tags on which a minion daemon acts. */
export interface ReservedPrefix {
  /** Every tag that begins with it is meant. */
  readonly prefix: string;
  /** What the daemon does; one line that can follow a colon. */
  readonly effect: string;
}

function reserved(prefix: string, effect: string): ReservedPrefix {
  return { prefix, effect };
}

/**
 * What a minion daemon (salt-minion, proxy) acts on, in the order in which it looks; the first that fits is taken.
 *
 * It compares prefixes, so `fire_master/anything` is `fire_master`. All of it holds up to Salt 3008.5.
 */
export const RESERVED_PREFIXES: readonly ReservedPrefix[] = [
  // since 0.17
  reserved('module_refresh', 'it reloads its modules'),
  // since 3005; the tag itself changed in 3006.4 and 3007.0, and again in 3006.10 and 3007.2
  reserved('__master_req_channel_payload', 'it sends the data to its master as a request'),
  // since 0.17
  reserved('pillar_refresh', 'it has its pillar compiled anew'),
  // since 2017.7
  reserved('beacons_refresh', 'it reloads its beacons'),
  // since 2019.2
  reserved('matchers_refresh', 'it reloads its matchers'),
  // since 3008
  reserved('resource_refresh', 'it looks for its resources again and tells its master'),
  // since 2014.7
  reserved('manage_schedule', 'it changes its schedule'),
  // since 2015.8
  reserved('manage_beacons', 'it changes its beacons'),
  // since 2014.1
  reserved('grains_refresh', 'it reads its grains again, and its pillar if they changed'),
  // since 2014.7
  reserved('environ_setenv', 'it sets environment variables in its own process'),
  // since 2015.5
  reserved('_minion_mine', 'it sends the data to its master as an update of the mine'),
  // since 2014.1
  reserved('fire_master', 'it forwards the events in the data to its masters'),
  // since 2014.7; fired by the daemon itself on every loss of the publish connection since 3007.15 and 3008.3
  reserved('__master_disconnected', 'it takes its master for lost and reconnects'),
  // since 2016.3
  reserved('__master_failback', 'it leaves its master for the first one in its list'),
  // since 2014.7
  reserved('__master_connected', 'it takes the connection to its master for restored'),
  // since 2016.3
  reserved('__schedule_return', 'it sends the data to its master as the return of a job'),
  // since 2015.5
  reserved('_salt_error', 'it forwards the data to its master under the same tag'),
  // since 2016.3; the data holds the AES key of the session
  reserved('salt/auth/creds', 'it replaces the keys of its session with the master'),
  // since 2019.2
  reserved('__beacons_return', 'it forwards the beacons in the data to its master'),
];

/** What a minion daemon does when it sees a tag; `undefined` when it does nothing but publish it. */
export function reservedPrefix(tag: string): ReservedPrefix | undefined {
  return RESERVED_PREFIXES.find(({ prefix }) => tag.startsWith(prefix));
}

/**
 * The deny-list of a master: what a minion sends under such a tag is dropped with nothing but a log line on the master.
 *
 * Since 3006.12 and 3007.4 (CVE-2025-22239), for events in a list; the same list in 3006.30, 3007.17 and 3008.5.
 */
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

/** The glob of the deny-list that a tag matches; `undefined` when a master fires it. */
export function deniedBy(tag: string): string | undefined {
  return DENIED.find(({ test }) => test(tag))?.glob;
}
