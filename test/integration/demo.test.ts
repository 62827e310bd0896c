/** `saltbus demo` plays to its end, and leaves nothing behind however it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { saltbus } from '../helpers/cli.ts';
import type { Running } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LIMIT = { timeout: 120_000 };

interface Demo {
  readonly running: Running;
  /** The temporary folder of the system, as the demo sees it. */
  readonly folder: string;
}

function demo(t: TestContext, ...args: string[]): Demo {
  const folder = temporaryFolder(t);
  return { folder, running: saltbus(t, ['demo', ...args], { env: { TMPDIR: folder } }) };
}

/** The processes that run in a folder: process id and arguments. */
function processesIn(folder: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!readlinkSync(`/proc/${name}/cwd`).startsWith(folder)) continue;
      const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(2).join(' ').trim();
      found.set(Number(name), args);
    } catch {
      // it has ended meanwhile
    }
  }
  return found;
}

function assertClean(folder: string): void {
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual([...processesIn(folder).values()], []);
}

test('it plays to the end: each scene has its events, and nothing is left', LIMIT, async (t) => {
  const { running, folder } = demo(t);
  const { code, stdout, stderr } = await running.ended;
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.equal(stderr, '');
  const shown = stdout
    .replace(/"ts": \d+/g, '"ts": TS')
    .replace(/, "_stamp": "[^"]+"/g, '')
    .replace(/"id": "[\da-f-]{36}"/g, '"id": ID');
  const expected = [
    '[web2] the key is pending: accept it on the master with salt-key -a web2 (ours: saltbus key accept web2)',
    '[master bus] salt/auth accept web1',
    '[master bus] salt/key accept web2',
    '[minion bus] mytag  {"id": "web1", "tag": "mytag", "data": {"message": "a drop in the bucket"}}',
    '[master bus] mytag  {"sample-msg": "this is a test", "example": "this is the same test"}',
    '[master bus] mytag  {"cmd": "_minion_event", "pretag": null, "data": {"data": "message for the master"}, "tag": "mytag", "ts": TS, "id": "web1", "_saltbus": {"minion": "web1", "id": ID}}',
    '[master bus] mytag  {"message": "a drup in the bucket", "tag": "mytag", "_saltbus": {"minion": "web1", "id": ID}}',
    '[master bus] mytag  {"message": "a drup in the bucket", "_saltbus": {"minion": "web1", "id": ID}}',
    '{"result":"accepted by the master","masters":[',
    'lacks events, pretag: a minion drops it in silence [ERR_SALTBUS_DATA]',
    'matches salt/key: a master drops it [ERR_SALTBUS_DENIED_TAG]',
    'every event arrived, and nothing is left behind.',
  ];
  assert.deepEqual(
    expected.filter((text) => !shown.includes(text)),
    [],
    shown,
  );
  const drops = [
    ...shown.matchAll(/\{"message": "a (\w+) in the bucket"(?:, "tag": "mytag")?, "_saltbus": /g),
  ];
  const five = ['drap', 'drep', 'drip', 'drop', 'drup'];
  assert.deepEqual(
    drops.map(([, word]) => word),
    [...five, ...five],
  );
  assertClean(folder);
});

test('Ctrl-C in the middle ends it in order', LIMIT, async (t) => {
  const { running, folder } = demo(t);
  await running.line('[web1] signed in');
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  assert.equal(code, 130);
  assert.match(stderr, /^saltbus: The demo was interrupted \[ERR_SALTBUS_ABORTED\]$/m);
  assertClean(folder);
});

test('--keep leaves it running until Ctrl-C, which is no failure', LIMIT, async (t) => {
  const { running, folder } = demo(t, '--keep');
  await running.line('Ctrl-C ends it.');
  assert.deepEqual([...processesIn(folder).values()].map((args) => args.split(' ')[0]).sort(), [
    'listen',
    'listen',
    'listen',
    'master',
    'minion',
    'minion',
  ]);
  running.child.kill('SIGINT');
  const { code, stdout, stderr } = await running.ended;
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /\nDone in \d+\.\d s: every event arrived, and nothing is left behind\.\n$/);
  assertClean(folder);
});

test('a daemon that dies is the end of it, at once', LIMIT, async (t) => {
  const { running, folder } = demo(t);
  await running.line('[web1] signed in');
  const [pid] = [...processesIn(folder)].find(([, args]) => args === 'minion -c web1') ?? assert.fail();
  process.kill(pid, 'SIGKILL');
  const { code, stderr } = await running.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^saltbus: The demo: saltbus minion -c web1 has ended too early/);
  assertClean(folder);
});

test('a second Ctrl-C does not wait', LIMIT, async (t) => {
  const { running, folder } = demo(t);
  await running.line('[web1] signed in');
  const [pid] = [...processesIn(folder)].find(([, args]) => args === 'minion -c web1') ?? assert.fail();
  // what is stopped does not end by itself
  process.kill(pid, 'SIGSTOP');
  running.child.kill('SIGINT');
  await running.line('[web2] stopped');
  running.child.kill('SIGINT');
  const [code] = (await once(running.child, 'close')) as [number];
  assert.equal(code, 130);
  assert.deepEqual(readdirSync(folder), []);
});
