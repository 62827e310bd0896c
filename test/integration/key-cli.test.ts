/** `saltbus key` on directories of a master, without a daemon. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fingerprint } from '../../src/codec/rsa/pem.ts';
import { runSaltbus, start } from '../helpers/cli.ts';
import type { Ended } from '../helpers/cli.ts';
import { publicPem } from '../helpers/keys.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LIMIT = { timeout: 60_000 };
const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;

interface Place {
  readonly folder: string;
  readonly key: (...args: string[]) => Promise<Ended>;
  readonly put: (directory: string, id: string, text?: string) => void;
  readonly ids: (directory: string) => string[];
}

function place(t: TestContext, config = 'root_dir: ROOT\npki_dir: /pki\ncachedir: /c\nid: m1\n'): Place {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'master'), config.replaceAll('ROOT', folder));
  mkdirSync(join(folder, 'pki'));
  return {
    folder,
    key: (...args) => runSaltbus(t, ['key', ...args, '-c', folder]),
    put: (directory, id, text = publicPem()) => {
      mkdirSync(join(folder, 'pki', directory), { recursive: true });
      writeFileSync(join(folder, 'pki', directory, id), text);
    },
    ids: (directory) => readdirSync(join(folder, 'pki', directory)).sort(),
  };
}

test('list: as salt-key writes it, and under its names for programs', LIMIT, async (t) => {
  const { key, put } = place(t);
  put('minions', 'b');
  put('minions', 'A');
  put('minions_pre', 'new\u001b[31m'.replace('\u001b', '')); // a name with brackets
  put('minions_denied', 'b');
  put('minions', '.key_cache', 'x');
  const text = await key('list');
  assert.deepEqual(text, {
    code: 0,
    stderr: '',
    stdout: 'Accepted Keys:\nA\nb\nDenied Keys:\nb\nUnaccepted Keys:\nnew[31m\nRejected Keys:\n',
  });
  const json = await key('list', '-o', 'json');
  assert.deepEqual(JSON.parse(json.stdout), {
    minions: ['A', 'b'],
    minions_pre: ['new[31m'],
    minions_rejected: [],
    minions_denied: ['b'],
  });
  assert.equal((await key('list', 'un', '-o', 'yaml')).stdout, 'minions_pre:\n  - new[31m\n');
  const wrong = await key('list', 'foo');
  assert.equal(wrong.code, 64);
  assert.match(wrong.stderr, /no state of keys/);
});

test('accept, reject and delete move the files, and ask for a new publish key', LIMIT, async (t) => {
  const { folder, key, put, ids } = place(t);
  for (const id of ['web1', 'web2', 'db1']) put('minions_pre', id);
  const dropFile = join(folder, 'c', '.dfn');
  const accepted = await key('accept', 'web*,nothing');
  assert.equal(accepted.stdout, 'Key for minion web1 accepted.\nKey for minion web2 accepted.\n');
  assert.equal(accepted.code, 0);
  assert.deepEqual([ids('minions'), ids('minions_pre')], [['web1', 'web2'], ['db1']]);
  assert.equal(existsSync(dropFile), false);

  const asked = await key('reject', 'db1');
  assert.equal(asked.code, 64);
  assert.match(asked.stderr, /no terminal to ask on[^]*-y/);
  const rejected = await key('reject', 'db1', 'web1', '-y', '-o', 'json');
  assert.deepEqual(JSON.parse(rejected.stdout), {
    done: [{ id: 'db1', from: 'minions_pre' }],
    failed: [],
    rotation: true,
  });
  assert.equal(readFileSync(dropFile, 'utf8'), 'm1');
  assert.equal((lstatSync(dropFile).mode & 0o7777).toString(8), '400');
  assert.equal((await key('reject', 'web1', '-y', '--include-all')).code, 0);
  assert.deepEqual(ids('minions_rejected'), ['db1', 'web1']);
  assert.equal((await key('accept', 'web1')).code, 1);
  assert.equal((await key('accept', 'web1', '--include-rejected')).code, 0);
  assert.equal((await key('delete', '*', '-y')).code, 0);
  assert.deepEqual([ids('minions'), ids('minions_pre'), ids('minions_rejected')], [[], [], []]);
  const none = await key('delete', '*', '-y');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /ERR_SALTBUS_NO_KEY/);
});

test(
  'an id with a comma or what globs are made of is taken literally where it is a key',
  LIMIT,
  async (t) => {
    const { key, put, ids } = place(t);
    for (const id of ['a,b', 'a', 'b', 'web*', 'web1', 'w[12]', 'w1']) put('minions_pre', id);
    assert.equal((await key('accept', 'a,b', 'web*', 'w[12]')).code, 0);
    assert.deepEqual(ids('minions'), ['a,b', 'w[12]', 'web*']);
    assert.deepEqual(ids('minions_pre'), ['a', 'b', 'w1', 'web1']);
    const again = await key('accept', 'web*');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /'web\*' matches no key that is pending \[ERR_SALTBUS_NO_KEY\]/);
    assert.equal((await key('accept', 'b,w?')).code, 0);
    assert.deepEqual(ids('minions_pre'), ['a', 'web1']);
  },
);

test('an id stands in one state after a move, and a denied key can be let in', LIMIT, async (t) => {
  const { key, put, ids } = place(t);
  put('minions_pre', 'a', publicPem(0));
  put('minions_rejected', 'a', publicPem(0));
  assert.equal((await key('accept', 'a', '--include-all')).stdout, 'Key for minion a accepted.\n');
  assert.deepEqual([ids('minions'), ids('minions_pre'), ids('minions_rejected')], [['a'], [], []]);
  put('minions_denied', 'a', publicPem(1));
  assert.equal((await key('accept', 'a', '--include-denied')).code, 0);
  assert.match(
    (await key('show', 'a')).stdout,
    new RegExp(publicPem(1).split('\n')[2]?.replaceAll('+', '\\+') ?? 'none'),
  );
  assert.deepEqual(ids('minions_denied'), []);
});

test('rotate_aes_key: False leaves the publish key', LIMIT, async (t) => {
  const { folder, key, put } = place(
    t,
    'pki_dir: ROOT/pki\ncachedir: ROOT/c\nid: m1\nrotate_aes_key: False\n',
  );
  put('minions', 'a');
  assert.deepEqual(JSON.parse((await key('delete', 'a', '-y', '-o', 'json')).stdout), {
    done: [{ id: 'a', from: 'minions' }],
    failed: [],
    rotation: false,
  });
  assert.equal(existsSync(join(folder, 'c')), false);
});

test('finger and show, the master’s own and the minion’s too', LIMIT, async (t) => {
  const { folder, key, put } = place(t);
  put('minions', 'a', `${publicPem(0)}\n`);
  put('.', 'master.pub', `${publicPem(1)}\n`);
  const finger = JSON.parse((await key('finger', '-o', 'json')).stdout) as unknown;
  assert.deepEqual(finger, {
    local: { 'master.pub': fingerprint(publicPem(1)) },
    minions: { a: fingerprint(publicPem(0)) },
  });
  assert.equal(
    (await key('finger', 'a')).stdout,
    `Local Keys:\nmaster.pub:  ${fingerprint(publicPem(1))}\nAccepted Keys:\na:  ${fingerprint(publicPem(0))}\n`,
  );
  assert.equal((await key('finger', 'zzz')).code, 1);
  assert.equal((await key('show', 'a')).stdout, `Accepted Keys:\na:  ${publicPem(0)}\n`);
  mkdirSync(join(folder, 'minion-pki'));
  writeFileSync(join(folder, 'minion-pki', 'minion.pub'), publicPem(2));
  writeFileSync(join(folder, 'minion'), `pki_dir: ${folder}/minion-pki\nhash_type: md5\n`);
  assert.equal(
    (await key('finger', '--node', 'minion')).stdout,
    `Local Keys:\nminion.pub:  ${fingerprint(publicPem(2), 'md5')}\n`,
  );
});

test('hostile files: listed as salt-key of 3008 lists them, never followed', LIMIT, async (t) => {
  const { folder, key, put, ids } = place(t);
  put('minions_pre', 'garbage', 'no key');
  put('minions_pre', 'huge', 'A'.repeat(1_000_000));
  put('minions_pre', 'good');
  put('minions_pre', '__proto__');
  writeFileSync(join(folder, 'secret'), 'secret text');
  symlinkSync(join(folder, 'secret'), join(folder, 'pki', 'minions_pre', 'link'));
  const list = JSON.parse((await key('list', 'pending', '-o', 'json')).stdout) as { minions_pre: string[] };
  assert.deepEqual(list.minions_pre, ['__proto__', 'garbage', 'good', 'huge']);
  const accepted = await key('accept', '*');
  assert.equal(accepted.code, 1);
  assert.equal(accepted.stdout, 'Key for minion __proto__ accepted.\nKey for minion good accepted.\n');
  assert.match(accepted.stderr, /garbage.*ERR_SALTBUS_KEY_INVALID/);
  assert.match(accepted.stderr, /huge.*larger than/);
  assert.deepEqual(ids('minions'), ['__proto__', 'good']);
  const shown = await key('show', '*', '-o', 'json');
  assert.ok(Object.hasOwn((JSON.parse(shown.stdout) as { minions: object }).minions, '__proto__'));
  assert.doesNotMatch(shown.stdout, /secret text/);
});

test('errors: no directory, another driver, a cluster, an option that does not fit', LIMIT, async (t) => {
  const bad: readonly (readonly [string, number, RegExp])[] = [
    ['pki_dir: ROOT/nowhere\nid: m\n', 1, /no directory of keys at .*nowhere/],
    ['pki_dir: ROOT/pki\nid: m\nkeys.cache_driver: mmap_key\n', 78, /master:3: the driver "mmap_key"/],
    ['pki_dir: ROOT/pki\nid: m\ncluster_id: c\n', 78, /master:3: the keys of a master cluster/],
    [
      'pki_dir: ROOT/pki\nid: m\nrotate_aes_key: 7\n',
      78,
      /master:3: rotate_aes_key is 7, and must be True or False/,
    ],
    ['pki_dir: ROOT/pki\nid: m\nkeysize: 1024\n', 78, /keysize is 1024/],
  ];
  for (const [config, code, message] of bad) {
    const { key } = place(t, config);
    const ended = await key('list');
    assert.equal(ended.code, code, config);
    assert.match(ended.stderr, message);
  }
});

/** Resolves when the question was printed; by then the terminal takes the answer. */
function asked(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Proceed?')) resolve();
    });
  });
}

