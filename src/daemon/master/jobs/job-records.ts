/**
 * What the master remembers of jobs while it runs: who was asked, who has answered, and with what.
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import type { Load } from '../load.ts';

/** A job as it was published. */
export interface NewJob {
  readonly jid: string;
  /** What was published. */
  readonly load: Load;
  /** Who is expected to answer. */
  readonly minions: readonly string[];
}

/** A job that is remembered. */
export interface JobRecord {
  readonly jid: string;
  /** What was published; for a job that a minion began by itself, its first return. */
  readonly load: Load;
  readonly startedBy: 'master' | 'minion';
  /** Who was expected; empty for a job that a minion began. */
  readonly minions: ReadonlySet<string>;
  /** The whole return by minion; `undefined` where it was dropped for its size. */
  readonly returns: ReadonlyMap<string, Load | undefined>;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** How a return was taken. */
export type ReturnOutcome = 'expected' | 'unexpected' | 'repeated' | 'own-job';

/** Bounds of {@link JobRecords}. */
export interface JobRecordsLimits {
  /** Most jobs; beyond, the oldest is forgotten. @defaultValue 10 000 */
  readonly jobs?: number;
  /** Most bytes of returns, as they came; beyond, the oldest jobs are forgotten. @defaultValue 256 MiB */
  readonly bytes?: number;
  /** Most returns of one job; beyond, they are counted only. @defaultValue 100 000 */
  readonly returnsPerJob?: number;
}

/** Counters of {@link JobRecords}. */
export interface JobRecordsCounters {
  readonly jobs: number;
  readonly bytes: number;
  /** Jobs forgotten because there was no room. */
  readonly evicted: number;
  /** Returns whose content was not kept: they came twice, or there was no room. */
  readonly dropped: number;
}

interface MutableRecord extends JobRecord {
  readonly returns: Map<string, Load | undefined>;
  bytes: number;
}

/** Jobs by id, the oldest first. */
export class JobRecords {
  readonly #limits: Required<JobRecordsLimits>;
  readonly #now: () => number;
  readonly #jobs = new Map<string, MutableRecord>();
  #bytes = 0;
  #evicted = 0;
  #dropped = 0;

  constructor(limits: JobRecordsLimits = {}, now: () => number = () => Date.now()) {
    this.#limits = {
      jobs: limits.jobs ?? 10_000,
      bytes: limits.bytes ?? 256 * 1024 * 1024,
      returnsPerJob: limits.returnsPerJob ?? 100_000,
    };
    this.#now = now;
  }

  get counters(): JobRecordsCounters {
    return { jobs: this.#jobs.size, bytes: this.#bytes, evicted: this.#evicted, dropped: this.#dropped };
  }

  /** Remembers a job that the master publishes; false when that id is known already. */
  add({ jid, load, minions }: NewJob): boolean {
    if (this.#jobs.has(jid)) return false;
    this.#insert(jid, load, 'master', new Set(minions));
    return true;
  }

  /**
   * Takes the return of a minion.
   * @param bytes - what it took on the wire
   */
  addReturn(jid: string, id: string, load: Load, bytes: number): ReturnOutcome {
    let job = this.#jobs.get(jid);
    job ??= this.#insert(jid, withoutReturn(load), 'minion', new Set());
    const isRepeated = job.returns.has(id);
    const isFull = job.returns.size >= this.#limits.returnsPerJob;
    if (isRepeated || isFull) {
      this.#dropped += 1;
    } else {
      const isLarge = job.bytes + bytes > this.#limits.bytes;
      job.returns.set(id, isLarge ? undefined : load);
      if (isLarge) this.#dropped += 1;
      else {
        job.bytes += bytes;
        this.#bytes += bytes;
        this.#makeRoom(job);
      }
    }
    if (isRepeated) return 'repeated';
    if (job.startedBy === 'minion') return 'own-job';
    return job.minions.has(id) ? 'expected' : 'unexpected';
  }

  get(jid: string): JobRecord | undefined {
    return this.#jobs.get(jid);
  }

  /** The jobs, the oldest first. */
  all(): IterableIterator<JobRecord> {
    return this.#jobs.values();
  }

  /** Who was asked and has not answered; `undefined` for an unknown job. */
  waitingFor(jid: string): string[] | undefined {
    const job = this.#jobs.get(jid);
    return job === undefined ? undefined : [...job.minions].filter((id) => !job.returns.has(id));
  }

  /** Forgets the jobs that began before a time, in milliseconds since 1970 (`keep_jobs`). */
  forgetBefore(time: number): void {
    for (const job of this.#jobs.values()) {
      if (job.startedAt >= time) break;
      this.#jobs.delete(job.jid);
      this.#bytes -= job.bytes;
    }
  }

  #insert(
    jid: string,
    load: Load,
    startedBy: JobRecord['startedBy'],
    minions: ReadonlySet<string>,
  ): MutableRecord {
    const job: MutableRecord = {
      jid,
      load,
      startedBy,
      minions,
      returns: new Map(),
      startedAt: this.#now(),
      bytes: 0,
    };
    this.#jobs.set(jid, job);
    this.#makeRoom(job);
    return job;
  }

  #makeRoom(newest: MutableRecord): void {
    for (const job of this.#jobs.values()) {
      if (this.#jobs.size <= this.#limits.jobs && this.#bytes <= this.#limits.bytes) break;
      if (job === newest) continue;
      this.#jobs.delete(job.jid);
      this.#bytes -= job.bytes;
      this.#evicted += 1;
    }
  }
}

function withoutReturn(load: Load): Load {
  const rest = new Map<ExactValue, ExactValue>(load);
  rest.delete('return');
  return rest;
}
