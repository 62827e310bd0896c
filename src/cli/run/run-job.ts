/**
 * Runs a job for the command line: returns as they come, who did not answer, and the exit code, which is Salt's.
 */
import type { BatchSummary } from '../../client/run/batch-run.ts';
import type { JobReturn } from '../../client/run/job-return.ts';
import type { JobSummary } from '../../client/run/job-run.ts';
import type { MasterClient } from '../../client/run/master-client.ts';
import type { PublishOptions, RunOptions, RunTarget } from '../../client/run/run-options.ts';
import { EXIT } from '../exit-codes.ts';
import type { StdoutWriter } from '../output/writer.ts';
import { oneLine } from '../terminal.ts';
import type { Paint } from '../terminal.ts';
import { ProgressLine } from './progress.ts';
import { idOf, showReturns } from './returns.ts';
import type { ReturnForm, ReturnRow } from './returns.ts';

/** What is to be run. */
export interface JobToRun {
  readonly target: RunTarget;
  readonly fun: string | readonly string[];
  readonly publish: PublishOptions;
  readonly timeoutMs?: number;
  readonly gatherJobTimeoutMs?: number;
  readonly batch?: string;
  readonly batchWaitMs?: number;
  readonly failHard: boolean;
  readonly isAsync: boolean;
  readonly subset?: number;
  readonly isStatic: boolean;
  readonly hidesTimeouts: boolean;
  readonly summary: boolean;
}

/** With what, and where to. */
export interface RunPlace {
  readonly master: MasterClient;
  readonly out: StdoutWriter;
  readonly signal: AbortSignal;
  readonly form: ReturnForm;
  readonly paint: Paint;
}

/** salt exits so when there is no return at all (3006.30, 3007.17, 3008.5). */
const NOBODY = 2;

/** Runs it; resolves with the exit code. */
export async function runJob(place: RunPlace, job: JobToRun): Promise<number> {
  const subset = job.subset === undefined ? undefined : await pickSubset(place, job, job.subset);
  if (subset?.length === 0) return sayNobody();
  const picked = subset === undefined ? job : { ...job, target: subset };
  if (job.isAsync) return await publishOnly(place, picked);
  return job.batch === undefined
    ? await runAtOnce(place, picked)
    : await runInBatches(place, picked, job.batch);
}

function optionsOf({ publish, timeoutMs, gatherJobTimeoutMs }: JobToRun, signal: AbortSignal): RunOptions {
  return {
    ...publish,
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(gatherJobTimeoutMs === undefined ? {} : { gatherJobTimeoutMs }),
  };
}

async function publishOnly({ master, out, form, signal }: RunPlace, job: JobToRun): Promise<number> {
  const { jid, minions } = await master.publish(job.target, job.fun, { ...job.publish, signal });
  if (jid === undefined) return sayNobody();
  const isJson = form === 'json' || form === 'ndjson';
  await out.write(isJson ? `${JSON.stringify({ jid, minions })}\n` : `${jid}\n`);
  return EXIT.ok;
}

async function runAtOnce(place: RunPlace, job: JobToRun): Promise<number> {
  const { master, signal } = place;
  const run = master.run(job.target, job.fun, optionsOf(job, signal));
  const { jid, minions } = await run.started;
  if (jid === undefined) return sayNobody();
  const printer = new Printer(place, job);
  const tick = setInterval(() => {
    printer.progress(minions.length, run.waitingFor);
  }, 250);
  try {
    for await (const item of run) {
      await printer.add(item);
      printer.progress(minions.length, run.waitingFor);
    }
  } catch (error) {
    printer.clear();
    if (signal.aborted) sayInterrupted(jid);
    throw error;
  } finally {
    clearInterval(tick);
  }
  const summary = await run.summary;
  await printer.end(summary, jid);
  return exitCodeOf(summary);
}

async function runInBatches(place: RunPlace, job: JobToRun, batch: string): Promise<number> {
  const { master, signal, form } = place;
  const printer = new Printer(place, job);
  const run = master.runBatch(job.target, job.fun, {
    ...optionsOf(job, signal),
    batch,
    failHard: job.failHard,
    ...(job.batchWaitMs === undefined ? {} : { batchWaitMs: job.batchWaitMs }),
    onGroup: (ids) => {
      if (form === 'pretty') say(`running on ${ids.join(', ')}`);
    },
  });
  for await (const item of run) await printer.add(item);
  const summary = await run.summary;
  if (summary.jids.length === 0 && summary.down.length === 0) return sayNobody();
  for (const id of summary.down) say(`${id} did not answer the ping, and was not given the job`);
  if (summary.notBegun.length > 0) say(`not begun after a failure: ${summary.notBegun.join(', ')}`);
  await printer.end(summary, summary.jids.at(-1) ?? '');
  return exitCodeOf(summary) === EXIT.ok && summary.down.length === 0 ? EXIT.ok : EXIT.failure;
}

