import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveConfig, loadSaltConfig, originText } from '../../../src/config/index.ts';
import type { EffectiveConfig, EffectiveValue } from '../../../src/config/index.ts';
import { isSecretName, withoutSecrets } from '../../../src/config/secrets.ts';
import { fakeSystem } from '../doctor/fake-system.ts';

function effective(
  files: Readonly<Record<string, string>>,
  overrides = {},
  env: NodeJS.ProcessEnv = {},
  node: 'minion' | 'master' = 'minion',
): EffectiveConfig {
  return effectiveConfig(loadSaltConfig({ node, system: fakeSystem({ files, env }) }), overrides);
}

function valueOf({ values }: EffectiveConfig, name: string): EffectiveValue {
  const found = values.find((value) => value.name === name);
  assert.notEqual(found, undefined, name);
  return found as EffectiveValue;
}

test('each value says where it comes from: default, file and line, flag, environment, what it is made of', () => {
  const config = effective(
    { '/x/minion': 'id: web01\n\nfile_client: local\n', '/x/minion.d/a.conf': 'hash_type: md5\n' },
    { sockDir: '/s' },
    { SALT_CONFIG_DIR: '/x' },
  );
  const origins = Object.fromEntries(config.values.map(({ name, origin }) => [name, originText(origin)]));
  assert.equal(origins['conf_file'], 'SALT_CONFIG_DIR in the environment');
  assert.equal(origins['id'], '/x/minion:1');
  assert.equal(origins['hash_type'], '/x/minion.d/a.conf:1');
  assert.equal(origins['sock_dir'], '--sock-dir');
  assert.equal(origins['max_event_size'], 'default');
  assert.equal(origins['pub_socket'], 'from sock_dir, id and hash_type');
  assert.equal(origins['file_client'], '/x/minion:3', 'what saltbus does not use is shown too');
  assert.equal(valueOf(config, 'pub_socket').value, '/s/minion_event_2f527604e1_pub.ipc');
});

test('defaults by node', () => {
  const master = effective({}, {}, {}, 'master');
  assert.equal(valueOf(master, 'sock_dir').value, '/var/run/salt/master');
  assert.equal(valueOf(master, 'default_include').value, 'master.d/*.conf');
  assert.equal(valueOf(master, 'tcp_master_pub_port').value, 4512);
  assert.equal(
    master.values.some(({ name }) => name === 'id' || name === 'tcp_pub_port'),
    false,
  );
  const minion = effective({});
  assert.equal(valueOf(minion, 'id').value, 'host');
  assert.equal(originText(valueOf(minion, 'id').origin), 'from the names of this host');
});

test('a sock_dir that moves says why', () => {
  const moved = effective({ '/etc/salt/minion': `id: a\ncachedir: /c\nsock_dir: /${'x'.repeat(30)}` });
  assert.equal(valueOf(moved, 'sock_dir').value, '/c/.salt-unix');
  assert.match(valueOf(moved, 'sock_dir').note ?? '', /uses \.salt-unix below cachedir/);
  const below = effective({ '/etc/salt/minion': 'id: a\nroot_dir: /r\nsock_dir: /s' });
  assert.equal(valueOf(below, 'sock_dir').value, '/r/s');
  assert.equal(valueOf(below, 'sock_dir').note, 'root_dir /r was put before /s');
});

test('a value that makes no sense is told, and the others are shown', () => {
  const { values, errors } = effective({
    '/etc/salt/minion': 'id: a\nsock_dir: [x]\nmax_event_size: lots\nhash_type: md5',
  });
  assert.deepEqual(
    errors.map(({ message }) => message),
    [
      '/etc/salt/minion:2: sock_dir is ["x"], and must be text',
      '/etc/salt/minion:3: max_event_size is "lots", and must be a whole number from 1 to 9007199254740991',
    ],
  );
  assert.equal(values.find(({ name }) => name === 'hash_type')?.value, 'md5');
});

test('secrets are masked by name, at any depth, in addresses, and as keys', () => {
  const secret = [
    'mysql.pass',
    'etcd.password',
    'sharedsecret',
    'token',
    'gitfs_password',
    'dbpass',
    'aws.key',
    'vault.api_key',
    'github_token',
    'private',
  ];
  for (const name of secret) assert.equal(isSecretName(name), true, name);
  const plain = [
    'hash_type',
    'keysize',
    'pki_dir',
    'token_expire',
    'key_logfile',
    'passive',
    'bypass_x',
    'id',
  ];
  for (const name of plain) assert.equal(isSecretName(name), false, name);
  assert.equal(withoutSecrets('mysql.pass', 12345), '***');
  assert.equal(withoutSecrets('keep_token', true), true, 'whether a thing is on is no secret');
  assert.deepEqual(
    withoutSecrets('ext_pillar', [
      new Map<string, unknown>([
        [
          'db',
          new Map([
            ['password', 'x'],
            ['user', 'u'],
          ]),
        ],
      ]),
    ]),
    [
      new Map([
        [
          'db',
          new Map([
            ['password', '***'],
            ['user', 'u'],
          ]),
        ],
      ]),
    ],
  );
  assert.equal(
    withoutSecrets('proxy', 'https://u:pw@host/p?token=abc&x=1'),
    'https://u:***@host/p?token=***&x=1',
  );
  assert.equal(withoutSecrets('x', '-----BEGIN RSA PRIVATE KEY-----\nabc'), '***');
});