test('on a terminal it asks, and does what the answer says', LIMIT, async (t) => {
  const { folder, put, ids } = place(t);
  put('minions', 'a');
  // script(1) gives the command a terminal
  const onTerminal = async (answer: string): Promise<Ended> => {
    const command = `'${process.execPath}' '${MAIN}' key delete a -c '${folder}'`;
    const running = start(t, 'script', ['-qec', command, '/dev/null']);
    await asked(running.child);
    running.child.stdin?.write(answer);
    return running.ended;
  };
  const no = await onTerminal('\n');
  assert.match(
    no.stdout,
    /The following keys are going to be deleted:[^]*Accepted Keys:[^]*Proceed\? \[N\/y\]/,
  );
  assert.equal(no.code, 1);
  assert.deepEqual(ids('minions'), ['a']);
  assert.equal((await onTerminal('\u0004')).code, 1);
  assert.deepEqual(ids('minions'), ['a']);
  const yes = await onTerminal('y\n');
  assert.match(yes.stdout, /Key for minion a deleted\./);
  assert.equal(yes.code, 0);
  assert.deepEqual(ids('minions'), []);
});

test('several at once: each key is moved once', LIMIT, async (t) => {
  const { key, put, ids } = place(t);
  for (let n = 0; n < 200; n += 1) put('minions_pre', `m${n}`);
  const ended = await Promise.all([key('accept', '*', '-o', 'json'), key('accept', '*', '-o', 'json')]);
  const done = ended.flatMap(({ stdout }) =>
    stdout === '' ? [] : (JSON.parse(stdout) as { done: { id: string }[] }).done.map(({ id }) => id),
  );
  assert.equal(done.length, 200);
  assert.equal(new Set(done).size, 200);
  assert.equal(ids('minions').length, 200);
});
