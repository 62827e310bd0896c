/**
 * What is to go to the master, on disk until the master has it.
 *
 * An entry that is called spooled has been forced to the disk; one that was sent is taken out after the master's answer.
 * In memory stands where each is and what it is like; its bytes only as long as there is room for them.
 */
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import type { WriteReceipt } from '../../store/index.ts';
import { Ledger, limitsFrom } from './bounds.ts';
import type { FullPolicy, PriorityCounters, PriorityLimits } from './bounds.ts';
import { PRIORITIES, checkEntry } from './entry.ts';
import type { Leaving, PackageKind, Priority, SpoolEntry, SpooledInfo } from './entry.ts';
import { SpoolOrder } from './order.ts';
import type { Ordered, Queue } from './order.ts';
import { RecentIds } from './recent-ids.ts';
import { foundEntry, openSpoolStore, rowOf } from './table.ts';
import type { FoundEntry, SpoolStore } from './table.ts';

/** Who fired an entry, and is told what becomes of it. */
export interface SpoolReceipt {
  /** It is on the disk. */
  spooled(): void;
  /** It was not kept. */
  refused(error: SaltbusError): void;
  /** It has left the spool; after {@link spooled}, and for an id that was sent shortly before, without it. */
  left?(how: Leaving): void;
  /** Whether {@link left} is to be told of one that was spooled; it is held for so long. @defaultValue true where there is one */
  readonly follows?: boolean;
}

/** An entry that is to be sent. */
export interface TakenEntry extends SpooledInfo {
  readonly package: Uint8Array;
}

/** Entries that were lost, in a row of the same kind. */
export interface LostEntries {
  readonly how: 'dropped' | 'expired' | 'removed';
  readonly entries: readonly SpooledInfo[];
}

/** How a spool is opened. */
export interface SpoolOptions {
  /** The path of its file. */
  readonly path: string;
  /** Limits of every priority. */
  readonly limits?: Partial<PriorityLimits>;
  /** Limits of single priorities, over those of all. */
  readonly limitsOf?: Partial<Record<Priority, Partial<PriorityLimits>>>;
  /** @defaultValue 'refuse' */
  readonly policy?: FullPolicy;
  /** How much waiting one step of priority is worth, in milliseconds. @defaultValue 60 000 */
  readonly ageingMs?: number;
  /** Most bytes of packages that are kept in memory too. @defaultValue 16 MiB */
  readonly cacheBytes?: number;
  /** Most bytes that wait for the disk; more is refused. @defaultValue 64 MiB */
  readonly maxWritingBytes?: number;
  /** Ids of entries that were sent which are remembered, so that one that comes again is known. @defaultValue 100 000 */
  readonly recentIds?: number;
  /** How often old entries are looked for, in milliseconds. @defaultValue 5000 */
  readonly sweepMs?: number;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => number;
  /** Something can be taken that could not before. Told at most once a turn of the loop. */
  readonly onAvailable?: () => void;
  /** An entry was not kept: there was no room, or the disk would not take it. */
  readonly onRefused?: (error: SaltbusError) => void;
  /** Entries were given up that had been called spooled. */
  readonly onLost?: (lost: LostEntries) => void;
}

/** Figures of a spool. */
export interface SpoolStats extends PriorityCounters {
  /** Entries that are out. */
  readonly out: number;
  /** How long the oldest has waited, in milliseconds; 0 when there is none. */
  readonly oldestMs: number;
  readonly priorities: readonly (PriorityCounters & {
    readonly priority: Priority;
    readonly oldestMs: number;
  })[];
}

/** What came of an append: `sent` for an id that has left for the master shortly before. */
export type AppendOutcome = 'spooled' | 'sent';

const AGEING_MS = 60_000;
const CACHE_BYTES = 16 * 1024 * 1024;
const RECENT_IDS = 100_000;
const SWEEP_MS = 5000;

// Places on the way of an event; made once, because this is said of each.
const WRITE = { step: 'spool-write' } as const;
const WRITTEN = { step: 'spool-written' } as const;
const TOLD = { step: 'spool-told' } as const;
const DELETE = { step: 'spool-delete' } as const;
const DELETED = { step: 'spool-deleted' } as const;

