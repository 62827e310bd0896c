/**
 * What a master's configuration says of the daemon.
 */
import { SaltbusError } from '../errors.ts';
import { eventRules } from './event-rules.ts';
import type { EventRule } from './event-rules.ts';
import { masterKeySettings } from './key-settings.ts';
import type { MasterKeySettings } from './key-settings.ts';
import {
  boolOption,
  enumOption,
  integerOption,
  isConfigured,
  listOption,
  mapOption,
  optionValue,
  optionalText,
  placeBefore,
  secondsOption,
  textOption,
  unfit,
} from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';

/** The settings of a master, with Salt's defaults (3006.30, 3007.17, 3008.5); times are in milliseconds. */
export interface MasterSettings {
  readonly keys: MasterKeySettings;
  /** Address that both ports listen on. */
  readonly interface: string;
  readonly retPort: number;
  readonly publishPort: number;
  /** Publications that may wait for one minion; 0: any number, as far as the bytes allow. */
  readonly pubHwm: number;
  readonly zmqBacklog: number;
  /** Idle time before TCP keepalive probes; 0: none. */
  readonly keepAliveMs: number;
  /** ZMTP heartbeats on both ports; `undefined`: none. */
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  readonly zmqFiltering: boolean;
  readonly signPubMessages: boolean;
  readonly publishSigningAlgorithm: 'PKCS1v15-SHA1' | 'PKCS1v15-SHA224';
  /** How long the session key of a minion lives; `undefined`: for ever. */
  readonly publishSessionMs: number | undefined;
  readonly minimumAuthVersion: number;
  /** In seconds, as the channel takes it. */
  readonly requestServerTtl: number;
  readonly presenceEvents: boolean;
  /** How often it is looked who is connected, and which jobs are too old. */
  readonly loopIntervalMs: number;
  readonly minionDataCache: boolean;
  readonly minionDataCacheEvents: boolean;
  readonly preserveMinionCache: boolean;
  readonly fileRoots: ReadonlyMap<string, readonly string[]>;
  readonly fileBufferSize: number;
  readonly fileIgnoreGlobs: readonly string[];
  readonly fileIgnoreRegexes: readonly string[];
  readonly followSymlinks: boolean;
  readonly ignoreSymlinks: boolean;
  readonly fileListCacheMs: number;
  readonly nodegroups: Readonly<Record<string, string | readonly string[]>>;
  readonly masterSignPubkey: boolean;
  readonly masterSignKeyName: string;
  /** The file of a signature that was made elsewhere; `undefined`: it is made here. */
  readonly masterPubkeySignature: string | undefined;
  readonly jobCache: boolean;
  /** 0: jobs are kept until there is no room. */
  readonly keepJobsMs: number;
  /** Who may publish what, besides the user of the master, in Salt's forms. */
  readonly publisherAcl: ReadonlyMap<string, readonly unknown[]>;
  readonly publisherAclBlacklist: { readonly users: readonly string[]; readonly modules: readonly string[] };
  readonly sudoAcl: boolean;
  readonly pingOnRotate: boolean;
  readonly allowMinionKeyRevoke: boolean;
  /** `mine_get`: who may read which functions of the mine; `undefined`: everybody all. */
  readonly mineAccess: ReadonlyMap<string, readonly string[]> | undefined;
  /** Options that minions ask for, where they are configured. */
  readonly forMinions: ReadonlyMap<string, unknown>;
  /** A folder of YAML files with pillar, by globs of ids; ours. */
  readonly pillarFolder: string | undefined;
  readonly maxPending: number;
  readonly maxJobs: number;
  readonly maxSignIns: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly newMinionsPerSecond: number;
  /** `minion_event_acl`, before the rules that hold without it. */
  readonly eventRules: readonly EventRule[];
  /** Whether the verified sender is put into each event of a minion. */
  readonly stampSender: boolean;
}

