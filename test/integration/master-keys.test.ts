/** A master's keys on disk: what is taken over, what is written, and what is refused. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { MasterKeySettings } from '../../src/config/index.ts';
import { openMasterKeys } from '../../src/daemon/master/keys/index.ts';
import type { KeyChange, MasterKeys } from '../../src/daemon/master/keys/index.ts';
import { KeyRate } from '../../src/daemon/master/keys/key-rate.ts';
import { onDiagnostics } from '../../src/diagnostics.ts';
import { writeDropFile } from '../../src/pki/index.ts';
import { publicPem } from '../helpers/keys.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LIMIT = { timeout: 60_000 };

function settingsIn(folder: string, more: Partial<MasterKeySettings> = {}): MasterKeySettings {
  return {
    pkiDir: join(folder, 'pki'),
    cachedir: join(folder, 'cache'),
    hashType: 'sha256',
    user: undefined,
    masterId: 'm1_master',
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
    ...more,
  };
}

const nobody = { count: () => 0, has: () => false };

async function openKeys(
  t: TestContext,
  folder: string,
  more: Partial<MasterKeySettings> = {},
  options: { maxPending?: number; newMinionsPerSecond?: number; onRotate?: () => void } = {},
): Promise<MasterKeys> {
  const keys = await openMasterKeys({ settings: settingsIn(folder, more), connected: nobody, ...options });
  t.after(() => keys.close());
  return keys;
}

/** The next changes, as text; rejects with what came when the test ends before. */
function nextChanges(t: TestContext, keys: MasterKeys, count: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    // The watch alone keeps no process alive.
    const alive = setInterval(() => undefined, 60_000);
    t.after(() => {
      clearInterval(alive);
    });
    const end = keys.store.onChange((change) => {
      seen.push(showChange(change));
      if (seen.length < count) return;
      end();
      clearInterval(alive);
      resolve(seen);
    });
    t.signal.addEventListener('abort', () => reject(new Error(`only came: ${seen.join(', ')}`)));
  });
}

function showChange({ id, state, previous, replaced, source }: KeyChange): string {
  return `${id}: ${previous ?? '-'} -> ${state}${replaced ? ' (another key)' : ''} ${source}`;
}

function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o7777).toString(8);
}

function put(folder: string, directory: string, id: string, text = publicPem()): string {
  mkdirSync(join(folder, 'pki', directory), { recursive: true, mode: 0o700 });
  chmodSync(join(folder, 'pki'), 0o700);
  const path = join(folder, 'pki', directory, id);
  writeFileSync(path, text);
  return path;
}

test('the first start makes keys, directories and the secret with the modes of Salt', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const keys = await openKeys(t, folder);
  const pki = join(folder, 'pki');
  assert.deepEqual(readdirSync(pki).sort(), [
    'master.pem',
    'master.pub',
    'minions',
    'minions_autosign',
    'minions_denied',
    'minions_pre',
    'minions_rejected',
  ]);
  assert.equal(modeOf(pki), '700');
  assert.equal(modeOf(join(pki, 'minions_pre')), '700');
  assert.equal(modeOf(join(pki, 'master.pem')), '400');
  assert.equal(modeOf(join(pki, 'master.pub')), '644');
  const pem = readFileSync(join(pki, 'master.pem'), 'utf8');
  assert.match(pem, /^-----BEGIN RSA PRIVATE KEY-----\n/);
  assert.equal(createPrivateKey(pem).asymmetricKeyDetails?.modulusLength, 2048);
  const pub = readFileSync(join(pki, 'master.pub'), 'utf8');
  assert.equal(pub.length, 451);
  assert.equal(keys.own.publicPem, pub.trimEnd());
  assert.equal(createPublicKey(pem).export({ type: 'spki', format: 'pem' }), pub);
  assert.equal(keys.own.created, true);

  const secretFile = [...keys.secrets.paths.values()][0] ?? '';
  const secret = readFileSync(secretFile, 'utf8');
  assert.match(secret, /^[A-Za-z0-9+/]{75}=$/);
  assert.equal(modeOf(secretFile), '600');
  const [user] = keys.secrets.paths.keys();
  assert.equal(keys.secrets.userOf(secret), user);
  for (const wrong of ['', `${secret}=`, secret.slice(1), secret.toLowerCase(), undefined, 7, ['x']]) {
    assert.equal(keys.secrets.userOf(wrong), undefined);
  }

  await keys.close();
  const again = await openKeys(t, folder);
  assert.equal(again.own.created, false);
  assert.equal(again.own.publicPem, keys.own.publicPem);
  assert.equal(again.secrets.userOf(secret), user);
  await again.close();

  chmodSync(secretFile, 0o644);
  const third = await openKeys(t, folder);
  assert.equal(third.secrets.userOf(secret), undefined);
  assert.equal(modeOf(secretFile), '600');
});

