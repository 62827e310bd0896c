/** Our minion under a real master. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bus } from '../../../src/bus/bus.ts';
import type { Subscription } from '../../../src/bus/subscription.ts';
import { connect } from '../../../src/client/connect.ts';
import type { SaltEvent } from '../../../src/event.ts';
import { start } from '../../helpers/cli.ts';
import { clientOfMinion, minionPlace, ownMinion } from '../../helpers/own-minion.ts';
import { takeEvents, withoutStamp } from '../../helpers/take.ts';
import { waitUntil } from '../../helpers/wait-until.ts';
import { interop, saltCommand, startOwnPair } from '../helpers.ts';

const LIMIT = { timeout: 180_000 };
const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const run = promisify(execFile);

/** Runs a command of Salt beside a master, and reads the JSON that it prints. */
async function salt(configDir: string, command: string, ...args: readonly string[]): Promise<unknown> {
  const done = await run(saltCommand(command), ['-c', configDir, '--out', 'json', ...args], {
    env: { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' },
  }).catch((error: unknown) => error as { readonly stdout: string; readonly stderr: string });
  try {
    return JSON.parse(done.stdout);
  } catch {
    throw new Error(`${command} ${args.join(' ')} said no JSON: ${done.stdout}${done.stderr}`);
  }
}

async function busOf(t: TestContext, configDir: string): Promise<Bus> {
  const bus = await connect({ node: 'master', configDir });
  t.after(() => {
    bus.destroy();
  });
  return bus;
}

async function listenTo(t: TestContext, configDir: string, tag: string): Promise<Subscription> {
  const subscription = (await busOf(t, configDir)).listen({ tag });
  await subscription.ready;
  return subscription;
}

test('a new minion as a user runs it: its key is pending, is accepted with salt-key, and it is pinged', LIMIT, async (t) => {
  const pair = await startOwnPair(t, { minion: false, extraMasterConfig: { auto_accept: false } });
  const events = await listenTo(t, pair.masterConfigDir, '');
  const { configDir } = minionPlace(t, 'ours1', {
    master: '127.0.0.1',
    master_port: pair.requestPort,
    grains: { role: 'web' },
    start_event_grains: ['role'],
  });
  const running = start(t, process.execPath, ['--import', 'tsx', MAIN, 'minion', '-c', configDir]);
  assert.match(await running.line('pending', 'stderr'), /salt-key -a ours1/);
  const keys = (await salt(pair.masterConfigDir, 'salt-key', '-L')) as Record<string, unknown>;
  assert.deepEqual(keys['minions_pre'], ['ours1']);
  await run(saltCommand('salt-key'), ['-c', pair.masterConfigDir, '-y', '-a', 'ours1']);
  await running.line('is ready', 'stderr');
  const seen: SaltEvent[] = [];
  while (seen.at(-1)?.tag !== 'salt/minion/ours1/start') seen.push(...(await takeEvents(events, 1)));
  const tags = seen.map(({ tag }) => tag);
  assert.deepEqual(
    tags.filter((tag) => /^(minion_start|salt\/minion|minion\/refresh)/.test(tag)),
    ['minion/refresh/ours1', 'minion_start', 'salt/minion/ours1/start'],
  );
  const { data } = seen.at(-1) ?? assert.fail();
  assert.match(String(data['data']), /^Minion ours1 started at \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/);
  assert.deepEqual(data['grains'], { role: 'web' });
  assert.deepEqual(await salt(pair.masterConfigDir, 'salt', '*', 'test.ping'), { ours1: true });
  assert.deepEqual(await salt(pair.masterConfigDir, 'salt', '-G', 'role:web', 'grains.get', 'id'), { ours1: 'ours1' });
  assert.deepEqual(await salt(pair.masterConfigDir, 'salt-run', 'manage.up'), ['ours1']);
  const { stdout } = await run(saltCommand('salt'), ['-c', pair.masterConfigDir, '*', 'grains.items']);
  assert.match(stdout, /\n {4}os_family:\n/);
  // asked for while it runs: the command line waits longer than its timeout, because find_job says that it does
  assert.deepEqual(await salt(pair.masterConfigDir, 'salt', '-t', '1', '*', 'test.sleep', '4'), { ours1: true });
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
});

// What differs by nature: who, when, and the documentation of a function.
function comparable(event: SaltEvent): Record<string, unknown> {
  const { id: _id, ts: _ts, ...rest } = withoutStamp(event);
  const { return: value } = rest as { readonly return?: unknown };
  if (typeof value === 'string') rest['return'] = value.replace(/^(Passed invalid arguments[^\n]*)\n[^]*$/, '$1');
  return rest;
}

const JOBS: readonly (readonly string[])[] = [
  ['test.ping'],
  ['test.echo', 'text'],
  ['test.echo', 'a=1'],
  ['test.echo'],
  ['test.echo', '1', '2'],
  ['test.echo', '[1, 2.5, {a: null}]'],
  ['test.arg', '1', 'two', 'three=[3]', 'metadata={"why": 1}'],
  ['no.such'],
  ['test.ping,test.echo', ',x'],
  ['grains.get', 'no-such-grain', 'a-default'],
  ['grains.get', 'os'],
  ['grains.get', 'ip_interfaces:lo'],
  ['grains.item', 'os', 'os_family', 'osrelease', 'osfinger', 'kernel', 'num_cpus'],
  ['pillar.get', 'nothing'],
  ['pillar.items'],
  ['pillar.item', 'nothing'],
  ['saltutil.find_job', '20200101000000000000'],
  ['event.fire', '{"a": 1}', 'interop/fired'],
  ['event.fire_master', '{"a": 1}', 'interop/fired'],
  ['event.send', 'interop/sent', 'a=1'],
  ['sys.list_functions', 'test.pin*'],
  ['sys.list_modules', 'test'],
];

test('jobs are returned as a real minion returns them, field for field', LIMIT, async (t) => {
  const { masterConfigDir, minionId, requestPort } = interop();
  const place = minionPlace(t, 'ours2', { master: '127.0.0.1', master_port: requestPort });
  const minion = await ownMinion(t, place);
  await minion.ready;
  const events = await listenTo(t, masterConfigDir, 'salt/job/');
  for (const job of JOBS) {
    const [fun = '', ...args] = job;
    await salt(masterConfigDir, 'salt', '-L', `${minionId},ours2`, fun, ...args);
    const returns = new Map<unknown, SaltEvent>();
    while (returns.size < 2) {
      const [event] = await takeEvents(events, 1);
      if (event?.tag.includes('/ret/') !== true || event.data['fun'] === 'saltutil.find_job' !== (fun === 'saltutil.find_job')) continue;
      returns.set(event.data['id'], event);
    }
    const ours = returns.get('ours2') ?? assert.fail();
    const theirs = returns.get(minionId) ?? assert.fail();
    assert.deepEqual(comparable(ours), comparable(theirs), job.join(' '));
    assert.deepEqual(Object.keys(ours.data).sort(), Object.keys(theirs.data).sort(), job.join(' '));
  }
});

test('grains that a real minion has too say the same', LIMIT, async (t) => {
  const { masterConfigDir, minionId, requestPort } = interop();
  const minion = await ownMinion(t, minionPlace(t, 'ours3', { master: '127.0.0.1', master_port: requestPort }));
  await minion.ready;
  const all = (await salt(masterConfigDir, 'salt', '-L', `${minionId},ours3`, 'grains.items', '--static')) as Record<
    string,
    Record<string, unknown>
  >;
  const theirs = all[minionId] ?? assert.fail();
  const ours = all['ours3'] ?? assert.fail();
  const other = ['id', 'pid', 'saltversion', 'saltversioninfo', 'path', 'shell', 'kernelversion', 'cpu_model'];
  const names = Object.keys(ours).filter((name) => Object.hasOwn(theirs, name) && !other.includes(name));
  const pick = (from: Record<string, unknown>): unknown => Object.fromEntries(names.map((name) => [name, from[name]]));
  assert.deepEqual(pick(ours), pick(theirs));
  assert.ok(names.length > 25, `only ${names.join(' ')}`);
});

test('what is fired for the master arrives as from a real minion, in both forms', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir, requestPort } = interop();
  const place = minionPlace(t, 'ours4', { master: '127.0.0.1', master_port: requestPort });
  const minion = await ownMinion(t, place);
  await minion.ready;
  const events = await listenTo(t, masterConfigDir, 'interop/forward/');
  const [theirs, ours] = [await connect({ node: 'minion', configDir: minionConfigDir }), await clientOfMinion(t, place)];
  t.after(() => {
    theirs.destroy();
  });
  const fireAll = async (bus: Bus): Promise<SaltEvent[]> => {
    const data = { text: 'é', bytes: Buffer.from([0, 255]), n: 2 ** 40, list: [1.5, null, true], map: { 1: 'x' } };
    await bus.fireMaster('interop/forward/single', data);
    await bus.fireMaster('interop/forward/empty', {});
    await bus.fireMaster('interop/forward/text', 'text');
    await bus.fireMaster([{ tag: 'interop/forward/list', data }, { tag: 'interop/forward/whole', foo: 'bar' }]);
    await bus.fireMaster([{ tag: 'pretagged', data: { n: 1 } }], { pretag: 'interop/forward' });
    return await takeEvents(events, 6);
  };
  const tell = (found: readonly SaltEvent[]): unknown => found.map((event) => [event.tag, comparable(event)]);
  const fromTheirs = await fireAll(theirs);
  const fromOurs = await fireAll(ours);
  assert.deepEqual(tell(fromOurs), tell(fromTheirs));
  assert.deepEqual(fromOurs.map(({ data }) => data['id']), ['ours4', 'ours4', 'ours4', undefined, undefined, undefined]);
  await waitUntil(() => minion.status.forwarding[0]?.sent === 5);
  // refused where it comes from the bus: a real master would drop it in silence
  const denied = { tag: 'salt/key', data: {}, events: null, pretag: null };
  await ours.fire('fire_master', denied, { allowInternalTag: true });
  await waitUntil(() => minion.status.forwarding[0]?.refused === 1);
});

