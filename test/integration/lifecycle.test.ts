/** The life of a daemon, seen from outside: a tiny daemon in a process of its own. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockRoot } from '../../src/daemon/lifecycle/root-lock.ts';
import type { RootLock } from '../../src/daemon/lifecycle/root-lock.ts';
import type { SaltbusError } from '../../src/errors.ts';
import { freePort } from '../../src/transport/free-port.ts';
import { runSaltbus, saltbus, start } from '../helpers/cli.ts';
import type { Running, RunOptions } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 60_000 };
const PART = fileURLToPath(new URL('../helpers/tiny-daemon-part.ts', import.meta.url));
const IS_ROOT = process.getuid?.() === 0;
const NOBODY = 65_534;

/** A root directory with a configuration in it. */
function configured(t: TestContext, ...lines: string[]): string {
  const root = temporaryFolder(t);
  // the daemon may become another user, who has to reach what is below
  chmodSync(root, 0o755);
  const config = ['id: web01', `root_dir: ${root}`, ...lines];
  writeFileSync(join(root, 'minion'), `${config.join('\n')}\n`);
  return root;
}

function tiny(t: TestContext, root: string, mode = '', options: RunOptions = {}): Running {
  return start(t, process.execPath, ['--import', 'tsx', PART, root, mode], options);
}

const lockOf = (root: string): string => join(root, 'var/cache/salt/minion/.saltbus-tiny.lock');

test('it says that it is ready, ends with SIGTERM, and leaves no lock', LIMIT, async (t) => {
  const root = configured(t);
  const daemon = tiny(t, root);
  assert.match(
    await daemon.line('is ready', 'stderr'),
    /^\{"level":30,"time":"[^"]+","token":"\*\*\*","msg":"tiny is ready: serving 100 jobs"\}$/,
  );
  assert.equal(lstatSync(lockOf(root)).isSocket(), true);
  assert.equal(statSync(lockOf(root)).mode & 0o777, 0o600);
  assert.equal(statSync(join(root, 'etc/salt/pki/minion')).mode & 0o777, 0o700);
  daemon.child.kill('SIGTERM');
  const { code, stderr } = await daemon.ended;
  assert.equal(code, 0);
  assert.match(stderr, /"why":"SIGTERM","msg":"tiny is stopping"/);
  assert.deepEqual(readdirSync(join(root, 'var/cache/salt/minion')), []);
});

test('an end that takes too long is cut, and the exit code says so', LIMIT, async (t) => {
  for (const mode of ['hangs', 'slow']) {
    const root = configured(t, 'saltbus: {drain_timeout: 0.1}');
    const daemon = tiny(t, root, mode);
    await daemon.line('is ready', 'stderr');
    daemon.child.kill('SIGINT');
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 75, mode);
    assert.match(stderr, /not delivered within 0\.1 s \[ERR_SALTBUS_NOT_DRAINED\]/);
    assert.deepEqual(readdirSync(join(root, 'var/cache/salt/minion')), []);
  }
});

test('a second signal ends it at once', LIMIT, async (t) => {
  const root = configured(t);
  const daemon = tiny(t, root, 'hangs');
  await daemon.line('is ready', 'stderr');
  daemon.child.kill('SIGTERM');
  await daemon.line('is stopping', 'stderr');
  daemon.child.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 'SIGTERM');
  assert.deepEqual(readdirSync(join(root, 'var/cache/salt/minion')), []);
});

test('a signal during the start breaks it off', LIMIT, async (t) => {
  const daemon = tiny(t, configured(t), 'slow-start');
  await daemon.line('starting', 'stderr');
  daemon.child.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
});

test('a second daemon on one of the directories is refused, and told the process', LIMIT, async (t) => {
  const root = configured(t);
  const first = tiny(t, root);
  await first.line('is ready', 'stderr');
  const { code, stderr } = await tiny(t, root).ended;
  assert.equal(code, 69);
  assert.match(
    stderr,
    new RegExp(
      `A saltbus tiny already runs on ${root}/\\S+: process ${first.child.pid} \\[ERR_SALTBUS_RUNNING\\]`,
    ),
  );
  const shared = configured(t, `sock_dir: ${root}/sockets`);
  writeFileSync(
    join(shared, 'minion'),
    `id: web02\npki_dir: ${shared}/pki\ncachedir: ${root}/var/cache/salt/minion\nsock_dir: ${shared}/s\n`,
  );
  assert.match(
    (await tiny(t, shared).ended).stderr,
    /already runs on \S+\/var\/cache\/salt\/minion: process/,
  );
  assert.deepEqual(readdirSync(join(shared, 'pki')), [], 'what was locked is given back');
  first.child.kill('SIGSTOP');
  assert.match((await tiny(t, root).ended).stderr, /a process that does not say its number/);
  first.child.kill('SIGCONT');
  first.child.kill('SIGTERM');
  assert.equal((await first.ended).code, 0);
});