test('3008 names the key after the master, and links the old name to it', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const first = await openKeys(t, folder);
  await first.close();
  const pki = join(folder, 'pki');
  for (const end of ['pem', 'pub']) {
    renameSync(join(pki, `master.${end}`), join(pki, `m1.${end}`));
    symlinkSync(join(pki, `m1.${end}`), join(pki, `master.${end}`));
  }
  const byId = await openKeys(t, folder);
  assert.equal(byId.own.publicPem, first.own.publicPem);
  assert.equal(byId.own.path, join(pki, 'm1.pem'));
  await byId.close();
  // a master that was renamed since
  const byLink = await openKeys(t, folder, { masterId: 'other' });
  assert.equal(byLink.own.publicPem, first.own.publicPem);
  assert.equal(byLink.own.created, false);
});

test('unsafe or wrong keys of the master keep it from starting', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  await (await openKeys(t, folder)).close();
  const pki = join(folder, 'pki');
  const pem = join(pki, 'master.pem');
  const good = readFileSync(pem, 'utf8');
  const refused = async (code: string, message: RegExp): Promise<void> => {
    await assert.rejects(openMasterKeys({ settings: settingsIn(folder), connected: nobody }), (error) => {
      const { code: got, message: said, cause } = error as Error & { code: string };
      assert.equal(got, code);
      assert.match(said, message);
      // no part of the key in what is said
      for (const line of good.split('\n').slice(1, -2)) {
        assert.ok(!`${said}${String(cause)}`.includes(line), 'the error shows the key');
      }
      return true;
    });
  };
  for (const mode of [0o444, 0o440, 0o404, 0o640]) {
    chmodSync(pem, mode);
    await refused('ERR_SALTBUS_KEY_UNSAFE', /has mode/);
  }
  chmodSync(pem, 0o400);
  chmodSync(pki, 0o777);
  await refused('ERR_SALTBUS_KEY_UNSAFE', /others may put keys into it/);
  chmodSync(pki, 0o700);

  const write = (path: string, text: string): void => {
    rmSync(path, { force: true });
    writeFileSync(path, text, { mode: 0o400 });
  };
  write(pem, good.slice(0, 700));
  await refused('ERR_SALTBUS_KEY_INVALID', /no private key/);
  write(pem, 'x'.repeat(100_000));
  await refused('ERR_SALTBUS_KEY_INVALID', /larger/);
  write(pem, good.replace('RSA PRIVATE', 'ENCRYPTED PRIVATE'));
  await refused('ERR_SALTBUS_KEY_INVALID', /pass phrase/);
  write(pem, good);
  write(join(pki, 'master.pub'), `${publicPem()}\n`);
  await refused('ERR_SALTBUS_KEY_INVALID', /does not belong/);
  rmSync(join(pki, 'master.pub'));
  write(join(pki, 'm1.pub'), `${publicPem()}\n`);
  rmSync(pem);
  await refused('ERR_SALTBUS_KEY_INVALID', /m1\.pem is gone, and its public half \S+\/m1\.pub is there/);
  renameSync(join(pki, 'm1.pub'), join(pki, 'master.pub'));
  await refused('ERR_SALTBUS_KEY_INVALID', /master\.pem is gone, and its public half \S+\/master\.pub is/);
  assert.equal(existsSync(pem), false, 'no new key is made');
  rmSync(join(pki, 'master.pub'));
  write(pem, good);
  renameSync(pem, join(folder, 'outside.pem'));
  symlinkSync(join(folder, 'outside.pem'), pem);
  await refused('ERR_SALTBUS_KEY_UNSAFE', /outside of/);
  rmSync(pem);
  write(pem, good);
  if (process.geteuid?.() === 0) {
    chownSync(pem, 4242, 4242);
    await refused('ERR_SALTBUS_KEY_UNSAFE', /belongs to user 4242/);
    chownSync(pem, 0, 0);
  }
  const keys = await openKeys(t, folder);
  assert.equal(keys.own.created, false);
  assert.equal(readFileSync(join(pki, 'master.pub'), 'utf8').trimEnd(), keys.own.publicPem);
});