test('the master restarts, rotates its key, and is replaced', LIMIT, async (t) => {
  const pair = await startOwnPair(t, { minion: false, extraMasterConfig: { loop_interval: 1 } });
  const place = minionPlace(t, 'ours5', { master: '127.0.0.1', master_port: pair.requestPort });
  const other = await ownMinion(t, minionPlace(t, 'other', { master: '127.0.0.1', master_port: pair.requestPort }));
  const minion = await ownMinion(t, place);
  await Promise.all([minion.ready, other.ready]);
  await other.close();
  const bus = await clientOfMinion(t, place);
  const ping = async (): Promise<void> => {
    assert.deepEqual(await salt(pair.masterConfigDir, 'salt', 'ours5', 'test.ping'), { ours5: true });
  };
  await t.test('a publish key rotated by salt-key loses no job', async () => {
    await ping();
    const master = await busOf(t, pair.masterConfigDir);
    const rotated = master.listen({ tag: 'key', match: 'exact' });
    await rotated.ready;
    await run(saltCommand('salt-key'), ['-c', pair.masterConfigDir, '-y', '-d', 'other']);
    await takeEvents(rotated, 1);
    const before = minion.status.masters[0]?.counters.signIns ?? 0;
    await ping();
    await ping();
    assert.equal(minion.status.masters[0]?.counters.signIns, before + 1);
  });
  await t.test('what is fired while the master is away arrives when it is back, in order', async () => {
    await pair.stopMaster();
    await waitUntil(() => minion.status.masters[0]?.phase !== 'up');
    for (let n = 0; n < 50; n += 1) await bus.fireMaster('interop/away', { n });
    await waitUntil(() => minion.status.forwarding[0]?.waiting === 50);
    await pair.startMaster();
    const events = await listenTo(t, pair.masterConfigDir, 'interop/away');
    const found = await takeEvents(events, 50);
    assert.deepEqual(
      found.map(({ data }) => (data['data'] as { readonly n: number }).n),
      Array.from({ length: 50 }, (_, n) => n),
    );
    await waitUntil(() => minion.status.masters[0]?.phase === 'up');
    await ping();
  });
  await t.test('the minion restarts with the same key', async () => {
    await minion.close();
    const again = await ownMinion(t, place);
    assert.equal(again.isKeyNew, false);
    await again.ready;
    await ping();
    await again.close();
  });
  await t.test('a master with another key is refused', async () => {
    await pair.stopMaster();
    rmSync(join(pair.masterConfigDir, 'pki'), { recursive: true });
    await pair.startMaster();
    const again = await ownMinion(t, place);
    const error = await again.failed;
    assert.equal(error.code, 'ERR_SALTBUS_MASTER_CHANGED');
    assert.equal(again.status.masters[0]?.phase, 'failed');
    await again.close();
    // from the command line
    const running = start(t, process.execPath, ['--import', 'tsx', MAIN, 'minion', '-c', place.configDir]);
    const ended = await running.ended;
    assert.equal(ended.code, 77);
    assert.match(ended.stderr, /another key than the pinned one.*ERR_SALTBUS_MASTER_CHANGED/);
    // the operator says that it is right
    rmSync(join(place.configDir, 'pki', 'minion_master.pub'));
    const trusting = await ownMinion(t, place);
    await trusting.ready;
    await ping();
    await trusting.close();
  });
});