test('the lock of a killed daemon is taken over, by exactly one of many', LIMIT, async (t) => {
  const root = configured(t);
  const directory = join(root, 'var/cache/salt/minion');
  const killed = tiny(t, root);
  await killed.line('is ready', 'stderr');
  killed.child.kill('SIGKILL');
  await killed.ended;
  assert.equal(lstatSync(lockOf(root)).isSocket(), true, 'it was left behind');
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => lockRoot('tiny', [directory])));
  const held = outcomes.filter((outcome): outcome is PromiseFulfilledResult<RootLock> => {
    if (outcome.status === 'fulfilled') return true;
    assert.equal((outcome.reason as SaltbusError).code, 'ERR_SALTBUS_RUNNING');
    return false;
  });
  assert.equal(held.length, 1);
  assert.deepEqual(readdirSync(directory), ['.saltbus-tiny.lock']);
  held[0]?.value.release();
  const again = tiny(t, root);
  await again.line('is ready', 'stderr');
  again.child.kill('SIGTERM');
  assert.equal((await again.ended).code, 0);
});

test('a lock on a path that is too long for a socket; one that is lost is told', LIMIT, async (t) => {
  const directory = join(temporaryFolder(t), 'x'.repeat(120), 'y'.repeat(120));
  mkdirSync(directory, { recursive: true });
  const lock = await lockRoot('tiny', [directory, directory]);
  await assert.rejects(lockRoot('tiny', [directory]), { code: 'ERR_SALTBUS_RUNNING' });
  const other = await lockRoot('other', [directory]);
  other.release();
  writeFileSync(join(directory, 'new'), '');
  renameSync(join(directory, 'new'), join(directory, '.saltbus-tiny.lock'));
  let lost = '';
  void lock.lost.then(({ code }) => (lost = code));
  await waitUntil(() => lost !== '');
  assert.equal(lost, 'ERR_SALTBUS_RUNNING');
  lock.release();
  assert.deepEqual(readdirSync(directory), ['.saltbus-tiny.lock'], 'what is not ours stays');
});

test('SIGHUP reads the configuration again; one that makes no sense is refused', LIMIT, async (t) => {
  const root = configured(t, 'saltbus: {max_jobs: 5}');
  const daemon = tiny(t, root);
  await daemon.line('serving 5 jobs', 'stderr');
  const write = (setting: string): void => {
    writeFileSync(join(root, 'minion'), `id: web01\nroot_dir: ${root}\nsaltbus: {${setting}}\n`);
  };
  write('max_jobs: none');
  daemon.child.kill('SIGHUP');
  assert.match(
    await daemon.line('the old one stays', 'stderr'),
    /"error":"\S+\/minion:3: saltbus\.max_jobs is \\"none\\", and must be a whole number from 1 to \d+","code":"ERR_SALTBUS_CONFIG"/,
  );
  write('max_job: 6');
  daemon.child.kill('SIGHUP');
  await daemon.line('saltbus.max_job is no setting of saltbus', 'stderr');
  write('max_jobs: 6');
  daemon.child.kill('SIGHUP');
  await daemon.line('now 6 jobs', 'stderr');
  daemon.child.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
});

test('SIGHUP ends a daemon that has nothing to read again, as it ends other programs', LIMIT, async (t) => {
  const daemon = tiny(t, configured(t), 'no-reload');
  await daemon.line('is ready', 'stderr');
  daemon.child.kill('SIGHUP');
  const { code, stderr } = await daemon.ended;
  assert.equal(code, 0);
  assert.match(stderr, /"why":"SIGHUP"/);
});

test('a fault of ours is logged, and ends it with 70', LIMIT, async (t) => {
  const root = configured(t);
  const { code, stderr } = await tiny(t, root, 'fault').ended;
  assert.equal(code, 70);
  assert.match(
    stderr,
    /"level":50,.*TypeError.*"msg":"internal error \(please report it\): the daemon ends"/,
  );
  assert.deepEqual(readdirSync(join(root, 'var/cache/salt/minion')), []);
});

test('a daemon that cannot go on says why, and its exit code does', LIMIT, async (t) => {
  const { code, stderr } = await tiny(t, configured(t), 'fails').ended;
  assert.equal(code, 77);
  assert.match(stderr, /saltbus: the master is another \[ERR_SALTBUS_MASTER_CHANGED\]/);
});

