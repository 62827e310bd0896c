/**
 * What a function is that a minion can run for its master.
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { LoadMap } from '../../codec/payload/raw-strings.ts';

/** What a function takes, as Python would declare it: errors about arguments are worded by it. */
export interface Parameters {
  /** By position or by name, in order. One with a `default` may be left out. */
  readonly named?: readonly Parameter[];
  /** Whether any number of further positional arguments may follow. */
  readonly rest?: boolean;
  /** Whether any further keyword may be given. Such a function is also given the job, under `__pub_` names, as Salt does. */
  readonly keywords?: boolean;
}

/** One named parameter. */
export interface Parameter {
  readonly name: string;
  /** Absent: it has to be given. */
  readonly default?: ExactValue;
}

/** What a function was called with. */
export interface Call {
  /** The named parameters, defaults filled in. */
  readonly named: ReadonlyMap<string, ExactValue>;
  /** Positional arguments beyond the named ones. */
  readonly rest: readonly ExactValue[];
  /** Keywords beyond the named ones. */
  readonly keywords: ReadonlyMap<string, ExactValue>;
  /** Aborted when the job is killed or the minion ends. */
  readonly signal: AbortSignal;
  readonly host: FunctionHost;
}

/** A job that runs, as `saltutil.running` shows it. */
export type RunningJob = ReadonlyMap<ExactValue, unknown>;

/** What functions may use of the minion that runs them. */
export interface FunctionHost {
  readonly id: string;
  /** The Salt release whose behaviour this minion has. */
  readonly release: string;
  /** All functions, by name. */
  readonly functions: ReadonlyMap<string, MinionFunction>;
  readonly saltenv: string | null;
  readonly pillarenv: string | null;
  grains(): ReadonlyMap<string, unknown>;
  /** The pillar in memory; empty where there is none. */
  pillar(): LoadMap;
  /** Has the master make the pillar, and keeps it. */
  freshPillar(): Promise<LoadMap>;
  /** Reads the grains again. */
  refreshGrains(): Promise<void>;
  runningJobs(): readonly RunningJob[];
  /** Ends a running job; whether there was one. */
  killJob(jid: string): boolean;
  /** Fires on the minion's own bus. */
  fire(tag: string, data: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>): void;
}

/** A function of the table. */
export interface MinionFunction {
  /** `module.function`. */
  readonly name: string;
  /** What `sys.doc` tells of it. */
  readonly doc: string;
  readonly parameters: Parameters;
  /** The outputter that the command line is told. */
  readonly out?: string;
  /** It is answered at once, however many jobs run: others wait for what it says. */
  readonly isUrgent?: boolean;
  /**
   * Does the work. What it throws becomes the failed return of the job: a `SaltbusError` with the code `ERR_SALTBUS_USAGE` is about
   * the arguments, any other `SaltbusError` a command that failed, and everything else a fault of the function.
   */
  readonly run: (call: Call) => unknown;
}