test('a sign-in leaves the files of Salt, and the next start knows them', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const keys = await openKeys(t, folder);
  const pem = publicPem(0);
  const first = keys.signIn({ id: 'web1', pub: `${pem.replaceAll('\n', '\r\n')}\r\n` });
  assert.equal(first.reply, 'pending');
  assert.deepEqual(first.event, { result: true, act: 'pend', id: 'web1', pub: pem });
  const path = join(folder, 'pki', 'minions_pre', 'web1');
  assert.equal(readFileSync(path, 'utf8'), pem);
  assert.equal(modeOf(path), '600');
  assert.equal(keys.signIn({ id: 'web1', pub: publicPem(1) }).reply, 'refused');
  assert.equal(readFileSync(join(folder, 'pki', 'minions_denied', 'web1'), 'utf8'), publicPem(1));

  const accepted = nextChanges(t, keys, 1);
  renameSync(path, join(folder, 'pki', 'minions', 'web1'));
  assert.deepEqual(await accepted, ['web1: pending -> accepted disk']);
  const then = keys.signIn({ id: 'web1', pub: pem });
  assert.equal(then.reply, 'accept');
  assert.equal(then.key, keys.store.acceptedKey('web1'));
  assert.equal(then.key?.asymmetricKeyType, 'rsa');

  const again = await openKeys(t, folder);
  assert.equal(again.store.find('web1')?.state, 'accepted');
  assert.equal(again.store.deniedPem('web1'), publicPem(1));
  assert.equal(again.signIn({ id: 'web1', pub: pem }).reply, 'accept');
});

test('what others change on disk acts within a second', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  put(folder, 'minions', 'a');
  put(folder, 'minions_pre', 'b');
  put(folder, 'minions_pre', 'c');
  const keys = await openKeys(t, folder);
  const at = (directory: string, id: string): string => join(folder, 'pki', directory, id);
  const within = async (act: () => void, expected: string): Promise<void> => {
    const coming = nextChanges(t, keys, 1);
    const started = performance.now();
    act();
    assert.deepEqual(await coming, [expected]);
    const took = performance.now() - started;
    assert.ok(took < 1000, 'it took more than a second');
  };
  await within(() => {
    renameSync(at('minions', 'a'), at('minions_rejected', 'a'));
  }, 'a: accepted -> rejected disk');
  assert.equal(keys.store.acceptedKey('a'), undefined);
  assert.equal(keys.signIn({ id: 'a', pub: publicPem() }).reply, 'refused');
  await within(() => {
    renameSync(at('minions_rejected', 'a'), at('minions', 'a'));
  }, 'a: rejected -> accepted disk');
  await within(() => {
    writeFileSync(at('minions', 'a'), publicPem(1));
  }, 'a: accepted -> accepted (another key) disk');
  assert.equal(keys.signIn({ id: 'a', pub: publicPem(1) }).reply, 'accept');
  await within(() => {
    rmSync(at('minions', 'a'));
  }, 'a: accepted -> deleted disk');
  await within(() => {
    writeFileSync(at('minions_denied', 'b'), publicPem(1));
  }, 'b: - -> denied disk');
  await within(() => {
    rmSync(at('minions_denied', 'b'));
  }, 'b: denied -> deleted disk');
  assert.equal(keys.store.find('b')?.state, 'pending');
  const both = nextChanges(t, keys, 2);
  for (const id of ['b', 'c']) renameSync(at('minions_pre', id), at('minions', id));
  assert.deepEqual((await both).sort(), ['b: pending -> accepted disk', 'c: pending -> accepted disk']);
});

