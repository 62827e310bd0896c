import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readClearLoad, readMinionLoad } from '../../../src/codec/load/commands.ts';
import { isJid, isMinionId, isPathComponent, isSaltenv } from '../../../src/codec/load/names.ts';
import { packRaw, unpackRaw } from '../../../src/codec/payload/raw-strings.ts';
import type { LoadMap } from '../../../src/codec/payload/raw-strings.ts';

type Fields = Readonly<Record<string, unknown>>;

function wire(load: Fields): LoadMap {
  return unpackRaw(packRaw(load)) as LoadMap;
}

const JID = '20261122145001719109';
// As real minions of 3006.30, 3007.17 and 3008.5 send them, without what each load has besides.
const OF_MINIONS: Readonly<Record<string, readonly Fields[]>> = {
  _pillar: [
    {
      grains: { os: 'x' },
      saltenv: null,
      pillarenv: null,
      pillar_override: null,
      extra_minion_data: {},
      ver: '2',
    },
    {
      grains: {},
      saltenv: 'base',
      pillarenv: 'dev',
      pillar_override: {},
      extra_minion_data: {},
      ver: '2',
      clean_cache: true,
      ext: { a: 1 },
    },
  ],
  _minion_event: [
    { pretag: null, data: { a: 1 }, tag: 'x/y' },
    { pretag: null, data: 'text', tag: 'minion_start', grains: { os: 'x' } },
    { pretag: 'syndic/a', events: [{ tag: 'x', data: {} }] },
    { tag: 'x', data: {}, foo: 'preloaded' },
  ],
  _return: [
    {
      jid: JID,
      fun: 'test.ping',
      fun_args: [],
      return: true,
      retcode: 0,
      success: true,
      user: 'root',
      _stamp: '2026',
    },
    { jid: 'req', fun: 'x.y', return: null },
    { jid: 'nocache', fun: ['a', 'b'], return: {}, retcode: {}, success: {} },
    { jid: `${JID}_1234`, return: 'x' },
  ],
  _syndic_return: [{ load: [{ id: 'a' }] }],
  _master_opts: [{}, { env_only: true }],
  _master_tops: [{ opts: { id: 'a' } }],
  _ext_nodes: [{ opts: {} }],
  _file_envs: [{}],
  _file_list: [{ saltenv: 'base', prefix: '' }, { saltenv: 'feature/x' }],
  _file_list_emptydirs: [{ saltenv: 'base', prefix: '' }],
  _dir_list: [{ saltenv: 'base', prefix: '' }],
  _symlink_list: [{ saltenv: 'base', prefix: '' }],
  _file_hash: [{ path: 'top.sls', saltenv: 'base' }],
  _file_hash_and_stat: [{ path: 'top.sls', saltenv: 'base' }],
  _file_find: [{ path: 'a/b.sls', saltenv: 'base' }],
  _serve_file: [
    { path: 'top.sls', saltenv: 'base', loc: 0 },
    { path: 'x', saltenv: 'base', loc: 5, gzip: 5 },
  ],
  _file_recv: [{ path: ['a', 'b'], size: 10, loc: 0, data: Buffer.from([255, 0]) }],
  _mine: [{ data: { 'network.ip_addrs': ['::1'] }, clear: false }],
  _mine_get: [
    { tgt: '*', fun: 'x', tgt_type: 'glob' },
    { tgt: ['a'], fun: ['x', 'y'] },
  ],
  _mine_delete: [{ fun: 'x' }],
  _mine_flush: [{}],
  minion_pub: [
    { fun: 'test.ping', arg: [], tgt: '*', tgt_type: 'glob', ret: '', tmo: 5, form: 'clean', no_parse: [] },
  ],
  minion_publish: [{ fun: 'test.ping', arg: [], tgt: '*' }],
  minion_runner: [{ fun: 'jobs.active', arg: [], tmo: 5, no_parse: [] }],
  pub_ret: [{ jid: JID }],
  revoke_auth: [{ preserve_minion_cache: false }],
  _register_resources: [{ resources: {}, resource_grains: {} }],
  verify_minion: [{ token: Buffer.from([255]) }],
};

const COMMON = { id: 'web1', ts: 1, nonce: 'n', tok: Buffer.from([255]) };

