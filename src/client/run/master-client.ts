/**
 * The master of this host, as whoever may publish jobs speaks to it: its bus for what comes back, its request port for what is sent.
 */
import { encodeClearRequest } from '../../codec/payload/request.ts';
import { parseReply } from '../../codec/payload/reply.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Subscription } from '../../bus/subscription.ts';
import type { RunSettings } from '../../config/index.ts';
import { SaltbusError } from '../../errors.ts';
import type { SaltEvent } from '../../event.ts';
import { compileTarget } from '../../target/index.ts';
import { ReqSocket } from '../../transport/zmtp/req.ts';
import { BatchRun } from './batch-run.ts';
import type { BatchOptions } from './batch-run.ts';
import { JobRun } from './job-run.ts';
import type { JobHost, JobWatcher } from './job-run.ts';
import { localUser, readLocalKey } from './local-key.ts';
import { publishLoad, publishedJob } from './publish-request.ts';
import type { JobToPublish, PublishedJob } from './publish-request.ts';
import type { PublishOptions, RunOptions, RunTarget } from './run-options.ts';

/** What a {@link MasterClient} is made of. */
export interface MasterClientParts {
  readonly settings: RunSettings;
  readonly bus: Bus;
  readonly subscription: Subscription;
}

const JOB_TAG = 'salt/job/';
const RETURN = 'ret/';
const DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024;
// What comes between the request and its answer, when it is not known yet whose it is.
const MOST_EARLY = 10_000;
const MOST_EARLY_BYTES = 32 * 1024 * 1024;

/** Publishes jobs and gathers their returns. Made by {@link connectMaster}. */
export class MasterClient implements AsyncDisposable {
  readonly #settings: RunSettings;
  readonly #bus: Bus;
  readonly #subscription: Subscription;
  readonly #socket: ReqSocket;
  readonly #watchers = new Map<string, JobWatcher>();
  readonly #host: JobHost;
  #publishing = 0;
  #early: { readonly jid: string; readonly event: SaltEvent }[] = [];
  #earlyBytes = 0;
  #isEarlyLost = false;
  #ended: SaltbusError | undefined;

