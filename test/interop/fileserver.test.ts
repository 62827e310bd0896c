/** Our file server answers what Salt's own says of the same tree. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileServer } from '../../src/daemon/master/files/file-server.ts';
import type { FileServerOptions } from '../../src/daemon/master/files/file-server.ts';
import type { Load } from '../../src/daemon/master/load.ts';
import { load } from '../helpers/loads.ts';
import type { Written } from '../helpers/loads.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { interop } from './helpers.ts';

type Request = readonly [method: string, fields: Record<string, Written>];

// `a.txt?saltenv=dev` is not compared: Salt finds that file, and then takes hash and roots of the other environment.
const PATHS = [
  'a.txt',
  './a.txt',
  'sub//b.txt',
  'sub/../a.txt',
  '../one/a.txt',
  'sub',
  '',
  '.',
  '/etc/passwd',
  'none',
  'big.bin',
  'empty.txt',
  'ünïcode.txt',
  'what?.txt',
  '|what?.txt',
  'link.txt',
  'out.txt',
  'broken',
  'linked/b.txt',
  'skip.pyc',
  'sub/skip.pyc',
];

function requests(): Request[] {
  const all: Request[] = [['file_envs', {}]];
  for (const saltenv of ['base', 'dev', 'none']) {
    for (const prefix of [undefined, 'sub', '/sub/', 'l']) {
      for (const method of ['file_list', 'file_list_emptydirs', 'dir_list', 'symlink_list']) {
        all.push([method, prefix === undefined ? { saltenv } : { saltenv, prefix }]);
      }
    }
  }
  for (const path of PATHS) {
    const asked = { path, saltenv: 'base' };
    all.push(['_find_file', asked], ['file_hash', asked], ['serve_file', { ...asked, loc: 0 }]);
  }
  for (const loc of [0, 1024, 2047, 3000, 4000]) {
    all.push(['serve_file', { path: 'big.bin', saltenv: 'base', loc }]);
  }
  return all;
}

function answer(files: FileServer, [method, fields]: Request): unknown {
  const asked: Load = load(fields);
  switch (method) {
    case 'file_envs':
      return files.envs();
    case 'file_list':
      return files.fileList(asked);
    case 'file_list_emptydirs':
      return files.emptyDirs(asked);
    case 'dir_list':
      return files.dirList(asked);
    case 'symlink_list':
      return files.symlinkList(asked);
    case '_find_file':
      return files.find(asked);
    case 'file_hash':
      return files.hash(asked);
    case 'serve_file':
      return files.serve(asked);
    default:
      throw new Error(`no such method: ${method}`);
  }
}

/** As Python's JSON would give it. The time of the last reading is left out: to compare is to read. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return { __bytes__: Buffer.from(value).toString('base64') };
  if (value instanceof Map) return comparable(Object.fromEntries(value as Map<string, unknown>));
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => {
    if (key === 'stat') return [key, (inner as number[]).map((number, index) => (index === 7 ? 0 : number))];
    // empty data is bytes there and text here; both are the end for a minion
    if (key === 'data' && JSON.stringify(inner) === '{"__bytes__":""}') return [key, ''];
    return [key, comparable(inner)];
  });
  return Object.fromEntries(entries) as unknown;
}

function makeTree(top: string): void {
  for (const folder of ['one/sub/deep', 'one/void', 'two/sub', 'dev', 'beside']) {
    mkdirSync(join(top, folder), { recursive: true });
  }
  const write = (path: string, text: string | Uint8Array): void => writeFileSync(join(top, path), text);
  write('one/a.txt', 'first');
  write('two/a.txt', 'second');
  write('two/two.txt', 'two');
  write('one/sub/b.txt', 'b');
  write('two/sub/c.txt', 'c');
  write('one/big.bin', Buffer.alloc(3000, 7));
  write('one/empty.txt', '');
  write('one/ünïcode.txt', 'ü');
  write('one/what?.txt', '?');
  write('one/skip.pyc', '');
  write('one/sub/skip.pyc', '');
  write('one/.hidden', '');
  write('dev/a.txt', 'dev');
  write('dev/only-dev', '1');
  write('beside/secret', 's');
  const link = (target: string, path: string): void => symlinkSync(target, join(top, path));
  link('a.txt', 'one/link.txt');
  link('sub', 'one/linked');
  link('nowhere', 'one/broken');
  link('../beside/secret', 'one/out.txt');
  link('../../beside', 'one/sub/beside');
  link(join(top, 'one/a.txt'), 'one/sub/absolute');
}

const CASES: [name: string, ours: Partial<FileServerOptions>, salts: Record<string, unknown>][] = [
  ['as it is by default', {}, {}],
  ['links are not followed', { followSymlinks: false }, { fileserver_followsymlinks: false }],
  ['links are left out', { ignoreSymlinks: true }, { fileserver_ignoresymlinks: true }],
  [
    'patterns of ignored files, another hash',
    { ignoreGlobs: ['*.pyc'], ignoreRegexes: ['/deep', '(?i)HIDDEN'], hashType: 'md5' },
    { file_ignore_glob: ['*.pyc'], file_ignore_regex: ['/deep', '(?i)HIDDEN'], hash_type: 'md5' },
  ],
];

for (const [name, ours, salts] of CASES) {
  test(name, async (t) => {
    const top = realpathSync(temporaryFolder(t));
    makeTree(top);
    const roots = { dev: [join(top, 'dev')], base: [join(top, 'one'), join(top, 'two')] };
    const asked = requests();
    const opts = { file_roots: roots, cachedir: join(top, 'cache'), file_buffer_size: 1024, ...salts };
    const script = new URL('./python/fileserver.py', import.meta.url).pathname;
    const { stdout, stderr } = spawnSync(interop().python, [script], {
      encoding: 'utf8',
      input: JSON.stringify({ opts, requests: asked }),
      env: { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8' },
    });
    assert.notEqual(stdout, '', stderr);
    const salt = JSON.parse(stdout) as unknown[];
    assert.equal(salt.length, asked.length);
    const files = new FileServer({ roots: new Map(Object.entries(roots)), chunkBytes: 1024, ...ours });
    for (const [index, request] of asked.entries()) {
      const said = request[0] === 'file_envs' ? (salt[index] as string[]).sort() : salt[index];
      assert.deepEqual(
        comparable(await answer(files, request)),
        comparable(said),
        `${request[0]} ${JSON.stringify(request[1])}`,
      );
    }
  });
}
