/**
 * A client of one local event bus: listens through its publish socket, fires through its pull socket.
 */
import type { Duplex } from 'node:stream';
import { dataStart, EventBodyEncoder, TAGEND } from '../codec/event-body.ts';
import type { Framing } from '../codec/framing.ts';
import type { DialectChoice } from '../dialect/choice.ts';
import { reservedPrefix } from '../dialect/tag-rules.ts';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import { readEvent, tagText } from '../event.ts';
import type { BadEvent, EventTally, SaltEvent } from '../event.ts';
import { compileMatch, guessMode } from '../match/index.ts';
import type { MatchMode, TagMatch } from '../match/index.ts';
import { checkTag } from '../tag.ts';
import type { Backoff } from '../transport/backoff.ts';
import type { ConfirmOptions, ConfirmedPath, FireMasterOutcome } from './confirmed.ts';
import { Feed } from './feed.ts';
import type { FeedOwner } from './feed.ts';
import { MAX_TAG_BYTES, checkEventSize, checkTagSize, tagTooLong } from './event-size.ts';
import { FIRE_MASTER_TAG, checkPackage, isMap, listPackage, singlePackage } from './fire-master.ts';
import type { FireMasterOptions, MasterEvent } from './fire-master.ts';
import { Outbox } from './outbox.ts';
import { PROBE_TAG_PREFIX, probeBody, probePullFraming } from './probe.ts';
import type { GapReason } from './queue.ts';
import { stampNow } from './stamp.ts';
import { Subscription } from './subscription.ts';
import { wallClock } from './wall-clock.ts';

/** Which daemon's bus it is. */
export type Node = 'minion' | 'master';

/** What is remembered of a pull socket, so that it need not be probed again. */
export interface DialectMemory {
  /** What the pull socket speaks, if that is known without a probe. */
  recall(): Promise<Framing | undefined>;
  /** Keeps what a probe has found out. */
  remember(framing: Framing): Promise<void>;
}

/** How a bus is reached and used. */
export interface BusOptions {
  readonly node: Node;
  /** Names of the two sockets, for messages. */
  readonly names: { readonly pub: string; readonly pull: string };
  readonly openPub: (signal: AbortSignal) => Promise<Duplex>;
  readonly openPull: (signal: AbortSignal) => Promise<Duplex>;
  /** What is known of the dialect. */
  readonly dialect?: DialectChoice;
  readonly memory?: DialectMemory;
  /** Whether `fire_master` can reach a master from this bus. @defaultValue true */
  readonly forwards?: () => boolean;
  /** The way of what is fired for the master that is answered. @defaultValue none */
  readonly confirmed?: ConfirmedPath;
  /** Events whose data is larger are refused, in bytes. @defaultValue 1 MiB, as in Salt */
  readonly maxEventSize?: number;
  /** Longest frame that is read, in bytes. @defaultValue 100 MiB, as in Salt */
  readonly maxFrameBytes?: number;
  /** Most bytes of fired events that wait to be written. @defaultValue 64 MiB */
  readonly maxOutboxBytes?: number;
  /** How long a fired event waits for a connection, in milliseconds. @defaultValue 5000 */
  readonly fireTimeoutMs?: number;
  readonly backoff?: Backoff;
}

/** What to listen to. */
export interface ListenOptions {
  /** The pattern of tags. @defaultValue every tag */
  readonly tag?: string;
  /** How the pattern is read. @defaultValue `glob` when it has wildcards, otherwise `prefix` */
  readonly match?: MatchMode;
  /** Ends the subscription when aborted. */
  readonly signal?: AbortSignal;
  /** Most items that wait for the consumer; what comes beyond is dropped, counted, and marked by a gap. @defaultValue 100 000 */
  readonly limit?: number;
  /** Most bytes of events that wait. @defaultValue 64 MiB */
  readonly limitBytes?: number;
}

/** How one event is fired. */
export interface FireOptions {
  /** Allows a tag on which the minion daemon itself acts (`module_refresh`, `manage_schedule`, ...). @defaultValue false */
  readonly allowInternalTag?: boolean;
}

/** Counters of a bus, since it was opened. */
export interface BusCounters {
  /** Events that came over the bus, whether or not a subscription wanted them. */
  readonly received: number;
  /** Bytes that came as events or frames and were none. */
  readonly bad: number;
  /** Events that the operating system has taken from us. */
  readonly fired: number;
  /** Times the publish socket was connected again. */
  readonly reconnects: number;
  /** Values that Salt's firing client had replaced by `VALUE_TRIMMED`, in events that were decoded. */
  readonly trimmed: number;
}

