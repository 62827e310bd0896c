/**
 * What a minion daemon is told by its configuration.
 */
import { dirname, join } from 'node:path';
import { masterAddresses, sourceAddress } from './masters.ts';
import type { MasterAddress } from './masters.ts';
import { signInId } from './minion-id.ts';
import {
  boolOption,
  enumOption,
  integerOption,
  isConfigured,
  listOption,
  mapOption,
  optionalText,
  pathOption,
  secondsOption,
  textOption,
} from './options/read.ts';
import type { SaltConfig } from './salt-config.ts';

/** It, as plain values; times are in milliseconds. */
export interface MinionSettings {
  readonly id: string;
  readonly masters: readonly MasterAddress[];
  /** `all`: a link to each of them; `failover`: to one at a time. */
  readonly mastersAre: 'all' | 'failover';
  /** Where jobs are published, when that is not to be asked of the master (`publish_port`). */
  readonly publishPort: number | undefined;
  readonly sourceAddress: string | undefined;
  readonly sourceRetPort: number;
  readonly sourcePublishPort: number;
  readonly keepAliveMs: number;
  readonly reconnect: { readonly initialMs: number; readonly maxMs: number };
  readonly pkiDir: string;
  readonly keysize: number;
  readonly hashType: string;
  readonly signIn: SignInSettings;
  /** Whether what is published has to be signed by the master (`sign_pub_messages`). */
  readonly isSignatureRequired: boolean;
  readonly isFiltering: boolean;
  readonly requestTimeoutMs: number;
  readonly requestTries: number;
  /** The reply to a return is awaited for a random time between the two. */
  readonly returnRetryMs: { readonly least: number; readonly most: number };
  readonly returnTries: number;
  /** How often `minion_ping` is sent; 0: never. */
  readonly pingIntervalMs: number;
  /** How often a silent publish connection is tried; 0: by our own default. */
  readonly aliveIntervalMs: number;
  /** How often the first master of a failover list is tried while another is in use; 0: never. */
  readonly failbackIntervalMs: number;
  /** Passes over a failover list before the minion gives up; -1: without end. */
  readonly masterTries: number;
  readonly jidMemory: number;
  readonly startEventGrains: readonly string[];
  readonly hasLegacyStartEvent: boolean;
  readonly autosignGrains: readonly string[];
  readonly saltenv: string | null;
  readonly pillarenv: string | null;
  readonly isMultifuncOrdered: boolean;
  /** The grains of the configuration. */
  readonly grains: ReadonlyMap<string, unknown>;
  /** The file of static grains, beside the configuration; it may be absent. */
  readonly grainsFile: string | undefined;
}

/** How a minion signs in. */
export interface SignInSettings {
  readonly encryptionAlgorithm: string;
  readonly signingAlgorithm: string;
  readonly masterFinger: string;
  readonly isMasterSigned: boolean;
  readonly masterSignKeyName: string;
  readonly openMode: boolean;
  readonly authTimeoutMs: number;
  readonly authTries: number;
  readonly authSafemode: boolean;
  readonly authRetries: number;
  readonly acceptanceWaitMs: number;
  readonly acceptanceWaitMaxMs: number;
  readonly rejectedRetry: boolean;
}

// Salt's default of publish_port stands for "as the master says": it is the port of requests, on which nobody publishes.
const ASK_THE_MASTER = 4506;
const MINUTE_MS = 60_000;

/**
 * Reads the settings.
 * @param id - said outright, over what the configuration says
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` naming the file, line and key of what makes no sense, or is not done here
 */
