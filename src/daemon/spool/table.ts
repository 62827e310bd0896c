/**
 * The table of the spool.
 *
 * It has one index, the order of arrival: a commit of one entry writes one page. That an id stands in it once is seen to
 * in memory, where every entry is; nobody else has the file open.
 */
import { openStore } from '../../store/index.ts';
import type { SqlRow, SqlValue, StatementDefinition, Store } from '../../store/index.ts';
import { isPriority } from './entry.ts';
import type { PackageKind, Priority, SpoolEntry } from './entry.ts';

type StatementName = 'insert' | 'delete' | 'all' | 'package';

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE spool (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    kind TEXT NOT NULL,
    arrived REAL NOT NULL,
    expires REAL,
    package BLOB NOT NULL
  ) STRICT`,
];

const STATEMENTS: Readonly<Record<StatementName, StatementDefinition>> = {
  insert: { sql: 'INSERT INTO spool VALUES (?, ?, ?, ?, ?, ?, ?, ?)', values: 8, blobs: [7] },
  delete: { sql: 'DELETE FROM spool WHERE seq = ?', values: 1 },
  all: {
    sql: 'SELECT seq, id, lane, priority, kind, arrived, expires, length(package) AS size FROM spool ORDER BY seq',
    values: 0,
  },
  // one query for as many as there are: their numbers come as a JSON list
  package: {
    sql: 'SELECT seq, package FROM spool WHERE seq IN (SELECT value FROM json_each(?))',
    values: 1,
  },
};

/** The store of the spool. */
export type SpoolStore = Store<StatementName>;

/** Opens the file. */
export function openSpoolStore(path: string, maxWaitingBytes: number | undefined): Promise<SpoolStore> {
  return openStore({
    path,
    migrations: MIGRATIONS,
    statements: STATEMENTS,
    ...(maxWaitingBytes === undefined ? {} : { maxWaitingBytes }),
  });
}

/** The values of a new row. */
export function rowOf(seq: number, arrivedAt: number, entry: SpoolEntry): readonly SqlValue[] {
  const { id, lane, priority, kind, expiresAt } = entry;
  return [seq, id, lane, priority, kind, arrivedAt, expiresAt ?? null, entry.package];
}

/** An entry as it is found in the file. */
export interface FoundEntry {
  readonly seq: number;
  readonly id: string;
  readonly lane: string;
  readonly priority: Priority;
  readonly kind: PackageKind;
  readonly arrivedAt: number;
  readonly expiresAt: number | undefined;
  readonly size: number;
}

/** Reads a row of `all`. */
export function foundEntry(row: SqlRow): FoundEntry {
  const priority = Number(row['priority']);
  const expires = row['expires'];
  return {
    seq: Number(row['seq']),
    id: String(row['id']),
    lane: String(row['lane']),
    priority: isPriority(priority) ? priority : 4,
    kind: row['kind'] === 'list' ? 'list' : 'single',
    arrivedAt: Number(row['arrived']),
    expiresAt: typeof expires === 'number' ? expires : undefined,
    size: Number(row['size']),
  };
}