test('hostile files are no keys, and hold up nothing', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const outside = join(folder, 'outside.pub');
  writeFileSync(outside, publicPem());
  put(folder, 'minions', 'good');
  put(folder, 'minions', 'garbage', 'no key at all');
  put(folder, 'minions', 'empty', '');
  put(folder, 'minions', 'huge', 'A'.repeat(5_000_000));
  put(folder, 'minions', '.key_cache', 'xx');
  put(folder, 'minions', 'bad\nname');
  const minions = join(folder, 'pki', 'minions');
  symlinkSync(outside, join(minions, 'link'));
  symlinkSync('/dev/zero', join(minions, 'device'));
  mkdirSync(join(minions, 'directory'));
  assert.equal(spawnSync('mkfifo', [join(minions, 'fifo')]).status, 0);
  const ignored: string[] = [];
  t.after(
    onDiagnostics('saltbus:keys:ignored', ({ path, reason }) => {
      ignored.push(`${path.slice(minions.length + 1)}: ${reason}`);
    }),
  );
  const keys = await openKeys(t, folder);
  assert.deepEqual([...keys.store.ids('accepted')].sort(), ['empty', 'garbage', 'good']);
  assert.deepEqual(ignored.sort(), [
    'bad\nname: its name is no id of a minion',
    'device: it is a symbolic link',
    'directory: it is no regular file',
    'fifo: it is no regular file',
    'huge: it is larger than 16384 bytes',
    'link: it is a symbolic link',
  ]);
  await keys.refresh();
  assert.equal(ignored.length, 6, 'each is told once');
  assert.equal(keys.store.acceptedKey('garbage'), undefined);
  assert.equal(keys.signIn({ id: 'garbage', pub: 'no key at all' }).reply, 'refused');
  assert.equal(keys.signIn({ id: 'empty', pub: '' }).reply, 'refused');
  assert.equal(keys.signIn({ id: 'empty', pub: publicPem() }).event?.act, 'denied');
  assert.equal(keys.signIn({ id: 'link', pub: publicPem() }).reply, 'pending');
  assert.equal(readFileSync(outside, 'utf8'), publicPem());
});

test('hostile sign-ins write nothing', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const keys = await openKeys(t, folder);
  const listing = (): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const before = listing();
  const ids: readonly unknown[] = [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    'a\\b',
    'a\0b',
    '.x',
    'x'.repeat(300),
    1,
    null,
  ];
  for (const id of ids) {
    const { reply, event } = keys.signIn({ id, pub: publicPem() });
    assert.deepEqual([reply, event], ['refused', undefined], String(id));
  }
  for (const pub of ['', 'x', undefined, 7, new Uint8Array(3), 'A'.repeat(1_000_000), `${publicPem()}\nx`]) {
    assert.equal(keys.signIn({ id: 'new', pub }).reply, 'refused');
  }
  assert.deepEqual(listing(), before);
});

test('pending keys are bounded, and one that cannot be written is refused', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const keys = await openKeys(t, folder, {}, { maxPending: 2 });
  const overflows: string[] = [];
  t.after(onDiagnostics('saltbus:keys:full', ({ id }) => overflows.push(id)));
  const replies = ['a', 'b', 'c'].map((id) => keys.signIn({ id, pub: publicPem() }).reply);
  assert.deepEqual(replies, ['pending', 'pending', 'full']);
  assert.deepEqual(overflows, ['c']);
  assert.equal(existsSync(join(folder, 'pki', 'minions_pre', 'c')), false);
  mkdirSync(join(folder, 'pki', 'minions_denied', 'a'));
  const outcome = keys.signIn({ id: 'a', pub: publicPem(1) });
  assert.equal(outcome.reply, 'refused');
  assert.equal(outcome.error?.code, 'ERR_SALTBUS_SYSTEM');
  assert.deepEqual(
    readdirSync(join(folder, 'pki', 'minions_denied')),
    ['a'],
    'no temporary file is left behind',
  );
});

