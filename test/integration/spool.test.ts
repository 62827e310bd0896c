/** The spool on disk: what is kept, given, given up and said; and the master's store of what it has accepted. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openAccepted } from '../../src/daemon/master/accepted.ts';
import type { AcceptedEvents, AcceptedOptions, ArrivedEvent } from '../../src/daemon/master/accepted.ts';
import type { SpoolEntry } from '../../src/daemon/spool/entry.ts';
import { openSpool } from '../../src/daemon/spool/spool.ts';
import type { LostEntries, Spool, SpoolOptions } from '../../src/daemon/spool/spool.ts';
import { SaltbusError } from '../../src/errors.ts';
import { start } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 60_000 };
const PART = fileURLToPath(new URL('../helpers/store-part.ts', import.meta.url));

function idOf(n: number): string {
  return `id-${String(n).padStart(17, '0')}`;
}

function entry(n: number, more: Partial<SpoolEntry> = {}): SpoolEntry {
  return {
    id: idOf(n),
    lane: 'a',
    priority: 2,
    kind: 'single',
    expiresAt: undefined,
    package: Buffer.alloc(100, n),
    ...more,
  };
}

async function open(t: TestContext, path: string, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = await openSpool({ path, ...options });
  t.after(() => spool.close());
  return spool;
}

function codeOf(error: unknown): string {
  return error instanceof SaltbusError ? error.code : String(error);
}

async function takeIds(spool: Spool, most = 100): Promise<string[]> {
  return (await spool.take(most)).map(({ id }) => id);
}

test('what is called spooled is in the file, whatever becomes of the process', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'spool.db');
  const spool = await open(t, path);
  for (let n = 0; n < 5; n += 1) {
    assert.equal(await spool.append(entry(n)), 'spooled');
    const copy = join(folder, `copy-${n}.db`);
    for (const suffix of ['', '-wal']) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`);
    const other = await open(t, copy);
    assert.deepEqual(
      other.list({ most: 100 }).map(({ id }) => id),
      Array.from({ length: n + 1 }, (_, at) => idOf(at)),
    );
  }
});

test(
  'entries go in order, byte for byte, also from the disk, and what was out comes again after a restart',
  LIMIT,
  async (t) => {
    const path = join(temporaryFolder(t), 'spool.db');
    const first = await open(t, path, { cacheBytes: 250 });
    await Promise.all(Array.from({ length: 6 }, (_, n) => first.append(entry(n))));
    const taken = await first.take(3);
    assert.deepEqual(
      taken.map(({ id, package: bytes, tries, state }) => [id, Buffer.from(bytes), tries, state]),
      [0, 1, 2].map((n) => [idOf(n), Buffer.alloc(100, n), 1, 'out']),
    );
    assert.deepEqual(await takeIds(first), []);
    await first.done([idOf(0)]);
    await first.done(['unknown', idOf(5)]);
    await first.close();
    const second = await open(t, path);
    const again = await second.take(10);
    assert.deepEqual(
      again.map(({ id, package: bytes }) => [id, Buffer.from(bytes)]),
      [1, 2, 3, 4, 5].map((n) => [idOf(n), Buffer.alloc(100, n)]),
    );
  },
);

test('retry gives entries again before those behind them; the figures say so', LIMIT, async (t) => {
  const spool = await open(t, join(temporaryFolder(t), 'spool.db'));
  await Promise.all([0, 1, 2, 3].map((n) => spool.append(entry(n))));
  const ids = await takeIds(spool, 3);
  await spool.done(ids.slice(0, 1));
  spool.retry(ids.slice(1));
  assert.deepEqual(await takeIds(spool), [idOf(1), idOf(2), idOf(3)]);
  await spool.done([idOf(1)]);
  await spool.done([idOf(2)], 'rejected');
  const { depth, out, spooled, sent, rejected, retried, bytes } = spool.stats();
  assert.deepEqual(
    { depth, out, spooled, sent, rejected, retried, bytes },
    { depth: 1, out: 1, spooled: 4, sent: 2, rejected: 1, retried: 2, bytes: 100 },
  );
});

test(
  'the same id is one entry: while it is written, while it waits, and shortly after it was sent',
  LIMIT,
  async (t) => {
    const spool = await open(t, join(temporaryFolder(t), 'spool.db'));
    assert.deepEqual(await Promise.all([spool.append(entry(1)), spool.append(entry(1))]), [
      'spooled',
      'spooled',
    ]);
    assert.equal(await spool.append(entry(1)), 'spooled');
    assert.equal(spool.stats().depth, 1);
    await spool.done(await takeIds(spool));
    assert.equal(await spool.append(entry(1)), 'sent');
    const { depth, copies, sent } = spool.stats();
    assert.deepEqual({ depth, copies, sent }, { depth: 0, copies: 3, sent: 1 });
  },
);

test('full: refused, by count and by bytes of its priority', LIMIT, async (t) => {
  const spool = await open(t, join(temporaryFolder(t), 'spool.db'), {
    limits: { count: 2, bytes: 250 },
    limitsOf: { 0: { count: 1 } },
  });
  const append = (n: number, more: Partial<SpoolEntry> = {}): Promise<string> =>
    spool.append(entry(n, more)).catch(codeOf);
  const full = 'ERR_SALTBUS_SPOOL_FULL';
  assert.equal(await append(1), 'spooled');
  assert.equal(await append(2, { package: Buffer.alloc(151) }), full);
  assert.equal(await append(3, { package: Buffer.alloc(150) }), 'spooled');
  assert.equal(await append(4, { package: Buffer.alloc(0) }), full);
  assert.equal(await append(5, { priority: 0 }), 'spooled');
  assert.equal(await append(6, { priority: 0 }), full);
  assert.deepEqual(
    spool.stats().priorities.map(({ depth, refused }) => [depth, refused]),
    [
      [1, 1],
      [0, 0],
      [2, 2],
      [0, 0],
      [0, 0],
    ],
  );
  await spool.done(await takeIds(spool, 1));
  assert.equal(await append(7, { priority: 0 }), 'spooled');
});

test('drop-oldest makes room, and says what was given up; what is out stays', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'spool.db');
  const lost: LostEntries[] = [];
  const spool = await open(t, path, {
    limits: { count: 3 },
    policy: 'drop-oldest',
    onLost: (what) => lost.push(what),
  });
  for (const n of [1, 2, 3]) await spool.append(entry(n));
  assert.deepEqual(await takeIds(spool, 1), [idOf(1)]);
  assert.equal(await spool.append(entry(4)), 'spooled');
  assert.equal(await spool.append(entry(5, { priority: 3 })), 'spooled');
  assert.deepEqual(
    lost.map(({ how, entries }) => [how, entries.map(({ id }) => id)]),
    [['dropped', [idOf(2)]]],
  );
  assert.equal(spool.stats().dropped, 1);
  await spool.close();
  const again = await open(t, path);
  assert.deepEqual(
    again.list({ most: 10 }).map(({ id }) => id),
    [1, 3, 4, 5].map(idOf),
  );
});

test('drop-newest gives up what comes, and the program is told', LIMIT, async (t) => {
  const spool = await open(t, join(temporaryFolder(t), 'spool.db'), {
    limits: { count: 1 },
    policy: 'drop-newest',
  });
  await spool.append(entry(1));
  await assert.rejects(spool.append(entry(2)), { code: 'ERR_SALTBUS_SPOOL_FULL' });
  const { dropped, refused, depth } = spool.stats();
  assert.deepEqual({ dropped, refused, depth }, { dropped: 1, refused: 0, depth: 1 });
});

test(
  'what is too old, by its own time or by the limit of its priority, is given up and said',
  LIMIT,
  async (t) => {
    const path = join(temporaryFolder(t), 'spool.db');
    let now = 1_000_000;
    const lost: LostEntries[] = [];
    const spool = await open(t, path, {
      now: () => now,
      limits: { ageMs: 10_000 },
      onLost: (what) => lost.push(what),
    });
    const said: string[] = [];
    spool.add(entry(1, { expiresAt: now + 500 }), {
      spooled: () => said.push('spooled'),
      refused: codeOf,
      left: (how) => said.push(how),
    });
    await Promise.all([spool.append(entry(2)), spool.append(entry(3, { expiresAt: now + 60_000 }))]);
    now += 499;
    spool.expire();
    assert.equal(spool.stats().depth, 3);
    assert.equal(spool.stats().oldestMs, 499);
    now += 1;
    spool.expire();
    assert.deepEqual(said, ['spooled', 'expired']);
    now += 9500;
    assert.deepEqual(await takeIds(spool), []);
    assert.deepEqual(
      lost.map(({ how, entries }) => [how, entries.map(({ id }) => id)]),
      [
        ['expired', [idOf(1)]],
        ['expired', [idOf(2), idOf(3)]],
      ],
    );
    assert.equal(spool.stats().expired, 3);
    await spool.close();
    assert.equal((await open(t, path)).stats().depth, 0);
  },
);

test('an operator lists, shows and takes out; what is out to be sent stays', LIMIT, async (t) => {
  const spool = await open(t, join(temporaryFolder(t), 'spool.db'));
  await spool.append(entry(1, { lane: 'b', priority: 4 }));
  await spool.append(entry(2));
  await spool.append(entry(3));
  const ids = (options: Parameters<Spool['list']>[0]): string[] => spool.list(options).map(({ id }) => id);
  assert.deepEqual(ids({ most: 10 }), [2, 3, 1].map(idOf));
  assert.deepEqual(ids({ most: 1 }), [idOf(2)]);
  assert.deepEqual(ids({ most: 10, priority: 4 }), [idOf(1)]);
  assert.deepEqual(ids({ most: 10, lane: 'b' }), [idOf(1)]);
  const [shown] = await spool.show([idOf(3), 'unknown']);
  assert.deepEqual(Buffer.from(shown?.package ?? []), Buffer.alloc(100, 3));
  assert.deepEqual(await takeIds(spool, 1), [idOf(2)]);
  assert.deepEqual(await spool.remove([idOf(2), idOf(3), idOf(3), 'unknown']), [idOf(3)]);
  assert.deepEqual(ids({ most: 10 }), [idOf(2), idOf(1)]);
});

test('entries that make no sense are refused before anything is written', LIMIT, async (t) => {
  const spool = await open(t, join(temporaryFolder(t), 'spool.db'));
  const wrong: readonly Partial<SpoolEntry>[] = [
    { id: 'short' },
    { id: 'x'.repeat(65) },
    { id: "id'; DROP TABLE spool; --" },
    { lane: '' },
    { lane: 'x'.repeat(129) },
    { priority: 5 as 4 },
  ];
  for (const more of wrong)
    await assert.rejects(spool.append(entry(1, more)), { code: 'ERR_SALTBUS_DATA' }, JSON.stringify(more));
  assert.equal(spool.stats().depth, 0);
});

test('it is told when something can be taken, once a turn', LIMIT, async (t) => {
  let told = 0;
  const spool = await open(t, join(temporaryFolder(t), 'spool.db'), {
    onAvailable: () => {
      told += 1;
    },
  });
  await Promise.all(Array.from({ length: 50 }, (_, n) => spool.append(entry(n))));
  await waitUntil(() => told > 0);
  assert.equal(told, 1);
  spool.retry(await takeIds(spool, 10));
  await waitUntil(() => told > 1);
  assert.equal(told, 2);
});

test(
  'a full disk: what was kept stays, what comes is refused, and when there is room it goes on',
  LIMIT,
  async (t) => {
    const path = join(temporaryFolder(t), 'spool.db');
    // a limit on the size of files is a full disk that needs no rights; Node lets the failed write through (SIGXFSZ)
    const command = `ulimit -S -f 1024; exec '${process.execPath}' --import tsx '${PART}' '${path}' 20000`;
    const part = start(t, 'bash', ['-c', command]);
    await part.line('open');
    const kept: string[] = [];
    let refused = '';
    for (let n = 0; refused === ''; n += 1) {
      part.child.stdin?.write(`${idOf(n)}\n`);
      const said = await part.line(idOf(n));
      if (said.startsWith('kept')) kept.push(idOf(n));
      else refused = said;
    }
    assert.equal(refused, `refused ${idOf(kept.length)} ERR_SALTBUS_DISK_FULL`);
    assert.equal(kept.length > 10, true);
    assert.equal(spawnSync('prlimit', ['--pid', String(part.child.pid), '--fsize=unlimited']).status, 0);
    part.child.stdin?.write(`${idOf(5000)}\n`);
    assert.equal(await part.line(idOf(5000)), `kept ${idOf(5000)}`);
    part.child.stdin?.write(`${idOf(kept.length)}x\n`);
    assert.equal(await part.line(`${idOf(kept.length)}x`), `kept ${idOf(kept.length)}x`);
    part.child.kill('SIGKILL');
    await part.ended;
    const spool = await open(t, path);
    assert.equal(spool.movedAside, undefined);
    assert.deepEqual(
      spool.list({ most: 10_000 }).map(({ id }) => id),
      [...kept, idOf(5000), `${idOf(kept.length)}x`],
    );
  },
);

test('a damaged spool is moved aside, and a new one begun', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'spool.db');
  const spool = await open(t, path);
  await spool.append(entry(1));
  await spool.close();
  writeFileSync(path, readFileSync(path).fill(0x5a, 100, 3000));
  const fresh = await open(t, path);
  assert.match(fresh.movedAside?.movedTo ?? '', /spool\.db\.corrupt-/);
  assert.equal(fresh.stats().depth, 0);
  assert.equal(await fresh.append(entry(1)), 'spooled');
});

function event(id: string, minion = 'm1'): ArrivedEvent {
  return { id, minion, tag: `tag/${id}`, data: Buffer.from(id) };
}

async function accepting(
  t: TestContext,
  path: string,
  options: Partial<AcceptedOptions> = {},
): Promise<AcceptedEvents> {
  const accepted = await openAccepted({ path, ...options });
  t.after(() => accepted.close());
  return accepted;
}

test('accepted events are each once: new, a copy, or again after a restart; by minion', LIMIT, async (t) => {
  const path = join(temporaryFolder(t), 'accepted.db');
  const accepted = await accepting(t, path, { now: () => 5 });
  assert.deepEqual(await accepted.accept([]), []);
  assert.deepEqual(await accepted.accept([event('a'), event('b'), event('a')]), ['new', 'new', 'copy']);
  assert.deepEqual(await accepted.accept([event('b'), event('b', 'm2')]), ['copy', 'new']);
  assert.deepEqual(accepted.counters, { accepted: 3, copies: 2, forgotten: 0 });
  await accepted.close();
  const later = await accepting(t, path, { now: () => 6 });
  assert.equal(later.count, 3);
  assert.deepEqual(await later.accept([event('a'), event('c')]), ['again', 'new']);
  assert.deepEqual(await later.accept([event('c')]), ['copy']);
  const [first, ...rest] = await later.after(0, 2);
  assert.deepEqual(
    { ...first, data: Buffer.from(first?.data ?? []).toString() },
    { seq: 1, minion: 'm1', id: 'a', tag: 'tag/a', receivedAt: 5, data: 'a' },
  );
  assert.deepEqual(
    rest.map(({ id }) => id),
    ['b'],
  );
});

test('accepted events are bounded by number and age', LIMIT, async (t) => {
  let now = 1_000_000;
  const accepted = await accepting(t, join(temporaryFolder(t), 'accepted.db'), {
    maxCount: 100,
    maxAgeMs: 1000,
    now: () => now,
  });
  for (let n = 0; n < 150; n += 1) await accepted.accept([event(`event ${n}`)]);
  const kept = await accepted.after(0, 1000);
  assert.equal(kept.length <= 100 && kept.length >= 98, true, String(kept.length));
  assert.equal(kept.at(-1)?.id, 'event 149');
  assert.equal(accepted.count, kept.length);
  now += 61_000;
  await accepted.accept([event('young')]);
  assert.deepEqual(
    (await accepted.after(0, 1000)).map(({ id }) => id),
    ['young'],
  );
});
