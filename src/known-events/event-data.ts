/**
 * The data of Salt's own events, as documented. A field is optional where releases or the ways an event comes about
 * differ; all of them can hold more.
 */

/** What every event has that was fired by Salt or by saltbus. */
export interface Stamped {
  /** When it was fired: UTC as ISO text, with a zone since Salt 3008.0. */
  readonly _stamp?: string;
}

/** A map with text keys, and whatever values. */
export interface OpenData extends Stamped {
  readonly [field: string]: unknown;
}

/** A map inside of data: an object, or a `Map` where a key is no text. */
export type InnerMap = Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;

/** Whom a job is for: an expression, or a list of ids. */
export type JobTarget = string | readonly string[];

/** What a job runs: one function, or several at once. */
export type JobFunction = string | readonly string[];

/** `salt/job/<jid>/new` and `new_job` */
export interface JobNew extends Stamped {
  readonly jid: string;
  readonly tgt_type: string;
  readonly tgt: JobTarget;
  readonly user?: string;
  readonly fun: JobFunction;
  readonly arg: readonly unknown[];
  readonly minions: readonly string[];
  readonly missing?: readonly string[];
}

/** `salt/job/<jid>/publish` (Salt 3007 and later): what is sent to the minions. */
export interface JobPublish extends Stamped {
  readonly jid: string;
  readonly tgt_type: string;
  readonly tgt: JobTarget;
  readonly fun: JobFunction;
  readonly arg: readonly unknown[];
  /** The returners. */
  readonly ret?: unknown;
  readonly user?: string;
  readonly ret_config?: unknown;
  readonly ret_kwargs?: unknown;
  readonly metadata?: unknown;
}

interface JobReturnBase extends Stamped {
  /** `_return`. */
  readonly cmd?: string;
  readonly id: string;
  readonly jid: string;
  readonly return: unknown;
  readonly fun_args?: readonly unknown[];
  readonly user?: string;
  /** When the minion made the request, in seconds since 1970; absent before Salt 3006.12 and 3007.4. */
  readonly ts?: number;
  readonly out?: unknown;
  readonly metadata?: unknown;
  /** The name of the scheduled job that this is the return of. */
  readonly schedule?: string;
  readonly pid?: number;
  readonly master_id?: string;
  /** Here and below: what a minion that started the job itself says of it. */
  readonly tgt?: JobTarget;
  readonly tgt_type?: string;
  readonly arg?: readonly unknown[];
}

/** `salt/job/<jid>/ret/<id>` of a job that runs one function. */
export interface JobReturn extends JobReturnBase {
  readonly fun: string;
  readonly retcode: number;
  /** Absent in what salt-call sends. */
  readonly success?: boolean;
}

/** `salt/job/<jid>/ret/<id>` of a job that runs several functions: maps by function, or lists with `multifunc_ordered`. */
export interface JobMultiReturn extends JobReturnBase {
  readonly fun: readonly string[];
  readonly retcode: InnerMap | readonly unknown[];
  readonly success?: InnerMap | readonly unknown[];
}

/** `salt/job/<jid>/prog/<id>/<n>`: what a minion sends is in `data`, what a state run on the master fires is not. */
export interface JobProgress extends Stamped {
  readonly id?: string;
  readonly jid?: string;
  /** `ret` and `len` for a state, `return` for what a generator yielded. */
  readonly data?: InnerMap;
  readonly ret?: unknown;
  readonly len?: number;
}

/** `salt/job/<jid>/error` */
export interface JobError extends Stamped {
  readonly jid?: string;
  readonly error: { readonly name: string; readonly message: string };
}

/** `salt/job/<jid>/sub/<id>/error/<fun>`: a state that failed; its own result is here too. */
export interface JobSubError extends OpenData {
  readonly jid: string;
  readonly id: string;
  readonly retcode: number;
  readonly success?: boolean;
  readonly return?: unknown;
}

