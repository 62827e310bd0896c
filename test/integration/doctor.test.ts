/** `saltbus doctor` on each kind of broken installation that it knows of, and on whole ones. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { idHash } from '../../src/config/index.ts';
import type { Finding, Level } from '../../src/doctor/index.ts';
import { runSaltbus, saltbus } from '../helpers/cli.ts';
import type { RunOptions, Running } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LIMIT = { timeout: 120_000 };
const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;

/** An installation in a folder of its own: `c` holds the configuration, `s` the sockets. */
interface Installation {
  readonly folder: string;
  readonly sockets: string;
  readonly env: NodeJS.ProcessEnv;
  readonly pub: string;
  readonly pull: string;
  readonly write: (file: string, text: string) => void;
}

function installation(t: TestContext, files: Readonly<Record<string, string>> = {}): Installation {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'c', 'minion.d'), { recursive: true });
  const sockets = join(folder, 's');
  const hash = idHash('web01', 'sha256');
  const write = (file: string, text: string): void => {
    writeFileSync(join(folder, 'c', file), text.replaceAll('FOLDER', folder));
  };
  for (const [file, text] of Object.entries(files)) write(file, text);
  return {
    folder,
    sockets,
    env: {
      SALT_CONFIG_DIR: join(folder, 'c'),
      XDG_RUNTIME_DIR: join(folder, 'run'),
      XDG_CACHE_HOME: join(folder, 'cache'),
      PATH: join(folder, 'no-salt-here'),
    },
    pub: join(sockets, `minion_event_${hash}_pub.ipc`),
    pull: join(sockets, `minion_event_${hash}_pull.ipc`),
    write,
  };
}

const CACHE = 'cachedir: /var/cache/salt/a/path/that/is/long/enough/for/any/folder\n';
const MINION = { minion: `id: web01\nsock_dir: FOLDER/s\n${CACHE}` };
const MASTER = { master: `sock_dir: FOLDER/s\n${CACHE}` };

/** Listens in the place of a daemon, on both sockets or on one, and says `first` to whoever connects. */
async function pretend(
  t: TestContext,
  { pub, pull, sockets }: Installation,
  { half = false, first = '' } = {},
): Promise<void> {
  mkdirSync(sockets);
  for (const path of half ? [pub] : [pub, pull]) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (first !== '') socket.write(Buffer.from(first, 'hex'));
    });
    await once(server.listen(path), 'listening');
    t.after(() => server.close());
  }
}

async function serve(t: TestContext, { env }: Installation, args: readonly string[] = []): Promise<Running> {
  const running = saltbus(t, ['bus', ...args], { env });
  await running.line('serving', 'stderr');
  return running;
}

interface Diagnosis {
  readonly code: number | string;
  readonly worst: Level;
  readonly levels: Readonly<Record<string, Level>>;
  readonly finding: (id: string) => Finding;
}

async function doctor(
  t: TestContext,
  { env }: Installation,
  // Salt's own directories are not ours to expect anything of: without --node, both nodes have to be configured.
  args: readonly string[] = ['--node', 'minion'],
  options: RunOptions = {},
): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runSaltbus(t, ['doctor', '--json', ...args], { env, ...options });
  assert.equal(stderr, '');
  const { worst, findings } = JSON.parse(stdout) as { worst: Level; findings: Finding[] };
  assert.equal(code, { ok: 0, unknown: 0, warning: 1, error: 2 }[worst]);
  return {
    code,
    worst,
    levels: Object.fromEntries(findings.map(({ id, level }) => [id, level])),
    finding: (id) => {
      const found = findings.find((one) => one.id === id);
      if (found === undefined) throw new Error(`no finding ${id} in ${stdout}`);
      return found;
    },
  };
}

/** The ids of the findings that are no better than a warning. */
function complaints({ levels }: Diagnosis): Record<string, Level> {
  return Object.fromEntries(
    Object.entries(levels).filter(([, level]) => level === 'warning' || level === 'error'),
  );
}

