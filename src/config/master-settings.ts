/**
 * What a master's configuration says of the daemon, besides its keys.
 */
import { SaltbusError } from '../errors.ts';
import { belowRoot } from './bus-address.ts';
import { masterKeySettings } from './key-settings.ts';
import type { MasterKeySettings } from './key-settings.ts';
import { unfit } from './options.ts';
import type { SaltConfig } from './salt-config.ts';

/** The settings of a master, with Salt's defaults (3006.30, 3007.17, 3008.5); times are in milliseconds. */
export interface MasterSettings {
  readonly keys: MasterKeySettings;
  /** Address that both ports listen on. */
  readonly interface: string;
  readonly retPort: number;
  readonly publishPort: number;
  /** Publications that may wait for one minion. */
  readonly pubHwm: number;
  readonly zmqBacklog: number;
  /** Idle time before TCP keepalive probes; 0: none. */
  readonly keepAliveMs: number;
  /** ZMTP heartbeats on both ports; `undefined`: none. */
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  readonly zmqFiltering: boolean;
  readonly signPubMessages: boolean;
  readonly publishSigningAlgorithm: 'PKCS1v15-SHA1' | 'PKCS1v15-SHA224';
  /** How long the session key of a minion lives. */
  readonly publishSessionMs: number;
  readonly minimumAuthVersion: number;
  readonly requestServerTtl: number;
  readonly presenceEvents: boolean;
  /** How often it is looked who is connected. */
  readonly loopIntervalMs: number;
  readonly minionDataCache: boolean;
  readonly minionDataCacheEvents: boolean;
  readonly fileRoots: ReadonlyMap<string, readonly string[]>;
  readonly fileBufferSize: number;
  readonly fileIgnoreGlobs: readonly string[];
  readonly fileIgnoreRegexes: readonly string[];
  readonly followSymlinks: boolean;
  readonly ignoreSymlinks: boolean;
  readonly nodegroups: Readonly<Record<string, string | readonly string[]>>;
  readonly masterSignPubkey: boolean;
  readonly masterSignKeyName: string;
  /** The file of a signature that was made elsewhere; `undefined`: it is made here. */
  readonly masterPubkeySignature: string | undefined;
  readonly jobCache: boolean;
  readonly keepJobsMs: number;
  readonly pingOnRotate: boolean;
  readonly allowMinionKeyRevoke: boolean;
  /** `mine_get`: who may read which functions of the mine; `undefined`: everybody all. */
  readonly mineAccess: ReadonlyMap<string, readonly string[]> | undefined;
  /** Options that minions ask for, where they are configured. */
  readonly forMinions: ReadonlyMap<string, unknown>;
  /** A folder of YAML files with pillar, by globs of ids; ours. */
  readonly pillarFolder: string | undefined;
}

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
];

/**
 * Reads the settings.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key that make no sense
 */
