/** Keys and their directories, worked on by real Salt and by us in turn. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Keyring, keyFinger, minionLocalKeys } from '../../src/client/keys.ts';
import { cleanPem, textFingerprint } from '../../src/codec/rsa/pem.ts';
import { loadSaltConfig, masterKeySettings } from '../../src/config/index.ts';
import { openMasterKeys } from '../../src/daemon/master/keys/index.ts';
import type { MasterKeys } from '../../src/daemon/master/keys/index.ts';
import { publicPem } from '../helpers/keys.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { interop, saltCommand, startOwnPair } from './helpers.ts';

const LIMIT = { timeout: 180_000 };

type Listing = Readonly<Record<string, readonly string[]>>;
type Fingers = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A configuration of a master, and its `salt-key`. */
function place(t: TestContext): { folder: string; saltKey: (...args: string[]) => string } {
  const folder = temporaryFolder(t);
  const config = {
    root_dir: folder,
    pki_dir: join(folder, 'pki'),
    cachedir: join(folder, 'c'),
    sock_dir: join(folder, 's'),
    log_file: join(folder, 'log'),
    user: userInfo().username,
    id: 'm1',
  };
  writeFileSync(join(folder, 'master'), JSON.stringify(config));
  mkdirSync(config.cachedir);
  return { folder, saltKey: (...args) => runSaltKey(folder, args) };
}

