/**
 * Opens the file of a store: the only place that knows the driver.
 *
 * WAL with `synchronous=FULL`: what COMMIT has returned from is on the disk. The lock is exclusive and held for as long as
 * the store is open, so a second process is refused at once, and no shared memory is needed.
 */
import { DatabaseSync } from '@photostructure/sqlite';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isCorrupt } from './protocol.ts';
import type { Failure, MovedAside, WorkerSetup } from './protocol.ts';

/** A database that is open. */
export type Database = InstanceType<typeof DatabaseSync>;

/** The file is of a later version than this program knows. */
export class NewerFile extends Error {}

const OWNER_ONLY = 0o600;
const DIRECTORY_MODE = 0o700;
/** The log is cut to this size after a checkpoint. */
const LOG_BYTES = 16 * 1024 * 1024;

/** What an error of the driver says. */
export function failureOf(error: unknown): Failure {
  const { errcode, message } = error as Error & { readonly errcode?: unknown };
  return { errcode: typeof errcode === 'number' ? errcode : 0, message };
}

/** Opens and checks the file; one that is damaged is moved aside, and a new one is made. */
export function openDatabase(setup: WorkerSetup): {
  readonly database: Database;
  readonly movedAside: MovedAside | undefined;
} {
  makeDirectory(dirname(setup.path));
  try {
    return { database: openChecked(setup), movedAside: undefined };
  } catch (error) {
    const failure = failureOf(error);
    if (!isCorrupt(failure)) throw error;
    const movedTo = moveAside(setup.path);
    return { database: openChecked(setup), movedAside: { movedTo, reason: failure.message } };
  }
}

function openChecked({ path, migrations, busyMs }: WorkerSetup): Database {
  // SQLite would make the file readable for everybody; the log takes the mode of the file.
  closeSync(openSync(path, 'a', OWNER_ONLY));
  const isNew = statSync(path).size === 0;
  const database = new DatabaseSync(path, { timeout: busyMs });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    // writes to the file each time that it is said
    if (isNew) database.exec('PRAGMA auto_vacuum = INCREMENTAL');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    database.exec(`PRAGMA journal_size_limit = ${LOG_BYTES}`);
    // takes the lock, and keeps it
    database.exec('BEGIN IMMEDIATE; COMMIT');
    const found = database.prepare('PRAGMA quick_check(1)').get() as { readonly quick_check?: unknown };
    if (found.quick_check !== 'ok') throw corrupt(String(found.quick_check));
    migrate(database, migrations);
    syncDirectory(dirname(path));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function corrupt(message: string): Error {
  return Object.assign(new Error(message), { errcode: 11 });
}

function migrate(database: Database, migrations: readonly string[]): void {
  const row = database.prepare('PRAGMA user_version').get() as { readonly user_version: number };
  const version = row.user_version;
  if (version > migrations.length) {
    throw new NewerFile(`its version is ${version}, and ${migrations.length} is the newest that is known`);
  }
  if (version === migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function moveAside(path: string): string {
  const stamp = new Date().toISOString().replaceAll(/[-:.]/g, '');
  let movedTo = `${path}.corrupt-${stamp}`;
  for (let count = 2; existsSync(movedTo); count += 1) movedTo = `${path}.corrupt-${stamp}-${count}`;
  renameSync(path, movedTo);
  // The log belongs to the file, and would be replayed into the new one.
  for (const suffix of ['-wal', '-shm'])
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${movedTo}${suffix}`);
  return movedTo;
}

// One by one: with `recursive`, Node 20 turns for ever where a directory cannot be made for want of its parent (/proc).
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  mkdirSync(directory, { mode: DIRECTORY_MODE });
}

// The names of new files are on the disk only when their directory is.
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