test('keys of strangers are bounded by max_minions, and in a second', LIMIT, async (t) => {
  const few = await openKeys(t, temporaryFolder(t), { maxMinions: 1 });
  assert.deepEqual(
    ['a', 'b'].map((id) => few.signIn({ id, pub: publicPem() }).reply),
    ['pending', 'full'],
  );
  const folder = temporaryFolder(t);
  const keys = await openKeys(t, folder, {}, { newMinionsPerSecond: 1 });
  const replies = Array.from({ length: 200 }, (_, n) => keys.signIn({ id: `n${n}`, pub: publicPem() }).reply);
  assert.deepEqual(replies.slice(0, 10), Array<string>(10).fill('pending'));
  assert.equal(replies.at(-1), 'later');
  const pending = replies.filter((reply) => reply === 'pending').length;
  assert.equal(readdirSync(join(folder, 'pki', 'minions_pre')).length, pending, 'nothing of others is kept');
  const rate = new KeyRate(2, 0);
  const taken = (at: number): number =>
    Array.from({ length: 50 }, () => rate.take(at)).filter(Boolean).length;
  assert.deepEqual([taken(0), taken(999), taken(1000), taken(0), taken(100_000)], [20, 1, 1, 0, 20]);
});

test('automatic decisions: files, stubs and grains, with the rule of permissions', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const [autosignFile, autorejectFile, grains] = ['sign', 'reject', 'grains'].map((name) =>
    join(folder, name),
  );
  assert.ok(autosignFile !== undefined && autorejectFile !== undefined && grains !== undefined);
  writeFileSync(autosignFile, 'web*\n', { mode: 0o644 });
  writeFileSync(autorejectFile, '# none\nweb-bad\n', { mode: 0o644 });
  mkdirSync(grains);
  writeFileSync(join(grains, 'uuid'), '# ids\nu-1\n', { mode: 0o644 });
  const keys = await openKeys(t, folder, { autosignFile, autorejectFile, autosignGrainsDir: grains });
  const reply = (id: string, autosignGrains?: unknown): string =>
    keys.signIn({ id, pub: publicPem(), autosignGrains }).reply;
  assert.equal(reply('web1'), 'accept');
  assert.equal(reply('web-bad'), 'refused');
  assert.equal(keys.store.find('web-bad')?.state, 'rejected');
  assert.equal(reply('db1'), 'pending');
  assert.equal(reply('db1', { uuid: 'u-2', other: 'u-1' }), 'pending');
  assert.equal(reply('db1', new Map([['uuid', 'u-1']])), 'accept');
  assert.equal(reply('db2', { uuid: ['u-1'] }), 'pending');

  const stub = join(folder, 'pki', 'minions_autosign', 'once');
  writeFileSync(stub, '');
  const old = join(folder, 'pki', 'minions_autosign', 'old');
  writeFileSync(old, '');
  utimesSync(old, new Date(), Date.now() / 1000 - 121 * 60);
  await keys.refresh();
  assert.equal(existsSync(old), false, 'a stub that has expired is removed');
  assert.equal(reply('old'), 'pending');
  assert.equal(reply('once'), 'accept');
  assert.equal(existsSync(stub), false, 'a stub is used once');
  const deleted = nextChanges(t, keys, 1);
  rmSync(join(folder, 'pki', 'minions', 'once'));
  await deleted;
  assert.equal(reply('once'), 'pending');

  for (const mode of [0o666, 0o664]) {
    chmodSync(autosignFile, mode);
    await keys.refresh();
    assert.equal(reply(`web-${mode}`), 'pending');
  }
  chmodSync(autosignFile, 0o644);
  writeFileSync(autosignFile, 'new*\n');
  await keys.refresh();
  assert.equal(reply('new1'), 'accept');
  assert.equal(reply('web9'), 'pending');
});

