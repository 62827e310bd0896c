import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSaltConfig, runSettings } from '../../../src/config/index.ts';
import type { RunSettings } from '../../../src/config/index.ts';
import { fakeSystem } from '../doctor/fake-system.ts';

function read(text: string): RunSettings {
  const system = fakeSystem({ files: { '/etc/salt/master': text } });
  return runSettings(loadSaltConfig({ node: 'master', system }));
}

test('the defaults are those of Salt, and all addresses are reached by loopback', () => {
  const { nodegroups, ...settings } = read('');
  assert.deepEqual(Object.keys(nodegroups), []);
  assert.deepEqual(settings, {
    host: '127.0.0.1',
    port: 4506,
    cachedir: '/var/cache/salt/master',
    user: undefined,
    timeoutMs: 5000,
    gatherJobTimeoutMs: 10_000,
    publishTimeoutMs: 30_000,
    extJobCache: undefined,
    source: '/etc/salt/master',
  });
  assert.equal(read("interface: '::'").host, '::1');
});

test('what is configured', () => {
  const settings = read(`
interface: 10.0.0.5
ret_port: 5506
user: salt
timeout: 1.5
gather_job_timeout: 2
publish_timeout: 3
ext_job_cache: redis
nodegroups:
  web: 'web*'
`);
  const { host, port, user, timeoutMs, gatherJobTimeoutMs, publishTimeoutMs, extJobCache, nodegroups } =
    settings;
  assert.deepEqual([host, port, user, extJobCache], ['10.0.0.5', 5506, 'salt', 'redis']);
  assert.deepEqual([timeoutMs, gatherJobTimeoutMs, publishTimeoutMs], [1500, 2000, 3000]);
  assert.deepEqual({ ...nodegroups }, { web: 'web*' });
  assert.throws(() => read('timeout: soon'), { code: 'ERR_SALTBUS_CONFIG' });
});
