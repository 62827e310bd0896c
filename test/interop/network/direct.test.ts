/** `saltbus fire --direct` with a real master: what arrives is what Salt's own programs send, and each refusal is told. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MinionIdentity } from '../../../src/channel/identity.ts';
import { RequestChannel } from '../../../src/channel/request-channel.ts';
import { connect } from '../../../src/client/connect.ts';
import type { Subscription } from '../../../src/bus/subscription.ts';
import type { SaltEvent } from '../../../src/event.ts';
import { privatePemOf } from '../../helpers/channel.ts';
import { runSaltbus } from '../../helpers/cli.ts';
import type { Ended } from '../../helpers/cli.ts';
import { rawRequest } from '../../helpers/raw-req.ts';
import { temporaryFolder } from '../../helpers/own-bus.ts';
import { takeEvents, withoutStamp } from '../../helpers/take.ts';
import { interop, saltCommand, startOwnPair } from '../helpers.ts';

const LIMIT = { timeout: 120_000 };
const DATA = '{"text": "é", "n": 12345678901, "list": [1.5, null, true, {"a": "b"}], "empty": {}}';

function direct(t: TestContext, configDir: string, args: readonly string[], input?: string): Promise<Ended> {
  return runSaltbus(
    t,
    ['fire', ...args, '--to-master', '--direct', '-c', configDir],
    input === undefined ? {} : { input },
  );
}

function salt(name: string, configDir: string, args: readonly string[]): string {
  const done = spawnSync(saltCommand(name), ['-c', configDir, ...args], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' },
  });
  assert.equal(done.status, 0, `${name} ${args.join(' ')}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

async function masterBus(t: TestContext, configDir: string, tag: string): Promise<Subscription> {
  const bus = await connect({ node: 'master', configDir });
  t.after(() => {
    bus.destroy();
  });
  const subscription = bus.listen({ tag });
  await subscription.ready;
  return subscription;
}

// The event as it is on the wire, without the two times in it.
function bytes(event: SaltEvent): string {
  return Buffer.from(event.raw)
    .toString('latin1')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}/, 'STAMP')
    .replace(/\xa2ts\xce[\s\S]{4}/, 'ts');
}

test('one event is, byte for byte, the event of salt-call', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir, minionId, requestPort } = interop();
  const events = await masterBus(t, masterConfigDir, 'interop/direct/one');
  salt('salt-call', minionConfigDir, ['--log-level=quiet', 'event.fire_master', DATA, 'interop/direct/one']);
  const fired = await direct(t, minionConfigDir, ['interop/direct/one', DATA, '-o', 'json']);
  assert.deepEqual(fired, {
    code: 0,
    stdout: `{"result":"accepted by the master","masters":["127.0.0.1:${requestPort}"],"events":1}\n`,
    stderr: '',
  });
  const [theirs, ours] = await takeEvents(events, 2);
  if (theirs === undefined || ours === undefined) return assert.fail();
  assert.equal(bytes(ours), bytes(theirs));
  const { ts, ...data } = withoutStamp(ours);
  assert.equal(typeof ts, 'number');
  assert.deepEqual(data, {
    id: minionId,
    tag: 'interop/direct/one',
    data: { text: 'é', n: 12345678901, list: [1.5, null, true, { a: 'b' }], empty: {} },
    cmd: '_minion_event',
  });
});

test('a list is, byte for byte, what the real minion forwards', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir } = interop();
  const events = await masterBus(t, masterConfigDir, '*interop/direct/list*');
  const list = `[${DATA}, {"tag": "interop/direct/list/own", "n": 2}]`;
  const args = ['interop/direct/list', list, '--pretag', 'below'];
  const forwarded = await runSaltbus(t, ['fire', ...args, '--to-master', '-c', minionConfigDir]);
  assert.deepEqual([forwarded.code, forwarded.stderr], [0, '']);
  const theirs = await takeEvents(events, 4);
  const fired = await direct(t, minionConfigDir, args);
  assert.deepEqual([fired.code, fired.stderr], [0, '']);
  const ours = await takeEvents(events, 4);
  assert.deepEqual(ours.map(bytes), theirs.map(bytes));
  assert.deepEqual(ours.map(({ tag }) => tag).sort(), [
    'below/interop/direct/list',
    'below/interop/direct/list/own',
    'interop/direct/list',
    'interop/direct/list/own',
  ]);
});

test('lines: each once, one sign-in for all of them; a list of them in order', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir, minionId } = interop();
  const events = await masterBus(t, masterConfigDir, 'interop/direct/lines');
  const auth = await masterBus(t, masterConfigDir, 'salt/auth');
  const count = 200;
  const input = Array.from({ length: count }, (_, n) => `{"n": ${n}}\n`).join('');
  const fired = await direct(t, minionConfigDir, ['interop/direct/lines', '--lines', '-o', 'json'], input);
  assert.equal(fired.code, 0, fired.stderr);
  assert.equal((JSON.parse(fired.stdout) as { events: number }).events, count);
  // Each is answered before the next is sent; the workers of the master may still fire two of them the other way round.
  const numbers = Array.from({ length: count }, (_, n) => n);
  const seen = (await takeEvents(events, count)).map(({ data }) => (data as { data: { n: number } }).data.n);
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    numbers,
  );
  const list = JSON.stringify(numbers.map((n) => ({ n })));
  assert.equal((await direct(t, minionConfigDir, ['interop/direct/lines', '-'], list)).code, 0);
  assert.deepEqual(
    (await takeEvents(events, count)).map(({ data }) => (data as { n: number }).n),
    numbers,
  );
  const [signIn] = await takeEvents(auth, 1);
  assert.equal((signIn?.data as { id: string }).id, minionId);
  assert.equal(auth.counters.queued, 2); // and one for the list
});

test('a tag of the deny-list is refused here, in each form', LIMIT, async (t) => {
  const { minionConfigDir } = interop();
  for (const data of ['{}', '[{}]']) {
    const refused = await direct(t, minionConfigDir, ['salt/job/20261122145001719109/new', data]);
    assert.equal(refused.code, 64);
    assert.match(refused.stderr, /ERR_SALTBUS_DENIED_TAG/);
  }
});

test('why: a real master drops it in a list without a word, though not alone', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir, minionId, requestPort } = interop();
  const events = await masterBus(t, masterConfigDir, 'salt/wheel/interop-direct/*');
  const channel = new RequestChannel({
    identity: new MinionIdentity(minionId, readFileSync(join(minionConfigDir, 'pki', 'minion.pem'), 'utf8')),
    request: (payload, how) => rawRequest(requestPort, payload, how),
  });
  t.after(() => channel.close());
  const denied = { tag: 'salt/wheel/interop-direct/new', data: { n: 1 } };
  const allowed = { tag: 'salt/wheel/interop-direct/other', data: { n: 2 } };
  assert.equal(await channel.send({ cmd: '_minion_event', events: [denied, allowed] }), null);
  assert.equal(await channel.send({ cmd: '_minion_event', ...denied }), null);
  const seen = await takeEvents(events, 2);
  assert.deepEqual(seen.map(({ tag }) => tag).sort(), [denied.tag, allowed.tag]);
  // the one from the list would be without the load around it
  const alone = seen.find(({ tag }) => tag === denied.tag);
  assert.equal((alone?.data as { cmd?: string }).cmd, '_minion_event');
});

test('a master that is not the pinned one is refused, and nothing is sent', LIMIT, async (t) => {
  const { minionConfigDir } = interop();
  const configDir = temporaryFolder(t);
  cpSync(join(minionConfigDir, 'pki'), join(configDir, 'pki'), { recursive: true });
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(
    join(configDir, 'pki', 'minion_master.pub'),
    publicKey.export({ type: 'spki', format: 'pem' }),
  );
  const config = JSON.parse(readFileSync(join(minionConfigDir, 'minion'), 'utf8')) as object;
  writeFileSync(
    join(configDir, 'minion'),
    JSON.stringify({ ...config, root_dir: configDir, pki_dir: join(configDir, 'pki') }),
  );
  const refused = await direct(t, configDir, ['interop/direct/wrong', '{}']);
  assert.equal(refused.code, 77);
  assert.match(
    refused.stderr,
    /The master shows another key than the pinned one \[ERR_SALTBUS_MASTER_CHANGED\]\n.*remove .*minion_master\.pub/,
  );
});

test('pending, accepted, restarted, rejected, away', LIMIT, async (t) => {
  const pair = await startOwnPair(t, { minion: false, extraMasterConfig: { auto_accept: false } });
  const configDir = pair.minionConfigDir;
  const pki = join(configDir, 'pki');
  mkdirSync(pki, { mode: 0o700 });
  writeFileSync(join(pki, 'minion.pem'), privatePemOf('minion1'), { mode: 0o400 });
  const fire = (...args: string[]): Promise<Ended> =>
    direct(t, configDir, ['interop/direct/own', '{}', ...args]);
  const key = (...args: string[]): string => salt('salt-key', pair.masterConfigDir, ['-y', ...args]);

  const pending = await fire();
  assert.equal(pending.code, 77);
  assert.match(pending.stderr, /has not accepted the key of the minion minion1 yet \[ERR_SALTBUS_PENDING\]/);

  key('-a', 'minion1');
  const events = await masterBus(t, pair.masterConfigDir, 'interop/direct/own');
  assert.deepEqual(await fire(), { code: 0, stdout: '', stderr: '' });
  const [event] = await takeEvents(events, 1);
  assert.equal((event?.data as { id: string }).id, 'minion1');
  const pinned = readFileSync(join(pki, 'minion_master.pub'), 'utf8');
  assert.equal(pinned, readFileSync(join(pair.masterConfigDir, 'pki', 'master.pub'), 'utf8').trimEnd());

  await pair.restartMaster();
  assert.deepEqual(await fire(), { code: 0, stdout: '', stderr: '' });

  key('-d', 'minion1');
  await fire(); // pending again
  key('-r', 'minion1');
  const rejected = await fire();
  assert.equal(rejected.code, 77, rejected.stderr);
  assert.match(rejected.stderr, /The master rejects the key of this minion \[ERR_SALTBUS_REJECTED\]/);

  await pair.stopMaster();
  const began = performance.now();
  const away = await fire('--timeout', '500ms');
  assert.equal(away.code, 69);
  assert.match(away.stderr, /was not reached: .*ECONNREFUSED.* \[ERR_SALTBUS_NO_PEER\]/);
  assert.ok(performance.now() - began < 5000, 'within the time that was given');
});
