/**
 * A job that runs: its returns as they come, and a summary at the end.
 */
import { SaltbusError } from '../../errors.ts';
import type { SaltEvent } from '../../event.ts';
import { aborted } from '../../transport/connect.ts';
import { Gathering } from './gathering.ts';
import type { GatheringStep, GatheringTimes } from './gathering.ts';
import { JobReturn, returnedBy } from './job-return.ts';
import type { JobToPublish, PublishedJob } from './publish-request.ts';

/** What a master's client does for a job. */
export interface JobHost {
  /** Publishes a job; what comes for it from then on is kept until {@link watch}. */
  publish(job: JobToPublish, signal: AbortSignal | undefined): Promise<PublishedJob>;
  /** Hands over what came for a job and what comes; returns the function that ends it. */
  watch(jid: string, watcher: JobWatcher): () => void;
  /** A question whether a job still runs. */
  findJob(jid: string, ids: readonly string[]): JobToPublish;
  /** Milliseconds of a clock that does not go back. */
  now(): number;
  /** Calls back later; returns the function that ends it. */
  after(ms: number, call: () => void): () => void;
}

/** What is told of a job. */
export interface JobWatcher {
  /** A return. */
  readonly onReturn: (event: SaltEvent) => void;
  /** More minions are to answer. */
  readonly onMinions?: (ids: readonly string[]) => void;
  /** Events may have been missed. */
  readonly onGap?: () => void;
  /** Nothing more comes. */
  readonly onEnd: (error: SaltbusError) => void;
}