test('the commands of real minions are read, with what is common to all', () => {
  for (const [cmd, loads] of Object.entries(OF_MINIONS)) {
    for (const load of loads) {
      const read = readMinionLoad(wire({ cmd, ...load, ...COMMON, traceparent: '00-x' }));
      assert.equal(read.kind === 'refused' ? read.why : read.kind, 'load', cmd);
      if (read.kind !== 'load') continue;
      assert.equal(read.load.cmd, cmd);
      assert.equal('nonce' in read.load || 'tok' in read.load || 'ts' in read.load, false, cmd);
    }
  }
});

test('a command outside the list is unknown, also when it names a property of an object or a method of Salt', () => {
  const names = [
    '',
    'constructor',
    '__proto__',
    'toString',
    '_prep_auth_info',
    '_send_pub',
    'ping',
    'publish',
    '_auth',
    'get',
    '_MINE',
    '_mine ',
  ];
  for (const cmd of [...names, null, 5, ['_mine'], Buffer.from([255])]) {
    assert.equal(readMinionLoad(wire({ cmd })).kind, 'unknown-command', JSON.stringify(cmd));
  }
  for (const cmd of [
    'constructor',
    '__proto__',
    ...Object.keys(OF_MINIONS),
    '_prep_pub',
    'rm_token',
    undefined,
  ]) {
    assert.equal(readClearLoad(wire({ cmd })).kind, 'unknown-command', String(cmd));
  }
});

// Any caller may add keys to these.
const OPEN = new Set(['_minion_event', '_return', '_syndic_return']);

test('a field that is not on the list refuses a load, and a required one that is missing', () => {
  const isOptional = new Set<string>();
  for (const [cmd, loads] of Object.entries(OF_MINIONS)) {
    const load = loads[0] ?? {};
    const extra = readMinionLoad(wire({ cmd, ...load, ...COMMON, another: 1 }));
    assert.equal(extra.kind, OPEN.has(cmd) ? 'load' : 'refused', cmd);
    const number = readMinionLoad(wire({ cmd, ...load, ...COMMON }));
    assert.equal(number.kind, 'load');
    const unnamed = readMinionLoad(new Map([...wire({ cmd, ...load, ...COMMON }), [7, 7] as const]));
    assert.equal(unnamed.kind, OPEN.has(cmd) ? 'load' : 'refused', cmd);
    for (const name of Object.keys(load)) {
      const rest = { ...load, [name]: undefined };
      if (readMinionLoad(wire({ cmd, ...rest, ...COMMON })).kind === 'load') isOptional.add(`${cmd}.${name}`);
    }
  }
  for (const required of [
    '_pillar.grains',
    '_return.jid',
    '_return.return',
    '_serve_file.path',
    '_serve_file.loc',
    '_file_recv.path',
    '_mine.data',
    '_mine_get.tgt',
    'pub_ret.jid',
  ]) {
    assert.equal(isOptional.has(required), false, required);
  }
  assert.equal(isOptional.has('_pillar.ver'), true);
});

test('fields of another type are refused, with the name of the field', () => {
  const cases: readonly (readonly [string, Fields, RegExp])[] = [
    ['_pillar', { grains: [] }, /^grains is no map/],
    ['_pillar', { grains: {}, saltenv: '../x' }, /^saltenv is no name of an environment/],
    ['_pillar', { grains: {}, pillarenv: 5 }, /^pillarenv/],
    ['_return', { jid: '../../etc', return: 1 }, /^jid is no job id/],
    ['_return', { jid: 5, return: 1 }, /^jid/],
    ['pub_ret', { jid: 'req' }, /^jid/],
    ['_minion_event', { tag: 5, data: {} }, /^tag/],
    ['_minion_event', { events: {} }, /^events/],
    ['_minion_event', { tag: 'a\0b', data: {} }, /^tag/],
    ['_file_hash', { path: 'a\0', saltenv: 'base' }, /^path/],
    ['_file_hash', { path: 'a', saltenv: '/etc' }, /^saltenv/],
    ['_serve_file', { path: 'a', saltenv: 'base', loc: -1 }, /^loc/],
    ['_serve_file', { path: 'a', saltenv: 'base', loc: 1.5 }, /^loc/],
    ['_serve_file', { path: 'a', saltenv: 'base', loc: 2n ** 60n }, /^loc/],
    ['_file_recv', { path: ['..', 'x'], loc: 0, size: 0, data: '' }, /^path/],
    ['_file_recv', { path: ['a/b'], loc: 0, size: 0, data: '' }, /^path/],
    ['_file_recv', { path: 'a', loc: 0, size: 0, data: '' }, /^path/],
    ['_file_recv', { path: [], loc: 0, size: 0, data: '' }, /^path/],
    ['_mine', { data: {}, clear: 'yes' }, /^clear/],
    ['_mine_get', { tgt: [1], fun: 'x' }, /^tgt/],
  ];
  for (const [cmd, load, why] of cases) {
    const read = readMinionLoad(wire({ cmd, ...load, ...COMMON }));
    assert.match(read.kind === 'refused' ? read.why : read.kind, why);
  }
});

