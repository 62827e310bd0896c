/**
 * Packages for the master by way of the spool: on the disk before anything is said, sent in order, and taken out after the
 * master's answer. To a master of ours many go in one request; a real one gets one request for each.
 */
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import { METADATA_KEY, helloLoad, readBatchReply, readHello } from '../delivery.ts';
import type { Agreement } from '../delivery.ts';
import { DEFAULT_PRIORITY } from '../spool/entry.ts';
import type { SpoolReceipt, TakenEntry } from '../spool/spool.ts';
import { loadOf, packageOf, tagOf } from './forward-package.ts';
import type { EventLoad } from './forward-package.ts';
import type { ForwardCounters, Forwarder } from './forwarder.ts';
import type { SeatSpool } from './minion-spools.ts';

/** How it works. */
export interface SpoolForwarderOptions {
  readonly spool: SeatSpool;
  /** Sends a load to the master; rejects with a `SaltbusError`. */
  readonly send: (load: EventLoad, signal: AbortSignal) => Promise<unknown>;
  /** Whether the master is there. */
  readonly isUp: () => boolean;
  /** The master, as a person reads it. */
  readonly master: string;
  /** Whether a master that is not ours is told the ids, under `_saltbus`. @defaultValue false */
  readonly tellsIds?: boolean;
  /** The wait after a failure of a master that is there, in milliseconds. @defaultValue 1000 */
  readonly againMs?: number;
}

/** The lane of all that comes over Salt's own socket. */
export const SALT_LANE = 'salt';

const AGAIN_MS = 1000;

/** A forwarder that keeps packages on disk. */
export class SpoolForwarder implements Forwarder {
  readonly #options: SpoolForwarderOptions;
  readonly #spool: SeatSpool['spool'];
  readonly #ended = new AbortController();
  /** Of all that comes over Salt's socket: nobody there hears of it. */
  readonly #receipt: SpoolReceipt;
  #malformed = 0;
  #isOpen = false;
  #isSending = false;
  #resumes = 0;
  /** What this session of the master has agreed to; `null` for a master that is not ours. */
  #agreed: Agreement | null | undefined;
  #deleted: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(options: SpoolForwarderOptions) {
    this.#options = options;
    this.#spool = options.spool.spool;
    options.spool.wake = () => {
      this.#next();
    };
    options.spool.flush = () => {
      this.flush();
    };
    this.#receipt = {
      spooled: () => undefined,
      refused: (error) => {
        this.#tell('dropped', '', error);
      },
    };
  }

  get counters(): ForwardCounters {
    const { spooled, sent, retried, rejected, refused, dropped, expired, removed, depth, bytes } =
      this.#spool.stats();
    return {
      queued: spooled,
      sent,
      repeated: retried,
      refused: this.#malformed + rejected,
      dropped: refused + dropped + expired + removed,
      waiting: depth,
      waitingBytes: bytes,
    };
  }

  accept(body: Buffer, id: string): 'queued' | 'refused' {
    let load: EventLoad;
    let bytes: Buffer;
    try {
      bytes = packageOf(body);
      load = loadOf(bytes);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#malformed += 1;
      this.#tell('refused', '', error);
      return 'refused';
    }
    this.#spool.add(
      {
        id,
        lane: SALT_LANE,
        priority: DEFAULT_PRIORITY,
        kind: load.has('events') ? 'list' : 'single',
        expiresAt: undefined,
        package: bytes,
      },
      this.#receipt,
    );
    return 'queued';
  }

  resume(): void {
    this.#isOpen = true;
    this.#resumes += 1;
    this.#agreed = undefined;
    this.flush();
  }

  pause(): void {
    this.#isOpen = false;
    this.#agreed = undefined;
    this.#checkIdle();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next();
  }

  async drain(): Promise<void> {
    this.#next();
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    await this.#deleted;
  }

  end(): void {
    this.#isOpen = false;
    this.#ended.abort();
    clearTimeout(this.#timer);
    this.#checkIdle();
  }

  #isIdle(): boolean {
    return !this.#isSending && (!this.#isOpen || this.#spool.waiting === 0);
  }

  #checkIdle(): void {
    if (!this.#isIdle()) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  #next(): void {
    if (!this.#isOpen || this.#isSending || this.#timer !== undefined || this.#spool.waiting === 0) {
      this.#checkIdle();
      return;
    }
    this.#isSending = true;
    const resumes = this.#resumes;
    void this.#run().then((isDone) => {
      this.#isSending = false;
      if (isDone || this.#ended.signal.aborted) {
        // what came while the last of it was answered has told so already
        this.#next();
        return;
      }
      // A master that came back while something was being sent must not be taken for away.
      if (!this.#options.isUp() && this.#resumes === resumes) this.#isOpen = false;
      else if (this.#isOpen) {
        this.#timer = setTimeout(() => {
          this.flush();
        }, this.#options.againMs ?? AGAIN_MS);
      }
      this.#checkIdle();
    });
  }

  /** Sends what waits; whether all of it was answered. */
  async #run(): Promise<boolean> {
    try {
      while (this.#isOpen && this.#spool.waiting > 0) {
        const agreed = await this.#agreement();
        const taken = await this.#spool.take(agreed?.events ?? 1);
        if (taken.length === 0) return true;
        if (!(await this.#sendTaken(taken, agreed))) return false;
      }
      return true;
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      return false;
    }
  }

  // Asked once in a session, and only when there is something to send.
  async #agreement(): Promise<Agreement | null> {
    if (this.#agreed === undefined) this.#agreed = readHello(await this.#send(helloLoad())) ?? null;
    return this.#agreed;
  }

  async #sendTaken(taken: readonly TakenEntry[], agreed: Agreement | null): Promise<boolean> {
    let at = 0;
    try {
      while (at < taken.length) {
        const part = agreed === null ? taken.slice(at, at + 1) : partOf(taken, at, agreed.bytes);
        await this.#sendPart(part, agreed !== null);
        at += part.length;
      }
      return true;
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      if (!this.#ended.signal.aborted) this.#spool.retry(taken.slice(at).map(({ id }) => id));
      return false;
    }
  }

  async #sendPart(part: readonly TakenEntry[], isBatch: boolean): Promise<void> {
    let loads: readonly EventLoad[] = [];
    let refused: ReadonlySet<unknown>;
    try {
      loads = part.map((entry) => loadOf(entry.package));
      refused = isBatch ? await this.#sendBatch(part, loads) : await this.#sendOne(part, loads);
    } catch (error) {
      if (!(error instanceof SaltbusError) || !OWN_FAULTS.has(error.code)) throw error;
      // one of them can never be sent: each by itself shows which
      if (part.length > 1) {
        for (const entry of part) await this.#sendPart([entry], isBatch);
        return;
      }
      this.#settle(part, loads, new Set([0]), error);
      return;
    }
    publish('saltbus:delivery', ANSWERED);
    this.#settle(part, loads, refused);
  }

  async #sendBatch(part: readonly TakenEntry[], loads: readonly EventLoad[]): Promise<ReadonlySet<unknown>> {
    const events = loads.map((load, place) => {
      const event = new Map<string, unknown>([['id', part[place]?.id]]);
      for (const [key, value] of load) if (key !== 'cmd') event.set(key, value);
      return event;
    });
    const reply = await this.#send(
      new Map<string, unknown>([
        ['cmd', '_saltbus_events'],
        ['events', events],
      ]),
    );
    const refused = readBatchReply(reply);
    if (refused !== undefined) return refused;
    // Another master may have come to the same address, or ours cannot write: asked anew.
    this.#agreed = undefined;
    throw new SaltbusError('ERR_SALTBUS_NO_REPLY', `${this.#options.master} did not accept the events`);
  }

  async #sendOne(
    [entry]: readonly TakenEntry[],
    [load]: readonly EventLoad[],
  ): Promise<ReadonlySet<unknown>> {
    if (entry === undefined || load === undefined) return NOTHING;
    await this.#send(this.#options.tellsIds === true ? withId(load, entry.id) : load);
    return NOTHING;
  }

  #send(load: EventLoad): Promise<unknown> {
    publish('saltbus:delivery', SEND);
    return this.#options.send(load, this.#ended.signal);
  }

  #settle(
    part: readonly TakenEntry[],
    loads: readonly EventLoad[],
    refused: ReadonlySet<unknown>,
    error?: SaltbusError,
  ): void {
    const sent: string[] = [];
    const rejected: string[] = [];
    for (const [place, { id }] of part.entries()) {
      const isRefused = refused.has(place);
      (isRefused ? rejected : sent).push(id);
      this.#tell(isRefused ? 'refused' : 'sent', tagOf(loads[place] ?? NO_LOAD), error);
    }
    if (rejected.length > 0) this.#deleted = this.#spool.done(rejected, 'rejected');
    if (sent.length > 0) this.#deleted = this.#spool.done(sent);
  }

  #tell(outcome: 'sent' | 'refused' | 'dropped', tag: string, error: SaltbusError | undefined): void {
    publish('saltbus:minion:forward', { master: this.#options.master, outcome, tag, error });
  }
}

