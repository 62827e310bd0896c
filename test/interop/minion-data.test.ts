/** What we keep of a minion in files, a real master of the release finds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { MinionMaps } from '../../src/daemon/master/pillar/minion-maps.ts';
import { SaltCache } from '../../src/daemon/master/pillar/salt-cache.ts';
import type { SaltCacheBank } from '../../src/daemon/master/pillar/salt-cache.ts';
import { load } from '../helpers/loads.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { interop } from './helpers.ts';

test('grains and mine', async (t) => {
  const { python, release } = interop();
  const folder = temporaryFolder(t);
  const layout = release.startsWith('3008') ? 'banks' : 'minions';
  const cache = new SaltCache(folder, [layout]);
  const store = async (bank: SaltCacheBank, data: ReturnType<typeof load>): Promise<void> => {
    const maps = new MinionMaps({}, { cache, bank, onProblem: (error) => assert.ifError(error) });
    maps.set('web1.example', data);
    await maps.flushed();
  };
  await store(
    'grains',
    load({ id: 'web1.example', os: 'Dübian', n: [1, { x: null }], long: 'x'.repeat(300) }),
  );
  await store('mine', load({ 'network.ip_addrs': ['10.0.0.1'] }));
  const script = new URL('./python/minion_data.py', import.meta.url).pathname;
  const mineKey = layout === 'banks' ? ['mine', 'web1.example'] : ['minions/web1.example', 'mine'];
  const { stdout, stderr } = spawnSync(python, [script, folder, 'web1.example', ...mineKey], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' },
  });
  assert.notEqual(stdout, '', stderr);
  assert.deepEqual(JSON.parse(stdout), {
    grains: { id: 'web1.example', os: 'Dübian', n: [1, { x: null }], long: 'x'.repeat(300) },
    mine: { 'network.ip_addrs': ['10.0.0.1'] },
  });
});
