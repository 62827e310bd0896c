/** `saltbus run` on our master with our minions, each in a process of its own; who may publish, and who may not. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { connectMaster } from '../../src/client/run/connect-master.ts';
import type { MasterClient } from '../../src/client/run/master-client.ts';
import { freePort } from '../../src/testing/real-salt/ports.ts';
import { runSaltbus, saltbus } from '../helpers/cli.ts';
import type { Running } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { ownMaster, watchMaster } from '../helpers/own-master.ts';
import type { OwnMaster } from '../helpers/own-master.ts';
import { minionPlace, ownMinion } from '../helpers/own-minion.ts';

const LIMIT = { timeout: 120_000 };
const IS_ROOT = process.geteuid?.() === 0;
/** A user of every Debian, with this number as user and group. */
const OTHER = { name: 'daemon', uid: 1 };

async function minionUnder(
  t: TestContext,
  master: OwnMaster,
  id: string,
  grains: object = {},
): Promise<void> {
  const at = { master: '127.0.0.1', master_port: master.requestPort };
  const seen = await watchMaster(t, master.sockDir);
  await ownMinion(t, minionPlace(t, id, { ...at, grains }));
  await seen.until(`salt/minion/${id}/start`);
}

async function client(t: TestContext, master: OwnMaster): Promise<MasterClient> {
  const opened = await connectMaster({ configDir: master.folder });
  t.after(() => opened.close());
  return opened;
}

/** A minion in a process of its own. */
function minionProcess(t: TestContext, id: string, port: number): Running {
  const { configDir } = minionPlace(t, id, { master: '127.0.0.1', master_port: port });
  return saltbus(t, ['minion', '-c', configDir]);
}

test('a master and minions in processes of their own', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const publish = await freePort();
  const request = await freePort(publish);
  const config = {
    root_dir: folder,
    sock_dir: join(folder, 's'),
    pki_dir: join(folder, 'pki'),
    cachedir: join(folder, 'c'),
    interface: '127.0.0.1',
    publish_port: publish,
    ret_port: request,
    auto_accept: true,
    timeout: 2,
    gather_job_timeout: 1,
  };
  writeFileSync(join(folder, 'master'), JSON.stringify(config));
  await saltbus(t, ['master', '-c', folder]).line('ready', 'stderr');
  const seen = await watchMaster(t, join(folder, 's'));
  const minions = ['m1', 'm2', 'm3'].map((id) => minionProcess(t, id, request));
  for (const id of ['m1', 'm2', 'm3']) await seen.until(`salt/minion/${id}/start`);

  const all = await runSaltbus(t, ['run', '-c', folder, '*', 'test.ping', '-o', 'txt', '--static']);
  assert.deepEqual([all.code, all.stdout, all.stderr], [0, 'm1: True\nm2: True\nm3: True\n', '']);
  const batch = await runSaltbus(t, ['run', '-c', folder, '*', 'test.ping', '-o', 'txt', '-b', '2', '-s']);
  assert.deepEqual([batch.code, batch.stdout], [0, all.stdout]);
  const slow = await runSaltbus(t, ['run', '-c', folder, 'm1', 'test.sleep', '4', '-o', 'txt', '-t', '1']);
  assert.deepEqual([slow.code, slow.stdout], [0, 'm1: True\n'], slow.stderr);
  const failed = await runSaltbus(t, ['run', '-c', folder, 'm1', 'no.such', '-o', 'txt']);
  assert.deepEqual([failed.code, failed.stdout], [1, "m1: 'no.such' is not available.\n"]);

  minions[2]?.child.kill('SIGKILL');
  await minions[2]?.ended;
  const down = await runSaltbus(t, [
    'run',
    '-c',
    folder,
    '*',
    'test.ping',
    '--static',
    '--hide-timeout',
    '-o',
    'txt',
  ]);
  assert.deepEqual([down.code, down.stdout], [1, 'm1: True\nm2: True\n']);

  // one has answered, and the other is waited for
  const interrupted = saltbus(t, ['run', '-c', folder, '*', 'test.ping', '-o', 'txt', '-t', '30']);
  await interrupted.line('m1: True');
  await interrupted.line('m2: True');
  interrupted.child.kill('SIGINT');
  const { code, stderr } = await interrupted.ended;
  assert.equal(code, 130);
  assert.match(
    stderr,
    /^saltbus: interrupted; the job \d{20} goes on, and its returns stay with the master\n$/,
  );

  const gone = await runSaltbus(t, ['run', '-c', temporaryFolder(t), '*', 'test.ping']);
  assert.equal(gone.code, 69);
});

