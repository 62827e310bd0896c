/**
 * A file of durable state: one SQLite connection in a thread of its own, with group commit.
 *
 * All that is asked for in a turn of the loop, and while a commit runs, goes into one transaction; whoever asked hears of
 * it after the commit, which has forced it to the disk.
 */
import { Worker } from 'node:worker_threads';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import { isCorrupt, isFull } from './protocol.ts';
import type {
  Failure,
  MovedAside,
  SqlRow,
  SqlValue,
  StatementDefinition,
  StoreReply,
  StoreRequest,
  WorkerSetup,
  WriteResult,
  WriteSegment,
} from './protocol.ts';

export type { MovedAside, SqlRow, SqlValue, StatementDefinition } from './protocol.ts';

/** How a store is opened. */
export interface StoreOptions<Name extends string> {
  /** The path of the file; its directory is made where it is missing. */
  readonly path: string;
  /** What makes the tables: the n-th leads from version n to n + 1. Never changed once released, only added to. */
  readonly migrations: readonly string[];
  /** What can be run. */
  readonly statements: Readonly<Record<Name, StatementDefinition>>;
  /** Most bytes of values that wait to be committed; more is refused. @defaultValue 64 MiB */
  readonly maxWaitingBytes?: number;
  /** Most rows of one transaction. @defaultValue 10 000 */
  readonly maxGroupRows?: number;
  /** How long a file that another process holds is waited for, in milliseconds. @defaultValue 2000 */
  readonly busyMs?: number;
}

/** Who hears what became of a write. */
export interface WriteReceipt {
  /** It is on the disk; `changes` rows are other than before. `place` is what was given with the write. */
  written(changes: number, place: number): void;
  /** It is not, and nothing of it is in the file. */
  failed(error: SaltbusError, place: number): void;
}

/** What a store has counted since it was opened. */
export interface StoreCounters {
  /** Writes that were committed. */
  written: number;
  /** Writes that failed. */
  failed: number;
  /** Writes that were refused because too much waited. */
  refused: number;
}

const WAITING_BYTES = 64 * 1024 * 1024;
const GROUP_ROWS = 10_000;
const BUSY_MS = 2000;
/** What a value costs besides its own bytes. */
const VALUE_BYTES = 16;
const FIRST_BLOB_BYTES = 16 * 1024;

/** The writes of one turn of the loop. */
class Group {
  readonly segments: WriteSegment[] = [];
  readonly values: (null | number | string)[] = [];
  readonly receipts: WriteReceipt[] = [];
  readonly places: number[] = [];
  bytes = 0;
  #blobs: Buffer | undefined;
  #used = 0;

  add(
    statement: number,
    values: readonly SqlValue[],
    blobs: readonly number[],
    bytes: number,
    receipt: WriteReceipt,
    place: number,
  ): void {
    const last = this.segments.at(-1);
    if (last?.statement === statement) last.rows += 1;
    else this.segments.push({ statement, rows: 1 });
    for (const value of values) this.values.push(value instanceof Uint8Array ? value.length : value);
    for (const column of blobs) {
      const value = values[column];
      if (value instanceof Uint8Array) this.#append(value);
    }
    this.receipts.push(receipt);
    this.places.push(place);
    this.bytes += bytes;
  }

  /** The bytes in a buffer that can be handed over. */
  takeBlobs(): ArrayBuffer | undefined {
    return this.#blobs?.buffer as ArrayBuffer | undefined;
  }

  #append(bytes: Uint8Array): void {
    const wanted = this.#used + bytes.length;
    if (this.#blobs === undefined || wanted > this.#blobs.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(FIRST_BLOB_BYTES, wanted, (this.#blobs?.length ?? 0) * 2),
      );
      this.#blobs?.copy(grown, 0, 0, this.#used);
      this.#blobs = grown;
    }
    this.#blobs.set(bytes, this.#used);
    this.#used = wanted;
  }
}

interface Read {
  readonly resolve: (rows: readonly SqlRow[]) => void;
  readonly reject: (error: SaltbusError) => void;
}

interface Known {
  readonly index: number;
  readonly definition: StatementDefinition;
}

/** An open file. `close()` it: its thread keeps the process alive. */
export class Store<Name extends string> implements AsyncDisposable {
  readonly path: string;
  /** What was moved aside because it was damaged, when the store was opened. */
  readonly movedAside: MovedAside | undefined;
  readonly counters: StoreCounters = { written: 0, failed: 0, refused: 0 };
  readonly #worker: Worker;
  readonly #statements: ReadonlyMap<Name, Known>;
  readonly #maxWaitingBytes: number;
  readonly #groups = new Map<number, Group>();
  readonly #reads = new Map<number, Read>();
  readonly #ended: Promise<void>;
  #group: Group | undefined;
  #waitingBytes = 0;
  #nextId = 0;
  #isFailing = false;
  #broken: SaltbusError | undefined;
  #closing: Promise<void> | undefined;

