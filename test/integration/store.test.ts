/** The file of a store: groups, locks, damage, a full disk, and what a cut log leaves. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { onDiagnostics } from '../../src/diagnostics.ts';
import { openStore } from '../../src/store/index.ts';
import type { StatementDefinition, Store, StoreOptions } from '../../src/store/index.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { commitEnds } from '../helpers/wal.ts';

const LIMIT = { timeout: 60_000 };
type Name = 'insert' | 'all' | 'delete' | 'bad';

const MIGRATIONS = ['CREATE TABLE t (id TEXT PRIMARY KEY, data BLOB) STRICT'];
const STATEMENTS: Readonly<Record<Name, StatementDefinition>> = {
  insert: { sql: 'INSERT INTO t VALUES (?, ?)', values: 2, blobs: [1] },
  delete: { sql: 'DELETE FROM t WHERE id = ?', values: 1 },
  all: { sql: 'SELECT id, data FROM t ORDER BY rowid', values: 0 },
  bad: { sql: 'INSERT INTO t VALUES (?, 1)', values: 1 },
};

async function open(
  t: TestContext,
  path: string,
  options: Partial<StoreOptions<Name>> = {},
): Promise<Store<Name>> {
  const store = await openStore({ path, migrations: MIGRATIONS, statements: STATEMENTS, ...options });
  t.after(() => store.close());
  return store;
}

async function idsIn(store: Store<Name>): Promise<string[]> {
  return (await store.read('all')).map((row) => String(row['id']));
}

test('what was written is there, byte for byte, and after it was opened again', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'deeper', 'x.db');
  const store = await open(t, path);
  const bytes = Buffer.from([0, 1, 255, 0]);
  assert.equal(await store.run('insert', 'a', bytes.subarray(1)), 1);
  await Promise.all([
    store.run('insert', 'b', new Uint8Array(0)),
    store.run('insert', 'c', null),
    store.run('insert', 'ü', bytes),
  ]);
  assert.equal(await store.run('delete', 'nothing'), 0);
  const rows = [
    { id: 'a', data: new Uint8Array([1, 255, 0]) },
    { id: 'b', data: new Uint8Array(0) },
    { id: 'c', data: null },
    { id: 'ü', data: new Uint8Array([0, 1, 255, 0]) },
  ];
  const plain = async (from: Store<Name>): Promise<unknown> =>
    (await from.read('all')).map((row) => ({ ...row }));
  assert.deepEqual(await plain(store), rows);
  await store.close();
  assert.deepEqual(await plain(await open(t, path)), rows);
  assert.equal((statSync(path).mode & 0o777).toString(8), '600');
  assert.equal((statSync(join(path, '..')).mode & 0o777).toString(8), '700');
});

test(
  'all that is asked for in one turn is one commit; a read sees what was written before it',
  LIMIT,
  async (t) => {
    const path = join(temporaryFolder(t), 'x.db');
    const store = await open(t, path);
    const before = commitEnds(readFileSync(`${path}-wal`)).length;
    const writes = Array.from({ length: 1000 }, (_, n) =>
      store.run('insert', `id ${n}`, Buffer.alloc(100, n)),
    );
    assert.equal((await idsIn(store)).length, 1000);
    await Promise.all(writes);
    assert.equal(commitEnds(readFileSync(`${path}-wal`)).length - before, 1);
    assert.deepEqual(store.counters, { written: 1000, failed: 0, refused: 0 });
    assert.equal(store.waitingBytes, 0);
  },
);

test('a write that makes no sense fails alone', LIMIT, async (t) => {
  const store = await open(t, join(temporaryFolder(t), 'x.db'));
  const results = await Promise.allSettled([
    store.run('insert', 'a', null),
    store.run('insert', 'a', null),
    store.run('bad', 'x'),
    store.run('insert', 'b', Buffer.from('data')),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(await idsIn(store), ['a', 'b']);
  assert.equal(store.counters.failed, 2);
});

test('more than may wait is refused, and counted', LIMIT, async (t) => {
  const store = await open(t, join(temporaryFolder(t), 'x.db'), { maxWaitingBytes: 5000 });
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) => store.run('insert', `${n}`, Buffer.alloc(1000))),
  );
  assert.deepEqual(
    results.map((result) =>
      result.status === 'fulfilled' ? 'kept' : (result.reason as { readonly code: string }).code,
    ),
    [
      ...Array.from({ length: 4 }, () => 'kept'),
      ...Array.from({ length: 6 }, () => 'ERR_SALTBUS_OVERLOADED'),
    ],
  );
  assert.equal(await store.run('insert', 'one larger than all', Buffer.alloc(9000)), 1);
  assert.equal(store.counters.refused, 6);
});

test('a second process is refused, and the first goes on', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'x.db');
  const store = await open(t, path);
  await assert.rejects(open(t, path, { busyMs: 20 }), { code: 'ERR_SALTBUS_STORE_IN_USE' });
  assert.equal(await store.run('insert', 'a', null), 1);
});

test('after close() nothing is taken; what was asked for before is there', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'x.db');
  const store = await open(t, path);
  const written = store.run('insert', 'a', null);
  const closed = store.close();
  await assert.rejects(store.run('insert', 'b', null), { code: 'ERR_SALTBUS_CLOSED' });
  await assert.rejects(store.read('all'), { code: 'ERR_SALTBUS_CLOSED' });
  assert.equal(await written, 1);
  await closed;
  await store.close();
  assert.deepEqual(await idsIn(await open(t, path)), ['a']);
  assert.equal(existsSync(`${path}-shm`), false);
});

test('migrations run once each; a file of a later version is refused and left as it is', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'x.db');
  await (await open(t, path)).close();
  const later = [...MIGRATIONS, "INSERT INTO t VALUES ('second', NULL)"];
  const store = await open(t, path, { migrations: later });
  assert.deepEqual(await idsIn(store), ['second']);
  await store.close();
  const again = await open(t, path, { migrations: later });
  assert.deepEqual(await idsIn(again), ['second']);
  await again.close();
  const before = readFileSync(path);
  await assert.rejects(open(t, path), { code: 'ERR_SALTBUS_STORE_NEWER' });
  assert.deepEqual(readFileSync(path), before);
});

test('a migration that fails leaves the version it found', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'x.db');
  await (await open(t, path)).close();
  const broken = [...MIGRATIONS, 'CREATE TABLE u (x); nonsense'];
  await assert.rejects(open(t, path, { migrations: broken }), { code: 'ERR_SALTBUS_SYSTEM' });
  assert.deepEqual(await idsIn(await open(t, path)), []);
});

const DAMAGE: Readonly<Record<string, (path: string) => void>> = {
  'text in the place of the file': (path) => {
    writeFileSync(path, 'this is no database at all, and it is long enough to be looked at'.repeat(100));
  },
  'a page in the middle overwritten': (path) => {
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096, 5 * 4096);
    writeFileSync(path, bytes);
  },
  'the end cut off': (path) => {
    writeFileSync(path, readFileSync(path).subarray(0, 2 * 4096));
  },
};

for (const [name, damage] of Object.entries(DAMAGE)) {
  test(`${name}: moved aside, said, and a new one made`, LIMIT, async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'x.db');
    const store = await open(t, path);
    for (let n = 0; n < 200; n += 1) void store.run('insert', `id ${n}`, Buffer.alloc(500, n));
    await store.close();
    damage(path);
    const damaged = readFileSync(path);
    const said: { readonly path: string; readonly movedTo: string; readonly reason: string }[] = [];
    t.after(onDiagnostics('saltbus:store:moved-aside', (payload) => said.push(payload)));
    const fresh = await open(t, path);
    assert.deepEqual(await idsIn(fresh), []);
    assert.equal(await fresh.run('insert', 'new', null), 1);
    const movedTo = fresh.movedAside?.movedTo ?? '';
    assert.match(movedTo, /x\.db\.corrupt-\d{8}T\d{9}Z$/);
    assert.deepEqual(readFileSync(movedTo), damaged);
    assert.equal(said.length, 1);
    assert.equal(said[0]?.movedTo, movedTo);
    await fresh.close();
    // its log, where it had one, goes with it
    assert.deepEqual(
      readdirSync(folder).filter((file) => !join(folder, file).startsWith(movedTo)),
      ['x.db'],
    );
    assert.equal((await open(t, path)).movedAside, undefined);
  });
}

test('a file that may not be opened is an error, and is not moved', LIMIT, async (t) => {
  const path = temporaryFolder(t);
  await assert.rejects(open(t, path), { code: 'ERR_SALTBUS_SYSTEM' });
  assert.equal(statSync(path).isDirectory(), true);
});

test('a log cut at any place holds exactly the commits that stand in it whole', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'x.db');
  const store = await open(t, path);
  const start = commitEnds(readFileSync(`${path}-wal`)).length;
  for (let n = 0; n < 12; n += 1) await store.run('insert', `id ${n}`, Buffer.alloc(n * 600, n));
  const database = readFileSync(path);
  const wal = readFileSync(`${path}-wal`);
  const ends = commitEnds(wal);
  assert.equal(ends.length - start, 12);
  const ids = Array.from({ length: 12 }, (_, n) => `id ${n}`);
  let cuts = 0;
  for (const [at, end] of ends.entries()) {
    if (at < start) continue;
    // at the end of the commit, within the one behind it, and one byte before its end
    const kept = at - start + 1;
    for (const [length, count] of [
      [end, kept],
      [Math.min(wal.length, end + 700), end + 700 >= wal.length ? 12 : kept],
      [end - 1, kept - 1],
    ] as const) {
      const copy = join(folder, `cut-${cuts}.db`);
      writeFileSync(copy, database);
      writeFileSync(`${copy}-wal`, wal.subarray(0, length));
      const recovered = await open(t, copy);
      assert.equal(recovered.movedAside, undefined);
      assert.deepEqual(await idsIn(recovered), ids.slice(0, count), `cut at ${length} of ${wal.length}`);
      await recovered.close();
      cuts += 1;
    }
  }
  assert.equal(cuts, 36);
});