/** How returns are gathered. */
export interface JobRunOptions extends GatheringTimes {
  /** Most bytes of returns that wait for the consumer. */
  readonly limitBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a job. */
export interface JobSummary {
  /** `undefined` when nobody matched, and nothing was sent. */
  readonly jid: string | undefined;
  /** Who was to answer. */
  readonly minions: readonly string[];
  /** Ids that a list names and that the master does not know. */
  readonly missing: readonly string[];
  /** How many answered, whether or not they were to. */
  readonly returned: number;
  /** Who answered with an exit code other than 0. */
  readonly failed: readonly string[];
  /** Who was to answer and did not. */
  readonly unanswered: readonly string[];
  /** Who answered and was not to. */
  readonly unexpected: readonly string[];
  /** Returns that came again; they are not handed over a second time. */
  readonly repeated: number;
  /** Whose returns were not handed over because the consumer was too slow. */
  readonly dropped: readonly string[];
  /** Times when events of the master's bus may have been missed. */
  readonly gaps: number;
  /** Questions whether the job still runs that could not be sent. */
  readonly unasked: number;
}

interface Waiter {
  readonly resolve: (result: IteratorResult<JobReturn, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorResult<JobReturn, undefined> = { done: true, value: undefined };

/**
 * A job under way: iterate it with `for await` for the returns as they come; {@link summary} follows when all have answered or are no
 * longer waited for. To leave the loop, or to {@link close}, ends the gathering; the minions go on with the job.
 *
 * The master's bus is read whether or not returns are taken. Beyond the limit of bytes that wait, returns are dropped: they
 * are named in the summary, and their minions count as having answered.
 */
export class JobRun implements AsyncIterable<JobReturn, undefined>, AsyncDisposable {
  /** Resolves when the master has published the job; rejects with why it did not. */
  readonly started: Promise<PublishedJob>;
  /** Resolves at the end; rejects when there is none, with why. */
  readonly summary: Promise<JobSummary>;
  readonly #host: JobHost;
  readonly #options: JobRunOptions;
  #resolve!: (summary: JobSummary) => void;
  #reject!: (error: unknown) => void;
  #job: PublishedJob | undefined;
  #gathering: Gathering | undefined;
  #queue: JobReturn[] = [];
  #queuedBytes = 0;
  #waiters: Waiter[] = [];
  #ended = false;
  #error: { readonly error: unknown } | undefined;
  #returned = 0;
  #repeated = 0;
  #gaps = 0;
  #unasked = 0;
  readonly #failed: string[] = [];
  readonly #unexpected: string[] = [];
  readonly #dropped: string[] = [];
  /** Ends what is watched and waited for. */
  readonly #ends = new Set<() => void>();
  #endTimer: (() => void) | undefined;
  #wakesAt = NaN;
  #endQuestion: (() => void) | undefined;

  /** Made by `master.run()`. */
  constructor(host: JobHost, job: JobToPublish, options: JobRunOptions) {
    this.#host = host;
    this.#options = options;
    this.summary = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.started = this.#start(job);
    // Whoever iterates is told there.
    this.summary.catch(() => undefined);
    this.started.catch(() => undefined);
  }

  /** Who has not answered yet; empty before the job is published. */
  get waitingFor(): readonly string[] {
    return this.#gathering?.unanswered ?? [];
  }

  async #start(job: JobToPublish): Promise<PublishedJob> {
    const { signal } = this.#options;
    try {
      if (signal?.aborted === true) throw aborted(signal);
      const onAbort = (): void => {
        this.#fail(signal === undefined ? undefined : aborted(signal));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#ends.add(() => signal?.removeEventListener('abort', onAbort));
      const published = await this.#host.publish(job, signal);
      this.#job = published;
      if (!this.#ended) this.#gather(published);
      return published;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #gather({ jid, minions }: PublishedJob): void {
    if (jid === undefined) {
      this.#end();
      return;
    }
    this.#gathering = new Gathering(minions, this.#options, this.#host.now());
    const unwatch = this.#host.watch(jid, {
      onReturn: (event) => {
        this.#onReturn(event, jid);
      },
      onMinions: (ids) => {
        this.#step(this.#gathering?.take({ kind: 'expect', ids, now: this.#host.now() }));
      },
      onGap: () => {
        this.#gaps += 1;
      },
      onEnd: (error) => {
        this.#fail(error);
      },
    });
    if (this.#ended) unwatch();
    else {
      this.#ends.add(unwatch);
      this.#step({ kind: 'wait' });
    }
  }

  #onReturn(event: SaltEvent, jid: string): void {
    const id = returnedBy(event);
    const step = id === undefined ? undefined : this.#gathering?.take({ kind: 'return', id });
    if (id === undefined || step === undefined) return;
    if (step.kind === 'repeated') this.#repeated += 1;
    else if (step.kind === 'take') this.#deliver(new JobReturn(event, id, jid, step.expected));
    this.#step(step);
  }

  #deliver(item: JobReturn): void {
    this.#returned += 1;
    if (item.retcode !== 0) this.#failed.push(item.id);
    if (!item.expected) this.#unexpected.push(item.id);
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: item });
      return;
    }
    const { size } = item.event;
    if (this.#queue.length > 0 && this.#queuedBytes + size > this.#options.limitBytes) {
      this.#dropped.push(item.id);
      return;
    }
    item.event.detach();
    this.#queue.push(item);
    this.#queuedBytes += size;
  }

  // Does what the gathering asks for, and sets the clock to when it wants to hear of it again.
  #step(step: GatheringStep | undefined): void {
    const gathering = this.#gathering;
    if (step === undefined || gathering === undefined || this.#ended) return;
    if (step.kind === 'done' || gathering.isComplete) {
      this.#end();
      return;
    }
    if (step.kind === 'ask') {
      void this.#ask(step.ids);
      return;
    }
    this.#wake(gathering);
  }

  #wake(gathering: Gathering): void {
    const at = gathering.wakeAt;
    if (this.#endTimer !== undefined && at === this.#wakesAt) return;
    this.#endTimer?.();
    this.#endTimer = undefined;
    this.#wakesAt = at;
    if (at === Infinity) return;
    this.#endTimer = this.#host.after(Math.max(0, at - this.#host.now()), () => {
      this.#endTimer = undefined;
      this.#step(gathering.take({ kind: 'time', now: this.#host.now() }));
    });
  }

  async #ask(ids: readonly string[]): Promise<void> {
    const gathering = this.#gathering;
    const jid = this.#job?.jid;
    if (gathering === undefined || jid === undefined) return;
    let question: PublishedJob | undefined;
    try {
      question = await this.#host.publish(this.#host.findJob(jid, ids), this.#options.signal);
    } catch (error) {
      if (!(error instanceof SaltbusError)) {
        this.#fail(error);
        return;
      }
      this.#unasked += 1;
    }
    if (this.#ended) return;
    this.#endQuestion?.();
    this.#endQuestion = undefined;
    this.#step(gathering.take({ kind: 'asked', now: this.#host.now() }));
    if (question?.jid === undefined) return;
    this.#endQuestion = this.#host.watch(question.jid, {
      onReturn: (event) => {
        this.#onAnswer(event, gathering);
      },
      onEnd: () => undefined,
    });
  }

  // What find_job gives back is a map: of the job where it runs, and empty where it does not.
  #onAnswer(event: SaltEvent, gathering: Gathering): void {
    const id = returnedBy(event);
    if (id === undefined) return;
    const { data } = event;
    const retcode = data['retcode'];
    const found = event.exact.get('return');
    if (typeof retcode === 'number' && retcode > 0) {
      this.#step(gathering.take({ kind: 'cannot-tell', id }));
    } else if (found instanceof Map && found.size > 0) {
      this.#step(gathering.take({ kind: 'running', id, now: this.#host.now() }));
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#stop();
    this.#resolve(this.#summarize());
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(DONE);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#stop();
    this.#reject(error);
    const [first, ...others] = this.#waiters.splice(0);
    if (first === undefined) this.#error = { error };
    else first.reject(error);
    for (const waiter of others) waiter.resolve(DONE);
  }

  #stop(): void {
    this.#ended = true;
    this.#endTimer?.();
    this.#endQuestion?.();
    for (const end of this.#ends) end();
    this.#ends.clear();
  }

  #summarize(): JobSummary {
    const gathering = this.#gathering;
    const missing = this.#job?.missing ?? [];
    return {
      jid: this.#job?.jid,
      minions: gathering?.expected ?? [],
      missing: missing.filter((id) => gathering?.has(id) !== true),
      returned: this.#returned,
      failed: this.#failed,
      unanswered: [...(gathering?.unanswered ?? [])].sort(),
      unexpected: this.#unexpected,
      repeated: this.#repeated,
      dropped: this.#dropped,
      gaps: this.#gaps,
      unasked: this.#unasked,
    };
  }

  /** The next return. */
  next(): Promise<IteratorResult<JobReturn, undefined>> {
    const item = this.#queue.shift();
    if (item !== undefined) {
      this.#queuedBytes -= item.event.size;
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#error !== undefined) {
      const { error } = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<JobReturn, undefined> {
    return {
      next: () => this.next(),
      return: async () => {
        await this.close();
        return DONE;
      },
    };
  }

  /** Ends the gathering; the summary says what was known by then. What waits is dropped. Idempotent. */
  close(): Promise<void> {
    this.#end();
    this.#queue = [];
    this.#queuedBytes = 0;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