// `_master_opts`; what is not configured is told with Salt's default by whoever answers.
const FOR_MINIONS = [
  'renderer',
  'failhard',
  'state_top',
  'state_top_saltenv',
  'nodegroups',
  'state_auto_order',
  'state_events',
  'state_aggregate',
  'jinja_env',
  'jinja_sls_env',
  'jinja_lstrip_blocks',
  'jinja_trim_blocks',
  'top_file_merging_strategy',
  'env_order',
  'default_top',
] as const;

/**
 * Reads the settings.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense
 */
export function masterSettings(config: SaltConfig): MasterSettings {
  const bool = (name: string): boolean => boolOption(config, name).value;
  const whole = (name: string): number => integerOption(config, name).value;
  const session = whole('publish_session');
  const useSignature = bool('master_use_pubkey_signature');
  checkPorts(config);
  return {
    keys: masterKeySettings(config),
    interface: textOption(config, 'interface').value,
    retPort: whole('ret_port'),
    publishPort: whole('publish_port'),
    pubHwm: whole('pub_hwm'),
    zmqBacklog: whole('zmq_backlog'),
    keepAliveMs: keepAliveMs(config),
    heartbeat: heartbeat(whole('zmq_heartbeat_ivl'), whole('zmq_heartbeat_timeout')),
    zmqFiltering: bool('zmq_filtering'),
    signPubMessages: bool('sign_pub_messages'),
    publishSigningAlgorithm: enumOption(config, 'publish_signing_algorithm', [
      'PKCS1v15-SHA1',
      'PKCS1v15-SHA224',
    ]).value,
    publishSessionMs: session === 0 ? undefined : session * 1000,
    minimumAuthVersion: whole('minimum_auth_version'),
    requestServerTtl: whole('request_server_ttl'),
    presenceEvents: bool('presence_events'),
    loopIntervalMs: whole('loop_interval') * 1000,
    minionDataCache: bool('minion_data_cache'),
    minionDataCacheEvents: bool('minion_data_cache_events'),
    preserveMinionCache: bool('preserve_minion_cache'),
    fileRoots: fileRoots(config),
    fileBufferSize: whole('file_buffer_size'),
    fileIgnoreGlobs: listOption(config, 'file_ignore_glob').value,
    fileIgnoreRegexes: listOption(config, 'file_ignore_regex').value,
    followSymlinks: bool('fileserver_followsymlinks'),
    ignoreSymlinks: bool('fileserver_ignoresymlinks'),
    fileListCacheMs: secondsOption(config, 'fileserver_list_cache_time').value * 1000,
    nodegroups: nodegroups(config),
    masterSignPubkey: bool('master_sign_pubkey'),
    masterSignKeyName: textOption(config, 'master_sign_key_name').value,
    masterPubkeySignature: useSignature ? textOption(config, 'master_pubkey_signature').value : undefined,
    jobCache: bool('job_cache'),
    keepJobsMs: whole('keep_jobs_seconds') * 1000,
    publisherAcl: publisherAcl(config),
    publisherAclBlacklist: publisherAclBlacklist(config),
    sudoAcl: bool('sudo_acl'),
    pingOnRotate: bool('ping_on_rotate'),
    allowMinionKeyRevoke: bool('allow_minion_key_revoke'),
    mineAccess: mineAccess(config),
    forMinions: new Map(
      FOR_MINIONS.filter((name) => isConfigured(config, name)).map((name) => [
        name,
        optionValue(config, name).value,
      ]),
    ),
    pillarFolder: optionalText(config, 'saltbus.pillar_folder'),
    maxPending: whole('saltbus.max_pending'),
    maxJobs: whole('saltbus.max_jobs'),
    maxSignIns: whole('saltbus.max_sign_ins'),
    maxConnections: whole('saltbus.max_connections'),
    maxConnectionsPerAddress: whole('saltbus.max_connections_per_address'),
    newMinionsPerSecond: whole('saltbus.new_minions_per_second'),
    eventRules: eventRules(config),
    stampSender: bool('saltbus.stamp_sender'),
  };
}