test('the library: several jobs at a time, what travels along, and an end', LIMIT, async (t) => {
  const master = await ownMaster(t, { config: { timeout: 2, gather_job_timeout: 1 } });
  await minionUnder(t, master, 'web1', { role: 'web' });
  await minionUnder(t, master, 'db1', { role: 'db' });
  const opened = await client(t, master);
  const runs = Array.from({ length: 20 }, (_, n) =>
    opened.run('*', 'test.echo', { args: [`text ${n}`], metadata: { n } }),
  );
  for (const [n, run] of runs.entries()) {
    const got: unknown[] = [];
    for await (const item of run) got.push([item.id, item.return, item.load['metadata']]);
    got.sort();
    assert.deepEqual(got, [
      ['db1', `text ${n}`, { n }],
      ['web1', `text ${n}`, { n }],
    ]);
    const { returned, failed, unanswered } = await run.summary;
    assert.deepEqual([returned, failed, unanswered], [2, [], []]);
  }
  const keyed = opened.run({ tgt: 'role:w*', tgtType: 'grain' }, 'test.arg', {
    args: [1],
    kwargs: { k: 'v' },
  });
  for await (const { id, load } of keyed) {
    assert.deepEqual([id, load['fun_args']], ['web1', [1, { __kwarg__: true, k: 'v' }]]);
  }
  const groups: (readonly string[])[] = [];
  const batch = opened.runBatch('*', 'no.such', {
    batch: 1,
    failHard: true,
    onGroup: (ids) => groups.push(ids),
  });
  const ids: string[] = [];
  for await (const { id } of batch) ids.push(id);
  const { notBegun, failed, jids } = await batch.summary;
  assert.deepEqual([ids, groups, failed, notBegun, jids.length], [['db1'], [['db1']], ['db1'], ['web1'], 1]);
  await assert.rejects(opened.publish({ tgt: 'x', tgtType: 'nodegroup' }, 'test.ping'), {
    code: 'ERR_SALTBUS_TARGET',
  });
  const last = opened.run('*', 'test.sleep', { args: [20] });
  await last.started;
  await opened.close();
  await assert.rejects(last.summary, { code: 'ERR_SALTBUS_CLOSED' });
  await assert.rejects(opened.run('*', 'test.ping').started, { code: 'ERR_SALTBUS_CLOSED' });
});

test('a master that takes the connection and never answers: 124', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'master'), JSON.stringify({ root_dir: folder, sock_dir: folder }));
  for (const name of ['master_event_pub.ipc', 'master_event_pull.ipc']) {
    const mute = createServer((socket) => {
      t.after(() => socket.destroy());
    }).listen(join(folder, name));
    await once(mute, 'listening');
    t.after(() => mute.close());
  }
  const silent = await runSaltbus(t, ['run', '-c', folder, '*', 'test.ping']);
  assert.deepEqual([silent.code, silent.stdout], [124, '']);
  assert.match(silent.stderr, /^saltbus: The master did not answer: .* \[ERR_SALTBUS_TIMEOUT\]\n/);
});

