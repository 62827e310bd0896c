/**
 * What our minions have been told is accepted: each event once, on disk before the answer.
 *
 * Which event is which is said by the id that was made where it was fired, together with the minion whose session it came
 * over: no minion can make the master take another's event for a copy.
 */
import { openStore } from '../../store/index.ts';
import type { SqlRow, StatementDefinition, Store, WriteReceipt } from '../../store/index.ts';
import type { SaltbusError } from '../../errors.ts';

/** An event that a minion has sent. */
export interface ArrivedEvent {
  /** Unique where it comes from. */
  readonly id: string;
  /** The verified id of the minion. */
  readonly minion: string;
  readonly tag: string;
  /** The data as msgpack. */
  readonly data: Uint8Array;
}

/**
 * What an event is: `new`; a `copy` of one that this process has taken, and published; or a copy of one from before this
 * process (`again`), of which nobody knows whether it reached the bus.
 */
export type Acceptance = 'new' | 'copy' | 'again';

/** An event in the store. */
export interface AcceptedEvent extends ArrivedEvent {
  /** Counts up in the order of acceptance. */
  readonly seq: number;
  /** In milliseconds since 1970. */
  readonly receivedAt: number;
}

/** How the store is opened. */
export interface AcceptedOptions {
  readonly path: string;
  /** Most events; the oldest are forgotten first. @defaultValue 1 000 000 */
  readonly maxCount?: number;
  /** How long an event is kept, in milliseconds. @defaultValue 7 days */
  readonly maxAgeMs?: number;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => number;
}

/** What was counted since it was opened. */
export interface AcceptedCounters {
  accepted: number;
  copies: number;
  /** Events that were forgotten for their age or number. */
  forgotten: number;
}

