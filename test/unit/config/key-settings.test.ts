import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSaltConfig, masterKeySettings, minionKeySettings } from '../../../src/config/index.ts';
import type { MasterKeySettings, SystemFacts } from '../../../src/config/index.ts';

function system(files: Readonly<Record<string, string>>): SystemFacts {
  return {
    env: {},
    hostname: 'host',
    home: '/home/me',
    readFile: (path) => files[path],
    list: () => [],
  };
}

function master(text = ''): MasterKeySettings {
  return masterKeySettings(
    loadSaltConfig({ node: 'master', configDir: '/c', system: system({ '/c/master': text }) }),
  );
}

test('without any option: Salt’s defaults', () => {
  assert.deepEqual(master(), {
    pkiDir: '/etc/salt/pki/master',
    cachedir: '/var/cache/salt/master',
    hashType: 'sha256',
    user: undefined,
    masterId: 'host_master',
    keysize: 2048,
    rotateAesKey: true,
    autoAccept: false,
    openMode: false,
    maxMinions: 0,
    autosignFile: undefined,
    autorejectFile: undefined,
    autosignGrainsDir: undefined,
    autosignTimeout: 120,
    permissivePkiAccess: false,
    authEvents: true,
  });
});

test('paths are put below root_dir, once', () => {
  const settings = master(
    'root_dir: /r\npki_dir: /r/keys\ncachedir: c\nautosign_file: /sign\nid: m1\nuser: salt\nopen_mode: yes\n',
  );
  assert.equal(settings.pkiDir, '/r/keys');
  assert.equal(settings.cachedir, '/r/c');
  assert.equal(settings.autosignFile, '/r/sign');
  assert.equal(settings.masterId, 'm1');
  assert.equal(settings.user, 'salt');
  assert.equal(settings.openMode, true);
  const config = loadSaltConfig({
    node: 'minion',
    configDir: '/c',
    system: system({ '/c/minion': 'pki_dir: /p\nhash_type: md5\n' }),
  });
  assert.deepEqual(minionKeySettings(config), { pkiDir: '/p', hashType: 'md5' });
});

test('what does not fit is named with its place', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['id: m\nauto_accept: maybe\n', /\/c\/master:2: auto_accept is "maybe", and must be True or False/],
    ['max_minions: -1\n', /\/c\/master:1: max_minions is -1/],
    ['keysize: 512\n', /keysize is 512, and must be a whole number from 2048/],
    ['pki_dir: [a]\n', /pki_dir is \["a"\], and must be text/],
    ['keys.cache_driver: mmap_key\n', /mmap_key/],
    ['cluster_id: c\n', /cluster/],
  ];
  for (const [text, message] of bad) {
    assert.throws(() => master(text), { code: 'ERR_SALTBUS_CONFIG', message });
  }
  assert.equal(master('keys.cache_driver: localfs_key\ncluster_id:\n').keysize, 2048);
});