test('the drop file of salt-key is taken once, and only one that counts', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  let asked = 0;
  const ignored: string[] = [];
  t.after(onDiagnostics('saltbus:keys:ignored', ({ path, reason }) => ignored.push(`${path} ${reason}`)));
  const keys = await openKeys(t, folder, {}, { onRotate: () => (asked += 1) });
  const path = join(folder, 'cache', '.dfn');
  assert.equal(writeDropFile(join(folder, 'cache'), 'm1_master'), true);
  await keys.refresh();
  await keys.refresh();
  assert.equal(asked, 1);
  assert.equal(existsSync(path), false);
  writeFileSync(path, '', { mode: 0o400 });
  await keys.refresh();
  assert.equal(asked, 2, 'as 3006 writes it');
  for (const [text, mode] of [
    ['m1_master', 0o600],
    ['m1_master', 0o444],
    ['other_master', 0o400],
    ['m1_master '.repeat(1000), 0o400],
  ] as const) {
    writeFileSync(path, text, { mode });
    await keys.refresh();
    await keys.refresh();
    rmSync(path);
    await keys.refresh();
  }
  assert.equal(asked, 2);
  assert.equal(ignored.length, 4, ignored.join('\n'));
});

test('10 000 keys: loaded in seconds, answered without the disk', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  put(folder, 'minions', 'm0');
  const minions = join(folder, 'pki', 'minions');
  for (let n = 1; n < 10_000; n += 1) writeFileSync(join(minions, `m${n}`), publicPem());
  const started = performance.now();
  const keys = await openKeys(t, folder);
  const loaded = performance.now() - started;
  assert.equal(keys.store.count('accepted'), 10_000);
  assert.equal(keys.store.acceptedKey('m9999')?.asymmetricKeyType, 'rsa');
  t.diagnostic(`loaded in ${loaded.toFixed(0)} ms`);
  assert.ok(loaded < 20_000, 'loading took more than 20 seconds');

  const refresh = performance.now();
  await keys.store.refresh({ full: true });
  t.diagnostic(`each file looked at in ${(performance.now() - refresh).toFixed(0)} ms`);

  // Without its directory on disk the store answers as before: nothing is read for a request.
  await keys.close();
  renameSync(minions, join(folder, 'elsewhere'));
  const signIns = performance.now();
  for (let n = 0; n < 10_000; n += 1) {
    assert.equal(keys.signIn({ id: `m${n}`, pub: publicPem() }).reply, 'accept');
  }
  t.diagnostic(`10 000 decisions in ${(performance.now() - signIns).toFixed(0)} ms`);
  renameSync(join(folder, 'elsewhere'), minions);
});

test('changes from many sides at once end as the disk says', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const keys = await openKeys(t, folder);
  const pki = join(folder, 'pki');
  const ids = Array.from({ length: 300 }, (_unused, n) => `m${n}`);
  for (const [n, id] of ids.entries()) {
    assert.equal(keys.signIn({ id, pub: publicPem() }).reply, 'pending');
    const pending = join(pki, 'minions_pre', id);
    if (n % 3 === 0) renameSync(pending, join(pki, 'minions', id));
    if (n % 3 === 1) renameSync(pending, join(pki, 'minions_rejected', id));
    if (n % 50 === 0) await keys.refresh();
  }
  await keys.refresh();
  for (const directory of ['minions', 'minions_pre', 'minions_rejected'] as const) {
    const state = { minions: 'accepted', minions_pre: 'pending', minions_rejected: 'rejected' }[directory];
    assert.equal(keys.store.count(state as 'accepted'), 100, directory);
    for (const id of readdirSync(join(pki, directory))) assert.equal(keys.store.find(id)?.state, state);
  }
  assert.equal(statSync(join(pki, 'minions')).isDirectory(), true);
});