test('a bus that is well: exit code 0, and nobody sees the probes', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await serve(t, place);
  const listening = saltbus(t, ['listen', '-o', 'tag', '-n', '1', '--ready'], { env: place.env });
  await listening.line('listening', 'stderr');
  const diagnosis = await doctor(t, place);
  assert.equal(diagnosis.code, 0);
  assert.deepEqual(complaints(diagnosis), {});
  assert.match(diagnosis.finding('minion.round-trip').title, /round trip over the minion bus in [\d.]+ ms/);
  assert.match(diagnosis.finding('minion.dialect').detail, /it is a bus of saltbus/);
  assert.match(diagnosis.finding('minion.sockets').detail, /mode 0600/);
  assert.equal((await runSaltbus(t, ['fire', 'afterwards'], { env: place.env })).code, 0);
  assert.equal((await listening.ended).stdout, 'afterwards\n');
});

test('for people: a line for each finding, what to do, and no colours in a pipe', LIMIT, async (t) => {
  const place = installation(t, MASTER);
  const { code, stdout } = await runSaltbus(t, ['doctor', '--node', 'master'], { env: place.env });
  assert.equal(code, 2);
  assert.match(stdout, /^error {3}no event bus can be used$/m);
  assert.match(stdout, /^ {8}-> .*saltbus bus$/m);
  assert.match(stdout, /^\d error, .*: error$/m);
  assert.doesNotMatch(stdout, /\u001b/);
});

test('no configuration, and no Salt', LIMIT, async (t) => {
  const place = installation(t);
  const diagnosis = await doctor(t, place, ['--sock-dir', place.sockets]);
  assert.deepEqual(complaints(diagnosis), { buses: 'error' });
  assert.equal(diagnosis.finding('minion.configuration').title, 'there is no minion configuration');
  assert.equal(diagnosis.levels['salt.version'], 'unknown');
});

test('a configuration that is broken, or that this user may not read', LIMIT, async (t) => {
  const place = installation(t, { minion: 'id: web01\nsock_dir: [\n' });
  const broken = await doctor(t, place, ['--node', 'minion']);
  assert.match(broken.finding('minion.configuration').detail, /minion:\d+: /);
  assert.deepEqual(complaints(broken), { 'minion.configuration': 'error', buses: 'error' });
  const dropIn = installation(t, { ...MINION, 'minion.d/bad.conf': 'a: b: c\n' });
  await serve(t, dropIn);
  assert.deepEqual(complaints(await doctor(t, dropIn)), { 'minion.configuration': 'warning' });
  if (!IS_ROOT) return;
  chmodSync(join(place.folder, 'c', 'minion'), 0o600);
  const denied = await doctor(t, place, ['--node', 'minion'], { uid: NOBODY });
  assert.match(denied.finding('minion.configuration').detail, /cannot be read: EACCES/);
});

test('a FIFO among the drop-ins does not stop it', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await serve(t, place);
  const { spawnSync } = await import('node:child_process');
  assert.equal(spawnSync('mkfifo', [join(place.folder, 'c', 'minion.d', 'fifo.conf')]).status, 0);
  assert.equal((await doctor(t, place)).levels['minion.round-trip'], 'ok');
});

test('a daemon that is configured and does not run: no directory, then a stale socket', LIMIT, async (t) => {
  const place = installation(t, { ...MINION, ...MASTER });
  const missing = await doctor(t, place, []);
  assert.deepEqual(complaints(missing), {
    'minion.directory': 'warning',
    'master.directory': 'warning',
    buses: 'error',
  });
  assert.match(missing.finding('minion.directory').title, /s does not exist: the minion is not running/);
  const running = await serve(t, place);
  running.child.kill('SIGKILL');
  await running.ended;
  const stale = await doctor(t, place, []);
  assert.deepEqual(complaints(stale), {
    'minion.connect': 'warning',
    'master.sockets': 'warning',
    buses: 'error',
  });
  assert.match(stale.finding('minion.connect').title, /has left its sockets behind/);
  assert.equal((await doctor(t, place)).levels['minion.connect'], 'error');
});