/** `salt/job/<jid>/start/<id>` (Salt 3008, on request) */
export interface JobStart extends Stamped {
  readonly id: string;
  readonly jid: string;
  readonly fun: JobFunction | null;
  readonly tgt?: unknown;
  readonly tgt_type?: string | null;
  readonly user?: string | null;
  readonly master_id?: string;
  readonly metadata?: unknown;
}

/** A bare jid (up to Salt 3007). */
export interface JobMinions extends Stamped {
  readonly minions: readonly string[];
}

/** `salt/state_result/<jid>/<id>/<name>`: as {@link JobProgress}. */
export interface StateResult extends Stamped {
  readonly id?: string;
  readonly jid?: string;
  readonly data?: InnerMap;
  readonly ret?: unknown;
}

/** `salt/auth` */
export interface AuthEvent extends Stamped {
  readonly result: boolean;
  /** accept, pend, reject, denied, full or error; missing in some failures before Salt 3008. */
  readonly act?: string;
  readonly id: string;
  /** The public key, as PEM. */
  readonly pub: string;
  /** Salt 3008. */
  readonly autosign_grains?: unknown;
}

/** `salt/key` */
export interface KeyEvent extends Stamped {
  readonly result: boolean;
  /** accept, delete or reject. */
  readonly act: string;
  readonly id: string;
}

/** `key`: the master makes new session keys. */
export interface KeyRotation extends Stamped {
  readonly rotate_aes_key: boolean;
  /** Salt 3007 and later. */
  readonly rotate_cluster_aes_key?: boolean;
}

/** `salt/minion/<id>/start`, `minion_start`, `salt/syndic/<id>/start` and `syndic_start`. */
export interface MinionStart extends Stamped {
  readonly id: string;
  readonly cmd?: string;
  readonly pretag?: string | null;
  readonly tag?: string;
  /** "Minion <id> started at <time>" */
  readonly data: string;
  /** When the minion made the request, in seconds since 1970. */
  readonly ts?: number;
  /** With `start_event_grains`. */
  readonly grains?: InnerMap;
}

/** `minion/refresh/<id>` */
export interface MinionRefresh extends Stamped {
  /** The id. */
  readonly 'Minion data cache refresh': string;
}

/** `resource/refresh/<id>` (Salt 3008) */
export interface ResourceRefresh extends Stamped {
  /** The id. */
  readonly 'Resource cache refresh': string;
}

/** `salt/presence/present` */
export interface PresencePresent extends Stamped {
  readonly present: readonly string[];
}

/** `salt/presence/change` */
export interface PresenceChange extends Stamped {
  readonly new: readonly string[];
  readonly lost: readonly string[];
}

/** `salt/beacon/<id>/<beacon>/<suffix>`: what the beacon says, and the id. */
export interface BeaconEvent extends OpenData {
  readonly id: string;
}

/** `salt/run/<jid>/new` */
export interface RunNew extends Stamped {
  /** `runner.<function>` */
  readonly fun: string;
  readonly jid: string;
  readonly user?: string;
  readonly fun_args?: readonly unknown[];
}

/** `salt/run/<jid>/ret` */
export interface RunReturn extends RunNew {
  readonly return: unknown;
  readonly success: boolean;
  /** On errors. */
  readonly retcode?: number;
}

/** `salt/run/<jid>/args`: what an orchestration runs. */
export interface RunArgs extends Stamped {
  readonly name: string;
  readonly type: string;
  readonly tgt: JobTarget;
  readonly args: unknown;
}

/** `salt/run/<jid>/progress` */
export interface RunProgress extends Stamped {
  readonly data: unknown;
  readonly outputter?: string;
}

/** `salt/wheel/<jid>/new` */
export interface WheelNew extends Stamped {
  /** `wheel.<function>` */
  readonly fun: string;
  readonly jid: string;
  readonly tag?: string;
  readonly user?: string;
}

/** `salt/wheel/<jid>/ret` */
export interface WheelReturn extends WheelNew {
  readonly return: unknown;
  readonly success: boolean;
}