test('a key that is not there, or not the right one', LIMIT, async (t) => {
  const master = await ownMaster(t);
  const opened = await client(t, master);
  const [name = ''] = [...['root', OTHER.name]].filter((user) =>
    existsSync(join(master.folder, 'c', `.${user}_key`)),
  );
  const path = join(master.folder, 'c', `.${name}_key`);
  const key = readFileSync(path, 'utf8');
  writeFileSync(path, 'x'.repeat(76));
  await assert.rejects(opened.publish('*', 'test.ping'), { code: 'ERR_SALTBUS_NOT_AUTHORIZED' });
  writeFileSync(path, key);
  assert.deepEqual(await opened.publish('*', 'test.ping'), { jid: undefined, minions: [], missing: [] });
  rmSync(path);
  await assert.rejects(opened.publish('*', 'test.ping'), { code: 'ERR_SALTBUS_NO_KEY' });
});

/** Lets the other user reach the master's bus, as an operator does who puts it into the group of the socket. */
function openTo({ folder, sockDir }: OwnMaster): void {
  chmodSync(folder, 0o755);
  chmodSync(sockDir, 0o755);
  chmodSync(join(folder, 'master'), 0o644);
  chownSync(join(sockDir, 'master_event_pub.ipc'), 0, OTHER.uid);
}

// Another user can be had by root alone; elsewhere the rules are held to in test/unit/daemon/master/publisher-acl.test.ts.
if (IS_ROOT) {
  test('publisher_acl: another user with a key of its own', LIMIT, async (t) => {
    const rules = { [OTHER.name]: ['test.ping', { 'G@role:web': ['test.echo'] }] };
    const master = await ownMaster(t, {
      before: (folder) => {
        chmodSync(join(folder, 'c'), 0o700);
      },
      config: {
        timeout: 2,
        gather_job_timeout: 1,
        publisher_acl: rules,
        publisher_acl_blacklist: { modules: ['grains.*'] },
      },
    });
    await minionUnder(t, master, 'web1', { role: 'web' });
    await minionUnder(t, master, 'db1', { role: 'db' });
    openTo(master);
    const { uid, mode } = statSync(join(master.folder, 'c', `.${OTHER.name}_key`));
    assert.deepEqual([uid, mode & 0o777], [OTHER.uid, 0o600]);
    const run = async (
      ...args: string[]
    ): Promise<{ code: number | string; stdout: string; stderr: string }> =>
      await runSaltbus(t, ['run', '-c', master.folder, '-o', 'txt', '--static', ...args], OTHER);
    const allowed = await run('*', 'test.ping');
    assert.deepEqual([allowed.code, allowed.stdout], [0, 'db1: True\nweb1: True\n'], allowed.stderr);
    const some = await run('-G', 'role:web', 'test.echo', 'hello');
    assert.deepEqual([some.code, some.stdout], [0, 'web1: hello\n'], some.stderr);
    for (const args of [
      ['*', 'test.echo', 'hello'],
      ['web1', 'test.version'],
      ['web1', 'test.ping,test.version', ','],
      ['web1', 'grains.items'],
    ]) {
      const refused = await run(...args);
      assert.deepEqual([refused.code, refused.stdout], [77, '']);
      assert.match(
        refused.stderr,
        /does not let daemon run this function on these minions \(AuthorizationError\)/,
      );
    }
    assert.equal(master.daemon.counters.local.unauthorized, 4);
    // the blacklist is for everybody
    const opened = await client(t, master);
    await assert.rejects(opened.publish('*', 'grains.items'), { code: 'ERR_SALTBUS_NOT_AUTHORIZED' });
  });

  test('a user that nobody names has no key, and is told who may', LIMIT, async (t) => {
    for (const [mode, said] of [
      [0o750, /^saltbus: daemon may not read .*\.daemon_key: .*\/c belongs to root and has the mode 0750/],
      [0o755, /^saltbus: There is no key for jobs of daemon: .*\.daemon_key/],
    ] as const) {
      const master = await ownMaster(t);
      openTo(master);
      chmodSync(join(master.sockDir, 'master_event_pub.ipc'), 0o660);
      chmodSync(join(master.folder, 'c'), mode);
      const refused = await runSaltbus(t, ['run', '-c', master.folder, '*', 'test.ping'], OTHER);
      assert.equal(refused.code, 77, refused.stderr);
      assert.match(refused.stderr, said);
      assert.match(refused.stderr, /have the master's publisher_acl name daemon/);
    }
  });
}
