/** The masters of a minion, and what it takes to sign in to them, from its configuration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directSettings, loadSaltConfig } from '../../../src/config/index.ts';
import type { DirectSettings } from '../../../src/config/index.ts';

function settings(text: string, id?: string): DirectSettings {
  const files: Readonly<Record<string, string>> = { '/c/minion': text };
  const system = {
    env: {},
    hostname: 'host',
    home: '/home/me',
    readFile: (path: string) => files[path],
    list: () => [],
  };
  return directSettings(loadSaltConfig({ node: 'minion', configDir: '/c', system }), { id });
}

test('without any option: Salt’s defaults', () => {
  assert.deepEqual(settings(''), {
    id: 'host',
    masters: { use: 'each', addresses: [{ host: 'salt', port: 4506 }], localAddress: undefined },
    privateKeyFile: '/etc/salt/pki/minion/minion.pem',
    masterKeyFile: '/etc/salt/pki/minion/minion_master.pub',
    masterSignKeyFile: undefined,
    masterFinger: undefined,
    hashType: 'sha256',
    openMode: false,
    encryptionAlgorithm: 'OAEP-SHA1',
    signingAlgorithm: 'PKCS1v15-SHA1',
    user: undefined,
    maxEventSize: 1024 * 1024,
    source: '/c/minion',
  });
});

test('what is configured', () => {
  const found = settings(
    'id: web01\npki_dir: /p\nuser: salt\nverify_master_pubkey_sign: True\nmaster_sign_key_name: signer\nmaster_finger: aa:bb\n' +
      'encryption_algorithm: OAEP-SHA224\nsigning_algorithm: PKCS1v15-SHA224\nmax_event_size: 2048\nsource_address: 192.0.2.7\n',
  );
  assert.equal(found.id, 'web01');
  assert.equal(found.privateKeyFile, '/p/minion.pem');
  assert.equal(found.masterSignKeyFile, '/p/signer.pub');
  assert.equal(found.masterFinger, 'aa:bb');
  assert.equal(found.encryptionAlgorithm, 'OAEP-SHA224');
  assert.equal(found.signingAlgorithm, 'PKCS1v15-SHA224');
  assert.equal(found.user, 'salt');
  assert.equal(found.maxEventSize, 2048);
  assert.equal(found.masters.localAddress, '192.0.2.7');
  assert.equal(settings('id: web01\n', 'other').id, 'other');
});

test('addresses in every form that Salt reads', () => {
  const addresses = (master: string): unknown =>
    settings(`master_port: 5506\nmaster: ${master}\n`).masters.addresses.map(({ host, port }) => [
      host,
      port,
    ]);
  assert.deepEqual(addresses('10.0.0.1'), [['10.0.0.1', 5506]]);
  assert.deepEqual(addresses('10.0.0.1:4600'), [['10.0.0.1', 4600]]);
  assert.deepEqual(addresses('salt.example.org:4600'), [['salt.example.org', 4600]]);
  assert.deepEqual(addresses("'[2001:db8::1]:4600'"), [['2001:db8::1', 4600]]);
  assert.deepEqual(addresses("'[::1]'"), [['::1', 5506]]);
  assert.deepEqual(addresses("'fe80::a00:27ff:fedc:ba98'"), [['fe80::a00:27ff:fedc:ba98', 5506]]);
  assert.deepEqual(addresses("'::ffff:10.0.0.1'"), [['::ffff:10.0.0.1', 5506]]);
  assert.deepEqual(addresses("[a, 'b:1']"), [
    ['a', 5506],
    ['b', 1],
  ]);
});

test('lists, and one after the other', () => {
  assert.equal(settings('master: [a, b]\n').masters.use, 'each');
  assert.equal(settings('master: [a, b]\nmaster_type: failover\n').masters.use, 'first');
  assert.equal(settings('master: [a, b]\nmaster_type: distributed\n').masters.use, 'first');
});

test('what makes no sense names file, line and key', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['master: "a b"\n', /^\/c\/minion:1: master holds "a b", which is no name or address/],
    ['master: "a:0"\n', /^\/c\/minion:1: master holds "a:0"/],
    ['master: "a:70000"\n', /^\/c\/minion:1: master holds "a:70000"/],
    ['master: "[::1"\n', /^\/c\/minion:1: master holds/],
    ['id: x\nmaster: []\n', /^\/c\/minion:2: master is \[\], and must be/],
    ['master: 7\n', /^\/c\/minion:1: master is 7, and must be/],
    ['master_port: no\n', /^\/c\/minion:1: master_port is/],
    [
      'master_type: disable\n',
      /^\/c\/minion:1: master_type is "disable", and must be str, failover or distributed/,
    ],
    [
      'master_type: func\n',
      /^\/c\/minion:1: master_type is "func", and must be str, failover or distributed/,
    ],
    ['master_type: constructor\n', /^\/c\/minion:1: master_type is "constructor", and must be/],
    ['file_client: local\n', /^\/c\/minion:1: file_client is local: this minion works without a master$/],
    ['transport: tcp\n', /^\/c\/minion:1: transport is "tcp", and must be zeromq/],
    ['verify_master_pubkey_sign: yes please\n', /^\/c\/minion:1: verify_master_pubkey_sign is/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(() => settings(text), { code: 'ERR_SALTBUS_CONFIG', message }, text);
  }
  assert.equal(settings('file_client: local\nuse_master_when_local: True\n').id, 'host');
});