// As salt does: minions are asked which functions they have.
async function pickSubset({ master, signal }: RunPlace, job: JobToRun, count: number): Promise<string[]> {
  const wanted = typeof job.fun === 'string' ? [job.fun] : job.fun;
  const run = master.run(job.target, 'sys.list_functions', {
    ...optionsOf(job, signal),
    args: [],
    returner: '',
  });
  const able: string[] = [];
  for await (const item of run) {
    const list = item.return;
    if (Array.isArray(list) && wanted.every((fun) => list.includes(fun))) able.push(item.id);
  }
  for (let at = able.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [able[at], able[other]] = [able[other] ?? '', able[at] ?? ''];
  }
  return able.slice(0, count);
}

/** Writes returns, and keeps the progress line out of their way. */
class Printer {
  readonly #place: RunPlace;
  readonly #job: JobToRun;
  readonly #line = new ProgressLine();
  /** What is kept for the end. */
  readonly #rows: ReturnRow[] = [];

  constructor(place: RunPlace, job: JobToRun) {
    this.#place = place;
    this.#job = job;
  }

  async add(item: JobReturn): Promise<void> {
    await this.#write([{ kind: 'return', item }]);
  }

  progress(of: number, waitingFor: readonly string[]): void {
    this.#line.show({ answered: of - waitingFor.length, of, waitingFor });
  }

  clear(): void {
    this.#line.clear();
  }

  async end(summary: Omit<JobSummary, 'jid'>, jid: string): Promise<void> {
    this.#line.clear();
    if (!this.#job.hidesTimeouts) {
      for (const id of noReturns(summary)) await this.#write([{ kind: 'none', none: { id, jid } }]);
    }
    if (this.#rows.length > 0) {
      const { out, form, paint } = this.#place;
      await out.write(showReturns(form, this.#rows.sort(byId), paint));
    }
    sayTroubles(summary);
    if (this.#job.summary) say(summaryText(summary));
  }

  async #write(rows: readonly ReturnRow[]): Promise<void> {
    if (this.#job.isStatic) {
      this.#rows.push(...rows);
      return;
    }
    this.#line.clear();
    const { out, form, paint } = this.#place;
    await out.write(showReturns(form, rows, paint));
  }
}

function byId(one: ReturnRow, other: ReturnRow): number {
  return idOf(one) < idOf(other) ? -1 : 1;
}

function noReturns({ unanswered, missing }: Pick<JobSummary, 'unanswered' | 'missing'>): string[] {
  return [...unanswered, ...missing];
}

function exitCodeOf(summary: Omit<JobSummary, 'jid'> | BatchSummary): number {
  if (summary.returned === 0 && noReturns(summary).length === 0) return NOBODY;
  return summary.failed.length > 0 || noReturns(summary).length > 0 ? EXIT.failure : EXIT.ok;
}

function sayTroubles({ gaps, dropped, unasked, unexpected }: Omit<JobSummary, 'jid'>): void {
  if (gaps > 0)
    say('events of the bus may have been missed: a minion that is said not to have answered may have');
  if (dropped.length > 0) say(`returns were dropped, output was too slow: ${dropped.join(', ')}`);
  if (unasked > 0) say('it could not be asked who still works: the master did not answer');
  if (unexpected.length > 0) say(`answered without being asked: ${unexpected.join(', ')}`);
}

function summaryText(summary: Omit<JobSummary, 'jid'>): string {
  const { minions, missing, returned, failed, unanswered } = summary;
  const parts = [
    `${minions.length + missing.length} targeted`,
    `${returned} answered`,
    `${failed.length} failed`,
    `${unanswered.length + missing.length} did not answer`,
  ];
  return parts.join(', ');
}

function sayNobody(): number {
  say('no minion matched the target; nothing was sent');
  return NOBODY;
}

function sayInterrupted(jid: string): void {
  say(`interrupted; the job ${jid} goes on, and its returns stay with the master`);
}

function say(text: string): void {
  process.stderr.write(`saltbus: ${oneLine(text)}\n`);
}