test('several masters: all at once, and one after the other', LIMIT, async (t) => {
  const first = await startOwnPair(t, { minion: false });
  const second = await startOwnPair(t, { master: false, minion: false });
  cpSync(join(first.masterConfigDir, 'pki'), join(second.masterConfigDir, 'pki'), { recursive: true, verbatimSymlinks: true });
  await second.startMaster();
  const masters = [`127.0.0.1:${first.requestPort}`, `127.0.0.1:${second.requestPort}`];
  await t.test('all', async (inner) => {
    const place = minionPlace(inner, 'hot', { master: masters });
    const minion = await ownMinion(inner, place);
    await waitUntil(() => minion.status.masters.every(({ phase }) => phase === 'up'));
    for (const { masterConfigDir } of [first, second])
      assert.deepEqual(await salt(masterConfigDir, 'salt', 'hot', 'test.ping'), { hot: true });
    const heard = [await listenTo(inner, first.masterConfigDir, 'interop/hot'), await listenTo(inner, second.masterConfigDir, 'interop/hot')];
    await (await clientOfMinion(inner, place)).fireMaster('interop/hot', { a: 1 });
    for (const events of heard) assert.deepEqual((await takeEvents(events, 1))[0]?.data['data'], { a: 1 });
    await minion.close();
  });
  await t.test('failover', async (inner) => {
    const place = minionPlace(inner, 'over', { master: masters, master_type: 'failover', master_failback: true, master_failback_interval: 1 });
    const minion = await ownMinion(inner, place);
    await minion.ready;
    assert.deepEqual(minion.status.masters.map(({ master }) => master), [masters[0]]);
    const heard = await listenTo(inner, second.masterConfigDir, 'interop/over');
    await first.stopMaster();
    await (await clientOfMinion(inner, place)).fireMaster('interop/over', { a: 1 });
    assert.deepEqual((await takeEvents(heard, 1))[0]?.data['data'], { a: 1 });
    assert.deepEqual(await salt(second.masterConfigDir, 'salt', 'over', 'test.ping'), { over: true });
    await first.startMaster();
    await waitUntil(() => minion.status.masters[0]?.master === masters[0] && minion.status.masters[0]?.phase === 'up');
    assert.deepEqual(await salt(first.masterConfigDir, 'salt', 'over', 'test.ping'), { over: true });
    await minion.close();
  });
});

test('a key of the files that others can read is refused', LIMIT, async (t) => {
  const place = minionPlace(t, 'unsafe', { master: '127.0.0.1', master_port: interop().requestPort });
  await (await ownMinion(t, place)).close();
  const path = join(place.configDir, 'pki', 'minion.pem');
  assert.match(readFileSync(path, 'utf8'), /^-----BEGIN RSA PRIVATE KEY-----/);
  chmodSync(path, 0o644);
  await assert.rejects(ownMinion(t, place), { code: 'ERR_SALTBUS_KEY_UNSAFE' });
  chmodSync(path, 0o600);
  writeFileSync(path, 'no key');
  await assert.rejects(ownMinion(t, place), { code: 'ERR_SALTBUS_KEY_INVALID' });
});