export function minionSettings(config: SaltConfig, id?: string): MinionSettings {
  const number = (name: string): number => integerOption(config, name).value;
  const ms = (name: string): number => Math.round(secondsOption(config, name).value * 1000);
  const bool = (name: string): boolean => boolOption(config, name).value;
  const list = (name: string): readonly string[] => listOption(config, name).value;
  enumOption(config, 'transport', ['zeromq']);
  const publishPort = number('publish_port');
  const least = number('return_retry_timer') * 1000;
  const reconnectMs = Math.max(1, number('recon_default'));
  return {
    id: id ?? signInId(config),
    masters: shuffled(masterAddresses(config), bool('random_master') || bool('master_shuffle')),
    mastersAre:
      enumOption(config, 'master_type', ['str', 'failover']).value === 'failover' ? 'failover' : 'all',
    publishPort: publishPort === ASK_THE_MASTER ? undefined : publishPort,
    sourceAddress: sourceAddress(config),
    sourceRetPort: number('source_ret_port'),
    sourcePublishPort: number('source_publish_port'),
    keepAliveMs: keepAliveMs(config),
    reconnect: { initialMs: reconnectMs, maxMs: Math.max(reconnectMs, number('recon_max')) },
    pkiDir: pathOption(config, 'pki_dir').value,
    keysize: number('keysize'),
    hashType: textOption(config, 'hash_type').value,
    signIn: {
      encryptionAlgorithm: textOption(config, 'encryption_algorithm').value,
      signingAlgorithm: textOption(config, 'signing_algorithm').value,
      masterFinger: optionalText(config, 'master_finger') ?? '',
      isMasterSigned: bool('verify_master_pubkey_sign'),
      masterSignKeyName: textOption(config, 'master_sign_key_name').value,
      openMode: bool('open_mode'),
      authTimeoutMs: Math.max(1, ms('auth_timeout')),
      authTries: number('auth_tries'),
      authSafemode: bool('auth_safemode'),
      authRetries: number('auth_retries'),
      acceptanceWaitMs: ms('acceptance_wait_time'),
      acceptanceWaitMaxMs: ms('acceptance_wait_time_max'),
      rejectedRetry: bool('rejected_retry'),
    },
    isSignatureRequired: bool('sign_pub_messages'),
    isFiltering: bool('zmq_filtering'),
    requestTimeoutMs: Math.max(1, ms('request_channel_timeout')),
    requestTries: number('request_channel_tries'),
    returnRetryMs: {
      least: Math.max(1, least),
      most: Math.max(1, least, number('return_retry_timer_max') * 1000),
    },
    returnTries: number('return_retry_tries'),
    pingIntervalMs: number('ping_interval') * MINUTE_MS,
    aliveIntervalMs: ms('master_alive_interval'),
    failbackIntervalMs: bool('master_failback') ? ms('master_failback_interval') : 0,
    masterTries: number('master_tries'),
    jidMemory: number('minion_jid_queue_hwm'),
    startEventGrains: list('start_event_grains'),
    hasLegacyStartEvent: bool('enable_legacy_startup_events'),
    autosignGrains: list('autosign_grains'),
    saltenv: optionalText(config, 'saltenv') ?? null,
    pillarenv: optionalText(config, 'pillarenv') ?? null,
    isMultifuncOrdered: bool('multifunc_ordered'),
    grains: mapOption(config, 'grains').value as ReadonlyMap<string, unknown>,
    grainsFile: join(dirname(config.mainFile), 'grains'),
  };
}

function shuffled(masters: readonly MasterAddress[], isAsked: boolean): readonly MasterAddress[] {
  if (!isAsked) return masters;
  const left = [...masters];
  const chosen: MasterAddress[] = [];
  while (left.length > 0) chosen.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  return chosen;
}

function keepAliveMs(config: SaltConfig): number {
  if (!boolOption(config, 'tcp_keepalive').value) return 0;
  const idle = integerOption(config, 'tcp_keepalive_idle').value;
  // what the system has, which is two hours on Linux
  return (idle > 0 ? idle : 7200) * 1000;
}

/** How many jobs may run at a time: `process_count_max` where it is set, else our own `max_jobs`. */
export function maxJobs(config: SaltConfig): number {
  const configured = integerOption(config, 'process_count_max').value;
  return isConfigured(config, 'process_count_max') && configured > 0
    ? configured
    : integerOption(config, 'saltbus.max_jobs').value;
}