test('a file in the place of a socket, and half a bus', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await pretend(t, place, { half: true });
  const half = await doctor(t, place);
  assert.match(half.finding('minion.sockets').title, /half of the minion bus is missing/);
  writeFileSync(place.pull, 'precious');
  const file = await doctor(t, place);
  assert.match(file.finding('minion.sockets').title, /_pull\.ipc is no socket/);
  assert.equal(file.worst, 'error');
});

test('a path that is too long', LIMIT, async (t) => {
  const place = installation(t);
  const long = join(place.folder, 'x'.repeat(100));
  mkdirSync(long);
  const diagnosis = await doctor(t, place, ['--sock-dir', long, '--id', 'web01']);
  assert.deepEqual(complaints(diagnosis), { 'minion.path-length': 'error', buses: 'error' });
});

test(
  'a user without the right: to the sockets, to the directory',
  { ...LIMIT, skip: !IS_ROOT },
  async (t) => {
    const place = installation(t, MINION);
    await serve(t, place);
    const sockets = await doctor(t, place, undefined, { uid: NOBODY });
    assert.equal(sockets.levels['minion.listen'], 'error');
    assert.match(sockets.finding('minion.listen').detail, /owner root, group \w+, mode 0600/);
    assert.equal(sockets.finding('minion.listen').next, 'Run as root: sudo saltbus ...');
    chmodSync(place.sockets, 0o700);
    const directory = await doctor(t, place, undefined, { uid: NOBODY });
    assert.match(directory.finding('minion.directory').title, /\/s$/);
    assert.equal(directory.levels['minion.directory'], 'error');
    // who may read need not be allowed to write, and is told so
    chmodSync(place.sockets, 0o755);
    chmodSync(place.pub, 0o660);
    chownSync(place.pub, 0, NOBODY);
    const listener = await doctor(t, place, undefined, { uid: NOBODY });
    assert.deepEqual(complaints(listener), { 'minion.fire': 'warning' });
    assert.equal(listener.levels['minion.listen'], 'ok');
  },
);

test('sockets and directories that are everybody’s', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await serve(t, place);
  chmodSync(place.pull, 0o666);
  chmodSync(place.sockets, 0o777);
  assert.deepEqual(complaints(await doctor(t, place)), {
    'minion.directory': 'warning',
    'minion.sockets': 'warning',
  });
});

test('a bus that accepts and never echoes ends in time, with an error', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await pretend(t, place);
  const diagnosis = await doctor(t, place);
  assert.deepEqual(complaints(diagnosis), { 'minion.round-trip': 'error' });
  assert.equal(diagnosis.levels['minion.dialect'], 'unknown');
});

test('what is no event bus at all', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await pretend(t, place, { first: 'ff00ff00' });
  const diagnosis = await doctor(t, place);
  assert.equal(diagnosis.levels['minion.dialect'], 'error');
  assert.equal(diagnosis.levels['minion.round-trip'], 'error');
});

test('a dialect that is forced and wrong', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await serve(t, place, ['--dialect', '3006.25']);
  const diagnosis = await doctor(t, place, ['--dialect', '3006.30']);
  assert.match(
    diagnosis.finding('minion.dialect').title,
    /speaks bare to listeners, and --dialect says prefixed/,
  );
  assert.equal(diagnosis.levels['minion.round-trip'], 'error');
});

test('both nodes, and two minions in one directory', LIMIT, async (t) => {
  const place = installation(t, { ...MINION, ...MASTER });
  await serve(t, place);
  await serve(t, place, ['--node', 'master']);
  const both = await doctor(t, place, []);
  assert.deepEqual(complaints(both), {});
  assert.equal(both.finding('buses').title, '2 buses are there: minion, master');
  const second = await serve(t, place, ['--id', 'web02']);
  const two = await doctor(t, place, []);
  assert.deepEqual(complaints(two), { 'minion.leftovers': 'warning' });
  assert.match(two.finding('minion.leftovers').title, /^2 minions/);
  second.child.kill('SIGKILL');
  await second.ended;
  assert.match((await doctor(t, place, [])).finding('minion.leftovers').title, /2 sockets were left behind/);
});