/** An entry in memory; while it is written it is the receipt of its own write. */
class Spooled implements SpooledInfo, Ordered<Spooled>, WriteReceipt {
  readonly seq: number;
  readonly id: string;
  readonly lane: string;
  readonly priority: Priority;
  readonly kind: PackageKind;
  readonly arrivedAt: number;
  readonly expiresAt: number | undefined;
  readonly size: number;
  tries = 0;
  place: 'writing' | 'waiting' | 'out' | 'gone' = 'writing';
  bytes: Uint8Array | undefined;
  /** Who is told; most often one, until it is on the disk. */
  receipts: SpoolReceipt | SpoolReceipt[] | undefined;
  before: Spooled | undefined;
  behind: Spooled | undefined;
  queue: Queue<Spooled> | undefined;
  readonly #owner: WriteOwner;

  constructor(found: FoundEntry, owner: WriteOwner) {
    this.seq = found.seq;
    this.id = found.id;
    this.lane = found.lane;
    this.priority = found.priority;
    this.kind = found.kind;
    this.arrivedAt = found.arrivedAt;
    this.expiresAt = found.expiresAt;
    this.size = found.size;
    this.#owner = owner;
  }

  get state(): 'waiting' | 'out' {
    return this.place === 'out' ? 'out' : 'waiting';
  }

  written(): void {
    this.#owner.onWritten(this);
  }

  failed(error: SaltbusError): void {
    this.#owner.onNotWritten(this, error);
  }
}

/** The receipt of all deletions of a call; the place of each is its row. */
class Deletion implements WriteReceipt {
  readonly #failed: number[];
  readonly #settled: () => void;
  #left: number;

  constructor(count: number, failed: number[], settled: () => void) {
    this.#left = count;
    this.#failed = failed;
    this.#settled = settled;
  }

  written(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#settled();
  }

  failed(_error: SaltbusError, row: number): void {
    this.#failed.push(row);
    this.written();
  }
}

interface WriteOwner {
  onWritten(entry: Spooled): void;
  onNotWritten(entry: Spooled, error: SaltbusError): void;
}

/** An open spool; see {@link openSpool}. */
export class Spool implements AsyncDisposable {
  readonly #store: SpoolStore;
  readonly #options: SpoolOptions;
  readonly #now: () => number;
  readonly #order: SpoolOrder<Spooled>;
  readonly #ledger: Ledger;
  readonly #byId = new Map<string, Spooled>();
  readonly #recent: RecentIds;
  readonly #sweeper: NodeJS.Timeout;
  readonly #owner: WriteOwner;
  /** Rows of entries that have left, which the disk would not let go of. */
  readonly #undeleted: number[] = [];
  #nextSeq = 1;
  #lastArrival = 0;
  /** Nothing that waits is too old before. */
  #nextDeadline = Infinity;
  #cached = 0;
  #isTelling = false;

