/** Our master with our minions, each a process of its own: sign-in, jobs, forwarding, restarts, keys, signals. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { EventBodyEncoder } from '../../src/codec/event-body.ts';
import { childMaster, childMinion } from '../helpers/pair.ts';
import type { ChildMaster, ChildMinion } from '../helpers/pair.ts';
import type { WatchedBus } from '../helpers/own-master.ts';

const LIMIT = { timeout: 120_000 };

interface Pair {
  readonly master: ChildMaster;
  readonly minion: ChildMinion;
  /** The bus of the master. */
  readonly seen: WatchedBus;
}

/** A master, and the minion `web1` that is there. */
async function pair(
  t: TestContext,
  ofMaster: Readonly<Record<string, unknown>> = {},
  ofMinion: Readonly<Record<string, unknown>> = {},
): Promise<Pair> {
  const master = await childMaster(t, ofMaster);
  const minion = childMinion(t, 'web1', [master], ofMinion);
  await Promise.all([master.start(), minion.start()]);
  const seen = await master.watch();
  await minion.logged('the master is there');
  return { master, minion, seen };
}

/** The numbers `n` of what was forwarded with a tag, in order. */
function numbers(seen: WatchedBus, tag: string): unknown[] {
  return seen.events
    .filter((event) => event.tag === tag)
    .map(({ data }) => (data['data'] as Readonly<Record<string, unknown>>)['n']);
}

/** Waits for the one with this number. */
async function untilNumber(seen: WatchedBus, tag: string, n: number): Promise<void> {
  await seen.until(
    (event) => event.tag === tag && (event.data['data'] as Readonly<Record<string, unknown>>)['n'] === n,
  );
}

test('a key is pending, is accepted, and the minion is there: pinged, and heard', LIMIT, async (t) => {
  const master = await childMaster(t, { auto_accept: false });
  const minion = childMinion(t, 'web1', [master]);
  await Promise.all([master.start(), minion.start()]);
  const seen = await master.watch();
  assert.match(
    await minion.logged('is pending'),
    /accept it on the master with salt-key -a web1 \(ours: saltbus key accept web1\)"/,
  );
  assert.match((await master.key('list')).stdout, /\nUnaccepted Keys:\nweb1\n/);
  const [shown, own] = [
    (await master.key('finger', 'web1', '-o', 'json')).stdout,
    await minion.logged('a key pair was made'),
  ];
  const { fingerprint } = JSON.parse(own) as { readonly fingerprint: string };
  assert.equal(shown.includes(fingerprint), true, `${shown} has ${fingerprint}`);
  const accepted = await master.key('accept', 'web1');
  assert.deepEqual([accepted.code, accepted.stdout], [0, 'Key for minion web1 accepted.\n']);
  await minion.logged('the master is there');
  const started = await seen.until('salt/minion/web1/start');
  assert.match(
    String(started.data['data']),
    /^Minion web1 started at \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/,
  );
  await seen.until('salt/key');
  const order = ['minion/refresh/web1', 'minion_start', 'salt/minion/web1/start'];
  assert.deepEqual(
    seen.events.map(({ tag }) => tag).filter((tag) => order.includes(tag)),
    order,
  );

  const { data } = await master.job(seen, 'web1');
  const { jid, ts, user, _stamp: stamp, _saltbus: origin, ...rest } = data;
  assert.deepEqual(origin, { minion: 'web1' });
  assert.match(String(jid), /^\d{20}$/);
  assert.deepEqual([typeof ts, typeof user, typeof stamp], ['number', 'string', 'string']);
  assert.deepEqual(rest, {
    cmd: '_return',
    id: 'web1',
    success: true,
    return: true,
    retcode: 0,
    fun: 'test.ping',
    fun_args: [],
  });
});