function checkPorts(config: SaltConfig): void {
  const [ret, pub] = [integerOption(config, 'ret_port'), integerOption(config, 'publish_port')];
  if (ret.value !== pub.value) return;
  const said = ret.origin.kind === 'default' ? pub : ret;
  throw new SaltbusError(
    'ERR_SALTBUS_CONFIG',
    `${placeBefore(said)}ret_port and publish_port are both ${ret.value}`,
    {
      next: 'Give each a port of its own: requests are taken on ret_port, jobs are published on publish_port.',
    },
  );
}

function keepAliveMs(config: SaltConfig): number {
  if (!boolOption(config, 'tcp_keepalive').value) return 0;
  const idle = integerOption(config, 'tcp_keepalive_idle').value;
  // -1 leaves it to the system, and Node can only switch the probes on with a time: that of Salt's default
  return (idle < 1 ? 300 : idle) * 1000;
}

// libzmq takes a timeout of 0 for the interval
function heartbeat(intervalMs: number, timeoutMs: number): MasterSettings['heartbeat'] {
  return intervalMs === 0 ? undefined : { intervalMs, timeoutMs: timeoutMs === 0 ? intervalMs : timeoutMs };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && (value as unknown[]).every((one) => typeof one === 'string');
}

function fileRoots(config: SaltConfig): MasterSettings['fileRoots'] {
  return textLists(config, 'file_roots', 'a map of environments to lists of folders');
}

function mineAccess(config: SaltConfig): MasterSettings['mineAccess'] {
  if (!isConfigured(config, 'mine_get')) return undefined;
  mapOption(config, 'mine_get');
  return textLists(config, 'mine_get', 'a map of ids to lists of functions');
}

function publisherAcl(config: SaltConfig): MasterSettings['publisherAcl'] {
  const configured = mapOption(config, 'publisher_acl');
  const rules = new Map<string, readonly unknown[]>();
  for (const [user, list] of configured.value) {
    if (typeof user !== 'string' || !Array.isArray(list))
      throw unfit(configured, 'publisher_acl', 'a map of users to lists of rules');
    rules.set(user, list as readonly unknown[]);
  }
  return rules;
}

function publisherAclBlacklist(config: SaltConfig): MasterSettings['publisherAclBlacklist'] {
  const configured = mapOption(config, 'publisher_acl_blacklist');
  const textsOf = (name: string): readonly string[] => {
    const value = configured.value.get(name) ?? [];
    const list: unknown = typeof value === 'string' ? [value] : value;
    if (!isTexts(list))
      throw unfit(configured, 'publisher_acl_blacklist', 'a map with lists of users and modules');
    return list;
  };
  return { users: textsOf('users'), modules: textsOf('modules') };
}

function textLists(config: SaltConfig, name: string, wanted: string): ReadonlyMap<string, readonly string[]> {
  const configured = optionValue(config, name);
  const { value } = configured;
  if (!(value instanceof Map)) throw unfit(configured, name, wanted);
  const lists = new Map<string, readonly string[]>();
  for (const [key, list] of value as ReadonlyMap<unknown, unknown>) {
    if (typeof key !== 'string' || !isTexts(list)) throw unfit(configured, name, wanted);
    lists.set(key, list);
  }
  return lists;
}

/** The node groups of a configuration. */
export function nodegroups(config: SaltConfig): MasterSettings['nodegroups'] {
  const configured = optionValue(config, 'nodegroups');
  const wanted = 'a map of names to targets, as text or as lists of texts';
  if (!(configured.value instanceof Map)) throw unfit(configured, 'nodegroups', wanted);
  // no prototype: a group can be called anything
  const groups = Object.create(null) as Record<string, string | readonly string[]>;
  for (const [name, group] of configured.value as ReadonlyMap<unknown, unknown>) {
    if (typeof name !== 'string' || (typeof group !== 'string' && !isTexts(group)))
      throw unfit(configured, 'nodegroups', wanted);
    groups[name] = group;
  }
  return groups;
}
