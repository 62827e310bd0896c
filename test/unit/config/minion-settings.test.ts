import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSaltConfig } from '../../../src/config/salt-config.ts';
import { parseMaster } from '../../../src/config/masters.ts';
import { maxJobs, minionSettings } from '../../../src/config/minion-settings.ts';
import type { SaltConfig } from '../../../src/config/salt-config.ts';
import type { MinionSettings } from '../../../src/config/minion-settings.ts';

function config(text: string): SaltConfig {
  const files: Readonly<Record<string, string>> = { '/etc/salt/minion': text };
  return loadSaltConfig({
    node: 'minion',
    configDir: '/etc/salt',
    system: {
      env: {},
      hostname: 'host',
      home: '/root',
      readFile: (path) => files[path],
      list: () => [],
      addresses: (name) => (name === 'eth0' ? ['fd00::2', '192.0.2.2'] : []),
    },
  });
}

const settings = (text: string): MinionSettings => minionSettings(config(text));

test('without a word of the configuration, the defaults of Salt', () => {
  const found = settings('id: web1\n');
  assert.deepEqual(found, {
    id: 'web1',
    masters: [{ host: 'salt', port: 4506 }],
    mastersAre: 'all',
    publishPort: undefined,
    sourceAddress: undefined,
    sourceRetPort: 0,
    sourcePublishPort: 0,
    keepAliveMs: 300_000,
    reconnect: { initialMs: 1000, maxMs: 10_000 },
    pkiDir: '/etc/salt/pki/minion',
    keysize: 2048,
    hashType: 'sha256',
    signIn: {
      encryptionAlgorithm: 'OAEP-SHA1',
      signingAlgorithm: 'PKCS1v15-SHA1',
      masterFinger: '',
      isMasterSigned: false,
      masterSignKeyName: 'master_sign',
      openMode: false,
      authTimeoutMs: 5000,
      authTries: 7,
      authSafemode: false,
      authRetries: 0,
      acceptanceWaitMs: 10_000,
      acceptanceWaitMaxMs: 0,
      rejectedRetry: false,
    },
    isSignatureRequired: false,
    isFiltering: false,
    requestTimeoutMs: 60_000,
    requestTries: 3,
    returnRetryMs: { least: 5000, most: 10_000 },
    returnTries: 3,
    pingIntervalMs: 0,
    aliveIntervalMs: 0,
    failbackIntervalMs: 0,
    masterTries: -1,
    jidMemory: 100,
    startEventGrains: [],
    hasLegacyStartEvent: true,
    autosignGrains: [],
    saltenv: null,
    pillarenv: null,
    isMultifuncOrdered: false,
    grains: new Map(),
    grainsFile: '/etc/salt/grains',
  });
  assert.equal(maxJobs(config('')), 100);
});

test('what a stock configuration may say', () => {
  const found = settings(
    [
      'id: web1',
      'master: [salt1, "salt2:4606"]',
      'master_type: failover',
      'master_failback: True',
      'master_failback_interval: 30',
      'publish_port: 4515',
      'source_interface_name: eth0',
      'tcp_keepalive: False',
      'ping_interval: 2',
      'acceptance_wait_time: 0.5',
      'master_alive_interval: 15',
      'enable_legacy_startup_events: False',
      'start_event_grains: [os]',
      'grains: {role: web}',
      'process_count_max: 4',
    ].join('\n'),
  );
  assert.deepEqual(found.masters, [
    { host: 'salt1', port: 4506 },
    { host: 'salt2', port: 4606 },
  ]);
  const {
    mastersAre,
    failbackIntervalMs,
    publishPort,
    sourceAddress,
    keepAliveMs,
    pingIntervalMs,
    aliveIntervalMs,
  } = found;
  assert.deepEqual(
    [
      mastersAre,
      failbackIntervalMs,
      publishPort,
      sourceAddress,
      keepAliveMs,
      pingIntervalMs,
      aliveIntervalMs,
    ],
    ['failover', 30_000, 4515, '192.0.2.2', 0, 120_000, 15_000],
  );
  assert.deepEqual(
    [found.signIn.acceptanceWaitMs, found.hasLegacyStartEvent, found.startEventGrains],
    [500, false, ['os']],
  );
  assert.deepEqual(found.grains, new Map([['role', 'web']]));
  assert.equal(maxJobs(config('process_count_max: 4\n')), 4);
});

test('how a master may be written', () => {
  const at = (text: string): unknown => parseMaster(text, 4506);
  assert.deepEqual(at('salt.example.com'), { host: 'salt.example.com', port: 4506 });
  assert.deepEqual(at('192.0.2.1:4606'), { host: '192.0.2.1', port: 4606 });
  assert.deepEqual(at('2001:db8::1'), { host: '2001:db8::1', port: 4506 });
  assert.deepEqual(at('[2001:db8::1]:4606'), { host: '2001:db8::1', port: 4606 });
  for (const text of ['a b', 'tcp://salt:4506', 'salt:0', 'salt:70000', '[salt]:1', 'a/b', ':4506'])
    assert.equal(at(text), undefined, text);
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  [
    'id: web1\nmaster: "tcp://salt"\n',
    /^\/etc\/salt\/minion:2: master holds "tcp:\/\/salt", which is no name or address/,
  ],
  ['master: []\n', /^\/etc\/salt\/minion:1: master is \[\], and must be a name or address/],
  ['master_type: func\n', /^\/etc\/salt\/minion:1: master_type is "func", and must be str or failover/],
  ['transport: tcp\n', /^\/etc\/salt\/minion:1: transport is "tcp", and must be zeromq/],
  ['auth_tries: many\n', /^\/etc\/salt\/minion:1: auth_tries is "many", and must be a whole number/],
  [
    'source_interface_name: eth7\n',
    /^\/etc\/salt\/minion:1: source_interface_name is "eth7", and no such interface has an address/,
  ],
];

test('an id in a file that can be no id is named with its place', () => {
  for (const id of ['a/b', '.hidden', 'x'.repeat(256)])
    assert.throws(() => settings(`hash_type: sha256\nid: ${id}`), {
      code: 'ERR_SALTBUS_CONFIG',
      message: /^\/etc\/salt\/minion:2: id is "[^"]+", which can be no id of a minion$/,
    });
});

test('what makes no sense, or is not done here, is named with its file and line', () => {
  for (const [text, message] of WRONG)
    assert.throws(() => settings(text), { code: 'ERR_SALTBUS_CONFIG', message });
});