test('what is forwarded arrives byte for byte in the shapes of a real master', LIMIT, async (t) => {
  const { minion, seen } = await pair(t);
  const encoder = new EventBodyEncoder();
  const single = await minion.fire('my/single', { n: 1, text: 'é', none: null });
  assert.deepEqual([single.code, single.stderr], [0, '']);
  const event = await seen.until('my/single');
  const { ts, _stamp: stamp, _saltbus: origin } = event.data;
  // what is ours is in one field, before the stamp
  assert.match(JSON.stringify(origin), /^\{"minion":"web1","id":"[\da-f-]{36}"\}$/);
  assert.match(String(stamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
  const whole = {
    cmd: '_minion_event',
    pretag: null,
    data: { n: 1, text: 'é', none: null },
    tag: 'my/single',
    ts,
    id: 'web1',
    _saltbus: origin,
    _stamp: stamp,
  };
  assert.equal(hexOf(event.raw), hexOf(encoder.encode('my/single', whole)));

  const drops = ['drap', 'drep', 'drip', 'drop', 'drup'].map((drop) => ({
    message: `a ${drop} in the bucket`,
  }));
  await minion.fire('my/drop', drops, '--pretag', 'copy');
  await seen.until(({ tag, data }) => tag === 'copy/my/drop' && data['message'] === 'a drup in the bucket');
  const arrived = seen.events.filter(({ tag }) => tag.endsWith('my/drop'));
  assert.deepEqual(
    arrived.map(({ raw }) => hexOf(raw)),
    drops.flatMap((drop, at) =>
      ['my/drop', 'copy/my/drop'].map((tag, second) => {
        const { _saltbus, _stamp } = arrived[at * 2 + second]?.data ?? {};
        return hexOf(encoder.encode(tag, { ...drop, _saltbus, _stamp }));
      }),
    ),
  );
});

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(
    `the master is restarted (${signal}): what was fired meanwhile arrives, in order`,
    LIMIT,
    async (t) => {
      const { master, minion } = await pair(t);
      await master.end(signal);
      await minion.logged('the master is away');
      for (const n of [1, 2, 3]) assert.equal((await minion.fire('my/kept', { n })).code, 0);
      // the minion waits until somebody watches the new bus
      minion.signal('SIGSTOP');
      await master.start();
      const seen = await master.watch();
      minion.signal('SIGCONT');
      await untilNumber(seen, 'my/kept', 3);
      assert.deepEqual(numbers(seen, 'my/kept'), [1, 2, 3]);
      await minion.logged('the master is there', 2);
      assert.equal((await master.job(seen, 'web1')).data['return'], true);
    },
  );

  test(`the minion is restarted (${signal}): who waits for its bus is heard`, LIMIT, async (t) => {
    const { master, minion, seen } = await pair(t);
    await minion.end(signal);
    const waiting = minion.fire('my/waiting', { n: 1 }, '--wait', '60s');
    await minion.start();
    assert.equal((await waiting).code, 0);
    await untilNumber(seen, 'my/waiting', 1);
    await minion.logged('the master is there');
    assert.equal((await master.job(seen, 'web1')).data['return'], true);
    const starts = seen.events.filter(({ tag }) => tag === 'salt/minion/web1/start');
    assert.equal(starts.length >= 1, true, 'it has told of its start');
  });
}

test('the publish key is changed: no job is lost, and the minion signs in once', LIMIT, async (t) => {
  const { master, seen } = await pair(t);
  const other = childMinion(t, 'web2', [master]);
  await other.start();
  await other.logged('the master is there');
  await other.end();
  assert.equal((await master.job(seen, 'web1')).data['return'], true);
  const before = seen.events.length;
  await master.key('delete', 'web2', '-y');
  const rotated = await seen.until('key', before);
  assert.equal(rotated.data['rotate_aes_key'], true);
  await master.logged('there is a new publish key');
  const jids = await Promise.all(Array.from({ length: 10 }, () => master.publish({ tgt: 'web1' })));
  await Promise.all(jids.map((jid) => seen.until(`salt/job/${jid}/ret/web1`)));
  const signIns = seen.events
    .slice(before)
    .filter(({ tag, data }) => tag === 'salt/auth' && data['id'] === 'web1');
  assert.equal(signIns.length, 1);
});

test(
  'the master is replaced by one with another key: the minion ends, and says what to do',
  LIMIT,
  async (t) => {
    const { master, minion } = await pair(t);
    await master.end();
    renameSync(master.pkiDir, `${master.pkiDir}.old`);
    mkdirSync(master.pkiDir, { mode: 0o700 });
    await master.start();
    const { code, stderr } = await minion.running.ended;
    assert.equal(code, 77);
    assert.match(stderr, /^saltbus: .* \[ERR_SALTBUS_MASTER_CHANGED\]\n {9}.*minion_master\.pub/m);
    // as it says
    renameSync(join(minion.pkiDir, 'minion_master.pub'), join(minion.pkiDir, 'old'));
    const seen = await master.watch();
    await minion.start();
    await minion.logged('the master is there');
    assert.equal((await master.job(seen, 'web1')).data['return'], true);
  },
);

test('a rejected key ends the session within a second, and the minion with it', LIMIT, async (t) => {
  const { master, minion, seen } = await pair(t);
  assert.equal((await master.key('reject', 'web1', '--include-accepted', '-y')).code, 0);
  const { time } = JSON.parse(await master.logged('"state":"rejected"')) as { readonly time: string };
  const { ctimeMs } = statSync(join(master.pkiDir, 'minions_rejected', 'web1'));
  assert.equal(Date.parse(time) - ctimeMs < 1000, true, `${time} after ${new Date(ctimeMs).toISOString()}`);
  await minion.fire('my/secret', { n: 1 });
  const { code, stderr } = await minion.running.ended;
  assert.equal(code, 77);
  assert.match(stderr, /^saltbus: .* \[ERR_SALTBUS_REJECTED\]/m);
  assert.deepEqual(numbers(seen, 'my/secret'), []);
});

test('a deleted key ends the session; accepted again, what was fired arrives', LIMIT, async (t) => {
  const master = await childMaster(t, { auto_accept: false });
  const minion = childMinion(t, 'web1', [master]);
  await Promise.all([master.start(), minion.start()]);
  const seen = await master.watch();
  await minion.logged('is pending');
  await master.key('accept', 'web1');
  await minion.logged('the master is there');
  assert.equal((await master.key('delete', 'web1', '-y')).code, 0);
  await master.logged('"state":"deleted"');
  await minion.fire('my/later', { n: 1 });
  await minion.logged('is pending', 2);
  assert.deepEqual(numbers(seen, 'my/later'), []);
  assert.equal((await master.key('accept', 'web1')).code, 0);
  await untilNumber(seen, 'my/later', 1);
  await minion.logged('signed in', 2);
  assert.equal((await master.job(seen, 'web1')).data['return'], true);
});

test('SIGTERM: the minion lets its jobs end, and gives back what they return', LIMIT, async (t) => {
  const { master, minion, seen } = await pair(t);
  const jid = await master.publish({ tgt: 'web1', fun: 'test.sleep', arg: [0.5] });
  await minion.logged('a job began');
  await minion.fire('my/last', { n: 1 });
  assert.equal((await minion.end()).code, 0);
  assert.equal((await seen.until(`salt/job/${jid}/ret/web1`)).data['return'], true);
  await untilNumber(seen, 'my/last', 1);
  const ended = await master.end();
  assert.equal(ended.code, 0);
  assert.match(ended.stderr, /"msg":"saltbus master is stopping"\}\n.*"msg":"stopped"\}\n$/);
});

