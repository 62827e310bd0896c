/** `saltbus run` beside `salt`: the same jobs on a real master with real minions, and on ours with a real minion. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { runSaltbus } from '../../helpers/cli.ts';
import type { Ended } from '../../helpers/cli.ts';
import { temporaryFolder } from '../../helpers/own-bus.ts';
import { ownMaster, watchMaster } from '../../helpers/own-master.ts';
import { interop, runSalt, startOwnPair } from '../helpers.ts';
import type { RanSalt } from '../helpers.ts';

const LIMIT = { timeout: 240_000 };
const MASTER = { nodegroups: { webs: 'L@web1,ghost or G@role:nothing' }, timeout: 3, gather_job_timeout: 3 };

/** A folder of pillar in which `web1` has a key. */
function pillarFolder(t: TestContext): string {
  const folder = join(temporaryFolder(t), 'pillar');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'top.sls'), JSON.stringify({ base: { web1: ['one'] } }));
  writeFileSync(join(folder, 'one.sls'), JSON.stringify({ site: { name: 'north' } }));
  return folder;
}

/** The JSON documents that stand one behind the other, as one map in the order of ids. */
function documents(text: string): Readonly<Record<string, unknown>> {
  const parts = text.split(/(?<=^\}\n)(?=\{)/m).map((part) => JSON.parse(part) as object);
  const all = parts.flatMap((part) => Object.entries(part));
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const PID = /("pid": |\bpid:\n\s+)\d+/g;

/** Without what differs from job to job. */
function comparable(text: string): string {
  return text.replace(/\b\d{20}\b/g, 'JID').replace(PID, (_, before: string) => `${before}0`);
}

interface Both {
  readonly salt: RanSalt;
  readonly ours: Ended;
}

async function both(t: TestContext, configDir: string, args: readonly string[]): Promise<Both> {
  const salt = await runSalt(t, 'salt', ['-c', configDir, ...args]);
  return { salt, ours: await runSaltbus(t, ['run', '-c', configDir, ...args]) };
}

/** Both give the same for each minion, and end with the same code. */
async function assertSame(t: TestContext, configDir: string, args: readonly string[]): Promise<Ended> {
  const { salt, ours } = await both(t, configDir, ['--out', 'json', ...args]);
  const said = `${args.join(' ')}\n${salt.stdout}${salt.stderr}\n${ours.stdout}${ours.stderr}`;
  assert.equal(ours.code, salt.code, said);
  const wanted = documents(comparable(salt.stdout));
  assert.notDeepEqual(wanted, {}, said);
  assert.deepEqual(documents(comparable(ours.stdout)), wanted, said);
  return ours;
}

const JOBS: readonly (readonly string[])[] = [
  ['*', 'test.ping'],
  ['web1', 'cmd.run_all', 'echo out; echo err >&2; exit 3'],
  ['web1', 'test.arg', '1', '2.0', 'text', '[a, {b: null}]', 'k=v', 'n=0x10', 'yes', '20260101000000000000'],
  ['web1', 'no.such'],
  ['web1', 'test.ping', 'no', 'such', 'arguments'],
  ['web1', 'test.exception', 'for a reason'],
  ['web1', 'test.arg,cmd.run,test.ping', 'a=1', ',', 'echo two', ','],
  ['-L', 'web1,ghost', 'test.ping'],
  ['-E', 'web[0-9]|db', 'test.ping'],
  ['-G', 'role:web', 'grains.item', 'role', 'parts'],
  ['-P', 'role:(web|db)$', 'test.ping'],
  ['-G', 'parts|one|deep', 'test.ping', '--delimiter', '|'],
  ['-I', 'site:name:nor*', 'pillar.get', 'site:name'],
  ['-J', 'site:name:n.*h', 'test.ping'],
  ['-C', '( G@role:db or L@web1 ) and not E@db.*', 'test.ping'],
  ['-S', '127.0.0.1', 'test.ping'],
  ['-N', 'webs', 'test.ping'],
  ['*', 'test.ping', '--static'],
  ['*', 'test.sleep', '4', '-t', '1'],
];

test('a real master and two real minions', LIMIT, async (t) => {
  const pair = await startOwnPair(t, {
    minion: { id: 'web1' },
    extraMasterConfig: { ...MASTER, pillar_roots: { base: [pillarFolder(t)] } },
    extraMinionConfig: { grains: { role: 'web', parts: { one: ['deep', 'low'] } } },
  });
  const other = await startOwnPair(t, {
    master: false,
    minion: { id: 'db1' },
    extraMinionConfig: { master: '127.0.0.1', master_port: pair.requestPort, grains: { role: 'db' } },
  });
  // its grains and pillar have to be with the master before it is targeted by them
  await runSalt(t, 'salt', ['-c', pair.masterConfigDir, '*', 'saltutil.refresh_pillar', 'wait=True']);
  const at = pair.masterConfigDir;

  for (const args of JOBS) {
    await t.test(args.join(' '), async (t) => {
      await assertSame(t, at, args);
    });
  }

  await t.test('nobody matches', async (t) => {
    const { salt, ours } = await both(t, at, ['--out', 'json', 'nobody', 'test.ping']);
    assert.deepEqual([salt.code, ours.code, ours.stdout], [2, 2, '']);
    assert.equal(ours.stderr, 'saltbus: no minion matched the target; nothing was sent\n');
  });

  await t.test('as a person reads it', async (t) => {
    for (const args of [
      ['web1', 'cmd.run_all', 'printf "a\\n\\nb"; exit 1'],
      ['web1', 'test.arg', '[1, [2, {b: 3, a: null}], []]', 'é'],
    ]) {
      const salt = await runSalt(t, 'salt', ['-c', at, ...args]);
      const ours = await runSaltbus(t, ['run', '-c', at, ...args, '--out', 'pretty']);
      assert.equal(comparable(ours.stdout), comparable(salt.stdout));
    }
  });

  await t.test('in batches, and a subset', async (t) => {
    const batch = await runSaltbus(t, [
      ...['run', '-c', at, '*', 'test.ping', '--batch', '50%', '--out', 'json'],
    ]);
    assert.deepEqual(documents(batch.stdout), { db1: true, web1: true });
    assert.equal(batch.code, 0, batch.stderr);
    const one = await runSaltbus(t, ['run', '-c', at, '*', 'test.ping', '--subset', '1', '--out', 'json']);
    assert.equal(Object.keys(documents(one.stdout)).length, 1, one.stderr);
  });

  await t.test('without waiting, and with what travels along', async (t) => {
    const seen = await watchMaster(t, pair.masterSockDir);
    const ours = await runSaltbus(t, [
      ...['run', '-c', at, 'web1', 'test.ping', '--async', '--metadata', '{ticket: 7}'],
      ...['--return', 'nowhere', '--return-kwargs', '{a: 1}'],
    ]);
    const { jid, minions } = JSON.parse(ours.stdout) as { jid: string; minions: string[] };
    assert.deepEqual(minions, ['web1']);
    const { data } = await seen.until(`salt/job/${jid}/ret/web1`);
    assert.deepEqual([data['return'], data['metadata']], [true, { ticket: 7 }]);
  });

  await t.test('a minion that is down is named, after it was asked', async (t) => {
    await other.stopMinion();
    const ours = await assertSame(t, at, ['*', 'test.ping', '-t', '2']);
    assert.equal(ours.code, 1);
    assert.match(documents(ours.stdout)['db1'] as string, /^Minion did not return\. \[No response\]\n/);
    const batch = await runSaltbus(t, [
      'run',
      '-c',
      at,
      '*',
      'test.ping',
      '-b',
      '1',
      '-t',
      '2',
      '-o',
      'json',
    ]);
    assert.deepEqual([batch.code, documents(batch.stdout)], [1, { web1: true }]);
    assert.match(batch.stderr, /^saltbus: db1 did not answer the ping, and was not given the job$/m);
  });
});

test('our master and a real minion', LIMIT, async (t) => {
  const { release } = interop();
  const refused = { publisher_acl_blacklist: { modules: ['test.version'] } };
  const master = await ownMaster(t, { release, config: { ...MASTER, ...refused } });
  const seen = await watchMaster(t, master.sockDir);
  await startOwnPair(t, {
    master: false,
    minion: { id: 'web1' },
    extraMinionConfig: { master: '127.0.0.1', master_port: master.requestPort, grains: { role: 'web' } },
  });
  await seen.until('salt/minion/web1/start');
  for (const args of [
    ['*', 'test.ping'],
    ['web1', 'no.such'],
    ['-N', 'webs', 'test.ping'],
    ['-L', 'web1,ghost', 'test.ping'],
  ]) {
    await t.test(args.join(' '), async (t) => {
      await assertSame(t, master.folder, args);
    });
  }
  await t.test('a refusal, which salt shows and does not end with', async (t) => {
    const { salt, ours } = await both(t, master.folder, ['web1', 'test.version']);
    assert.deepEqual([salt.code, salt.stdout.trim()], [0, 'Authorization error occurred.']);
    assert.deepEqual([ours.code, ours.stdout], [77, '']);
    assert.match(ours.stderr, /\(AuthorizationError\) \[ERR_SALTBUS_NOT_AUTHORIZED\]$/m);
  });
});