/** Data of an event to be fired: a plain object or a Map. */
export type FireData = Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;

const PROBE_PREFIX_BYTES = Buffer.from(PROBE_TAG_PREFIX);
const READY_RETRY_MS = 250;
const READY_GIVE_UP_MS = 5000;

/** An open bus. Made by `connect()`. */
export class Bus implements AsyncDisposable, FeedOwner {
  readonly node: Node;
  readonly #options: BusOptions;
  readonly #feed: Feed;
  readonly #outbox: Outbox;
  readonly #encoder = new EventBodyEncoder();
  readonly #subscriptions = new Set<Subscription>();
  readonly #echoes = new Map<string, () => void>();
  #proofs: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #feedOpens: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  /** Events of the current chunk that a subscription took, and their bytes. */
  #taken: SaltEvent[] = [];
  #takenBytes = 0;
  #now = 0;
  #received = 0;
  #bad = 0;
  #reconnects = 0;
  readonly #tally: EventTally = { trimmed: 0 };
  #closed: SaltbusError | undefined;

  constructor(options: BusOptions) {
    this.node = options.node;
    this.#options = options;
    const backoff = options.backoff === undefined ? {} : { backoff: options.backoff };
    this.#feed = new Feed(this, {
      name: options.names.pub,
      open: options.openPub,
      ...(options.dialect?.pub === undefined ? {} : { framing: options.dialect.pub }),
      ...(options.maxFrameBytes === undefined ? {} : { maxFrameBytes: options.maxFrameBytes }),
      ...backoff,
    });
    this.#outbox = new Outbox({
      name: options.names.pull,
      open: options.openPull,
      resolveFraming: () => this.#pullFraming(),
      maxBytes: options.maxOutboxBytes ?? 64 * 1024 * 1024,
      waitMs: options.fireTimeoutMs ?? 5000,
      ...backoff,
    });
  }

  /** What the publish socket speaks on the present connection; `undefined` until its first byte has come. */
  get pubFraming(): Framing | undefined {
    return this.#feed.framing;
  }

  /** Counters since the bus was opened. */
  get counters(): BusCounters {
    return {
      received: this.#received,
      bad: this.#bad,
      fired: this.#outbox.handedOver,
      reconnects: this.#reconnects,
      trimmed: this.#tally.trimmed,
    };
  }

  /**
   * Listens to the bus. The connection is read without a pause; a consumer that is slower than the bus loses events
   * beyond the limit, and sees a gap in their place.
   * @throws SaltbusError `ERR_SALTBUS_CLOSED`, `ERR_SALTBUS_PATTERN`
   */
  listen(options: ListenOptions = {}): Subscription {
    this.#checkOpen();
    const { tag, signal } = options;
    const match = tag === undefined ? undefined : compileMatch(tag, options.match ?? guessMode(tag));
    const subscription = new Subscription(
      {
        ready: () => this.#proveReady(),
        ended: (ended) => {
          if (this.#subscriptions.delete(ended)) this.#feed.release();
        },
      },
      match,
      { items: options.limit ?? 100_000, bytes: options.limitBytes ?? 64 * 1024 * 1024 },
    );
    if (signal?.aborted === true) {
      subscription.end();
      return subscription;
    }
    this.#subscriptions.add(subscription);
    signal?.addEventListener(
      'abort',
      () => {
        void subscription.close();
      },
      { once: true },
    );
    this.#feed.acquire();
    return subscription;
  }

  /**
   * Fires an event, and resolves when the operating system has taken it on behalf of the daemon ("handed to the local
   * bus"): the protocol has no answer, so nothing more can be known.
   *
   * Events fired in one tick are written together. `_stamp` is set, as Salt's own client does.
   * @throws SaltbusError (rejection) `ERR_SALTBUS_TAG`, `ERR_SALTBUS_RESERVED_TAG`, `ERR_SALTBUS_DATA`, `ERR_SALTBUS_TOO_LARGE`, `ERR_SALTBUS_OUTBOX_FULL`, `ERR_SALTBUS_DISCONNECTED`, `ERR_SALTBUS_DIALECT`, or why there is no connection
   */
  fire(tag: string, data: FireData = {}, options: FireOptions = {}): Promise<void> {
    try {
      this.#checkOpen();
      this.#checkFire(tag, data, options);
      const body = this.#encoder.encode(tag, data, stampNow());
      checkEventSize(body, tag, this.#options.maxEventSize ?? 1024 * 1024);
      return this.#outbox.send(body);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Has the minion forward one event, or a list of events in one request, to its master(s).
   *
   * One event arrives on the master bus with the sender's verified id around it (`{id, data, tag, ts, ...}`); the events
   * of a list arrive flat and without an id. Resolves with what is known: a minion of saltbus keeps it on its disk until the
   * master has it and tells of both; a real minion tells nothing, and the package was handed to the local bus.
   * @throws SaltbusError (rejection) as {@link fire}, `ERR_SALTBUS_DENIED_TAG` for tags that a master drops, `ERR_SALTBUS_NO_CONTROL` where more is
   * asked for than the minion tells, `ERR_SALTBUS_SPOOL_FULL`, `ERR_SALTBUS_DISK_FULL`, and `ERR_SALTBUS_NOT_SPOOLED` for what the
   * master refuses or the minion gives up
   */
  fireMaster(tag: string, data?: unknown, options?: ConfirmOptions): Promise<FireMasterOutcome>;
  fireMaster(
    events: readonly MasterEvent[],
    options?: FireMasterOptions & ConfirmOptions,
  ): Promise<FireMasterOutcome>;
  async fireMaster(
    first: string | readonly MasterEvent[],
    second?: unknown,
    third: ConfirmOptions = {},
  ): Promise<FireMasterOutcome> {
    const isOne = typeof first === 'string';
    const load = isOne ? singlePackage(first, second ?? {}) : listPackage(first, second ?? {});
    const options = isOne ? third : ((second ?? {}) as ConfirmOptions);
    const { confirmed, maxEventSize = 1024 * 1024 } = this.#options;
    if (confirmed?.isThere() === true) {
      this.#checkOpen();
      this.#checkFire(FIRE_MASTER_TAG, load, {});
      const body = this.#encoder.encode(FIRE_MASTER_TAG, load);
      checkEventSize(body, FIRE_MASTER_TAG, maxEventSize);
      return await confirmed.fire(
        Uint8Array.prototype.slice.call(body, FIRE_MASTER_TAG.length + TAGEND.length),
        options,
      );
    }
    const { wait, ttlMs, priority } = options;
    if (wait !== undefined || ttlMs !== undefined || priority !== undefined) {
      throw new SaltbusError(
        'ERR_SALTBUS_NO_CONTROL',
        'The minion here does not tell what becomes of events for the master, and keeps none of them',
        { next: 'Run saltbus minion, or fire without wait, ttl and priority.' },
      );
    }
    await this.fire(FIRE_MASTER_TAG, load);
    return 'handed';
  }

  #checkFire(tag: string, data: unknown, options: FireOptions): void {
    checkTag(tag);
    checkTagSize(tag);
    if (!isMap(data)) {
      throw new SaltbusError('ERR_SALTBUS_DATA', 'The data of an event is a map (a plain object or a Map)', {
        next: 'Put the value under a key, for example {"value": ...}.',
      });
    }
    if (this.node !== 'minion') {
      if (tag === FIRE_MASTER_TAG) {
        throw new SaltbusError(
          'ERR_SALTBUS_RESERVED_TAG',
          'fire_master means something on the bus of a minion only',
          {
            next: 'Fire the event itself on the master bus, or fire on the minion bus (--node minion).',
          },
        );
      }
      return;
    }
    if (tag === FIRE_MASTER_TAG || tag.startsWith(`${FIRE_MASTER_TAG}/`)) {
      checkPackage(data);
      if (this.#options.forwards?.() === false) {
        throw new SaltbusError(
          'ERR_SALTBUS_NO_FORWARDER',
          `Nobody forwards events to a master from this bus: ${this.#options.names.pull} is served without a minion behind it`,
        );
      }
      return;
    }
    const reserved = options.allowInternalTag === true ? undefined : reservedPrefix(tag);
    if (reserved !== undefined) {
      throw new SaltbusError(
        'ERR_SALTBUS_RESERVED_TAG',
        `A minion acts on tags that begin with ${reserved.prefix}: ${reserved.effect}`,
      );
    }
  }

  /** Waits until everything fired so far was handed over, then closes: subscriptions yield what waits and end. Idempotent. */
  async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed !== undefined) return;
    const { signal } = options;
    await new Promise<void>((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      signal?.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
      void Promise.all([this.#outbox.drained(), this.#options.confirmed?.close()]).then(() => {
        resolve();
      });
    });
    this.#shut(new SaltbusError('ERR_SALTBUS_CLOSED', 'The bus was closed'), undefined);
  }

  /** Closes now: what was fired and not yet written is rejected, and subscriptions throw `error` when one is given. Idempotent. */
  destroy(error?: Error): void {
    this.#shut(new SaltbusError('ERR_SALTBUS_CLOSED', 'The bus was destroyed', { cause: error }), error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #shut(closed: SaltbusError, error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#options.confirmed?.destroy();
    this.#closed = closed;
    this.#outbox.close(closed);
    for (const subscription of [...this.#subscriptions]) subscription.end(error);
    this.#settle(closed);
    this.#feed.close();
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) {
      throw new SaltbusError('ERR_SALTBUS_CLOSED', this.#closed.message, { cause: this.#closed.cause });
    }
  }

  // Tells those who wait for the feed that it will not come.
  #settle(error: unknown): void {
    const waiting = [...this.#proofs, ...this.#feedOpens];
    this.#proofs = [];
    this.#feedOpens = [];
    for (const { reject } of waiting) reject(error);
  }

  // ---- what the feed tells

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#received += 1;
    const dataAt = dataStart(buffer, start, end);
    if (dataAt === -1) {
      this.#offerBad(readEvent(buffer.subarray(start, end), this.#clock()) as BadEvent);
      return;
    }
    const tagEnd = dataAt - 2;
    if (tagEnd - start > MAX_TAG_BYTES) {
      const error = tagTooLong(tagEnd - start);
      const raw = buffer.subarray(start, end);
      this.#offerBad({ kind: 'bad-event', tag: undefined, error, raw, receivedAt: this.#clock() });
      return;
    }
    const hidden = buffer[start] === PROBE_PREFIX_BYTES[0] && this.#isProbe(buffer, start, tagEnd);
    if (this.#subscriptions.size === 0) return;
    const tag = tagText(buffer, start, tagEnd);
    let item: SaltEvent | BadEvent | undefined;
    for (const subscription of this.#subscriptions) {
      const { match } = subscription;
      if (match !== undefined && !match.test(tag)) {
        if (tag.length > match.longestTag)
          this.#offerUnmatched(subscription, buffer.subarray(start, end), tag);
        continue;
      }
      if (hidden && !asksForProbes(subscription.match)) continue;
      item ??= readEvent(buffer.subarray(start, end), this.#clock(), tag, dataAt - start, this.#tally);
      subscription.deliver(item, this.#now);
    }
    if (item === undefined) return;
    if (item.kind === 'event') {
      this.#taken.push(item);
      this.#takenBytes += end - start;
    } else this.#bad += 1;
  }

  #isProbe(buffer: Buffer, start: number, tagEnd: number): boolean {
    const nonceAt = start + PROBE_PREFIX_BYTES.length;
    if (nonceAt > tagEnd || !PROBE_PREFIX_BYTES.equals(buffer.subarray(start, nonceAt))) return false;
    this.#echoes.get(tagText(buffer, nonceAt, tagEnd))?.();
    return true;
  }

  // One clock reading per chunk is exact enough: all of it came with one read.
  #clock(): number {
    if (this.#now === 0) this.#now = wallClock();
    return this.#now;
  }

  onBadFrame(frame: Buffer, error: SaltbusError): void {
    this.#offerBad({ kind: 'bad-event', tag: undefined, error, raw: frame, receivedAt: this.#clock() });
  }

  #offerBad(item: BadEvent): void {
    this.#bad += 1;
    // It has no tag to match: whoever listens to everything is told.
    for (const subscription of this.#subscriptions) {
      if (subscription.match === undefined) subscription.deliver(item, this.#clock());
    }
  }

  #offerUnmatched(subscription: Subscription, raw: Buffer, tag: string): void {
    const { pattern = '', longestTag = 0 } = subscription.match ?? {};
    const error = new SaltbusError(
      'ERR_SALTBUS_LIMIT',
      `A tag of ${tag.length} characters was not compared: the regular expression ${JSON.stringify(pattern)} takes ${longestTag}`,
    );
    this.#bad += 1;
    subscription.deliver({ kind: 'bad-event', tag, error, raw, receivedAt: this.#clock() }, this.#clock());
  }

  onChunkEnd(): void {
    // Events are views of the chunk. Where few were wanted, they get bytes of their own, so that one small event does
    // not keep a whole chunk alive.
    const [first] = this.#taken;
    if (first !== undefined && first.retainedBytes > this.#takenBytes * 4) {
      for (const event of this.#taken) event.detach();
    }
    if (this.#taken.length > 0) this.#taken = [];
    this.#takenBytes = 0;
    this.#now = 0;
    if (this.#proofs.length > 0 && this.#feed.isProven) {
      const proofs = this.#proofs;
      this.#proofs = [];
      for (const { resolve } of proofs) resolve();
    }
  }

  onFeedOpen(missed: { readonly reason: GapReason; readonly lostAt: number } | undefined): void {
    const opens = this.#feedOpens;
    this.#feedOpens = [];
    for (const { resolve } of opens) resolve();
    if (missed === undefined) return;
    this.#reconnects += 1;
    const now = Date.now();
    // The clock may have been set back meanwhile.
    const until = Math.max(now, missed.lostAt);
    for (const subscription of this.#subscriptions) {
      subscription.deliver(
        { kind: 'gap', reason: missed.reason, dropped: undefined, since: missed.lostAt, until },
        now,
      );
    }
  }

  onFeedFailed(error: unknown, final: boolean): void {
    if (!final) return;
    this.#settle(error);
    for (const subscription of [...this.#subscriptions]) subscription.end(error);
  }

  // ---- readiness and dialect

  async #proveReady(): Promise<void> {
    this.#checkOpen();
    if (this.#feed.isProven) return;
    this.#feed.acquire();
    const stop = new AbortController();
    try {
      const proven = new Promise<void>((resolve, reject) => {
        this.#proofs.push({ resolve, reject });
      });
      await Promise.race([proven, this.#echoUntil(stop.signal)]);
    } finally {
      stop.abort();
      this.#feed.release();
    }
  }

  // Fires probes until it is told to stop, because one came back; rejects when none can.
  async #echoUntil(signal: AbortSignal): Promise<void> {
    await this.#feedOpen(signal);
    const body = probeBody(makeNonce(), 'ready');
    for (let waited = 0; waited < READY_GIVE_UP_MS; waited += READY_RETRY_MS) {
      try {
        await this.#outbox.send(body);
      } catch (error) {
        if (!(error instanceof SaltbusError && error.code === 'ERR_SALTBUS_PERMISSION')) throw error;
        throw new SaltbusError('ERR_SALTBUS_NOT_READY', error.message, { cause: error });
      }
      await delay(READY_RETRY_MS, signal);
      if (signal.aborted) return;
    }
    const { pub, pull } = this.#options.names;
    throw new SaltbusError(
      'ERR_SALTBUS_DIALECT',
      `A probe event fired on ${pull} did not come back on ${pub} within ${READY_GIVE_UP_MS} ms`,
    );
  }

  #feedOpen(signal: AbortSignal): Promise<void> {
    if (this.#feed.isOpen) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      this.#feedOpens.push(waiter);
      signal.addEventListener('abort', () => {
        this.#feedOpens = this.#feedOpens.filter((other) => other !== waiter);
        reject(new SaltbusError('ERR_SALTBUS_ABORTED', 'No longer awaited'));
      });
    });
  }

  async #pullFraming(): Promise<Framing> {
    const { dialect, memory, names } = this.#options;
    const found = (framing: Framing, how: string): Framing => {
      publish('saltbus:dialect', { endpoint: names.pull, pull: framing, how });
      return framing;
    };
    if (dialect?.pull !== undefined) return found(dialect.pull, 'option');
    if (this.#feed.framing === 'prefixed') return found('prefixed', 'publish socket');
    const known = await memory?.recall();
    if (known !== undefined) return found(known, 'memory');
    this.#feed.acquire();
    try {
      const framing = await probePullFraming(
        {
          endpointName: names.pull,
          openPull: this.#options.openPull,
          feedOpen: (signal) => this.#feedOpen(signal),
          onEcho: (nonce, seen) => this.#onEcho(nonce, seen),
          pubFraming: () => this.#feed.framing,
        },
        makeNonce,
      );
      await memory?.remember(framing);
      return found(framing, 'probe');
    } finally {
      this.#feed.release();
    }
  }

  #onEcho(nonce: string, seen: () => void): () => void {
    this.#echoes.set(nonce, seen);
    return () => {
      this.#echoes.delete(nonce);
    };
  }
}

function asksForProbes(match: TagMatch | undefined): boolean {
  return match?.literalPrefix.startsWith(PROBE_TAG_PREFIX.slice(0, -1)) === true;
}

function makeNonce(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex');
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
