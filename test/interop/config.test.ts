/** The event bus is where Salt itself would look for it, for a set of configuration directories. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { busAddress, loadSaltConfig } from '../../src/config/index.ts';
import type { BusAddress } from '../../src/config/index.ts';
import { CONFIG_TREES } from '../helpers/config-trees.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { interop } from './helpers.ts';

interface SaltSays {
  readonly id: string;
  readonly sock_dir: string;
  readonly hash_type: string;
  readonly ipc_mode: string;
  readonly max_event_size: number;
  readonly tcp_pub_port: number;
  readonly tcp_master_pull_port: number;
}

test('the same socket directory, id, hash, mode and limits as Salt', (t) => {
  const root = temporaryFolder(t);
  const names = Object.keys(CONFIG_TREES);
  const folders = names.map((name, index) => {
    const folder = join(root, String(index));
    mkdirSync(folder);
    for (const [file, text] of Object.entries(CONFIG_TREES[name] ?? {})) {
      const path = join(folder, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    return folder;
  });
  const script = new URL('./python/config.py', import.meta.url).pathname;
  const { stdout, stderr } = spawnSync(interop().python, [script, ...folders], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONWARNINGS: 'ignore' },
  });
  assert.notEqual(stdout, '', stderr);
  const salt = JSON.parse(stdout) as [SaltSays, SaltSays][];
  folders.forEach((folder, index) => {
    const name = names[index] ?? '';
    const [minionSays, masterSays] = salt[index] ?? [];
    assert.ok(minionSays !== undefined && masterSays !== undefined, name);
    const minion = busAddress(loadSaltConfig({ node: 'minion', configDir: folder }));
    const master = busAddress(loadSaltConfig({ node: 'master', configDir: folder }));
    compare(minion, minionSays, name);
    compare(master, masterSays, name);
    if (minionSays.id !== 'guessed' && minion.id !== undefined)
      assert.equal(minion.id.value, minionSays.id, name);
    if (minion.address.kind === 'tcp') assert.equal(minion.address.pubPort, minionSays.tcp_pub_port, name);
    if (master.address.kind === 'tcp')
      assert.equal(master.address.pullPort, masterSays.tcp_master_pull_port, name);
  });
});

function compare(ours: BusAddress, salt: SaltSays, name: string): void {
  const what = `${name}, ${ours.node}`;
  assert.equal(ours.sockDir.value, salt.sock_dir, what);
  assert.equal(ours.hashType.value.toLowerCase(), salt.hash_type.toLowerCase(), what);
  assert.equal(ours.ipcMode.value, salt.ipc_mode, what);
  assert.equal(ours.maxEventSize.value, salt.max_event_size, what);
}