  /** @internal */
  constructor({ settings, bus, subscription }: MasterClientParts) {
    this.#settings = settings;
    this.#bus = bus;
    this.#subscription = subscription;
    this.#socket = new ReqSocket({ host: settings.host, port: settings.port });
    this.#host = {
      publish: (job, signal) => this.#publish(job, signal),
      watch: (jid, watcher) => this.#watch(jid, watcher),
      findJob: (jid, ids) => this.#job(ids, 'saltutil.find_job', { args: [jid] }),
      now: () => performance.now(),
      after: (ms, call) => {
        const timer = setTimeout(call, ms);
        return () => {
          clearTimeout(timer);
        };
      },
    };
    void this.#pump();
  }

  /**
   * Runs a function on minions, and gives their returns as they come. Nothing is thrown: what goes wrong rejects `started`, the
   * iteration and `summary`. A target that matches nobody is no error: there are no returns then, and no `jid`.
   *
   * `started` and the iteration reject with `ERR_SALTBUS_TARGET` or `ERR_SALTBUS_PATTERN` for a target that is none;
   * `ERR_SALTBUS_NO_KEY`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_KEY_INVALID` for the key of this user; `ERR_SALTBUS_NOT_AUTHORIZED` or
   * `ERR_SALTBUS_NOT_ACCEPTED` when the master refuses; `ERR_SALTBUS_TIMEOUT` or `ERR_SALTBUS_NO_REPLY` when it does not answer: it is not
   * known then whether the job was published; `ERR_SALTBUS_ABORTED`; `ERR_SALTBUS_CLOSED`
   * @param fun - a function, or several that each minion runs in order
   */
  run(target: RunTarget, fun: string | readonly string[], options: RunOptions = {}): JobRun {
    const { timeoutMs, gatherJobTimeoutMs } = this.#settings;
    return new JobRun(this.#hostFor(target, fun, options), NOT_MADE, {
      timeoutMs: options.timeoutMs ?? timeoutMs,
      gatherJobTimeoutMs: options.gatherJobTimeoutMs ?? gatherJobTimeoutMs,
      limitBytes: options.limitBytes ?? DEFAULT_LIMIT_BYTES,
      signal: options.signal,
    });
  }

  // The job is made when it is published, so that a bad target rejects like everything else.
  #hostFor(target: RunTarget, fun: string | readonly string[], options: PublishOptions): JobHost {
    return {
      ...this.#host,
      publish: async (job, signal) =>
        await this.#publish(job === NOT_MADE ? this.#job(target, fun, options) : job, signal),
    };
  }

  /**
   * Runs a function on some minions at a time: who answers a ping is begun with, and a minion that has answered makes room for the
   * next. Each group is a job of its own.
   *
   * Rejects as {@link run}, and with `ERR_SALTBUS_USAGE` for a size that is none.
   */
  runBatch(target: RunTarget, fun: string | readonly string[], options: BatchOptions): BatchRun {
    return new BatchRun((ids, what, how) => this.run(ids, what, how), target, fun, options);
  }

  /**
   * Publishes a job and waits for nobody.
   * @throws SaltbusError (rejection) as {@link run}
   */
  async publish(
    target: RunTarget,
    fun: string | readonly string[],
    options: PublishOptions = {},
  ): Promise<PublishedJob> {
    return await this.#publish(this.#job(target, fun, options), options.signal);
  }

  #job(target: RunTarget, fun: string | readonly string[], options: PublishOptions): JobToPublish {
    const { nodegroups, extJobCache } = this.#settings;
    const { metadata, returner = '', returnerKwargs, returnerConfig } = options;
    const spec =
      typeof target === 'string'
        ? { tgt: target }
        : 'tgt' in target
          ? target
          : { tgt: target, tgtType: 'list' };
    return {
      target: compileTarget(spec, { nodegroups }),
      fun,
      arg: argumentsOf(options),
      ret: [returner, extJobCache ?? ''].filter((name) => name !== '').join(','),
      kwargs: {
        ...(metadata === undefined ? {} : { metadata }),
        ...(returnerConfig === undefined ? {} : { ret_config: returnerConfig }),
        ...(returnerKwargs === undefined ? {} : { ret_kwargs: returnerKwargs }),
      },
    };
  }

  async #publish(job: JobToPublish, signal: AbortSignal | undefined): Promise<PublishedJob> {
    if (this.#ended !== undefined) throw this.#ended;
    const { cachedir, user, publishTimeoutMs } = this.#settings;
    const key = await readLocalKey(cachedir, localUser(user));
    const request = encodeClearRequest(publishLoad(job, key));
    this.#publishing += 1;
    try {
      const reply = await this.#socket.request(request, {
        timeoutMs: publishTimeoutMs,
        ...(signal === undefined ? {} : { signal }),
      });
      return publishedJob(parseReply(reply), key.user);
    } finally {
      // Whoever is told of the job watches it in the same turn.
      setImmediate(() => {
        this.#publishing -= 1;
        if (this.#publishing === 0) this.#forgetEarly();
      });
    }
  }

  #watch(jid: string, watcher: JobWatcher): () => void {
    if (this.#ended !== undefined) {
      watcher.onEnd(this.#ended);
      return () => undefined;
    }
    this.#watchers.set(jid, watcher);
    const mine = this.#early.filter((early) => early.jid === jid);
    if (this.#isEarlyLost) watcher.onGap?.();
    for (const { event } of mine) tell(watcher, event, jid);
    return () => {
      this.#watchers.delete(jid);
    };
  }

  // Never stops reading, whatever becomes of the jobs.
  async #pump(): Promise<void> {
    let error: unknown;
    try {
      for await (const items of this.#subscription.batches()) {
        for (const item of items) {
          if (item.kind === 'event') this.#onEvent(item);
          else if (item.kind === 'gap') for (const watcher of this.#watchers.values()) watcher.onGap?.();
        }
      }
    } catch (thrown) {
      error = thrown;
    }
    this.#end(
      error instanceof SaltbusError
        ? error
        : new SaltbusError('ERR_SALTBUS_CLOSED', 'The bus of the master was closed', { cause: error }),
    );
  }

  #onEvent(event: SaltEvent): void {
    const jid = event.tag.slice(JOB_TAG.length, event.tag.indexOf('/', JOB_TAG.length));
    const watcher = this.#watchers.get(jid);
    if (watcher !== undefined) tell(watcher, event, jid);
    else if (this.#publishing > 0) this.#keepEarly(event, jid);
  }

  #keepEarly(event: SaltEvent, jid: string): void {
    if (this.#early.length >= MOST_EARLY || this.#earlyBytes + event.size > MOST_EARLY_BYTES) {
      this.#isEarlyLost = true;
      return;
    }
    event.detach();
    this.#early.push({ jid, event });
    this.#earlyBytes += event.size;
  }

  #forgetEarly(): void {
    this.#early = [];
    this.#earlyBytes = 0;
    this.#isEarlyLost = false;
  }

  #end(error: SaltbusError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#socket.destroy(error);
    const watchers = [...this.#watchers.values()];
    this.#watchers.clear();
    for (const watcher of watchers) watcher.onEnd(error);
    this.#forgetEarly();
  }

  /** Ends the connections now: jobs under way reject with `ERR_SALTBUS_CLOSED`, and go on at the minions. Idempotent. */
  async close(): Promise<void> {
    this.#end(new SaltbusError('ERR_SALTBUS_CLOSED', 'The client of the master was closed'));
    await this.#subscription.close();
    await this.#bus.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

// Stands for a job that is made when it is published.
const NOT_MADE: JobToPublish = {
  target: { tgt: '', tgtType: 'glob', delimiter: ':' },
  fun: '',
  arg: [],
  ret: '',
  kwargs: {},
};

function tell(watcher: JobWatcher, event: SaltEvent, jid: string): void {
  const rest = event.tag.slice(JOB_TAG.length + jid.length + 1);
  if (rest.startsWith(RETURN)) watcher.onReturn(event);
  else if (rest === 'new') {
    const { minions } = event.data;
    if (Array.isArray(minions)) {
      watcher.onMinions?.((minions as unknown[]).filter((id): id is string => typeof id === 'string'));
    }
  }
}

function argumentsOf({ args = [], kwargs }: PublishOptions): readonly unknown[] {
  if (kwargs === undefined) return args;
  const pairs =
    kwargs instanceof Map ? [...(kwargs as ReadonlyMap<unknown, unknown>)] : Object.entries(kwargs);
  if (pairs.length === 0) return args;
  return [...args, new Map<unknown, unknown>([['__kwarg__', true], ...pairs])];
}