  /** Use {@link openStore}. */
  constructor(options: StoreOptions<Name>, worker: Worker, movedAside: MovedAside | undefined) {
    this.path = options.path;
    this.movedAside = movedAside;
    this.#worker = worker;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? WAITING_BYTES;
    this.#statements = new Map(
      (Object.entries(options.statements) as [Name, StatementDefinition][]).map(
        ([name, definition], index) => [name, { index, definition }],
      ),
    );
    worker.on('message', (reply: StoreReply) => {
      this.#take(reply);
    });
    this.#ended = new Promise((resolve) => {
      worker.on('error', (error) => {
        this.#break(error);
      });
      worker.on('exit', () => {
        this.#break(undefined);
        resolve();
      });
    });
  }

  /** Bytes of values that are not committed yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Has one row written; the receipt hears of it after the commit, or why not. Byte strings are copied at once. Writes
   * are done in the order of the calls; one that is refused because too much waits is told so at once, before the others.
   * @param place - is given back to the receipt, which can so be one for many writes
   */
  write(name: Name, values: readonly SqlValue[], receipt: WriteReceipt, place = 0): void {
    const { index, definition } = this.#statement(name, values.length);
    const error = this.#whyNot();
    if (error !== undefined) {
      receipt.failed(error, place);
      return;
    }
    let bytes = VALUE_BYTES * values.length;
    for (const value of values)
      if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length;
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#maxWaitingBytes) {
      this.counters.refused += 1;
      receipt.failed(
        new SaltbusError(
          'ERR_SALTBUS_OVERLOADED',
          `${this.#waitingBytes} bytes wait to be written to ${this.path}, and ${this.#maxWaitingBytes} may`,
        ),
        place,
      );
      return;
    }
    if (this.#group === undefined) {
      this.#group = new Group();
      // after all that came in with this turn of the loop
      setImmediate(() => {
        this.#send();
      });
    }
    this.#group.add(index, values, definition.blobs ?? [], bytes, receipt, place);
    this.#waitingBytes += bytes;
  }

  /**
   * Has one row written; resolves after the commit with the number of rows that are other than before.
   * @throws SaltbusError `ERR_SALTBUS_DISK_FULL`, `ERR_SALTBUS_OVERLOADED`, `ERR_SALTBUS_CLOSED`, or `ERR_SALTBUS_SYSTEM`
   */
  run(name: Name, ...values: readonly SqlValue[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.write(name, values, { written: resolve, failed: reject });
    });
  }

  /**
   * Reads rows; sees all that was written before the call.
   * @throws SaltbusError `ERR_SALTBUS_CLOSED` or `ERR_SALTBUS_SYSTEM`
   */
  read(name: Name, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    const { index } = this.#statement(name, values.length);
    return new Promise((resolve, reject) => {
      const error = this.#whyNot();
      if (error !== undefined) {
        reject(error);
        return;
      }
      this.#send();
      const id = this.#nextId++;
      this.#reads.set(id, { resolve, reject });
      this.#post({ type: 'read', id, statement: index, values });
    });
  }

  /** Commits what waits, and closes the file. Idempotent. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#send();
    if (this.#broken === undefined) this.#post({ type: 'close' });
    return (this.#closing = this.#ended);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #statement(name: Name, given: number): Known {
    const known = this.#statements.get(name);
    if (known === undefined) throw new TypeError(`There is no statement '${name}'`);
    if (known.definition.values !== given)
      throw new TypeError(`'${name}' takes ${known.definition.values} values, and got ${given}`);
    return known;
  }

  #whyNot(): SaltbusError | undefined {
    if (this.#closing !== undefined)
      return new SaltbusError('ERR_SALTBUS_CLOSED', `${this.path} was closed by this program`, {
        next: 'Open it again.',
      });
    return this.#broken;
  }

  #send(): void {
    const group = this.#group;
    if (group === undefined || this.#broken !== undefined) return;
    this.#group = undefined;
    const id = this.#nextId++;
    this.#groups.set(id, group);
    const blobs = group.takeBlobs();
    this.#post(
      { type: 'write', id, segments: group.segments, values: group.values, blobs },
      blobs === undefined ? [] : [blobs],
    );
  }

  #post(request: StoreRequest, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #take(reply: StoreReply): void {
    switch (reply.type) {
      case 'written':
        for (const result of reply.results) this.#settle(result);
        return;
      case 'rows':
        this.#takeRead(reply.id)?.resolve(reply.rows);
        return;
      case 'read-failed':
        this.#takeRead(reply.id)?.reject(this.#errorOf(reply.failure));
        return;
      case 'open':
      case 'refused':
      case 'closed':
        return;
    }
  }

  #takeRead(id: number): Read | undefined {
    const read = this.#reads.get(id);
    this.#reads.delete(id);
    return read;
  }

  #settle(result: WriteResult): void {
    const group = this.#groups.get(result.id);
    if (group === undefined) return;
    this.#groups.delete(result.id);
    this.#waitingBytes -= group.bytes;
    if (result.failure !== undefined) {
      this.#fail(group, this.#errorOf(result.failure));
      return;
    }
    this.#isFailing = false;
    const changes = result.changes ?? [];
    const failures = new Map(result.failures ?? []);
    this.counters.written += group.receipts.length - failures.size;
    this.counters.failed += failures.size;
    for (const [at, receipt] of group.receipts.entries()) {
      const failure = failures.size === 0 ? undefined : failures.get(at);
      const place = group.places[at] ?? 0;
      if (failure === undefined) receipt.written(changes[at] ?? 0, place);
      else receipt.failed(this.#errorOf(failure), place);
    }
  }

  #fail(group: Group, error: SaltbusError): void {
    this.counters.failed += group.receipts.length;
    if (!this.#isFailing) publish('saltbus:store:failed', { path: this.path, error });
    this.#isFailing = true;
    for (const [at, receipt] of group.receipts.entries()) receipt.failed(error, group.places[at] ?? 0);
  }

  #errorOf(failure: Failure): SaltbusError {
    if (isFull(failure)) {
      return new SaltbusError('ERR_SALTBUS_DISK_FULL', `${this.path} cannot take more: ${failure.message}`);
    }
    return new SaltbusError('ERR_SALTBUS_SYSTEM', `${this.path}: ${failure.message}`, {
      ...(isCorrupt(failure)
        ? { next: 'Start the daemon again: the damaged file is then moved aside, and a new one made.' }
        : {}),
    });
  }

  // The thread is gone: by close(), or because it could not go on.
  #break(cause: unknown): void {
    if (this.#broken === undefined) {
      this.#broken =
        this.#closing !== undefined && cause === undefined
          ? new SaltbusError('ERR_SALTBUS_CLOSED', `${this.path} was closed by this program`)
          : new SaltbusError('ERR_SALTBUS_SYSTEM', `The thread that writes ${this.path} has ended`, {
              cause,
            });
    }
    const error = this.#broken;
    const groups = [...this.#groups.values(), ...(this.#group === undefined ? [] : [this.#group])];
    this.#group = undefined;
    this.#groups.clear();
    this.#waitingBytes = 0;
    for (const group of groups) this.#fail(group, error);
    for (const { reject } of this.#reads.values()) reject(error);
    this.#reads.clear();
  }
}

/**
 * Opens a file, or makes it. A damaged one is moved aside beside it, which `movedAside` and `saltbus:store:moved-aside` say.
 * @throws SaltbusError `ERR_SALTBUS_STORE_IN_USE` where another process has it, `ERR_SALTBUS_STORE_NEWER`, `ERR_SALTBUS_DISK_FULL`, `ERR_SALTBUS_PERMISSION`, or `ERR_SALTBUS_SYSTEM`
 */
