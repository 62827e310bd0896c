import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSaltConfig, masterSettings } from '../../../src/config/index.ts';
import type { MasterSettings } from '../../../src/config/index.ts';
import { fakeSystem } from '../doctor/fake-system.ts';

function read(text: string): MasterSettings {
  const files = { '/etc/salt/master': text };
  return masterSettings(loadSaltConfig({ node: 'master', system: fakeSystem({ files }) }));
}

test('the defaults are those of Salt', () => {
  const { keys, nodegroups, ...settings } = read('');
  assert.equal(keys.autoAccept, false);
  assert.deepEqual(Object.keys(nodegroups), []);
  assert.deepEqual(settings, {
    interface: '0.0.0.0',
    retPort: 4506,
    publishPort: 4505,
    pubHwm: 1000,
    zmqBacklog: 1000,
    keepAliveMs: 300_000,
    heartbeat: { intervalMs: 10_000, timeoutMs: 30_000 },
    zmqFiltering: false,
    signPubMessages: true,
    publishSigningAlgorithm: 'PKCS1v15-SHA1',
    publishSessionMs: 86_400_000,
    minimumAuthVersion: 3,
    requestServerTtl: 0,
    presenceEvents: false,
    loopIntervalMs: 60_000,
    minionDataCache: true,
    minionDataCacheEvents: true,
    preserveMinionCache: false,
    fileRoots: new Map([['base', ['/srv/salt', '/srv/spm/salt']]]),
    fileBufferSize: 1024 * 1024,
    fileIgnoreGlobs: [],
    fileIgnoreRegexes: [],
    followSymlinks: true,
    ignoreSymlinks: false,
    fileListCacheMs: 20_000,
    masterSignPubkey: false,
    masterSignKeyName: 'master_sign',
    masterPubkeySignature: undefined,
    jobCache: true,
    keepJobsMs: 86_400_000,
    publisherAcl: new Map(),
    publisherAclBlacklist: { users: [], modules: [] },
    sudoAcl: false,
    pingOnRotate: false,
    allowMinionKeyRevoke: true,
    mineAccess: undefined,
    forMinions: new Map(),
    pillarFolder: undefined,
    maxPending: 10_000,
    maxJobs: 10_000,
    maxSignIns: 1000,
    maxConnections: 20_000,
    maxConnectionsPerAddress: 10_000,
    newMinionsPerSecond: 100,
    eventRules: [],
    stampSender: true,
  });
});

test('what is configured', () => {
  const settings = read(`
tcp_keepalive: False
zmq_heartbeat_ivl: 0
publish_session: 0
publish_signing_algorithm: PKCS1v15-SHA224
master_use_pubkey_signature: True
file_roots:
  base: [/a, /b]
  dev: [/c]
nodegroups:
  one: L@web1
  two: [L@web1, or, 'db*']
mine_get:
  '.*': ['test.*']
state_top: other.sls
saltbus:
  pillar_folder: /srv/pillar
  stamp_sender: False
  minion_event_acl:
    - minions: web*
      tags: ['myco/{id}/*', myco/all]
      may: fire
    - {minions: ['*'], tags: myco/*, may: not-fire}
`);
  assert.deepEqual(settings.eventRules, [
    { minions: ['web*'], tags: ['myco/{id}/*', 'myco/all'], may: 'fire' },
    { minions: ['*'], tags: ['myco/*'], may: 'not-fire' },
  ]);
  assert.equal(settings.stampSender, false);
  assert.equal(settings.keepAliveMs, 0);
  assert.equal(settings.heartbeat, undefined);
  assert.equal(settings.publishSessionMs, undefined);
  assert.equal(settings.publishSigningAlgorithm, 'PKCS1v15-SHA224');
  assert.equal(settings.masterPubkeySignature, 'master_pubkey_signature');
  assert.deepEqual([...settings.fileRoots.keys()], ['base', 'dev']);
  assert.deepEqual({ ...settings.nodegroups }, { one: 'L@web1', two: ['L@web1', 'or', 'db*'] });
  assert.deepEqual(settings.mineAccess, new Map([['.*', ['test.*']]]));
  assert.deepEqual([...settings.forMinions.keys()], ['state_top', 'nodegroups']);
  assert.equal(settings.pillarFolder, '/srv/pillar');
  assert.equal(read('tcp_keepalive_idle: -1').keepAliveMs, 300_000);
  assert.deepEqual(read('zmq_heartbeat_timeout: 0').heartbeat, { intervalMs: 10_000, timeoutMs: 10_000 });
});

test('what makes no sense names file, line and key', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['id: m\nret_port: 70000', /^\/etc\/salt\/master:2: ret_port is 70000, and must be/],
    ['id: m\nret_port: 4505', /^\/etc\/salt\/master:2: ret_port and publish_port are both 4505$/],
    ['publish_port: 4506', /^\/etc\/salt\/master:1: ret_port and publish_port are both 4506$/],
    ['file_roots: [/srv]', /master:1: file_roots is .* a map of environments to lists of folders/],
    ['file_roots:\n  base: /srv', /master:1: file_roots .* a map of environments to lists of folders/],
    ['nodegroups:\n  a: 7', /nodegroups .* a map of names to targets, as text or as lists of texts/],
    ['publisher_acl:\n  ann: test.ping', /publisher_acl .* a map of users to lists of rules/],
    ['publisher_acl_blacklist:\n  users: {}', /publisher_acl_blacklist .* lists of users and modules/],
    ['nodegroups: x', /nodegroups is "x"/],
    ['mine_get:\n  a: b', /mine_get .* a map of ids to lists of functions/],
    ['saltbus:\n  minion_event_acl: x', /minion_event_acl is "x", and must be a list of at most 1000 maps/],
    ['saltbus:\n  minion_event_acl: [{minions: a, tags: b}]', /a list of maps with minions, tags, and may$/],
    ['saltbus:\n  minion_event_acl: [{minion: a, tags: b, may: fire}]', /whose minions and tags are globs/],
    ['saltbus:\n  minion_event_acl: [{minions: [], tags: b, may: fire}]', /whose minions and tags are globs/],
    ['saltbus:\n  minion_event_acl: [{minions: a, tags: b, may: maybe}]', /may is 'fire' or 'not-fire'$/],
    ['publish_signing_algorithm: MD5', /PKCS1v15-SHA1 or PKCS1v15-SHA224/],
  ];
  for (const [text, message] of bad)
    assert.throws(() => read(text), { code: 'ERR_SALTBUS_CONFIG', message }, text);
});
