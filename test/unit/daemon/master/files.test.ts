/** The file server: its answers, what it keeps back, and that no path leads out. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { FileServer } from '../../../../src/daemon/master/files/file-server.ts';
import type { FileServerOptions } from '../../../../src/daemon/master/files/file-server.ts';
import {
  confine,
  readEnvironment,
  readRequestPath,
} from '../../../../src/daemon/master/files/request-path.ts';
import { isMap } from '../../../../src/daemon/master/load.ts';
import { SaltbusError } from '../../../../src/errors.ts';
import { exact, load } from '../../../helpers/loads.ts';
import { temporaryFolder } from '../../../helpers/own-bus.ts';

function tree(t: TestContext): string {
  const top = realpathSync(temporaryFolder(t));
  for (const folder of ['one/_returners', 'one/empty', 'two', 'dev', 'outside']) {
    mkdirSync(join(top, folder), { recursive: true });
  }
  writeFileSync(join(top, 'one/a.txt'), 'first');
  writeFileSync(join(top, 'one/_returners/bus.py'), 'x = 1\n');
  writeFileSync(join(top, 'one/what?.txt'), 'question');
  writeFileSync(join(top, 'two/a.txt'), 'second');
  writeFileSync(join(top, 'two/b.txt'), 'b of two');
  writeFileSync(join(top, 'dev/d.txt'), 'd');
  writeFileSync(join(top, 'outside/secret'), 'secret');
  symlinkSync(join(top, 'outside/secret'), join(top, 'one/out'));
  symlinkSync('a.txt', join(top, 'one/in'));
  return top;
}

function server(top: string, options: Partial<FileServerOptions> = {}): FileServer {
  const roots = new Map([
    ['dev', [join(top, 'dev')]],
    ['base', [join(top, 'one'), join(top, 'two'), join(top, 'missing')]],
  ]);
  return new FileServer({ roots, listCacheMs: 0, ...options });
}

const base = (path: string): ReturnType<typeof load> => load({ path, saltenv: 'base' });
const NONE = exact({ path: '', rel: '' });
const NOTHING = exact({ data: '', dest: '' });

suite('answers', () => {
  test('environments and lists are sorted, over all the roots of an environment', async (t) => {
    const files = server(tree(t));
    assert.deepEqual(files.envs(), ['base', 'dev']);
    const all = load({ saltenv: 'base' });
    const paths = ['_returners/bus.py', 'a.txt', 'b.txt', 'in', 'out', 'what?.txt'];
    assert.deepEqual(await files.fileList(all), paths);
    assert.deepEqual(await files.dirList(all), ['_returners', 'empty']);
    assert.deepEqual(await files.emptyDirs(all), ['empty']);
    assert.deepEqual(await files.symlinkList(all), new Map([['in', 'a.txt']]));
    assert.deepEqual(await files.fileList(load({ saltenv: 'base', prefix: '/_returners/' })), [
      '_returners/bus.py',
    ]);
    assert.deepEqual(await files.symlinkList(load({ saltenv: 'base', prefix: 'o' })), new Map());
  });

  test('an environment that is none has nothing', async (t) => {
    const files = server(tree(t));
    for (const saltenv of ['prod', '', '../base', 'a/b', 7, null, undefined]) {
      assert.deepEqual(await files.fileList(load({ saltenv })), []);
      assert.deepEqual(await files.symlinkList(load({ saltenv })), new Map());
      assert.deepEqual(await files.serve(load({ path: 'a.txt', saltenv, loc: 0 })), NOTHING);
      assert.equal(await files.hash(load({ path: 'a.txt', saltenv })), '');
    }
  });

  test('the first root that has a file wins; ten numbers of stat', async (t) => {
    const top = tree(t);
    utimesSync(join(top, 'one/a.txt'), 1000.9, 2000.9);
    const found = await server(top).find(base('./a.txt'));
    assert.ok(isMap(found), 'a map');
    assert.deepEqual([...found.keys()], ['path', 'rel', 'stat', 'back']);
    assert.equal(found.get('path'), join(top, 'one/a.txt'));
    assert.equal(found.get('rel'), 'a.txt');
    assert.equal(found.get('back'), 'roots');
    const stat = found.get('stat') as readonly number[];
    assert.equal(stat.length, 10);
    assert.deepEqual([stat[6], stat[7], stat[8]], [5, 1000, 2000]);
    assert.deepEqual(await server(top).find(load({ path: 'a.txt' })), found);
    assert.deepEqual(await server(top).find(base('nothing')), NONE);
    assert.deepEqual(await server(top).find(base('_returners')), NONE);
  });

  test('an environment in the path, and a path that is taken as it is', async (t) => {
    const files = server(tree(t));
    const serve = async (path: string): Promise<unknown> =>
      files.serve(load({ path, saltenv: 'base', loc: 0 }));
    assert.deepEqual(await serve('d.txt?saltenv=dev'), exact({ data: Buffer.from('d'), dest: 'd.txt' }));
    assert.deepEqual(await serve('d.txt?saltenv=../dev'), NOTHING);
    assert.deepEqual(await serve('what?.txt'), NOTHING);
    assert.deepEqual(await serve('|what?.txt'), exact({ data: Buffer.from('question'), dest: 'what?.txt' }));
  });

  test('a hash for each hash type; it follows the file', async (t) => {
    const top = tree(t);
    for (const type of ['md5', 'sha1', 'SHA256', 'sha512']) {
      const hsum = createHash(type).update('first').digest('hex');
      const expected = exact({ hash_type: type.toLowerCase(), hsum });
      assert.deepEqual(await server(top, { hashType: type }).hash(base('a.txt')), expected);
    }
    const files = server(top);
    await files.hash(base('b.txt'));
    writeFileSync(join(top, 'two/b.txt'), 'changed, and longer');
    const hsum = createHash('sha256').update('changed, and longer').digest('hex');
    assert.deepEqual(await files.hash(base('b.txt')), exact({ hash_type: 'sha256', hsum }));
    const both = (await files.hashAndStat(base('b.txt'))) as readonly unknown[];
    assert.deepEqual(both[0], exact({ hash_type: 'sha256', hsum }));
    assert.equal((both[1] as readonly number[])[6], 19);
    assert.equal(await files.hash(base('nothing')), '');
    assert.deepEqual(await files.hashAndStat(base('nothing')), ['', null]);
    assert.throws(
      () => server(top, { hashType: 'crc32' }),
      (error) => error instanceof SaltbusError && error.code === 'ERR_SALTBUS_CONFIG',
    );
  });

  test('a file in chunks, an end, an empty file', async (t) => {
    const top = tree(t);
    writeFileSync(join(top, 'one/zero'), '');
    const files = server(top, { chunkBytes: 2 });
    const at = async (path: string, loc: unknown): Promise<unknown> =>
      files.serve(load({ path, saltenv: 'base', loc: loc as number }));
    assert.deepEqual(await at('a.txt', 0), exact({ data: Buffer.from('fi'), dest: 'a.txt' }));
    assert.deepEqual(await at('a.txt', 4), exact({ data: Buffer.from('t'), dest: 'a.txt' }));
    assert.deepEqual(await at('a.txt', 5), exact({ data: '', dest: 'a.txt' }));
    assert.deepEqual(await at('a.txt', 2 ** 50), exact({ data: '', dest: 'a.txt' }));
    assert.deepEqual(await at('zero', 0), exact({ data: '', dest: 'zero' }));
    for (const loc of [-1, 1.5, '0', 10n, null, undefined]) {
      assert.deepEqual(await at('a.txt', loc), NOTHING, String(loc));
    }
  });

  test('gzip of a level that there is', async (t) => {
    const files = server(tree(t));
    const reply = await files.serve(load({ path: 'a.txt', saltenv: 'base', loc: 0, gzip: 5 }));
    assert.ok(isMap(reply), 'a map');
    assert.equal(reply.get('gzip'), 5);
    assert.equal(gunzipSync(reply.get('data') as Buffer).toString(), 'first');
    const plain = await files.serve(load({ path: 'a.txt', saltenv: 'base', loc: 0, gzip: 10 }));
    assert.deepEqual(plain, exact({ data: Buffer.from('first'), dest: 'a.txt' }));
  });
});

suite('what is kept back', () => {
  test('links out of the roots, unless they may be followed', async (t) => {
    const top = tree(t);
    const closed = server(top, { followSymlinks: false });
    assert.deepEqual(await closed.find(base('out')), NONE);
    assert.deepEqual(await closed.serve(load({ path: 'out', saltenv: 'base', loc: 0 })), NOTHING);
    assert.equal(await closed.hash(base('out')), '');
    const inside = await closed.serve(load({ path: 'in', saltenv: 'base', loc: 0 }));
    assert.deepEqual(inside, exact({ data: Buffer.from('first'), dest: 'in' }));
    const open = await server(top).serve(load({ path: 'out', saltenv: 'base', loc: 0 }));
    assert.deepEqual(open, exact({ data: Buffer.from('secret'), dest: 'out' }));
    const without = server(top, { ignoreSymlinks: true });
    assert.deepEqual(await without.fileList(load({ saltenv: 'base', prefix: 'o' })), []);
  });

  test('a link to a folder that it stands in ends', async (t) => {
    const top = tree(t);
    symlinkSync('..', join(top, 'one/empty/up'));
    const dirs = await server(top).dirList(load({ saltenv: 'base' }));
    assert.deepEqual(dirs, ['_returners', 'empty', 'empty/up']);
  });

  test('patterns of files that are ignored hold for lists and for files', async (t) => {
    const top = tree(t);
    const cases: [Partial<FileServerOptions>, string][] = [
      [{ ignoreGlobs: ['a.*'] }, 'a.txt'],
      [{ ignoreRegexes: ['\\.py$'] }, '_returners/bus.py'],
      [{ ignoreRegexes: ['/BUS', '(?i)B\\.TX'] }, 'b.txt'],
      [{ ignoreGlobs: ['*/one/in'] }, 'in'],
    ];
    for (const [options, path] of cases) {
      assert.deepEqual(await server(top, options).find(base(path)), NONE, path);
      assert.notDeepEqual(await server(top, options).find(base('|what?.txt')), NONE);
    }
    const listed = await server(top, { ignoreRegexes: ['txt$', '^_'] }).fileList(load({ saltenv: 'base' }));
    assert.deepEqual(listed, ['in', 'out']);
  });

  test('what is no file is not opened', async (t) => {
    const top = tree(t);
    execFileSync('mkfifo', [join(top, 'one/pipe')]);
    assert.deepEqual(await server(top).find(base('pipe')), NONE);
    assert.deepEqual(await server(top).serve(load({ path: 'pipe', saltenv: 'base', loc: 0 })), NOTHING);
  });

  test('names that no request can hold are not listed', async (t) => {
    const top = tree(t);
    writeFileSync(join(top, 'dev/back\\slash'), '');
    writeFileSync(Buffer.concat([Buffer.from(join(top, 'dev/x')), Buffer.from([0xff])]), '');
    assert.deepEqual(await server(top).fileList(load({ saltenv: 'dev' })), ['d.txt']);
  });

  test('a tree that is too large is refused whole, and once for all who ask', async (t) => {
    let now = 0;
    const files = server(tree(t), { maxEntries: 5, listCacheMs: 1000, now: () => now });
    const tooMany = (error: unknown): boolean =>
      error instanceof SaltbusError && error.code === 'ERR_SALTBUS_LIMIT';
    await assert.rejects(files.fileList(load({ saltenv: 'base' })), tooMany);
    now = 999;
    await assert.rejects(files.dirList(load({ saltenv: 'base' })), tooMany);
    assert.deepEqual(await files.fileList(load({ saltenv: 'dev' })), ['d.txt']);
  });

  test('a list is kept for a time', async (t) => {
    const top = tree(t);
    let now = 0;
    const files = server(top, { listCacheMs: 1000, now: () => now });
    assert.deepEqual(await files.fileList(load({ saltenv: 'dev' })), ['d.txt']);
    writeFileSync(join(top, 'dev/e.txt'), '');
    now = 999;
    assert.deepEqual(await files.fileList(load({ saltenv: 'dev' })), ['d.txt']);
    now = 1000;
    assert.deepEqual(await files.fileList(load({ saltenv: 'dev' })), ['d.txt', 'e.txt']);
  });
});

