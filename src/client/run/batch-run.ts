/**
 * A job on some minions at a time.
 */
import { SaltbusError } from '../../errors.ts';
import { aborted } from '../../transport/connect.ts';
import { BatchPlan, batchSize } from './batch-plan.ts';
import type { JobReturn } from './job-return.ts';
import type { JobRun, JobSummary } from './job-run.ts';
import type { RunOptions, RunTarget } from './run-options.ts';

/** How it is done. */
export interface BatchOptions extends RunOptions {
  /** How many minions run at a time: `5`, or `10%` of those that answer. */
  readonly batch: number | string;
  /** How long the place of a minion that has ended stays empty, in milliseconds. @defaultValue 0 */
  readonly batchWaitMs?: number;
  /** Begins with nobody more after a minion that failed. @defaultValue false */
  readonly failHard?: boolean;
  /** Told before a group is begun. */
  readonly onGroup?: (ids: readonly string[]) => void;
}

/** What became of it. */
export interface BatchSummary extends Omit<JobSummary, 'jid'> {
  /** The jobs, in their order. */
  readonly jids: readonly string[];
  /** Who did not answer the ping, and was not given the job. */
  readonly down: readonly string[];
  /** Who was left out after a failure. */
  readonly notBegun: readonly string[];
}

/** Runs one job. */
type StartRun = (target: RunTarget, fun: string | readonly string[], options: RunOptions) => JobRun;

interface Tally {
  minions: string[];
  missing: string[];
  returned: number;
  failed: string[];
  unanswered: string[];
  unexpected: string[];
  repeated: number;
  dropped: string[];
  gaps: number;
  unasked: number;
  jids: string[];
}

/** A job that runs in groups. Iterate it with `for await`; leaving the loop ends it, and begins with nobody more. */
export class BatchRun implements AsyncIterable<JobReturn, undefined> {
  /** Resolves at the end of the iteration; rejects when there is none, with why. */
  readonly summary: Promise<BatchSummary>;
  readonly #start: StartRun;
  readonly #target: RunTarget;
  readonly #fun: string | readonly string[];
  readonly #options: BatchOptions;
  #resolve!: (summary: BatchSummary) => void;
  #reject!: (error: unknown) => void;

  /** Made by `master.runBatch()`. */
  constructor(start: StartRun, target: RunTarget, fun: string | readonly string[], options: BatchOptions) {
    this.#start = start;
    this.#target = target;
    this.#fun = fun;
    this.#options = options;
    this.summary = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.summary.catch(() => undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<JobReturn, undefined> {
    try {
      yield* this.#run();
    } catch (error) {
      this.#reject(error);
      throw error;
    }
  }

  async *#run(): AsyncGenerator<JobReturn, undefined> {
    const { batch, batchWaitMs, failHard, onGroup, signal, ...options } = this.#options;
    batchSize(batch, 1);
    const { up, down, missing } = await this.#ping();
    const plan = new BatchPlan(up, {
      size: up.length === 0 ? 1 : batchSize(batch, up.length),
      ...(batchWaitMs === undefined ? {} : { waitMs: batchWaitMs }),
      ...(failHard === undefined ? {} : { failHard }),
    });
    const tally: Tally = {
      minions: [...up],
      missing: [...missing],
      returned: 0,
      failed: [],
      unanswered: [],
      unexpected: [],
      repeated: 0,
      dropped: [],
      gaps: 0,
      unasked: 0,
      jids: [],
    };
    const groups = new Map<JobRun, Promise<Turn>>();
    const begin = (run: JobRun): void => {
      const turn = turnOf(run);
      // the first that fails is told; of the others nobody hears
      turn.catch(() => undefined);
      groups.set(run, turn);
    };
    try {
      while (!plan.isDone) {
        if (signal?.aborted === true) throw aborted(signal);
        const ids = plan.due(performance.now());
        if (ids.length > 0) {
          onGroup?.(ids);
          const run = this.#start(ids, this.#fun, {
            ...options,
            ...(signal === undefined ? {} : { signal }),
          });
          begin(run);
        }
        const turn = await firstOf(groups.values(), plan.wakeAt);
        if (turn === undefined) continue;
        const { run, result } = turn;
        if (result.done === true) {
          groups.delete(run);
          const summary = await run.summary;
          add(tally, summary);
          for (const id of summary.unanswered) plan.ended(id, true, performance.now());
          continue;
        }
        begin(run);
        plan.ended(result.value.id, result.value.retcode !== 0, performance.now());
        yield result.value;
      }
      // what is left has answered, and only says so
      for (const run of groups.keys()) {
        await run.close();
        add(tally, await run.summary);
      }
    } catch (error) {
      this.#reject(error);
      throw error;
    } finally {
      for (const run of groups.keys()) await run.close();
      this.#resolve({ ...tally, down, notBegun: plan.left });
    }
  }

  async #ping(): Promise<{ up: string[]; down: readonly string[]; missing: readonly string[] }> {
    const { timeoutMs, gatherJobTimeoutMs, signal } = this.#options;
    const ping = this.#start(this.#target, 'test.ping', {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(gatherJobTimeoutMs === undefined ? {} : { gatherJobTimeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
    const up: string[] = [];
    for await (const { id } of ping) up.push(id);
    const { unanswered, missing } = await ping.summary;
    return { up: up.sort(), down: unanswered, missing };
  }
}

interface Turn {
  readonly run: JobRun;
  readonly result: IteratorResult<JobReturn, undefined>;
}

async function turnOf(run: JobRun): Promise<Turn> {
  return { run, result: await run.next() };
}

async function firstOf(
  turns: Iterable<Promise<Turn>>,
  wakeAt: number | undefined,
): Promise<Turn | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const waits: Promise<Turn | undefined>[] = [...turns];
  if (wakeAt !== undefined) {
    waits.push(
      new Promise((resolve) => {
        timer = setTimeout(resolve, Math.max(1, wakeAt - performance.now()), undefined);
      }),
    );
  }
  if (waits.length === 0) throw new SaltbusError('ERR_SALTBUS_CLOSED', 'The batch has nothing to wait for');
  try {
    return await Promise.race(waits);
  } finally {
    clearTimeout(timer);
  }
}

function add(tally: Tally, summary: JobSummary): void {
  if (summary.jid !== undefined) tally.jids.push(summary.jid);
  tally.missing.push(...summary.missing);
  tally.returned += summary.returned;
  tally.failed.push(...summary.failed);
  tally.unanswered.push(...summary.unanswered);
  tally.unexpected.push(...summary.unexpected);
  tally.repeated += summary.repeated;
  tally.dropped.push(...summary.dropped);
  tally.gaps += summary.gaps;
  tally.unasked += summary.unasked;
}