test('another hash_type than the daemon’s', LIMIT, async (t) => {
  const place = installation(t, MINION);
  await serve(t, place, ['--hash-type', 'md5']);
  const diagnosis = await doctor(t, place);
  assert.match(diagnosis.finding('minion.sockets').detail, /made with hash_type md5/);
});

test('the bus of this user alone', LIMIT, async (t) => {
  const place = installation(t, { ...MINION, ...MASTER });
  const own = join(place.folder, 'run', 'saltbus', 'minion');
  await serve(t, place, ['--sock-dir', own, '--id', 'web01']);
  const diagnosis = await doctor(t, place, []);
  assert.deepEqual(complaints(diagnosis), {
    'minion.directory': 'warning',
    'master.directory': 'warning',
  });
  assert.equal(diagnosis.levels['user-minion.round-trip'], 'ok');
  assert.match(diagnosis.finding('buses').title, /one bus is there: this user's own minion/);
});

test(
  'an installed Salt that is older than the dialect seen, and one that never answers',
  LIMIT,
  async (t) => {
    const place = installation(t, MINION);
    await serve(t, place);
    const bin = join(place.folder, 'bin');
    mkdirSync(bin);
    const command = (script: string): void => {
      writeFileSync(join(bin, 'salt-minion'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    };
    const env = { ...place.env, PATH: `${bin}:/usr/bin:/bin` };
    // our own bus says in a file that it is ours; without that it is taken for Salt's
    rmSync(place.pull.replace(/\.ipc$/, '.saltbus.json'));
    command('echo "salt-minion 3006.30 (Sulfur)"');
    const older = await doctor(t, place, undefined, { env });
    assert.match(
      older.finding('salt.version').title,
      /3006\.30 is installed, and the running minion speaks another/,
    );
    command('exec sleep 60');
    const silent = await doctor(t, place, undefined, { env });
    assert.equal(silent.levels['salt.version'], 'unknown');
    assert.match(silent.finding('salt.version').title, /did not say its version in time/);
  },
);

test('config show: as text, as JSON, one value, and what is wrong', LIMIT, async (t) => {
  const { env, folder, write } = installation(t, MINION);
  write('minion.d/secret.conf', 'mysql.pass: hunter2\n');
  const all = await runSaltbus(t, ['config', 'show', '--origin'], { env });
  assert.equal(all.code, 0);
  assert.match(all.stdout, new RegExp(`^id: web01 +# ${folder}/c/minion:1$`, 'm'));
  assert.match(all.stdout, /^conf_file: .* +# SALT_CONFIG_DIR in the environment$/m);
  assert.match(all.stdout, /^mysql\.pass: \*\*\* /m);
  const one = await runSaltbus(t, ['config', 'show', 'sock_dir', 'hash_type'], { env });
  assert.equal(one.stdout, `sock_dir: ${folder}/s\nhash_type: sha256\n`);
  const json = await runSaltbus(t, ['config', 'show', '--json', 'id'], { env });
  assert.deepEqual(JSON.parse(json.stdout), {
    node: 'minion',
    files: [`${folder}/c/minion`, `${folder}/c/minion.d/secret.conf`],
    warnings: [],
    errors: [],
    options: { id: { value: 'web01', origin: { kind: 'file', file: `${folder}/c/minion`, line: 1 } } },
  });
  const unknown = await runSaltbus(t, ['config', 'show', 'nope'], { env });
  assert.equal(unknown.code, 64);
  write('minion.d/wrong.conf', 'max_event_size: lots\n');
  const wrong = await runSaltbus(t, ['config', 'show', 'id', 'max_event_size'], { env });
  assert.equal(wrong.code, 78);
  assert.equal(wrong.stdout, 'id: web01\n');
  assert.match(wrong.stderr, /wrong\.conf:1: max_event_size is "lots"/);
  write('minion', 'a: [\n');
  assert.equal((await runSaltbus(t, ['config', 'show'], { env })).code, 78);
});
