/**
 * What a job is given, and how it is run.
 */

/** The minions of a job: a glob, ids, or any other kind of target. */
export type RunTarget =
  | string
  | readonly string[]
  | {
      readonly tgt: string | readonly string[];
      /** `glob`, `pcre`, `list`, `grain`, `grain_pcre`, `pillar`, `pillar_pcre`, `ipcidr`, `compound` or `nodegroup`. @defaultValue `glob` */
      readonly tgtType?: string;
      /** Between the parts of a lookup in grains or pillar. @defaultValue `:` */
      readonly delimiter?: string;
    };

/** What a job is given. */
export interface PublishOptions {
  /** Positional arguments; of several functions, a list for each. @defaultValue none */
  readonly args?: readonly unknown[];
  /** Keyword arguments, of one function. @defaultValue none */
  readonly kwargs?: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;
  /** The returner, or several with commas between them, that minions give the return to as well. @defaultValue none */
  readonly returner?: string;
  /** What the returner is given. */
  readonly returnerKwargs?: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;
  /** The part of the minion's configuration that the returner reads (`ret_config`). */
  readonly returnerConfig?: string;
  /** Travels with the job, and comes back with each return. */
  readonly metadata?: unknown;
  /** Gives up when aborted; a job that is published goes on. */
  readonly signal?: AbortSignal;
}

/** How a job is run. */
export interface RunOptions extends PublishOptions {
  /** How long returns are awaited before it is asked who still works, in milliseconds. @defaultValue `timeout` of the configuration, or 5000 */
  readonly timeoutMs?: number;
  /** How long the answers to that are awaited, in milliseconds. @defaultValue `gather_job_timeout` of the configuration, or 10 000 */
  readonly gatherJobTimeoutMs?: number;
  /** Most bytes of returns that wait for the consumer; what comes beyond is dropped, and named in the summary. @defaultValue 64 MiB */
  readonly limitBytes?: number;
}