/** `salt/cloud/<vm>/<phase>` */
export interface CloudEvent extends OpenData {
  /** The phase in words. */
  readonly event?: string;
  readonly name?: string;
  readonly provider?: string;
  readonly profile?: string;
}

/** `salt/fileserver/<backend>/update` */
export interface FileserverUpdate extends Stamped {
  readonly changed: boolean;
  readonly files?: InnerMap;
  readonly backend: string;
}

/** `salt/queue/<queue>/process` */
export interface QueueProcess extends Stamped {
  readonly items: readonly unknown[];
  readonly backend: string;
  readonly queue: string;
}

/** `salt/netapi/hook[/path]` */
export interface NetapiHook extends Stamped {
  /** The form or the JSON of the request. */
  readonly post?: unknown;
  readonly headers: InnerMap;
  /** The text of the request (rest_cherrypy). */
  readonly body?: unknown;
  /** The query (rest_tornado). */
  readonly get?: unknown;
}

/** `salt/reactors/manage/...` */
export interface ReactorsManage extends OpenData {
  readonly event?: unknown;
  readonly reactors?: unknown;
}

/** How often a master ran a command, and the mean time it took, in seconds. */
export interface CommandStats {
  readonly mean: number;
  readonly runs: number;
}

/** `salt/stats/<worker>` */
export interface MasterStats extends Stamped {
  /** What it covers, in seconds. */
  readonly time: number;
  readonly worker: string;
  /** By command. */
  readonly stats: Readonly<Record<string, CommandStats>>;
}

/** `__master_req_channel_return/<uuid>` on the bus of a minion. */
export interface MasterReply extends Stamped {
  readonly ret: unknown;
  /** Salt 3006.26, 3007.15, 3008.2 and later. */
  readonly error?: string;
}

/** `/salt/minion/..._complete` on the bus of a minion. */
export interface Completion extends OpenData {
  readonly complete: boolean;
  readonly schedule?: InnerMap;
  readonly beacons?: unknown;
}

/** The data by the kind of event. */
export interface KnownData {
  readonly 'job-new': JobNew;
  readonly 'legacy-job-new': JobNew;
  readonly 'job-publish': JobPublish;
  readonly 'job-return': JobReturn;
  readonly 'job-multi-return': JobMultiReturn;
  readonly 'job-progress': JobProgress;
  readonly 'job-error': JobError;
  readonly 'job-sub-error': JobSubError;
  readonly 'job-start': JobStart;
  readonly 'job-minions': JobMinions;
  readonly 'state-result': StateResult;
  readonly batch: OpenData;
  readonly auth: AuthEvent;
  readonly key: KeyEvent;
  readonly 'key-rotation': KeyRotation;
  readonly 'minion-start': MinionStart;
  readonly 'legacy-minion-start': MinionStart;
  readonly 'minion-refresh': MinionRefresh;
  readonly 'resource-refresh': ResourceRefresh;
  readonly 'minion-ping': OpenData;
  readonly 'presence-present': PresencePresent;
  readonly 'presence-change': PresenceChange;
  readonly beacon: BeaconEvent;
  readonly 'run-new': RunNew;
  readonly 'run-return': RunReturn;
  readonly 'run-args': RunArgs;
  readonly 'run-progress': RunProgress;
  readonly 'wheel-new': WheelNew;
  readonly 'wheel-return': WheelReturn;
  readonly cloud: CloudEvent;
  readonly 'fileserver-update': FileserverUpdate;
  readonly 'queue-process': QueueProcess;
  readonly 'netapi-hook': NetapiHook;
  readonly 'reactors-manage': ReactorsManage;
  readonly scheduler: OpenData;
  readonly engine: OpenData;
  readonly stats: MasterStats;
  readonly 'event-listen-start': OpenData;
  readonly 'salt-error': OpenData;
  readonly 'syndic-start': MinionStart;
  readonly 'legacy-syndic-start': MinionStart;
  readonly 'cluster-peer': OpenData;
  readonly 'minion-command': OpenData;
  readonly 'master-request': OpenData;
  readonly 'master-reply': MasterReply;
  readonly completion: Completion;
}
