/** `saltbus fire --direct` against a master of the tests on loopback: what it says, and its exit codes. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { masterKeyNamed } from '../helpers/channel.ts';
import { runSaltbus } from '../helpers/cli.ts';
import type { Ended, RunOptions } from '../helpers/cli.ts';
import { minionKeyFiles, servedMaster } from '../helpers/direct-master.ts';
import type { ServedMaster } from '../helpers/direct-master.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LIMIT = { timeout: 60_000 };
const NOBODY = 65_534;

interface Host {
  readonly configDir: string;
  readonly pkiDir: string;
}

function hostWith(t: TestContext, masters: readonly string[], extra = ''): Host {
  const configDir = temporaryFolder(t);
  const pkiDir = minionKeyFiles(configDir, 'web01', masterKeyNamed('master').publicPem);
  const text = `id: web01\npki_dir: ${pkiDir}\nmaster: ${JSON.stringify(masters)}\n${extra}`;
  writeFileSync(join(configDir, 'minion'), text);
  return { configDir, pkiDir };
}

async function listening(t: TestContext): Promise<{ readonly served: ServedMaster; readonly name: string }> {
  const served = await servedMaster(t);
  const bound = await served.router.listen('127.0.0.1', 0);
  return { served, name: `127.0.0.1:${bound.port}` };
}

// A port on which nobody listens.
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function fire(
  t: TestContext,
  { configDir }: Host,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  return runSaltbus(t, ['fire', ...args, '--to-master', '--direct', '-c', configDir], options);
}

test('one event, a list and lines; what is known of them, in JSON', LIMIT, async (t) => {
  const { served, name } = await listening(t);
  const host = hostWith(t, [name]);
  const one = await fire(t, host, ['mytag', 'n=1', '-o', 'json']);
  assert.deepEqual(one, {
    code: 0,
    stdout: `{"result":"accepted by the master","masters":["${name}"],"events":1}\n`,
    stderr: '',
  });
  assert.deepEqual(await fire(t, host, ['mytag', '[{"n": 1}, {"tag": "own", "n": 2}]']), {
    code: 0,
    stdout: '',
    stderr: '',
  });
  const before = served.requests;
  const input = `${Array.from({ length: 100 }, (_, n) => `{"n": ${n}}`).join('\n')}\n{no json\nlast\n`;
  const lines = await fire(t, host, ['mytag', '--lines', '-o', 'json'], { input });
  assert.equal(lines.code, 64);
  assert.match(
    lines.stderr,
    /^saltbus: left out: line 101 of stdin is not valid JSON: .* \[ERR_SALTBUS_JSON\]\n$/,
  );
  assert.deepEqual(JSON.parse(lines.stdout), {
    result: 'accepted by the master',
    masters: [name],
    events: 101,
    leftOut: 1,
  });
  assert.equal(served.requests - before, 102); // one sign-in, and one request for each
  const [single, list, ...rest] = served.loads;
  assert.deepEqual(single?.get('data'), new Map([['n', 1]]));
  assert.deepEqual(list?.get('events'), [
    new Map<string, unknown>([
      ['tag', 'mytag'],
      ['data', new Map([['n', 1]])],
    ]),
    new Map<string, unknown>([
      ['tag', 'own'],
      ['n', 2],
    ]),
  ]);
  assert.deepEqual(
    rest.map((load) => load.get('data')),
    [...Array.from({ length: 100 }, (_, n) => new Map([['n', n]])), new Map([['message', 'last']])],
  );
});

test('not let in: pending and rejected end with 77, at once', LIMIT, async (t) => {
  const { served, name } = await listening(t);
  const host = hostWith(t, [name]);
  served.master.verdict = 'pending';
  assert.deepEqual(await fire(t, host, ['mytag']), {
    code: 77,
    stdout: '',
    stderr:
      `saltbus: The master ${name} has not accepted the key of the minion web01 yet [ERR_SALTBUS_PENDING]\n` +
      '         Accept it on the master with `salt-key -a web01`, and fire again.\n',
  });
  served.master.verdict = 'rejected';
  const rejected = await fire(t, host, ['mytag']);
  assert.equal(rejected.code, 77);
  assert.match(rejected.stderr, /The master rejects the key of this minion \[ERR_SALTBUS_REJECTED\]/);
});

test('nobody there: 69 when the time is over, and why; a name that is none too', LIMIT, async (t) => {
  const port = await freePort();
  const away = await fire(t, hostWith(t, [`127.0.0.1:${port}`]), ['mytag', '--timeout', '300ms']);
  assert.equal(away.code, 69);
  assert.match(
    away.stderr,
    new RegExp(
      `^saltbus: The master 127\\.0\\.0\\.1:${port} was not reached: Connecting to 127\\.0\\.0\\.1:${port} failed: connect ECONNREFUSED`,
    ),
  );
  const name = await fire(t, hostWith(t, ['no-such-host.invalid']), ['mytag', '--timeout', '500ms']);
  assert.equal(name.code, 69);
  assert.match(name.stderr, /The master no-such-host\.invalid:4506 was not reached/);
});

test('a master that says nothing: 124 once the event was sent, 69 before it', LIMIT, async (t) => {
  const { served, name } = await listening(t);
  const host = hostWith(t, [name]);
  served.answer = 'silence';
  const silent = await fire(t, host, ['mytag', '--timeout', '300ms']);
  assert.equal(silent.code, 124);
  assert.match(silent.stderr, /did not answer: .* did not reply within 300 ms \[ERR_SALTBUS_TIMEOUT\]/);
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.after(() => mute.close());
  const { port } = mute.address() as AddressInfo;
  const stranger = await fire(t, hostWith(t, [`127.0.0.1:${port}`]), ['mytag', '--timeout', '300ms']);
  assert.deepEqual(stranger, {
    code: 69,
    stdout: '',
    stderr:
      `saltbus: The master 127.0.0.1:${port} did not answer the sign-in in time, and nothing was sent [ERR_SALTBUS_NO_PEER]\n` +
      '         Look whether a salt-master listens there, and whether it hangs.\n',
  });
});

test('of two masters one takes it: said, and the exit code is that of the other', LIMIT, async (t) => {
  const [good, bad] = [await listening(t), await listening(t)];
  bad.served.master.verdict = 'full';
  const done = await fire(t, hostWith(t, [good.name, bad.name]), ['mytag', '-o', 'json']);
  assert.equal(done.code, 69);
  assert.deepEqual(JSON.parse(done.stdout), {
    result: 'accepted by the master',
    masters: [good.name],
    failed: [
      {
        master: bad.name,
        code: 'ERR_SALTBUS_MASTER_FULL',
        message: `${bad.name}: The master takes no more minions`,
      },
    ],
    events: 1,
  });
  assert.match(done.stderr, /takes no more minions \[ERR_SALTBUS_MASTER_FULL\]\n$/);
});

test('a deny-listed tag, and options that do not go together, before anything is asked', LIMIT, async (t) => {
  const { served, name } = await listening(t);
  const host = hostWith(t, [name]);
  const denied = await fire(t, host, ['salt/key', '{}']);
  assert.equal(denied.code, 64);
  assert.match(denied.stderr, /matches salt\/key: a master drops it \[ERR_SALTBUS_DENIED_TAG\]/);
  assert.equal(served.requests, 0);
  for (const [args, message] of [
    [['fire', 't', '--direct'], '--direct means something with --to-master only'],
    [
      ['fire', 't', '--to-master', '--timeout', '1s'],
      '--timeout means something with --direct or --wait accepted only',
    ],
    [
      ['fire', 't', '--to-master', '--direct', '--sock-dir', '/x'],
      '--sock-dir is about a local bus, and --direct goes past it',
    ],
  ] as const) {
    const wrong = await runSaltbus(t, args);
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, new RegExp(message));
  }
});

test(
  'a key that this user may not read: who may',
  { ...LIMIT, skip: process.getuid?.() === 0 ? false : 'only root can run it as another user' },
  async (t) => {
    const host = hostWith(t, ['127.0.0.1:1']);
    chmodSync(host.configDir, 0o755);
    const ask = (): Promise<Ended> => fire(t, host, ['mytag'], { uid: NOBODY });
    const closed = await ask();
    assert.equal(closed.code, 77);
    assert.match(
      closed.stderr,
      new RegExp(
        `may not read ${host.pkiDir}/minion.pem: ${host.pkiDir} belongs to root and has the mode 0700`,
      ),
    );
    assert.match(
      closed.stderr,
      /\n {9}Run as root, or fire without --direct: the minion then forwards the event\.\n$/,
    );
    chmodSync(host.pkiDir, 0o755);
    assert.match((await ask()).stderr, /minion\.pem belongs to root and has the mode 0400/);
    chownSync(join(host.pkiDir, 'minion.pem'), 4_000_000, 0);
    assert.match((await ask()).stderr, /Run as 4000000 or as root, or fire without --direct/);
  },
);