test(
  'SIGTERM under a master that hangs: the end is bounded, the exit code tells, and nothing is lost',
  LIMIT,
  async (t) => {
    const { master, minion, seen } = await pair(t, {}, { saltbus: { drain_timeout: 0.5 } });
    master.signal('SIGSTOP');
    t.after(() => {
      master.signal('SIGCONT');
    });
    await minion.fire('my/stuck', { n: 1 });
    const { code, stderr } = await minion.end();
    assert.equal(code, 75);
    assert.match(stderr, /not delivered within 0\.5 s \[ERR_SALTBUS_NOT_DRAINED\]/);
    // it is on disk, and goes on its way when both are there again
    assert.match(stderr, /"dropped":0,"waiting":1,/);
    master.signal('SIGCONT');
    await minion.start();
    assert.deepEqual((await seen.until('my/stuck')).data['data'], { n: 1 });
  },
);

test(
  'SIGHUP: grains and pillar are read again; a configuration that makes no sense is refused',
  LIMIT,
  async (t) => {
    const master = await childMaster(t);
    const pillar = join(master.configDir, 'pillar');
    mkdirSync(pillar);
    writeFileSync(join(pillar, '*.yml'), 'role: first\n');
    const minion = childMinion(t, 'web1', [master], { grains: { rack: 1 } });
    await Promise.all([master.start({ saltbus: { pillar_folder: pillar } }), minion.start()]);
    const seen = await master.watch();
    await minion.logged('the master is there');
    const answer = async (fun: string, ...args: string[]): Promise<unknown> =>
      (await master.job(seen, 'web1', fun, ...args)).data['return'];
    assert.deepEqual([await answer('grains.get', 'rack'), await answer('pillar.get', 'role')], [1, 'first']);
    const next = join(master.configDir, 'next');
    mkdirSync(next);
    writeFileSync(join(next, '*.yml'), 'role: second\n');
    master.configure({ saltbus: { pillar_folder: next } });
    master.signal('SIGHUP');
    await master.logged('the configuration was read again');
    minion.configure({ grains: { rack: 2 } });
    minion.signal('SIGHUP');
    await minion.logged('the configuration was read again');
    assert.deepEqual([await answer('grains.get', 'rack'), await answer('pillar.get', 'role')], [2, 'second']);
    for (const daemon of [master, minion]) {
      daemon.configure({ saltbus: { no_such: 1 } });
      daemon.signal('SIGHUP');
      assert.match(await daemon.logged('the old one stays'), /no_such/);
    }
    assert.equal(await answer('grains.get', 'rack'), 2);
  },
);