export function masterSettings(config: SaltConfig): MasterSettings {
  const read = new Reader(config);
  const keepalive = read.bool('tcp_keepalive', true);
  const intervalMs = read.whole('zmq_heartbeat_ivl', 10_000);
  const timeoutMs = read.whole('zmq_heartbeat_timeout', 30_000);
  const keepJobs = read.whole('keep_jobs', 24) * 3600;
  const isGiven = read.bool('master_use_pubkey_signature', false);
  return {
    keys: masterKeySettings(config),
    interface: read.text('interface', '0.0.0.0'),
    retPort: read.whole('ret_port', 4506, 65_535),
    publishPort: read.whole('publish_port', 4505, 65_535),
    pubHwm: read.whole('pub_hwm', 1000),
    zmqBacklog: read.whole('zmq_backlog', 1000),
    keepAliveMs: keepalive ? Math.max(1, read.signed('tcp_keepalive_idle', 300)) * 1000 : 0,
    heartbeat:
      intervalMs === 0 ? undefined : { intervalMs, timeoutMs: timeoutMs === 0 ? intervalMs : timeoutMs },
    zmqFiltering: read.bool('zmq_filtering', false),
    signPubMessages: read.bool('sign_pub_messages', true),
    publishSigningAlgorithm: read.choice(
      'publish_signing_algorithm',
      ['PKCS1v15-SHA1', 'PKCS1v15-SHA224'] as const,
      'PKCS1v15-SHA1',
    ),
    publishSessionMs: Math.max(1, read.whole('publish_session', 86_400)) * 1000,
    minimumAuthVersion: read.whole('minimum_auth_version', 3),
    requestServerTtl: read.whole('request_server_ttl', 0),
    presenceEvents: read.bool('presence_events', false),
    loopIntervalMs: Math.max(1, read.whole('loop_interval', 60)) * 1000,
    minionDataCache: read.bool('minion_data_cache', true),
    minionDataCacheEvents: read.bool('minion_data_cache_events', true),
    fileRoots: read.roots('file_roots'),
    fileBufferSize: read.whole('file_buffer_size', 1024 * 1024),
    fileIgnoreGlobs: read.texts('file_ignore_glob'),
    fileIgnoreRegexes: read.texts('file_ignore_regex'),
    followSymlinks: read.bool('fileserver_followsymlinks', true),
    ignoreSymlinks: read.bool('fileserver_ignoresymlinks', false),
    nodegroups: read.nodegroups(),
    masterSignPubkey: read.bool('master_sign_pubkey', false),
    masterSignKeyName: read.text('master_sign_key_name', 'master_sign'),
    masterPubkeySignature: isGiven
      ? read.text('master_pubkey_signature', 'master_pubkey_signature')
      : undefined,
    jobCache: read.bool('job_cache', true),
    keepJobsMs: read.whole('keep_jobs_seconds', keepJobs) * 1000,
    pingOnRotate: read.bool('ping_on_rotate', false),
    allowMinionKeyRevoke: read.bool('allow_minion_key_revoke', true),
    mineAccess: read.mineAccess(),
    forMinions: new Map(
      FOR_MINIONS.flatMap((name) => {
        const value = config.values.get(name)?.value;
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
    pillarFolder: read.ours('pillar_folder'),
  };
}

class Reader {
  readonly #config: SaltConfig;

  constructor(config: SaltConfig) {
    this.#config = config;
  }

  #value(name: string): unknown {
    const value = this.#config.values.get(name)?.value;
    return value === null ? undefined : value;
  }

  #unfit(name: string, wanted: string): SaltbusError {
    const configured = this.#config.values.get(name);
    if (configured === undefined) throw new TypeError(`${name} is not configured`);
    return unfit(configured, name, wanted);
  }

  text(name: string, fallback: string): string {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    if (typeof value !== 'string' || value === '') throw this.#unfit(name, 'text');
    return value;
  }

  bool(name: string, fallback: boolean): boolean {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    if (typeof value !== 'boolean') throw this.#unfit(name, 'True or False');
    return value;
  }

  whole(name: string, fallback: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > most)
      throw this.#unfit(name, `a whole number from 0 to ${most}`);
    return value;
  }

  signed(name: string, fallback: number): number {
    return this.#value(name) === -1 ? fallback : this.whole(name, fallback);
  }

  choice<Name extends string>(name: string, names: readonly Name[], fallback: Name): Name {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    const found = names.find((one) => one === value);
    if (found === undefined) throw this.#unfit(name, names.join(' or '));
    return found;
  }

  texts(name: string): readonly string[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    const list: readonly unknown[] = Array.isArray(value) ? (value as unknown[]) : [value];
    if (!list.every((one) => typeof one === 'string')) throw this.#unfit(name, 'text or a list of texts');
    return list;
  }

  roots(name: string): ReadonlyMap<string, readonly string[]> {
    const value = this.#value(name);
    const fallback = belowRoot(this.#config, { value: '/srv/salt', origin: { kind: 'default' } }).value;
    if (value === undefined) return new Map([['base', [fallback]]]);
    if (!(value instanceof Map)) throw this.#unfit(name, 'a map of environments to folders');
    const roots = new Map<string, readonly string[]>();
    for (const [environment, folders] of value as ReadonlyMap<unknown, unknown>) {
      const list: readonly unknown[] = Array.isArray(folders) ? (folders as unknown[]) : [];
      if (typeof environment !== 'string' || !list.every((one) => typeof one === 'string'))
        throw this.#unfit(name, 'a map of environments to lists of folders');
      roots.set(environment, list);
    }
    return roots;
  }

  nodegroups(): MasterSettings['nodegroups'] {
    const value = this.#value('nodegroups');
    const groups: Record<string, string | readonly string[]> = Object.create(null) as Record<string, string>;
    if (value === undefined) return groups;
    if (!(value instanceof Map)) throw this.#unfit('nodegroups', 'a map of names to targets');
    for (const [name, group] of value as ReadonlyMap<unknown, unknown>) {
      const isList = Array.isArray(group) && (group as unknown[]).every((one) => typeof one === 'string');
      if (typeof name !== 'string' || (typeof group !== 'string' && !isList))
        throw this.#unfit('nodegroups', 'a map of names to targets, as text or as lists of texts');
      groups[name] = group as string | readonly string[];
    }
    return groups;
  }

  mineAccess(): MasterSettings['mineAccess'] {
    const value = this.#value('mine_get');
    if (value === undefined) return undefined;
    if (!(value instanceof Map)) throw this.#unfit('mine_get', 'a map of ids to lists of functions');
    const access = new Map<string, readonly string[]>();
    for (const [id, functions] of value as ReadonlyMap<unknown, unknown>) {
      const list: readonly unknown[] = Array.isArray(functions) ? (functions as unknown[]) : [];
      if (typeof id !== 'string' || !list.every((one) => typeof one === 'string'))
        throw this.#unfit('mine_get', 'a map of ids to lists of functions');
      access.set(id, list);
    }
    return access;
  }

  /** A path below our own key. */
  ours(name: string): string | undefined {
    const map = this.#value('saltbus');
    if (map === undefined) return undefined;
    if (!(map instanceof Map)) throw this.#unfit('saltbus', 'a map');
    const value = (map as ReadonlyMap<unknown, unknown>).get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string' || value === '') throw this.#unfit('saltbus', `a map whose ${name} is text`);
    return belowRoot(this.#config, { value, origin: { kind: 'default' } }).value;
  }
}