test('the clear commands', () => {
  const auth = {
    cmd: '_auth',
    id: 'web1',
    nonce: 'f'.repeat(32),
    enc_algo: 'OAEP-SHA1',
    sig_algo: 'PKCS1v15-SHA1',
    pub: 'PEM',
  };
  const good: readonly Fields[] = [
    auth,
    { ...auth, token: Buffer.from([255]), autosign_grains: { os: 'x' } },
    { cmd: '_auth', id: 'web1', nonce: 'f'.repeat(32), pub: 'PEM' },
    { cmd: 'ping' },
    {
      cmd: 'publish',
      tgt: '*',
      fun: 'test.ping',
      arg: [],
      key: 'k',
      tgt_type: 'glob',
      ret: '',
      jid: '',
      user: 'root',
      kwargs: { delimiter: ':' },
    },
    { cmd: 'runner', fun: 'x.y', kwarg: {}, key: 'k', user: 'root' },
    { cmd: 'wheel', fun: 'key.list_all', key: 'k', match: '*' },
    { cmd: 'mk_token', eauth: 'pam', username: 'x', password: 'y' },
    { cmd: 'get_token', token: 'abc' },
  ];
  for (const load of good) {
    const read = readClearLoad(wire(load));
    assert.equal(read.kind === 'refused' ? read.why : read.kind, 'load', JSON.stringify(load));
  }
  for (const load of [
    { ...auth, id: 5 },
    { ...auth, pub: undefined },
    { ...auth, nonce: 'f'.repeat(33) },
    { ...auth, extra: 1 },
    { ...auth, pub: 'x'.repeat(20_000) },
    { cmd: 'ping', x: 1 },
    { cmd: 'publish', tgt: '*', fun: 'test.ping', arg: 'x' },
    { cmd: 'get_token', token: ['a'] },
  ]) {
    assert.equal(readClearLoad(wire(load)).kind, 'refused', JSON.stringify(load));
  }
});

test('names', () => {
  for (const id of ['web1', 'web1.example.org', 'a', 'ü', 'A b', 'x'.repeat(255), 'a..b', 'syndic_1']) {
    assert.equal(isMinionId(id), true, id);
  }
  for (const id of [
    '',
    '.',
    '..',
    '.hidden',
    'a/b',
    '../a',
    'a\\b',
    'a\0b',
    'a\nb',
    'x'.repeat(256),
    'ü'.repeat(128),
    '/etc',
    '\ud800',
  ]) {
    assert.equal(isMinionId(id), false, JSON.stringify(id));
  }
  for (const jid of [JID, `${JID}_1`, `${JID}_4194304`]) assert.equal(isJid(jid), true, jid);
  for (const jid of ['', '2026', `${JID}0`, `${JID}_`, `${JID}_x`, `../${JID}`, `${JID}\n`, 'req']) {
    assert.equal(isJid(jid), false, JSON.stringify(jid));
  }
  for (const env of ['base', 'dev', 'feature/x', 'v1.0', 'a..b']) assert.equal(isSaltenv(env), true, env);
  for (const env of ['', '.', '..', '/', '/etc', 'a//b', 'a/', '../base', 'a/../b', 'a\\b', 'a\0']) {
    assert.equal(isSaltenv(env), false, JSON.stringify(env));
  }
  for (const part of ['a', 'a.b', ' ']) assert.equal(isPathComponent(part), true, part);
  for (const part of ['', '.', '..', 'a/b', 'a\\b', 'a\0']) assert.equal(isPathComponent(part), false, part);
});
