/**
 * What the main thread and the thread of a store say to each other.
 *
 * The writes of one turn of the loop are one message: all values in one flat list, all byte strings in one buffer that is
 * handed over and not copied. In the list a byte string is its length; which values are, the statement says.
 */

/** A value that a statement can be given. */
export type SqlValue = null | number | string | Uint8Array;

/** A row that a statement gives back, by the names of its columns. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A statement of a store, by which it is known before anything is written. */
export interface StatementDefinition {
  readonly sql: string;
  /** How many values it takes. */
  readonly values: number;
  /** Which of them are byte strings: 0 is the first. */
  readonly blobs?: readonly number[];
}

/** What the thread is started with. */
export interface WorkerSetup {
  readonly path: string;
  readonly migrations: readonly string[];
  readonly statements: readonly StatementDefinition[];
  /** Most rows of one transaction. */
  readonly maxGroupRows: number;
  /** How long another process may hold the file at the start, in milliseconds. */
  readonly busyMs: number;
}

/** Writes in a row that run the same statement. */
export interface WriteSegment {
  readonly statement: number;
  rows: number;
}

/** To the thread. */
export type StoreRequest =
  | {
      readonly type: 'write';
      readonly id: number;
      readonly segments: readonly WriteSegment[];
      readonly values: readonly (null | number | string)[];
      readonly blobs: ArrayBuffer | undefined;
    }
  | {
      readonly type: 'read';
      readonly id: number;
      readonly statement: number;
      readonly values: readonly SqlValue[];
    }
  | { readonly type: 'close' };

/** Why something failed, as it can cross threads. */
export interface Failure {
  /** SQLite's extended result code; 0 where the failure is none of SQLite's. */
  readonly errcode: number;
  readonly message: string;
}

/** What became of one message of writes. */
export interface WriteResult {
  readonly id: number;
  /** Rows that each write changed, in order; absent when all failed. */
  readonly changes?: readonly number[];
  /** Why all of them failed. */
  readonly failure?: Failure;
  /** Single ones that failed, by their place, where the others did not. */
  readonly failures?: readonly (readonly [number, Failure])[];
}

/** What was done with a file that cannot be used. */
export interface MovedAside {
  readonly movedTo: string;
  readonly reason: string;
}

/** From the thread. */
export type StoreReply =
  | { readonly type: 'open'; readonly movedAside: MovedAside | undefined }
  | { readonly type: 'refused'; readonly why: 'in-use' | 'newer' | 'failed'; readonly failure: Failure }
  | { readonly type: 'written'; readonly results: readonly WriteResult[] }
  | { readonly type: 'rows'; readonly id: number; readonly rows: readonly SqlRow[] }
  | { readonly type: 'read-failed'; readonly id: number; readonly failure: Failure }
  | { readonly type: 'closed' };

const RESULT_BUSY = 5;
const RESULT_FULL = 13;
const RESULT_IOERR_WRITE = 778;
const RESULT_CORRUPT = 11;
const RESULT_NOTADB = 26;
const RESULT_CONSTRAINT = 19;

/** SQLite's primary result code. */
function primary({ errcode }: Failure): number {
  return errcode & 0xff;
}

/** Another process holds the file. */
export function isBusy(failure: Failure): boolean {
  return primary(failure) === RESULT_BUSY;
}

/** The disk, or what this process may write, is full: SQLite calls a quota or limit that is reached a failed write. */
export function isFull(failure: Failure): boolean {
  return primary(failure) === RESULT_FULL || failure.errcode === RESULT_IOERR_WRITE;
}

/** The file is damaged, or is no database. */
export function isCorrupt(failure: Failure): boolean {
  return primary(failure) === RESULT_CORRUPT || primary(failure) === RESULT_NOTADB;
}

/** The fault of one write, which does no harm to the others. */
export function isOwnFault(failure: Failure): boolean {
  return failure.errcode === 0 || primary(failure) === RESULT_CONSTRAINT;
}
