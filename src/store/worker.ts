/**
 * The thread of a store: one connection, and a transaction for all writes that wait.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { NewerFile, failureOf, openDatabase } from './database.ts';
import type { Database } from './database.ts';
import { isBusy, isOwnFault } from './protocol.ts';
import type {
  Failure,
  SqlRow,
  SqlValue,
  StatementDefinition,
  StoreReply,
  StoreRequest,
  WorkerSetup,
  WriteResult,
} from './protocol.ts';

const setup = workerData as WorkerSetup;
if (parentPort === null) throw new Error('The thread of a store was started as a program');
const port = parentPort;

type WriteRequest = Extract<StoreRequest, { readonly type: 'write' }>;

interface Prepared {
  readonly run: (...values: SqlValue[]) => number;
  readonly all: (...values: SqlValue[]) => SqlRow[];
  readonly definition: StatementDefinition;
}

function say(reply: StoreReply): void {
  port.postMessage(reply);
}

/** Runs the rows of a message; `each` says what becomes of one that fails. */
function runRows(
  request: WriteRequest,
  prepared: readonly Prepared[],
  each: (run: () => number) => number,
): number[] {
  const changes: number[] = [];
  let at = 0;
  let blobAt = 0;
  for (const { statement, rows } of request.segments) {
    const target = prepared[statement];
    if (target === undefined) throw new Error(`There is no statement ${statement}`);
    const { values: count, blobs = [] } = target.definition;
    for (let row = 0; row < rows; row += 1) {
      const values: SqlValue[] = request.values.slice(at, at + count);
      at += count;
      for (const column of blobs) {
        const length = values[column];
        if (typeof length !== 'number') continue;
        values[column] = new Uint8Array(request.blobs ?? new ArrayBuffer(0), blobAt, length);
        blobAt += length;
      }
      changes.push(each(() => target.run(...values)));
    }
  }
  return changes;
}

class Writer {
  readonly #database: Database;
  readonly #prepared: readonly Prepared[];

  constructor(database: Database, prepared: readonly Prepared[]) {
    this.#database = database;
    this.#prepared = prepared;
  }

  /** One transaction for the message and for all that wait behind it; gives back the first one that is no write. */
  writeGroup(first: WriteRequest): StoreRequest | undefined {
    const requests: WriteRequest[] = [];
    const changes: number[][] = [];
    let next: StoreRequest | undefined = first;
    let rows = 0;
    let failure: Failure | undefined;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
    } catch (error) {
      failure = failureOf(error);
    }
    while (next?.type === 'write') {
      requests.push(next);
      if (failure === undefined) {
        try {
          changes.push(runRows(next, this.#prepared, (run) => run()));
        } catch (error) {
          failure = failureOf(error);
        }
      }
      for (const segment of next.segments) rows += segment.rows;
      next = rows < setup.maxGroupRows ? received() : undefined;
    }
    failure ??= this.#commit();
    if (failure === undefined) {
      say({ type: 'written', results: requests.map(({ id }, at) => ({ id, changes: changes[at] ?? [] })) });
      return next;
    }
    this.#rollBack();
    const { message } = failure;
    say({
      type: 'written',
      results: isOwnFault(failure)
        ? this.#writeApart(requests)
        : requests.map(({ id }) => ({ id, failure: { errcode: failure.errcode, message } })),
    });
    return next;
  }

  /** The same once more, each row for itself: one that makes no sense must not take the others with it. */
  #writeApart(requests: readonly WriteRequest[]): WriteResult[] {
    const results: WriteResult[] = [];
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const request of requests) {
        const failures: [number, Failure][] = [];
        let row = -1;
        const changes = runRows(request, this.#prepared, (run) => {
          row += 1;
          this.#database.exec('SAVEPOINT apart');
          try {
            return run();
          } catch (error) {
            const failure = failureOf(error);
            if (!isOwnFault(failure)) throw error;
            this.#database.exec('ROLLBACK TO apart');
            failures.push([row, failure]);
            return 0;
          } finally {
            if (this.#database.isTransaction) this.#database.exec('RELEASE apart');
          }
        });
        results.push({ id: request.id, changes, failures });
      }
      const failure = this.#commit();
      if (failure === undefined) return results;
      this.#rollBack();
      return requests.map(({ id }) => ({ id, failure }));
    } catch (error) {
      this.#rollBack();
      const failure = failureOf(error);
      return requests.map(({ id }) => ({ id, failure }));
    }
  }

  #commit(): Failure | undefined {
    try {
      this.#database.exec('COMMIT');
      return undefined;
    } catch (error) {
      return failureOf(error);
    }
  }

  // SQLite rolls back by itself after some failures (a full disk is one of them).
  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }
}

function received(): StoreRequest | undefined {
  return (receiveMessageOnPort(port) as { readonly message: StoreRequest } | undefined)?.message;
}

function prepare(database: Database): Prepared[] {
  return setup.statements.map((definition) => {
    const statement = database.prepare(definition.sql);
    return {
      definition,
      run: (...values) => statement.run(...values).changes,
      all: (...values) => statement.all(...values) as SqlRow[],
    };
  });
}

function serve(database: Database): void {
  const prepared = prepare(database);
  const writer = new Writer(database, prepared);
  const read = (request: Extract<StoreRequest, { readonly type: 'read' }>): void => {
    try {
      say({ type: 'rows', id: request.id, rows: prepared[request.statement]?.all(...request.values) ?? [] });
    } catch (error) {
      say({ type: 'read-failed', id: request.id, failure: failureOf(error) });
    }
  };
  port.on('message', (message: StoreRequest) => {
    let next: StoreRequest | undefined = message;
    while (next !== undefined) {
      switch (next.type) {
        case 'write':
          next = writer.writeGroup(next);
          continue;
        case 'read':
          read(next);
          break;
        case 'close':
          // What is in the log is safe there: a disk that is full now must not hinder the end.
          try {
            database.exec('PRAGMA incremental_vacuum');
            database.close();
          } finally {
            say({ type: 'closed' });
            port.close();
          }
          break;
      }
      next = undefined;
    }
  });
}

try {
  const { database, movedAside } = openDatabase(setup);
  serve(database);
  say({ type: 'open', movedAside });
} catch (error) {
  const failure = failureOf(error);
  const why = error instanceof NewerFile ? 'newer' : isBusy(failure) ? 'in-use' : 'failed';
  say({ type: 'refused', why, failure });
  port.close();
}
