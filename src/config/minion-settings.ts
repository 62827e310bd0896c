/** What a minion daemon is told by its configuration, as plain values. */
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

/** Where a master is. */
export interface MasterAddress {
  readonly host: string;
  /** Of requests. */
  readonly port: number;
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