const NO_LOAD: EventLoad = new Map();
const NOTHING: ReadonlySet<unknown> = new Set();
const SEND = { step: 'send' } as const;
const ANSWERED = { step: 'answered' } as const;

// The event itself cannot be sent: it is too large, or what a file of another release holds is no package any more.
const OWN_FAULTS: ReadonlySet<string> = new Set([
  'ERR_SALTBUS_DATA',
  'ERR_SALTBUS_LIMIT',
  'ERR_SALTBUS_MSGPACK',
  'ERR_SALTBUS_TAG',
  'ERR_SALTBUS_DENIED_TAG',
]);

function partOf(taken: readonly TakenEntry[], at: number, most: number): readonly TakenEntry[] {
  let bytes = taken[at]?.size ?? 0;
  let end = at + 1;
  for (; end < taken.length; end += 1) {
    bytes += taken[end]?.size ?? 0;
    if (bytes > most) break;
  }
  return taken.slice(at, end);
}

/**
 * The load with its id, for a master that is not ours: a single event arrives with all of its load, an element of a list with
 * its own data only, and so each has the id and its place.
 */
function withId(load: EventLoad, id: string): EventLoad {
  const events = load.get('events');
  if (!Array.isArray(events)) return new Map(load).set(METADATA_KEY, new Map([['id', id]]));
  return new Map(load).set(
    'events',
    (events as unknown[]).map((event, place) => {
      if (!(event instanceof Map)) return event;
      const element = event as ReadonlyMap<unknown, unknown>;
      const ours = new Map<string, unknown>([
        ['id', id],
        ['place', place],
      ]);
      const data = element.get('data');
      return data instanceof Map
        ? new Map(element).set('data', new Map<unknown, unknown>(data).set(METADATA_KEY, ours))
        : new Map(element).set(METADATA_KEY, ours);
    }),
  );
}