  /** Use {@link openSpool}. */
  constructor(store: SpoolStore, found: readonly FoundEntry[], options: SpoolOptions) {
    this.#store = store;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#order = new SpoolOrder(options.ageingMs ?? AGEING_MS);
    this.#ledger = new Ledger(limitsFrom(options.limits, options.limitsOf));
    this.#recent = new RecentIds(options.recentIds ?? RECENT_IDS);
    this.#owner = {
      onWritten: (entry) => {
        this.#onWritten(entry);
      },
      onNotWritten: (entry, error) => {
        this.#onNotWritten(entry, error);
      },
    };
    for (const one of found) this.#restore(one);
    this.#sweeper = setInterval(() => {
      this.expire();
    }, options.sweepMs ?? SWEEP_MS).unref();
  }

  /** What was moved aside because it was damaged, when the spool was opened. */
  get movedAside(): SpoolStore['movedAside'] {
    return this.#store.movedAside;
  }

  /** How many entries wait to be taken. */
  get waiting(): number {
    return this.#order.waiting;
  }

  /** Keeps an entry; the receipt is told when it is on the disk, or why it was not kept. Its bytes must not be changed. */
  add(entry: SpoolEntry, receipt: SpoolReceipt): void {
    const wrong = checkEntry(entry);
    if (wrong !== undefined) {
      receipt.refused(wrong);
      return;
    }
    if (this.#isCopy(entry, receipt)) return;
    const { priority } = entry;
    const size = entry.package.length;
    if (!this.#ledger.hasRoom(priority, size) && !this.#makeRoom(priority, size)) {
      const isDrop = this.#options.policy === 'drop-newest';
      this.#ledger.of(priority)[isDrop ? 'dropped' : 'refused'] += 1;
      const error = this.#fullError(priority, size);
      receipt.refused(error);
      this.#options.onRefused?.(error);
      return;
    }
    // A clock that is set back must not turn the order round.
    this.#lastArrival = Math.max(this.#lastArrival, this.#now());
    const arrivedAt = this.#lastArrival;
    const seq = this.#nextSeq++;
    const { id, lane, kind, expiresAt } = entry;
    const spooled = new Spooled({ seq, id, lane, priority, kind, arrivedAt, expiresAt, size }, this.#owner);
    spooled.bytes = entry.package;
    spooled.receipts = receipt;
    this.#ledger.enter(priority, size);
    this.#byId.set(id, spooled);
    publish('saltbus:delivery', WRITE);
    this.#store.write('insert', rowOf(seq, arrivedAt, entry), spooled);
  }

  /**
   * Keeps an entry; resolves when it is on the disk.
   * @throws SaltbusError `ERR_SALTBUS_SPOOL_FULL`, `ERR_SALTBUS_DISK_FULL`, `ERR_SALTBUS_OVERLOADED`, `ERR_SALTBUS_DATA`, `ERR_SALTBUS_CLOSED` or `ERR_SALTBUS_SYSTEM`
   */
  append(entry: SpoolEntry): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.add(entry, {
        spooled: () => resolve('spooled'),
        refused: reject,
        left: () => resolve('sent'),
        follows: false,
      });
    });
  }

  /**
   * The next entries, at most `most`. They are out until {@link done} or {@link retry} names them, and until then nothing
   * else of their lanes and priorities is given: whoever sends them one after the other keeps the order.
   * @throws SaltbusError `ERR_SALTBUS_SYSTEM` when they cannot be read; they wait again then
   */
  async take(most: number): Promise<TakenEntry[]> {
    this.expire();
    const entries = this.#order.take(most);
    const unread: number[] = [];
    for (const entry of entries) {
      entry.place = 'out';
      entry.tries += 1;
      if (entry.bytes === undefined) unread.push(entry.seq);
    }
    const read = new Map<number, Uint8Array>();
    if (unread.length > 0) {
      try {
        for (const row of await this.#store.read('package', JSON.stringify(unread)))
          if (row['package'] instanceof Uint8Array) read.set(Number(row['seq']), row['package']);
      } catch (error) {
        this.#putBack(entries.filter(({ place }) => place === 'out'));
        throw error;
      }
    }
    const taken: TakenEntry[] = [];
    const gone: Spooled[] = [];
    for (const entry of entries) {
      const bytes = entry.bytes ?? read.get(entry.seq);
      if (entry.place !== 'out') continue;
      if (bytes !== undefined) taken.push({ ...infoOf(entry), package: bytes });
      // the row is not in the file any more: somebody has written to it
      else {
        this.#leave(entry, 'dropped');
        gone.push(entry);
      }
    }
    this.#tellLost(gone, 'dropped');
    return taken;
  }

  /** Entries that were out need not be sent any more; resolves when they have left the disk. Ids that are not out are passed over. */
  done(ids: readonly string[], how: 'sent' | 'rejected' = 'sent'): Promise<void> {
    for (const id of ids) {
      const entry = this.#byId.get(id);
      if (entry?.place === 'out') this.#leave(entry, how);
    }
    return this.#deleteRows();
  }

  /** Entries that were out wait again, in their old order. Ids that are not out are passed over. */
  retry(ids: readonly string[]): void {
    const entries: Spooled[] = [];
    for (const id of ids) {
      const entry = this.#byId.get(id);
      if (entry?.place !== 'out') continue;
      this.#ledger.of(entry.priority).retried += 1;
      entries.push(entry);
    }
    this.#putBack(entries);
  }

  /** Gives up what is too old. Done by itself every few seconds, and before something is taken. */
  expire(): void {
    const now = this.#now();
    if (now < this.#nextDeadline) return;
    const gone: Spooled[] = [];
    this.#nextDeadline = Infinity;
    for (const entry of this.#byId.values()) {
      // what is out is looked at when it comes back
      if (entry.place !== 'waiting') continue;
      if (this.#deadlineOf(entry) <= now) gone.push(entry);
      else this.#watch(entry);
    }
    void this.#giveUp(gone, 'expired');
  }

  /** Takes entries out for an operator; those that are out to be sent stay. Resolves with the ids that were taken out. */
  async remove(ids: readonly string[]): Promise<readonly string[]> {
    const gone: Spooled[] = [];
    for (const id of new Set(ids)) {
      const entry = this.#byId.get(id);
      if (entry?.place === 'waiting') gone.push(entry);
    }
    await this.#giveUp(gone, 'removed');
    return gone.map(({ id }) => id);
  }

  /** What is in the spool, by priority and arrival. */
  list(options: {
    readonly most: number;
    readonly priority?: Priority;
    readonly lane?: string;
  }): SpooledInfo[] {
    const { most, priority, lane } = options;
    const chosen: Spooled[] = [];
    for (const entry of this.#byId.values()) {
      if (entry.place !== 'waiting' && entry.place !== 'out') continue;
      if (priority !== undefined && entry.priority !== priority) continue;
      if (lane !== undefined && entry.lane !== lane) continue;
      chosen.push(entry);
    }
    chosen.sort((a, b) => a.priority - b.priority || a.seq - b.seq);
    return chosen.slice(0, most).map(infoOf);
  }

  /** The entries with these ids that are in the spool, and their packages. */
  async show(ids: readonly string[]): Promise<TakenEntry[]> {
    const entries = ids.flatMap((id) => this.#byId.get(id) ?? []);
    const rows = await this.#store.read('package', JSON.stringify(entries.map(({ seq }) => seq)));
    const packages = new Map(rows.map((row) => [Number(row['seq']), row['package']]));
    return entries.flatMap((entry) => {
      const bytes = packages.get(entry.seq);
      return bytes instanceof Uint8Array ? [{ ...infoOf(entry), package: bytes }] : [];
    });
  }

  stats(): SpoolStats {
    const now = this.#now();
    const oldest: Record<Priority, number> = { 0: now, 1: now, 2: now, 3: now, 4: now };
    let out = 0;
    for (const { place, priority, arrivedAt } of this.#byId.values()) {
      if (place === 'out') out += 1;
      oldest[priority] = Math.min(oldest[priority], arrivedAt);
    }
    const priorities = PRIORITIES.map((priority) => ({
      priority,
      ...this.#ledger.of(priority),
      oldestMs: now - oldest[priority],
    }));
    return {
      ...this.#ledger.total(),
      out,
      oldestMs: Math.max(...priorities.map(({ oldestMs }) => oldestMs)),
      priorities,
    };
  }

  /** Commits what is being written, and closes the file. What is out is taken up again by the next to open it. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #restore(found: FoundEntry): void {
    this.#nextSeq = Math.max(this.#nextSeq, found.seq + 1);
    this.#lastArrival = Math.max(this.#lastArrival, found.arrivedAt);
    const entry = new Spooled(found, this.#owner);
    this.#ledger.enter(entry.priority, entry.size);
    this.#byId.set(entry.id, entry);
    entry.place = 'waiting';
    this.#watch(entry);
    this.#order.push(entry);
  }

  #isCopy(entry: SpoolEntry, receipt: SpoolReceipt): boolean {
    const known = this.#byId.get(entry.id);
    if (known === undefined && !this.#recent.has(entry.id)) return false;
    this.#ledger.of(entry.priority).copies += 1;
    if (known === undefined) receipt.left?.('sent');
    else {
      if (known.place === 'writing' || isFollowing(receipt)) known.receipts = [...receiptsOf(known), receipt];
      if (known.place !== 'writing') receipt.spooled();
    }
    return true;
  }

  #makeRoom(priority: Priority, size: number): boolean {
    this.expire();
    if (this.#ledger.hasRoom(priority, size)) return true;
    if (this.#options.policy !== 'drop-oldest' || !this.#ledger.couldHold(priority, size)) return false;
    const gone: Spooled[] = [];
    while (!this.#ledger.hasRoom(priority, size)) {
      const oldest = this.#order.oldest(priority);
      // all that is left is being written, or out
      if (oldest === undefined) break;
      this.#order.remove(oldest);
      this.#leave(oldest, 'dropped');
      gone.push(oldest);
    }
    this.#tellLost(gone, 'dropped');
    void this.#deleteRows();
    return this.#ledger.hasRoom(priority, size);
  }

  #fullError(priority: Priority, size: number): SaltbusError {
    const { depth, bytes } = this.#ledger.of(priority);
    const limits = this.#ledger.limits[priority];
    return new SaltbusError(
      'ERR_SALTBUS_SPOOL_FULL',
      `The spool holds ${depth} of ${limits.count} entries and ${bytes} of ${limits.bytes} bytes of priority ${priority}: there is no room for ${size} bytes more`,
    );
  }

  #onWritten(entry: Spooled): void {
    publish('saltbus:delivery', WRITTEN);
    entry.place = 'waiting';
    this.#ledger.of(entry.priority).spooled += 1;
    const limit = this.#options.cacheBytes ?? CACHE_BYTES;
    if (this.#cached + entry.size <= limit) this.#cached += entry.size;
    else entry.bytes = undefined;
    this.#watch(entry);
    this.#order.push(entry);
    this.#available();
    const { receipts } = entry;
    if (receipts === undefined || Array.isArray(receipts)) {
      entry.receipts = receipts?.filter(isFollowing);
      for (const receipt of receipts ?? []) receipt.spooled();
    } else {
      if (!isFollowing(receipts)) entry.receipts = undefined;
      receipts.spooled();
    }
    publish('saltbus:delivery', TOLD);
  }

  #onNotWritten(entry: Spooled, error: SaltbusError): void {
    entry.place = 'gone';
    this.#byId.delete(entry.id);
    this.#ledger.leave(entry.priority, entry.size, 'refused');
    for (const receipt of receiptsOf(entry)) receipt.refused(error);
    this.#options.onRefused?.(error);
  }

  #putBack(entries: readonly Spooled[]): void {
    for (const entry of entries) {
      entry.place = 'waiting';
      this.#watch(entry);
    }
    this.#order.putBack(entries);
    if (entries.length > 0) this.#available();
  }

  #deadlineOf({ priority, arrivedAt, expiresAt }: Spooled): number {
    return Math.min(expiresAt ?? Infinity, arrivedAt + this.#ledger.limits[priority].ageMs);
  }

  #watch(entry: Spooled): void {
    this.#nextDeadline = Math.min(this.#nextDeadline, this.#deadlineOf(entry));
  }

  #giveUp(entries: readonly Spooled[], how: 'expired' | 'removed'): Promise<void> {
    for (const entry of entries) {
      this.#order.remove(entry);
      this.#leave(entry, how);
    }
    this.#tellLost(entries, how);
    return this.#deleteRows();
  }

  #tellLost(entries: readonly Spooled[], how: LostEntries['how']): void {
    if (entries.length === 0) return;
    publish('saltbus:spool:lost', { how, count: entries.length });
    this.#options.onLost?.({ how, entries: entries.map(infoOf) });
  }

  #leave(entry: Spooled, how: Leaving): void {
    const wasOut = entry.place === 'out';
    entry.place = 'gone';
    this.#byId.delete(entry.id);
    this.#ledger.leave(entry.priority, entry.size, how);
    if (entry.bytes !== undefined) this.#cached -= entry.size;
    entry.bytes = undefined;
    if (how === 'sent') this.#recent.add(entry.id);
    this.#undeleted.push(entry.seq);
    if (wasOut) {
      this.#order.settle(entry);
      this.#available();
    }
    for (const receipt of receiptsOf(entry)) receipt.left?.(how);
    entry.receipts = undefined;
  }

  /** Deletes what has left. What the disk does not let go of is tried again with the next that leaves. */
  #deleteRows(): Promise<void> {
    const rows = this.#undeleted.splice(0);
    if (rows.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      publish('saltbus:delivery', DELETE);
      const deletion = new Deletion(rows.length, this.#undeleted, () => {
        publish('saltbus:delivery', DELETED);
        resolve();
      });
      for (const seq of rows) this.#store.write('delete', [seq], deletion, seq);
    });
  }

  #available(): void {
    const { onAvailable } = this.#options;
    if (onAvailable === undefined || this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      onAvailable();
    });
  }
}

function isFollowing(receipt: SpoolReceipt): boolean {
  return receipt.follows ?? receipt.left !== undefined;
}

function receiptsOf({ receipts }: Spooled): readonly SpoolReceipt[] {
  if (receipts === undefined) return [];
  return Array.isArray(receipts) ? receipts : [receipts];
}

function infoOf({
  id,
  lane,
  priority,
  kind,
  arrivedAt,
  expiresAt,
  size,
  tries,
  state,
}: SpooledInfo): SpooledInfo {
  return { id, lane, priority, kind, arrivedAt, expiresAt, size, tries, state };
}

/**
 * Opens the spool, with all that was in it: what was out when the last process ended waits again.
 * @throws SaltbusError as `openStore` of the store
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const store = await openSpoolStore(options.path, options.maxWritingBytes);
  try {
    const rows = await store.read('all');
    return new Spool(store, rows.map(foundEntry), options);
  } catch (error) {
    await store.close();
    throw error;
  }
}
