/**
 * The jobs that a minion runs: so many at a time, each with an end that is told.
 */
import type { Job } from '../../channel/publication-reader.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import type { FunctionHost, RunningJob } from '../functions/function.ts';
import { runFunction } from '../functions/run.ts';
import { jobReturn, manyResults, oneResult, refusedResult } from './job-return.ts';
import type { JobResult } from './job-return.ts';

/** Bounds of jobs. */
export interface JobLimits {
  /** Jobs that run at a time; what others wait for (`saltutil.find_job`) is not counted. @defaultValue 100 */
  readonly maxRunning: number;
  /** Jobs that wait for their turn; beyond, they are answered that there are too many. @defaultValue 1000 */
  readonly maxWaiting: number;
}

/** The bounds where nothing else is said. */
export const JOB_LIMITS: JobLimits = { maxRunning: 100, maxWaiting: 1000 };

/** How jobs are run. */
export interface JobsOptions extends Partial<JobLimits> {
  readonly id: string;
  /** `multifunc_ordered` */
  readonly isOrdered: boolean;
}

/** Counters of jobs, since the beginning. */
export interface JobCounters {
  readonly began: number;
  readonly succeeded: number;
  readonly failed: number;
  /** There were too many. */
  readonly refused: number;
  readonly running: number;
  readonly waiting: number;
}

interface Task {
  readonly job: Job;
  readonly host: FunctionHost;
  readonly done: (load: Map<string, unknown>) => void;
}

interface Running extends Task {
  readonly stop: AbortController;
  readonly isUrgent: boolean;
}

/** Runs jobs. */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #limits: JobLimits;
  readonly #running = new Set<Running>();
  readonly #waiting: Task[] = [];
  #whenIdle: (() => void)[] = [];
  #isEnding = false;
  #began = 0;
  #succeeded = 0;
  #failed = 0;
  #refused = 0;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#limits = {
      maxRunning: options.maxRunning ?? JOB_LIMITS.maxRunning,
      maxWaiting: options.maxWaiting ?? JOB_LIMITS.maxWaiting,
    };
  }

  get counters(): JobCounters {
    return {
      began: this.#began,
      succeeded: this.#succeeded,
      failed: this.#failed,
      refused: this.#refused,
      running: this.#running.size,
      waiting: this.#waiting.length,
    };
  }

  /** The jobs that run, as `saltutil.running` shows them. */
  running(): readonly RunningJob[] {
    return [...this.#running].map(
      ({ job }) => new Map<ExactValue, unknown>([['pid', process.pid], ...job.whole]),
    );
  }

  /** Runs a job, now or when it is its turn. `done` is called once, with what the master is to be told. */
  run(job: Job, host: FunctionHost, done: (load: Map<string, unknown>) => void): void {
    const task: Task = { job, host, done };
    const { jid, ret = '' } = job;
    // there are none: the return goes to the master as it always does
    if (ret !== '')
      publish('saltbus:minion:job', { jid, fun: String(job.fun), what: 'no-returner', returner: ret });
    const isUrgent = typeof job.fun === 'string' && host.functions.get(job.fun)?.isUrgent === true;
    if (isUrgent || (this.#counted < this.#limits.maxRunning && !this.#isEnding)) this.#begin(task, isUrgent);
    else if (this.#waiting.length < this.#limits.maxWaiting && !this.#isEnding) this.#waiting.push(task);
    else this.#refuse(task);
  }

  /** Tells a job to end; whether it ran. */
  kill(jid: string): boolean {
    let isFound = false;
    for (const { job, stop } of this.#running) {
      if (job.jid !== jid) continue;
      isFound = true;
      stop.abort(new SaltbusError('ERR_SALTBUS_ABORTED', 'The job was ended'));
    }
    return isFound;
  }

  /** Takes no more jobs, and resolves when none runs. Those that wait are refused. */
  drain(): Promise<void> {
    this.#isEnding = true;
    for (const task of this.#waiting.splice(0)) this.#refuse(task);
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Tells all jobs to end. */
  abort(): void {
    this.#isEnding = true;
    this.#waiting.length = 0;
    for (const { stop } of this.#running)
      stop.abort(new SaltbusError('ERR_SALTBUS_CLOSED', 'The minion was stopped'));
  }

  get #counted(): number {
    let count = 0;
    for (const { isUrgent } of this.#running) if (!isUrgent) count += 1;
    return count;
  }

  #begin(task: Task, isUrgent: boolean): void {
    const running: Running = { ...task, stop: new AbortController(), isUrgent };
    this.#running.add(running);
    this.#began += 1;
    const { jid } = task.job;
    const fun = String(task.job.fun);
    publish('saltbus:minion:job', { jid, fun, what: 'began' });
    void this.#execute(running).then((result) => {
      this.#running.delete(running);
      if (result.isGood) this.#succeeded += 1;
      else this.#failed += 1;
      publish('saltbus:minion:job', { jid, fun, what: 'ended', success: result.isGood });
      task.done(jobReturn(this.#options.id, task.job, result));
      this.#next();
    });
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#counted < this.#limits.maxRunning) {
      const task = this.#waiting.shift();
      if (task !== undefined) this.#begin(task, false);
    }
    if (this.#running.size > 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  #refuse(task: Task): void {
    this.#refused += 1;
    publish('saltbus:minion:job', { jid: task.job.jid, fun: String(task.job.fun), what: 'refused' });
    const why = this.#isEnding ? 'The minion is being stopped' : 'The minion has too many jobs';
    task.done(jobReturn(this.#options.id, task.job, refusedResult(task.job, why, this.#options.isOrdered)));
  }

  async #execute({ job, host, stop }: Running): Promise<JobResult> {
    const { fun, arg, whole } = job;
    if (typeof fun === 'string') return oneResult(await runFunction(host, fun, arg, whole, stop.signal));
    const results = [];
    // one after the other, as they are written
    for (const [index, name] of fun.entries()) {
      const args = arg[index];
      const list = Array.isArray(args) ? (args as readonly ExactValue[]) : [];
      results.push({ name, result: await runFunction(host, name, list, whole, stop.signal) });
    }
    return manyResults(results, this.#options.isOrdered);
  }
}
