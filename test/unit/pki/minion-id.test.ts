import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMinionId, keyFile } from '../../../src/pki/index.ts';
import { findUser } from '../../../src/pki/owner.ts';

test('ids that are names of files, and nothing that leads elsewhere', () => {
  const good = [
    'a',
    'web01.example.com',
    'Müller',
    'a b',
    '-x',
    '日本',
    '__proto__',
    'x'.repeat(255),
    '..a'.slice(2),
  ];
  for (const id of good) assert.equal(isMinionId(id), true, JSON.stringify(id));
  const bad: readonly unknown[] = [
    '',
    '.',
    '..',
    '...',
    '.hidden',
    '.key_cache',
    'a/b',
    '../../etc/passwd',
    '/etc/passwd',
    'a\\b',
    'a\0',
    'a\nb',
    '\u007f',
    '\ud800',
    'x'.repeat(256),
    'é'.repeat(128),
    12,
    undefined,
    null,
    ['a'],
    { toString: () => 'a' },
  ];
  for (const id of bad) assert.equal(isMinionId(id), false, JSON.stringify(id));
});

test('no path is made of a bad id', () => {
  assert.equal(keyFile('/pki', 'pending', 'web1'), '/pki/minions_pre/web1');
  assert.throws(() => keyFile('/pki', 'accepted', '../master.pem'), { code: 'ERR_SALTBUS_MINION_ID' });
});

test('a user by name', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/sh\nsalt:x:450:451::/:/bin/false\nbroken:x::\n';
  assert.deepEqual(findUser('salt', passwd), { uid: 450, gid: 451 });
  assert.equal(findUser('broken', passwd), undefined);
  assert.equal(findUser('sal', passwd), undefined);
});
