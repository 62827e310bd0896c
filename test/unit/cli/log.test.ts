import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loggable, logLevelOf } from '../../../src/cli/log.ts';
import { logMaster } from '../../../src/cli/master-log.ts';
import { logMinion } from '../../../src/cli/minion/minion-log.ts';
import { shellWord } from '../../../src/client/shell-word.ts';
import { publish } from '../../../src/diagnostics.ts';
import { SaltbusError } from '../../../src/errors.ts';

test('Salt’s levels as ours', () => {
  const levels = [
    'all',
    'garbage',
    'trace',
    'debug',
    'profile',
    'info',
    'warning',
    'error',
    'critical',
    'quiet',
  ];
  assert.deepEqual(levels.map(logLevelOf), [
    'debug',
    'debug',
    'debug',
    'debug',
    'debug',
    'info',
    'warning',
    'error',
    'error',
    'quiet',
  ]);
});

test('no secret is logged, whatever is handed over', () => {
  assert.equal(loggable('token', 'abc'), '***');
  assert.equal(loggable('key', { pem: 'x' }), '***');
  assert.equal(loggable('text', 'http://u:pw@host/'), 'http://u:***@host/');
  assert.equal(loggable('text', '-----BEGIN RSA PRIVATE KEY-----\nMII'), '***');
  assert.equal(loggable('load', Buffer.from('secret')), '6 bytes');
  assert.equal(loggable('load', new Uint8Array(3)), '3 bytes');
  assert.deepEqual(loggable('options', { id: 'a', inner: [{ password: 'x', n: 1n }] }), {
    id: 'a',
    inner: [{ password: '***', n: '1' }],
  });
  assert.deepEqual(loggable('options', new Map([['secret', 1]])), { secret: '***' });
});

test('errors as what they say, without their stack', () => {
  assert.equal(loggable('error', new Error('plain')), 'plain');
  assert.equal(
    loggable('error', new SaltbusError('ERR_SALTBUS_CONFIG', 'wrong')),
    'wrong [ERR_SALTBUS_CONFIG]',
  );
});

test('what is long, deep or turns in a circle is bounded', () => {
  assert.equal(String(loggable('text', 'x'.repeat(10_000))).length, 4097);
  const circle: { inner?: unknown } = {};
  circle.inner = circle;
  assert.deepEqual(loggable('c', circle), { inner: { inner: { inner: { inner: '…' } } } });
});

test('each job that is published is logged, however many there are', () => {
  const lines: unknown[] = [];
  const write = (fields: unknown, message: string): void => void lines.push([fields, message]);
  logMaster({ debug: write, info: write, warn: write, error: write });
  const job = { user: 'root', fun: 'test.ping', minions: 2 };
  for (const jid of ['1', '2', '3']) publish('saltbus:master:job', { jid, ...job });
  assert.deepEqual(
    lines,
    ['1', '2', '3'].map((jid) => [{ jid, ...job }, 'a job was published']),
  );
});

test('a job for a returner that a minion does not have is one warning', () => {
  const lines: unknown[] = [];
  const drop = (): void => undefined;
  const warn = (fields: unknown, message: string): void => void lines.push([fields, message]);
  logMinion({ debug: drop, info: drop, warn, error: drop });
  publish('saltbus:minion:job', { jid: '1', fun: 'test.ping', what: 'no-returner', returner: 'mysql' });
  assert.deepEqual(lines, [
    [
      { jid: '1', fun: 'test.ping', returner: 'mysql' },
      'a job names a returner, and there are none here: only the master gets its return',
    ],
  ]);
});

test('an id in a command is one word of a shell', () => {
  assert.equal(shellWord('web-01.example_com'), 'web-01.example_com');
  assert.equal(shellWord('a,b'), "'a,b'");
  assert.equal(shellWord("o'neil; rm -rf $HOME"), "'o'\\''neil; rm -rf $HOME'");
  const messages: string[] = [];
  const take = (_fields: unknown, message: string): void => void messages.push(message);
  logMinion({ debug: take, info: take, warn: take, error: take });
  const told = { master: 'salt', error: undefined };
  publish('saltbus:minion:sign-in', { id: 'web 1', outcome: 'pending', ...told });
  publish('saltbus:minion:sign-in', { id: 'web 1', outcome: 'rejected', ...told });
  const [pending, rejected] = new Set(messages);
  assert.equal(
    pending,
    "the key is pending: accept it on the master with salt-key -a 'web 1' (ours: saltbus key accept 'web 1')",
  );
  assert.equal(
    rejected,
    "the master rejects the key: see salt-key -L there, and delete it with salt-key -d 'web 1'",
  );
});
