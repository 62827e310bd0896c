/**
 * The table of the spool.
 *
 * It has one index, the order of arrival: a commit of one entry writes one page. That an id stands in it once is seen to
 * in memory, where every entry is; nobody else has the file open.
 */
import { SaltbusError } from '../../errors.ts';
import { openStore } from '../../store/index.ts';
import type { SqlRow, SqlValue, StatementDefinition, Store } from '../../store/index.ts';
import { isPriority } from './entry.ts';
import type { SpoolEntry, SpooledInfo } from './entry.ts';

type StatementName = 'insert' | 'delete' | 'all' | 'package';

// What is known of an entry is one text, `priority|kind|arrived|expires|id|lane`: each value that is bound costs as much as
// the row itself.
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE spool (
    seq INTEGER PRIMARY KEY,
    head TEXT NOT NULL,
    package BLOB NOT NULL
  ) STRICT`,
];

const STATEMENTS: Readonly<Record<StatementName, StatementDefinition>> = {
  insert: { sql: 'INSERT INTO spool VALUES (?, ?, ?)', values: 3, blobs: [2] },
  delete: { sql: 'DELETE FROM spool WHERE seq = ?', values: 1 },
  all: { sql: 'SELECT seq, head, length(package) AS size FROM spool ORDER BY seq', values: 0 },
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
  return [seq, `${priority}|${kind}|${arrivedAt}|${expiresAt ?? ''}|${id}|${lane}`, entry.package];
}

/** An entry as it is found in the file. */
export interface FoundEntry extends Omit<SpooledInfo, 'tries' | 'state'> {
  readonly seq: number;
}

const HEAD = /^([0-4])\|(single|list)\|([\d.]+)\|([\d.]*)\|([A-Za-z0-9_-]+)\|([^]+)$/;

/**
 * Reads a row of `all`.
 * @throws SaltbusError `ERR_SALTBUS_SYSTEM` for one that this program has not written
 */
export function foundEntry(row: SqlRow): FoundEntry {
  const [, priority, kind, arrived, expires, id, lane] = HEAD.exec(String(row['head'])) ?? [];
  const rank = Number(priority);
  if (id === undefined || lane === undefined || !isPriority(rank))
    throw new SaltbusError('ERR_SALTBUS_SYSTEM', `Row ${String(row['seq'])} of the spool cannot be read`);
  return {
    seq: Number(row['seq']),
    id,
    lane,
    priority: rank,
    kind: kind === 'list' ? 'list' : 'single',
    arrivedAt: Number(arrived),
    expiresAt: expires === '' ? undefined : Number(expires),
    size: Number(row['size']),
  };
}