test('a transport that is not spoken here is refused', LIMIT, async (t) => {
  const { code, stderr } = await tiny(t, configured(t, 'transport: tcp')).ended;
  assert.equal(code, 78);
  assert.match(stderr, /\/minion:3: transport is "tcp", and must be zeromq \[ERR_SALTBUS_CONFIG\]/);
});

test('a key file that is no key: exit code 78, which the units do not restart after', LIMIT, async (t) => {
  const root = configured(t, 'master: 127.0.0.1', 'master_port: 1');
  const pki = join(root, 'etc/salt/pki/minion');
  mkdirSync(pki, { recursive: true });
  writeFileSync(join(pki, 'minion.pem'), 'no key', { mode: 0o400 });
  const { code, stderr } = await runSaltbus(t, ['minion', '-c', root]);
  assert.match(stderr, /private key cannot be used.*\[ERR_SALTBUS_KEY_INVALID\]/);
  assert.equal(code, 78);
  for (const kind of ['minion', 'master']) {
    const unit = readFileSync(
      new URL(`../../packaging/systemd/saltbus-${kind}.service`, import.meta.url),
      'utf8',
    );
    assert.match(unit, /^RestartPreventExitStatus=64 77 78$/m);
  }
});

test('log_level decides what is logged', LIMIT, async (t) => {
  const { code, stderr } = await tiny(t, configured(t, 'log_level: Warning'), 'fails').ended;
  assert.equal(code, 77);
  assert.equal(stderr.split('\n')[0], 'saltbus: the master is another [ERR_SALTBUS_MASTER_CHANGED]');
});