export async function openStore<Name extends string>(options: StoreOptions<Name>): Promise<Store<Name>> {
  const setup: WorkerSetup = {
    path: options.path,
    migrations: options.migrations,
    statements: Object.values(options.statements),
    maxGroupRows: options.maxGroupRows ?? GROUP_ROWS,
    busyMs: options.busyMs ?? BUSY_MS,
  };
  const worker = startWorker(setup);
  const reply = await new Promise<StoreReply>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  if (reply.type === 'open') {
    const { movedAside } = reply;
    if (movedAside !== undefined) publish('saltbus:store:moved-aside', { path: options.path, ...movedAside });
    return new Store(options, worker, movedAside);
  }
  throw reply.type === 'refused'
    ? openError(options.path, reply.why, reply.failure)
    : new SaltbusError('ERR_SALTBUS_SYSTEM', `The thread for ${options.path} does not answer as it should`);
}

// From dist, or from the sources: on Node 20 a thread does not have the loader of TypeScript that the program was started with.
function startWorker(workerData: WorkerSetup): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./worker.js', import.meta.url), { workerData });
  const [loader, entry] = ['tsx/esm/api', './worker.ts'].map((name) =>
    JSON.stringify(import.meta.resolve(name)),
  );
  const code = `import(${loader ?? ''}).then(({ register }) => { register(); return import(${entry ?? ''}); });`;
  return new Worker(code, { eval: true, workerData });
}

function openError(path: string, why: 'in-use' | 'newer' | 'failed', failure: Failure): SaltbusError {
  const { message } = failure;
  if (why === 'in-use') {
    return new SaltbusError('ERR_SALTBUS_STORE_IN_USE', `Another process has ${path} open`);
  }
  if (why === 'newer') {
    return new SaltbusError('ERR_SALTBUS_STORE_NEWER', `${path} was written by a later saltbus: ${message}`);
  }
  if (isFull(failure) || message.startsWith('ENOSPC')) {
    return new SaltbusError('ERR_SALTBUS_DISK_FULL', `${path} cannot be opened: ${message}`);
  }
  return message.startsWith('EACCES') || message.startsWith('EPERM')
    ? new SaltbusError('ERR_SALTBUS_PERMISSION', `${path} cannot be opened: ${message}`, {
        next: 'Give the file and its directory to the user of the daemon.',
      })
    : new SaltbusError('ERR_SALTBUS_SYSTEM', `${path} cannot be opened: ${message}`);
}