function runSaltKey(configDir: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(saltCommand('salt-key'), ['-c', configDir, ...args], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONWARNINGS: 'ignore' },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

const nobody = { count: () => 0, has: () => false };

async function openKeys(t: TestContext, configDir: string, onRotate?: () => void): Promise<MasterKeys> {
  const settings = masterKeySettings(loadSaltConfig({ node: 'master', configDir }));
  const keys = await openMasterKeys({
    settings,
    connected: nobody,
    ...(onRotate === undefined ? {} : { onRotate }),
  });
  t.after(() => keys.close());
  return keys;
}

function changeOf(keys: MasterKeys, id: string): { readonly seen: Promise<string> } {
  const seen = new Promise<string>((resolve) => {
    // The watch alone keeps no process alive.
    const alive = setInterval(() => undefined, 60_000);
    const end = keys.store.onChange((change) => {
      if (change.id !== id) return;
      end();
      clearInterval(alive);
      resolve(`${change.previous ?? '-'} -> ${change.state}`);
    });
  });
  return { seen };
}

test('salt-key lists, accepts, rejects and deletes what our master has written', LIMIT, async (t) => {
  const { folder, saltKey } = place(t);
  let rotations = 0;
  const keys = await openKeys(t, folder, () => (rotations += 1));
  for (const id of ['a', 'B', 'c.example.com', 'd']) {
    assert.equal(keys.signIn({ id, pub: publicPem() }).reply, 'pending');
  }
  assert.equal(keys.signIn({ id: 'd', pub: publicPem(1) }).reply, 'refused');
  const listed = JSON.parse(saltKey('-L', '--out', 'json')) as Listing;
  assert.deepEqual(listed, {
    minions: [],
    minions_pre: ['a', 'B', 'c.example.com', 'd'],
    minions_rejected: [],
    minions_denied: ['d'],
  });
  const accepted = changeOf(keys, 'a');
  saltKey('-a', 'a', '-y');
  assert.equal(await accepted.seen, 'pending -> accepted');
  assert.equal(keys.signIn({ id: 'a', pub: publicPem() }).reply, 'accept');
  const rejected = changeOf(keys, 'B');
  saltKey('-r', 'B', '-y');
  assert.equal(await rejected.seen, 'pending -> rejected');
  assert.equal(keys.signIn({ id: 'B', pub: publicPem() }).reply, 'refused');
  const deleted = changeOf(keys, 'a');
  saltKey('-d', 'a', '-y');
  assert.equal(await deleted.seen, 'accepted -> deleted');
  await keys.refresh();
  assert.ok(rotations >= 1, 'salt-key asked for a new publish key');
  assert.equal(existsSync(join(folder, 'c', '.dfn')), false);
  assert.equal(keys.signIn({ id: 'a', pub: publicPem() }).reply, 'pending');
});

test('ours lists, accepts, rejects and deletes, and salt-key sees the same', LIMIT, (t) => {
  const { folder, saltKey } = place(t);
  mkdirSync(join(folder, 'pki', 'minions_pre'), { recursive: true });
  for (const id of ['x', 'Y', 'z']) writeFileSync(join(folder, 'pki', 'minions_pre', id), publicPem());
  const ring = new Keyring({ configDir: folder });
  assert.equal(ring.accept(ring.match(['x', 'Y'], ['pending'])).done.length, 2);
  assert.equal(ring.reject(ring.match(['z'], ['pending'])).rotation, true);
  assert.deepEqual(JSON.parse(saltKey('-L', '--out', 'json')), {
    minions: ['x', 'Y'],
    minions_pre: [],
    minions_rejected: ['z'],
    minions_denied: [],
  });
  ring.delete(ring.match(['*']));
  assert.deepEqual(JSON.parse(saltKey('-l', 'acc', '--out', 'json')), { minions: [] });
  assert.deepEqual(ring.list(), { accepted: [], pending: [], rejected: [], denied: [] });
});

test('fingerprints are those of Salt', LIMIT, async (t) => {
  const { folder, saltKey } = place(t);
  const keys = await openKeys(t, folder);
  for (const id of ['a', 'b']) keys.signIn({ id, pub: publicPem() });
  const salt = JSON.parse(saltKey('-F', '--out', 'json')) as Fingers;
  const ring = new Keyring({ configDir: folder });
  const own = ring.localKeys()[0]?.pem ?? '';
  const pending = ring.read({ id: 'a', state: 'pending' });
  // salt-key of 3008 hashes the whole text of a file; what minions compare with master_finger stayed as it was.
  const isText = interop().release.startsWith('3008.');
  const finger = (pem: string): string => (isText ? textFingerprint(pem) : keyFinger(pem, ring.hashType));
  assert.deepEqual(salt['minions_pre'], { a: finger(pending), b: finger(pending) });
  const names = Object.keys(salt['local'] ?? {}).filter((name) => name.endsWith('.pub'));
  assert.equal(names.length, 1);
  assert.equal(salt['local']?.[names[0] ?? ''], finger(own));

  const { minionConfigDir } = interop();
  const { stdout, stderr } = spawnSync(
    saltCommand('salt-call'),
    ['-c', minionConfigDir, '--local', 'key.finger', '--out', 'json'],
    { encoding: 'utf8', env: { ...process.env, PYTHONWARNINGS: 'ignore' } },
  );
  assert.notEqual(stdout, '', stderr);
  const { keys: local, hashType } = minionLocalKeys({ configDir: minionConfigDir });
  const minion = local.find(({ name }) => name === 'minion.pub')?.pem ?? '';
  assert.deepEqual(JSON.parse(stdout), { local: keyFinger(minion, hashType) });
});

test('a real master’s directory is taken over and given back', LIMIT, async (t) => {
  const { folder } = place(t);
  const pki = join(folder, 'pki');
  cpSync(join(interop().masterConfigDir, 'pki'), pki, { recursive: true, verbatimSymlinks: true });
  const real = cleanPem(readFileSync(join(interop().masterConfigDir, 'pki', 'master.pub'), 'utf8'));
  // 3008's links name the directory they were made in; there, not here, the key is
  if (!lstatSync(join(pki, 'master.pem')).isSymbolicLink()) {
    const keys = await openKeys(t, folder);
    assert.equal(keys.own.created, false);
    assert.equal(keys.own.publicPem, real);
    assert.equal(keys.store.find(interop().minionId)?.state, 'accepted');
    assert.equal(keys.store.acceptedKey(interop().minionId)?.asymmetricKeyType, 'rsa');
  }

  const own = join(folder, 'own');
  const config = JSON.parse(readFileSync(join(folder, 'master'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(folder, 'master'), JSON.stringify({ ...config, pki_dir: own }));
  const first = await openKeys(t, folder);
  const { publicPem: madeByUs } = first.own;
  for (const id of ['kept', 'waiting']) first.signIn({ id, pub: publicPem() });
  await first.close();
  const ring = new Keyring({ configDir: folder });
  ring.accept(ring.match(['kept'], ['pending']));

  const salt = await startOwnPair(t, {
    minion: false,
    extraMasterConfig: { root_dir: '/', pki_dir: own, auto_accept: false },
  });
  const listed = JSON.parse(runSaltKey(salt.masterConfigDir, ['-L', '--out', 'json'])) as Listing;
  assert.deepEqual(listed['minions'], ['kept']);
  assert.deepEqual(listed['minions_pre'], ['waiting']);
  assert.equal(cleanPem(readFileSync(join(own, 'master.pub'), 'utf8')), madeByUs);
  await salt.stopMaster();

  // The master has an id of its own there, after which 3008 names the files.
  const back = await openKeys(t, folder);
  assert.equal(back.own.created, false);
  assert.equal(back.own.publicPem, madeByUs);
  assert.equal(back.store.find('kept')?.state, 'accepted');
  assert.equal(lstatSync(back.own.path).mode & 0o777, 0o400);
});