test('the service manager is told, and nobody else speaks for the daemon', LIMIT, async (t) => {
  const root = configured(t);
  const bin = join(root, 'bin');
  mkdirSync(bin);
  const said = join(root, 'said');
  writeFileSync(join(bin, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${said}\n`, {
    mode: 0o755,
  });
  const daemon = tiny(t, root, '', {
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '2000000' },
  });
  const ready = await daemon.line('is ready', 'stderr');
  assert.doesNotMatch(ready, /\/run\/n/, 'the variable is taken out of the environment');
  const lines = (): readonly string[] => {
    try {
      return readFileSync(said, 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  };
  await waitUntil(() => lines().includes('/run/n WATCHDOG=1'));
  daemon.child.kill('SIGHUP');
  await waitUntil(() => lines().filter((line) => line.includes('READY=1')).length === 2);
  daemon.child.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
  assert.deepEqual(
    lines().filter((line) => !line.includes('WATCHDOG')),
    [
      '/run/n READY=1 STATUS=serving 100 jobs',
      '/run/n RELOADING=1 STATUS=reading the configuration again',
      '/run/n STATUS=serving 100 jobs now',
      '/run/n READY=1 STATUS=serving 100 jobs now',
      '/run/n STOPPING=1 STATUS=stopping (SIGTERM)',
    ],
  );
});

test('started by root it becomes the user of the configuration, for good', LIMIT, async (t) => {
  if (!IS_ROOT) {
    const { code, stderr } = await tiny(t, configured(t, 'user: root')).ended;
    assert.equal(code, 77);
    assert.match(stderr, /The configuration says user: root, and \S+ has started this/);
    return;
  }
  const root = configured(t, 'user: nobody');
  const daemon = tiny(t, root, 'who');
  assert.match(await daemon.line('who:', 'stderr'), /^who: 65534 65534 65534 \/\S+ nobody no way back$/);
  await daemon.line('is ready', 'stderr');
  for (const path of ['etc/salt/pki/minion', 'var/cache/salt/minion', 'var/run/salt/minion'])
    assert.equal(statSync(join(root, path)).uid, NOBODY, path);
  assert.equal(statSync(join(root, 'var/cache/salt')).uid, 0, 'what is above stays root’s');
  const made = statSync(join(root, 'var/cache/salt/minion/made'));
  assert.deepEqual([made.uid, made.gid, made.mode & 0o777], [NOBODY, NOBODY, 0o644]);
  assert.equal(lstatSync(lockOf(root)).uid, NOBODY);
  daemon.child.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0);
  assert.match(
    (await tiny(t, configured(t, 'user: nobody-at-all')).ended).stderr,
    /The user 'nobody-at-all' of the configuration is not in \/etc\/passwd \[ERR_SALTBUS_CONFIG\]/,
  );
  const others = configured(t, 'user: nobody');
  mkdirSync(join(others, 'etc/salt/pki/minion'), { recursive: true });
  chmodSync(join(others, 'etc/salt/pki/minion'), 0o700);
  const refused = await tiny(t, others).ended;
  assert.equal(refused.code, 77);
  assert.match(
    refused.stderr,
    /nobody may not write to \S+\/etc\/salt\/pki\/minion \(owner root, mode 0700\)/,
  );
  assert.match(refused.stderr, /chown -R nobody/);
});

for (const kind of ['minion', 'master']) {
  test(`saltbus ${kind}: a configuration file that was named has to be there`, LIMIT, async (t) => {
    const folder = temporaryFolder(t);
    const { code, stderr } = await runSaltbus(t, [kind, '-c', folder]);
    assert.equal(code, 78);
    assert.ok(
      stderr.startsWith(
        `saltbus: There is no configuration file ${join(folder, kind)} [ERR_SALTBUS_CONFIG]\n`,
      ),
      stderr,
    );
    assert.deepEqual(readdirSync(folder), []);
  });
}

test('saltbus minion: without -c there need be no file, which the log says', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const env = { SALT_CONFIG_DIR: folder };
  const root = temporaryFolder(t);
  mkdirSync(join(folder, 'minion.d'));
  writeFileSync(
    join(folder, 'minion.d', 'here.conf'),
    `id: web01\nroot_dir: ${root}\nmaster: 127.0.0.1\nmaster_port: 9\n`,
  );
  const minion = saltbus(t, ['minion'], { env });
  const line = await minion.line('there is no configuration file', 'stderr');
  assert.ok(line.includes(`"file":"${join(folder, 'minion')}"`), line);
  await minion.line('is ready', 'stderr');
  minion.child.kill('SIGTERM');
  assert.equal((await minion.ended).code, 0);
});

test('saltbus master: what a SIGHUP finds gone or broken is refused; a lost key too', LIMIT, async (t) => {
  const root = temporaryFolder(t);
  const first = await freePort();
  const second = await freePort(first);
  const file = join(root, 'master');
  const good = `id: m\nroot_dir: ${root}\ninterface: 127.0.0.1\nret_port: ${first}\npublish_port: ${second}\n`;
  const write = (more = ''): void => writeFileSync(file, `${good}${more}\n`);
  write();
  const master = saltbus(t, ['master', '-c', root]);
  assert.match(
    await master.line('a key pair was made', 'stderr'),
    /"level":30,.*"fingerprint":"(?:[0-9a-f]{2}:){31}[0-9a-f]{2}"/,
  );
  await master.line('is ready', 'stderr');
  const refused = async (nth: number, text: string): Promise<void> => {
    master.child.kill('SIGHUP');
    const line = await master.line('the old one stays', 'stderr', nth);
    assert.ok(line.includes(text), line);
    assert.ok(line.includes('"code":"ERR_SALTBUS_CONFIG"'), line);
  };
  rmSync(file);
  await refused(1, `There is no configuration file ${file}`);
  write("publisher_acl: {ann: ['(']}");
  await refused(2, `${file}:6: publisher_acl of \\"ann\\": `);
  write("file_ignore_regex: ['(']");
  await refused(3, `${file}:6: file_ignore_regex has \\"(\\": `);
  write('nodegroups: {a: web* and}');
  await refused(4, `${file}:6: nodegroups has \\"a\\": \\"web* and\\": `);
  master.child.kill('SIGTERM');
  assert.equal((await master.ended).code, 0);

  const bad = await runSaltbus(t, ['master', '-c', root]);
  assert.equal(bad.code, 78);
  assert.match(bad.stderr, /master:6: nodegroups has "a"/);
  write();
  rmSync(join(root, 'etc/salt/pki/master/master.pem'));
  const lost = await runSaltbus(t, ['master', '-c', root]);
  assert.match(
    lost.stderr,
    /master\.pem is gone, and its public half .* is there \[ERR_SALTBUS_KEY_INVALID\]/,
  );
});

test('saltbus minion: a broken key is named with its file, and what to do', LIMIT, async (t) => {
  const root = configured(t, 'master: 127.0.0.1', 'master_port: 9');
  const pki = join(root, 'etc/salt/pki/minion');
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  const broken = async (name: string, said: RegExp): Promise<void> => {
    writeFileSync(join(pki, name), 'no key\n', { mode: 0o400 });
    const { code, stderr } = await runSaltbus(t, ['minion', '-c', root]);
    assert.notEqual(code, 0);
    assert.ok(stderr.includes(`${join(pki, name)} holds no usable key: `), stderr);
    assert.match(stderr, /\[ERR_SALTBUS_KEY_INVALID\]/);
    assert.match(stderr, said);
    rmSync(join(pki, name));
  };
  await broken('minion.pem', /Restore it from a backup, or remove minion\.pem and minion\.pub/);
  await broken('minion_master.pub', /Compare it with the master\.pub of the master.*remove the file/);
});