type StatementName = 'insert' | 'find' | 'bounds' | 'forget' | 'forget-older' | 'after';

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE accepted (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    minion TEXT NOT NULL,
    id TEXT NOT NULL,
    tag TEXT NOT NULL,
    received REAL NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (minion, id)
  ) STRICT`,
];

const STATEMENTS: Readonly<Record<StatementName, StatementDefinition>> = {
  insert: {
    sql: 'INSERT INTO accepted (minion, id, tag, received, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    values: 5,
    blobs: [4],
  },
  find: { sql: 'SELECT seq FROM accepted WHERE minion = ? AND id = ?', values: 2 },
  bounds: { sql: 'SELECT count(*) AS count, coalesce(max(seq), 0) AS newest FROM accepted', values: 0 },
  forget: {
    sql: 'DELETE FROM accepted WHERE seq IN (SELECT seq FROM accepted ORDER BY seq LIMIT ?)',
    values: 1,
  },
  'forget-older': { sql: 'DELETE FROM accepted WHERE received < ?', values: 1 },
  after: { sql: 'SELECT * FROM accepted WHERE seq > ? ORDER BY seq LIMIT ?', values: 2 },
};

const MAX_COUNT = 1_000_000;
const MAX_AGE_MS = 7 * 24 * 3_600_000;
const AGE_CHECK_MS = 60_000;
const MOST_UNTOLD = 100_000;

/** What becomes of the events of one call, by their places. */
class Batch implements WriteReceipt {
  readonly changes: number[] = [];
  error: SaltbusError | undefined;
  readonly #settled: () => void;
  #left: number;

  constructor(count: number, settled: () => void) {
    this.#left = count;
    this.#settled = settled;
  }

  written(changes: number, place: number): void {
    this.changes[place] = changes;
    this.#left -= 1;
    if (this.#left === 0) this.#settled();
  }

  failed(error: SaltbusError, place: number): void {
    this.error ??= error;
    this.written(0, place);
  }
}

/** The open store; see {@link openAccepted}. */
export class AcceptedEvents implements AsyncDisposable {
  readonly counters: AcceptedCounters = { accepted: 0, copies: 0, forgotten: 0 };
  readonly #store: Store<StatementName>;
  readonly #options: AcceptedOptions;
  readonly #now: () => number;
  /** The newest from before this process. */
  readonly #newestBefore: number;
  #count: number;
  #nextAgeCheck = 0;
  /** Written by calls that failed for another event: nobody was told of them, so they are new the next time. */
  readonly #untold = new Set<string>();
  /** Resolves when the latest call has been told. */
  #last: Promise<void> = Promise.resolve();

  /** Use {@link openAccepted}. */
  constructor(store: Store<StatementName>, bounds: SqlRow | undefined, options: AcceptedOptions) {
    this.#store = store;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#count = Number(bounds?.['count'] ?? 0);
    this.#newestBefore = Number(bounds?.['newest'] ?? 0);
  }

  /** What was moved aside because it was damaged, when the store was opened. */
  get movedAside(): Store<StatementName>['movedAside'] {
    return this.#store.movedAside;
  }

  /** How many events are kept. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes events; resolves after the commit with what each of them is, in order. Only then may they be answered.
   * @throws SaltbusError when any of them could not be written; what was written of the others is a copy the next time
   */
  async accept(events: readonly ArrivedEvent[]): Promise<Acceptance[]> {
    if (events.length === 0) return [];
    const before = this.#last;
    let finish: () => void = () => undefined;
    this.#last = new Promise((resolve) => {
      finish = resolve;
    });
    try {
      const now = this.#now();
      const { changes, error } = await this.#insert(events, now);
      for (const changed of changes) if (changed === 1) this.#count += 1;
      if (error !== undefined) {
        for (const [at, event] of events.entries()) if (changes[at] === 1) this.#keepUntold(event);
        throw error;
      }
      const outcome: Acceptance[] = [];
      for (const [at, event] of events.entries())
        outcome.push(changes[at] === 1 ? 'new' : await this.#whichCopy(event));
      for (const one of outcome) this.counters[one === 'new' ? 'accepted' : 'copies'] += 1;
      this.#forget(now);
      // A copy must not be told before the call that it is a copy of: that one's events are published then.
      await before;
      return outcome;
    } finally {
      finish();
    }
  }

  /** Events that are kept, in the order of acceptance, from the one behind `seq` on. */
  async after(seq: number, most: number): Promise<AcceptedEvent[]> {
    const rows = await this.#store.read('after', seq, most);
    return rows.map((row) => ({
      seq: Number(row['seq']),
      minion: String(row['minion']),
      id: String(row['id']),
      tag: String(row['tag']),
      receivedAt: Number(row['received']),
      data: row['data'] instanceof Uint8Array ? row['data'] : new Uint8Array(0),
    }));
  }

  /** Commits what is being written, and closes the file. Idempotent. */
  close(): Promise<void> {
    return this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #insert(events: readonly ArrivedEvent[], now: number): Promise<Batch> {
    return new Promise((resolve) => {
      const batch: Batch = new Batch(events.length, () => {
        resolve(batch);
      });
      for (const [place, { minion, id, tag, data }] of events.entries())
        this.#store.write('insert', [minion, id, tag, now, data], batch, place);
    });
  }

  #keepUntold({ minion, id }: ArrivedEvent): void {
    if (this.#untold.size < MOST_UNTOLD) this.#untold.add(`${minion}\0${id}`);
  }

  async #whichCopy({ minion, id }: ArrivedEvent): Promise<Acceptance> {
    if (this.#untold.delete(`${minion}\0${id}`)) return 'new';
    const [row] = await this.#store.read('find', minion, id);
    // a copy within the same call, or one that was forgotten meanwhile, is of this process
    return row !== undefined && Number(row['seq']) <= this.#newestBefore ? 'again' : 'copy';
  }

  #forget(now: number): void {
    const { maxCount = MAX_COUNT, maxAgeMs = MAX_AGE_MS } = this.#options;
    // a little at once, so that not every call has to
    if (this.#count > maxCount) {
      const over = this.#count - maxCount + Math.floor(maxCount / 100);
      this.#count -= over;
      this.#forgetBy('forget', over, over);
    }
    if (now < this.#nextAgeCheck) return;
    this.#nextAgeCheck = now + AGE_CHECK_MS;
    this.#forgetBy('forget-older', now - maxAgeMs, 0);
  }

  #forgetBy(name: 'forget' | 'forget-older', value: number, counted: number): void {
    this.#store.write(name, [value], {
      written: (changes) => {
        this.counters.forgotten += changes;
        this.#count += counted - changes;
      },
      // tried again with the next events
      failed: () => {
        this.#count += counted;
      },
    });
  }
}

/**
 * Opens the store, or makes it.
 * @throws SaltbusError as `openStore`
 */
export async function openAccepted(options: AcceptedOptions): Promise<AcceptedEvents> {
  const store = await openStore({ path: options.path, migrations: MIGRATIONS, statements: STATEMENTS });
  try {
    const [bounds] = await store.read('bounds');
    return new AcceptedEvents(store, bounds, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}
