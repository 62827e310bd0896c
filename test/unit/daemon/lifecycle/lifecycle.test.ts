import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwdEntry, userChange } from '../../../../src/daemon/lifecycle/become-user.ts';
import { flushRateLimited, rateLimited } from '../../../../src/daemon/lifecycle/log.ts';
import { serviceManager, statusText, watchdogMs } from '../../../../src/daemon/lifecycle/service-manager.ts';

const PASSWD = [
  'root:x:0:0:root:/root:/bin/bash',
  'salt:x:101:102:Salt,,,:/opt/saltstack/salt:/usr/sbin/nologin',
  'broken:x:one:2::/:/bin/sh',
  '',
].join('\n');

test('a user is found by the whole name, with its home', () => {
  assert.deepEqual(passwdEntry('salt', PASSWD), {
    name: 'salt',
    uid: 101,
    gid: 102,
    home: '/opt/saltstack/salt',
  });
  assert.equal(passwdEntry('sal', PASSWD), undefined);
  assert.equal(passwdEntry('broken', PASSWD), undefined);
});

test('who becomes whom: root becomes another, another only stays itself', () => {
  const passwd = (): string => PASSWD;
  const root = { uid: 0, name: 'root' };
  const salt = { uid: 101, name: 'salt' };
  assert.equal(userChange(undefined, root, passwd), undefined);
  assert.equal(userChange('root', root, passwd), undefined);
  assert.equal(userChange('salt', root, passwd)?.uid, 101);
  assert.equal(userChange('salt', salt, passwd), undefined);
  assert.equal(userChange('salt', { uid: 101, name: '101' }, passwd), undefined, 'a number without a name');
  assert.throws(() => userChange('root', salt, passwd), {
    code: 'ERR_SALTBUS_PERMISSION',
    message: 'The configuration says user: root, and salt has started this',
    next: 'Start it as root, or set user to salt.',
  });
  assert.throws(() => userChange('gone', root, passwd), { code: 'ERR_SALTBUS_CONFIG', message: /'gone'/ });
});

test('one line a second, how many were left out, and the last of them when nothing more comes', () => {
  const written: unknown[] = [];
  let now = 0;
  const timers: { readonly at: number; readonly call: () => void }[] = [];
  const limited = rateLimited((fields, message) => written.push([fields, message]), {
    now: () => now,
    later: (call, afterMs) => timers.push({ at: now + afterMs, call }),
  });
  const say = (...times: number[]): void => {
    for (const at of times) {
      now = at;
      limited({ at }, 'm');
    }
  };
  const runTimers = (): void => {
    for (const { at, call } of timers.splice(0)) {
      now = Math.max(now, at);
      call();
    }
  };
  say(0, 1, 999, 1000, 1001);
  assert.deepEqual(written.splice(0), [
    [{ at: 0 }, 'm'],
    [{ at: 1000, alsoNotLogged: 2 }, 'm'],
  ]);
  // that of the first second, which is told, and that of the second one
  assert.deepEqual(
    timers.map(({ at }) => at),
    [1000, 2000],
  );
  runTimers();
  assert.deepEqual(written.splice(0), [[{ at: 1001 }, 'm']]);
  say(2500, 2600, 2700);
  runTimers();
  assert.deepEqual(written.splice(0), [[{ at: 2700, alsoNotLogged: 2 }, 'm']]);
  say(3500, 3600, 3700, 3800);
  flushRateLimited();
  flushRateLimited();
  assert.deepEqual(written.splice(0), [[{ at: 3800, alsoNotLogged: 3 }, 'm']], 'at the end of the process');
  runTimers();
  assert.deepEqual(written, []);
  say(9000);
  assert.deepEqual(written, [[{ at: 9000 }, 'm']]);
});

test('the watchdog is fed twice in its time, where it watches this process', () => {
  assert.equal(watchdogMs('30000000', undefined, 7), 15_000);
  assert.equal(watchdogMs('30000000', '7', 7), 15_000);
  assert.equal(watchdogMs('30000000', '8', 7), undefined);
  assert.equal(watchdogMs('100', undefined, 7), 1000);
  for (const no of [undefined, '', '0', 'x', '-1']) assert.equal(watchdogMs(no, undefined, 7), undefined);
});

test('messages for the service manager come one after the other, and a failure is told once', async () => {
  const said: unknown[] = [];
  const failures: string[] = [];
  const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/run/n', WATCHDOG_PID: '1', OTHER: 'x' };
  let running = 0;
  const manager = serviceManager(
    env,
    (error) => failures.push(error.message),
    async (assignments, socket) => {
      running += 1;
      assert.equal(running, 1, 'one at a time');
      await Promise.resolve();
      said.push([socket, ...assignments]);
      running -= 1;
      return new Error(`no ${assignments[0] ?? ''}`);
    },
  );
  assert.deepEqual(env, { OTHER: 'x' });
  void manager.notify(['READY=1', 'STATUS=x']);
  await manager.notify(['STOPPING=1']);
  manager.stop();
  assert.deepEqual(said, [
    ['/run/n', 'READY=1', 'STATUS=x'],
    ['/run/n', 'STOPPING=1'],
  ]);
  assert.deepEqual(failures, ['no READY=1']);
});

test('without a service manager nothing is run', async () => {
  const manager = serviceManager(
    { NOTIFY_SOCKET: '' },
    () => assert.fail('nothing can fail'),
    () => assert.fail('nothing is run'),
  );
  await manager.notify(['READY=1']);
  manager.stop();
});

test('a status is one line of bounded length', () => {
  assert.equal(statusText('a\nREADY=1\u0000b'), 'a READY=1 b');
  assert.equal(statusText('x'.repeat(2000)).length, 512);
});