suite('the environment for all', () => {
  test('its name in a root is the environment, which is no path', async (t) => {
    const top = tree(t);
    const files = new FileServer({ roots: new Map([['__env__', [join(top, '__env__')]]]) });
    assert.deepEqual(await files.fileList(load({ saltenv: 'dev' })), ['d.txt']);
    assert.deepEqual(await files.fileList(load({ saltenv: 'outside/..' })), []);
    assert.deepEqual(await files.fileList(load({ saltenv: '..' })), []);
    assert.deepEqual(await files.find(load({ path: 'secret', saltenv: './outside' })), NONE);
  });
});

suite('paths', () => {
  // CVE-2024-22232, CVE-2025-22238, CVE-2020-11652
  const refused = [
    '',
    '.',
    '/',
    '/etc/passwd',
    '//etc/passwd',
    '..',
    '../secret',
    'a/../../secret',
    'a/..',
    'a/../b',
    '..\\secret',
    'a\\..\\b',
    'C:/windows',
    'c:secret',
    'a\0.txt',
    'a/',
    '\ud800',
    'x'.repeat(4097),
    '|/etc/passwd',
    '|../secret',
    '?saltenv=base',
    '../secret?saltenv=base',
  ];
  for (const path of refused) {
    test(`${JSON.stringify(path.slice(0, 30))} is refused`, () => {
      assert.equal(readRequestPath(path, 'base'), undefined);
    });
  }

  test('what is no text is refused', () => {
    for (const path of [null, 7, [], new Map(), undefined, new Uint8Array(2)]) {
      assert.equal(readRequestPath(path, 'base'), undefined);
    }
  });

  // CVE-2025-22240
  test('environments', () => {
    for (const bad of ['', '.', '..', 'a/b', '../base', 'a\\b', 'a\0', 'x'.repeat(256), null, [], 1.5]) {
      assert.equal(readEnvironment(bad), undefined, JSON.stringify(bad));
    }
    assert.equal(readEnvironment('base'), 'base');
    assert.equal(readEnvironment('feature.x'), 'feature.x');
    assert.equal(readEnvironment(2024), '2024');
  });

  test('whatever is let through stays below the root, and is normal', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', '...', 'a', 'b.txt', '|', '?', '\\', '\0', 'C:', '~', '%2e%2e', '…'),
      fc.string({ maxLength: 5 }),
    );
    const path = fc.array(part, { maxLength: 8 }).map((parts) => parts.join('/'));
    let passed = 0;
    fc.assert(
      fc.property(path, fc.constantFrom('/srv/salt', '/', '/srv/a b'), (asked, root) => {
        const rel = confine(asked);
        if (rel === undefined) return;
        passed += 1;
        const whole = resolve(root, rel);
        assert.ok(whole.startsWith(root === sep ? sep : root + sep), 'below the root');
        assert.equal(confine(rel), rel);
        assert.doesNotMatch(rel, /[\0\\]|^\/|\/$|(^|\/)\.{1,2}(\/|$)/);
      }),
      { numRuns: 3000 },
    );
    assert.ok(passed > 100, 'some were let through');
  });

  test('no path reads what is beside the roots', async (t) => {
    const top = tree(t);
    const files = server(top, { followSymlinks: false });
    const part = fc.constantFrom('..', '.', '', 'one', 'outside', 'secret', 'out', 'in', '|', top, 'empty');
    const paths = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));
    await fc.assert(
      fc.asyncProperty(paths, async (path) => {
        const reply = await files.serve(load({ path, saltenv: 'base', loc: 0 }));
        assert.ok(isMap(reply), 'a map');
        const data = reply.get('data');
        assert.notEqual(data instanceof Uint8Array ? Buffer.from(data).toString() : '', 'secret');
      }),
      { numRuns: 300 },
    );
  });
});
