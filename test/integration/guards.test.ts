/**
 * Who may not come in, does not: Salt's security history as one table, over raw sockets, against our own daemons in both roles.
 *
 * Each row is answered as the protocol says, counted under its reason, and disturbs nobody: a good minion goes on beside.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { newKeyString } from '../../src/codec/crypticle.ts';
import { encodePublication } from '../../src/codec/payload/publication.ts';
import { packRaw, unpackRaw } from '../../src/codec/payload/raw-strings.ts';
import { encodeClearRequest } from '../../src/codec/payload/request.ts';
import { encodeReady } from '../../src/codec/zmtp/command.ts';
import { encodeGreeting } from '../../src/codec/zmtp/greeting.ts';
import { flipped, identityNamed } from '../helpers/channel.ts';
import { ownMaster } from '../helpers/own-master.ts';
import { EVENT, answerOf, ask, crafted, loadOf, signedIn } from '../helpers/raw-minion.ts';
import { waitUntil } from '../helpers/wait-until.ts';
import { masterRig, table } from '../helpers/guarded-master.ts';
import type { Row } from '../helpers/guarded-master.ts';

const LIMIT = { timeout: 120_000 };
const NOTHING = new Map();

suite('at the door of the master', () => {
  test('shape, version, enc', LIMIT, async (t) => {
    const rig = await masterRig(t);
    const ping = { cmd: 'ping' };
    const good = rig.web1.session.seal(EVENT).payload;
    const notMsgpack = new Map([['msg', 'bad load']]);
    const clear = (more: object): Buffer => packRaw({ enc: 'clear', load: ping, version: 3, ...more });
    await table(rig, [
      // CVE-2023-20897
      ['no msgpack', 'not-msgpack', Buffer.from('c1', 'hex'), notMsgpack],
      ['nothing', 'not-msgpack', Buffer.alloc(0), notMsgpack],
      ['more behind it', 'not-msgpack', Buffer.concat([good, Buffer.from([0xc0])]), notMsgpack],
      ['HTTP', 'not-msgpack', Buffer.from('GET / HTTP/1.1\r\n\r\n'), notMsgpack],
      ['a list', 'shape', packRaw(['x']), 'bad load'],
      ['no load', 'shape', packRaw({ enc: 'clear', version: 3 }), 'bad load'],
      ['no enc', 'shape', packRaw({ load: ping, version: 3 }), 'bad load'],
      ['a further key', 'shape', clear({ fun: 'x' }), 'bad load'],
      ['a key of a prototype', 'shape', clear({ ['__proto__x']: 1 }), 'bad load'],
      [
        'a publication',
        'shape',
        encodePublication({
          blob: Buffer.alloc(80),
          signature: Buffer.alloc(256),
          sigAlgorithm: 'PKCS1v15-SHA1',
        }),
        'bad load',
      ],
      ['load is text', 'load-not-a-map', clear({ load: 'x' }), 'payload and load must be a dict'],
      [
        'a million values',
        'too-large',
        clear({ load: { cmd: '_auth', x: new Array<number>(1_100_000).fill(0) } }),
        'bad load',
      ],
      // CVE-2025-62349
      ...[undefined, null, 0, 1, 2, 2.5, 3.5, -3, '3', true, [3]].map((version): Row => [
        `version ${String(version)}`,
        'version',
        clear({ version }),
        'bad load',
      ]),
      ...['none', 'pub', 'AES', 'clear ', '', 'Clear', null, 1, true, ['clear'], Buffer.from([255])].map(
        (enc): Row => [`enc ${String(enc)}`, 'enc', clear({ enc }), 'bad load'],
      ),
    ]);
  });

  test('minimum_auth_version of 0 opens nothing', LIMIT, async (t) => {
    const rig = await masterRig(t, { config: { minimum_auth_version: 0 } });
    const old = { enc: 'clear', load: { cmd: 'ping' } };
    await table(rig, [
      ['version 2', 'version', packRaw({ ...old, version: 2 }), 'bad load'],
      ['no version', 'version', packRaw(old), 'bad load'],
    ]);
  });

  test('names of methods, clear and encrypted (CVE-2020-11651)', LIMIT, async (t) => {
    const rig = await masterRig(t);
    const internal = [
      '__init__',
      '__class__',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '_send_pub',
      '_prep_auth_info',
      '_prep_pub',
      '_update_aes',
      '_handle_aes',
      '_handle_clear',
      '_mminion',
      'destroy',
      'no_such',
      '',
      null,
      7,
      ['ping'],
    ];
    const ofMinions = [
      '_minion_event',
      '_return',
      '_pillar',
      '_serve_file',
      '_file_recv',
      '_mine_get',
      'minion_pub',
      'pub_ret',
      'revoke_auth',
      '_syndic_return',
    ];
    await table(
      rig,
      [...internal, ...ofMinions].map((cmd): Row => [
        `clear ${String(cmd)}`,
        'command',
        encodeClearRequest({ cmd }),
        NOTHING,
      ]),
    );
    const before = rig.master.daemon.counters.requests.refused.get('command') ?? 0;
    const clearOnes = ['_auth', 'ping', 'publish', 'runner', 'wheel', 'get_token', 'mk_token'];
    for (const cmd of [...internal, ...clearOnes])
      assert.deepEqual(await rig.send({ cmd }), NOTHING, String(cmd));
    assert.equal(
      rig.master.daemon.counters.requests.refused.get('command'),
      before + internal.length + clearOnes.length,
    );
    await rig.nobodyWasDisturbed();
  });

  test('the secret of the command line is needed for all that a clear request can do', LIMIT, async (t) => {
    const rig = await masterRig(t);
    const job = { cmd: 'publish', tgt: '*', fun: 'test.ping', arg: [], user: 'root' };
    const attempts = [
      ...[undefined, '', 'x', 'x'.repeat(300), null, 0, []].map((key) => ({ ...job, key })),
      ...['runner', 'wheel'].map((cmd) => ({
        cmd,
        fun: 'key.list_all',
        key: 'x',
        eauth: 'pam',
        username: 'root',
      })),
    ];
    for (const load of attempts) {
      const answer = await answerOf(rig.master, encodeClearRequest(load));
      const isRefused = answer === 'bad load' || (answer instanceof Map && answer.has('error'));
      assert.equal(isRefused, true, JSON.stringify(load));
    }
    assert.equal(rig.master.daemon.counters.published, 0);
    assert.equal(rig.master.daemon.counters.local.jobs, 0);
    await waitUntil(() => rig.seen.events.some(({ tag }) => tag === 'salt/job/error'));
    const tags = new Set(rig.seen.events.map(({ tag }) => tag));
    assert.deepEqual([...tags].sort(), ['salt/auth', 'salt/job/error']);
  });

  test('session, id, token, ts, nonce (CVE-2024-38822, CVE-2024-38823)', LIMIT, async (t) => {
    const rig = await masterRig(t, { config: { request_server_ttl: 60 } });
    const web2 = await signedIn(rig.master, 'web2');
    const elsewhere = await signedIn(await ownMaster(t), 'web1');
    const key = rig.web1.result.sessionKey;
    const now = Math.floor(Date.now() / 1000);
    const bad = (what: string, reason: string, more: object, envelope: object = {}): Row => [
      what,
      reason,
      crafted(key, loadOf('web1', more), envelope),
      'bad load',
    ];
    const zeroKey = newKeyString(() => Buffer.alloc(56));
    await table(rig, [
      ['a key that is nobody’s', 'session', crafted(zeroKey, loadOf('web1')), 'bad load'],
      ['the publish key', 'session', crafted(rig.web1.result.publishKey, loadOf('web1')), 'bad load'],
      ['the session of another', 'session', crafted(web2.result.sessionKey, loadOf('web1')), 'bad load'],
      ['the session with another master', 'session', elsewhere.session.seal(EVENT).payload, 'bad load'],
      [
        'a reply sent back',
        'session',
        packRaw({ enc: 'aes', load: Buffer.alloc(96, 200), version: 3, id: 'web1' }),
        'bad load',
      ],
      bad('the envelope of another', 'session', {}, { id: 'web2' }),
      ...['../web1', '/etc/passwd', '..', '.', '', 'x'.repeat(300)].map((id) =>
        bad(`envelope ${id}`, 'session', {}, { id }),
      ),
      bad('an envelope with NUL', 'id', {}, { id: 'web1\0' }),
      bad('an envelope without id', 'id', {}, { id: undefined }),
      bad('the load of another', 'id-mismatch', { id: 'web2' }),
      bad('the load of another, with his token', 'id-mismatch', {
        id: 'web2',
        tok: identityNamed('web2').tok(),
      }),
      bad('no token', 'token', { tok: undefined }),
      bad('a nil token', 'token', { tok: null }),
      bad('an empty token', 'token', { tok: Buffer.alloc(0) }),
      bad('the token of another', 'token', { tok: identityNamed('web2').tok() }),
      bad('a token with one bit changed', 'token', { tok: flipped(identityNamed('web1').tok(), 200) }),
      bad('an hour old', 'ttl', { ts: now - 3600 }),
      bad('an hour ahead', 'ttl', { ts: now + 3600 }),
      bad('a ts of text', 'ttl', { ts: String(now) }),
      bad('a ts with a fraction', 'ttl', { ts: now + 0.5 }),
      bad('no ts', 'ttl', { ts: undefined }),
      bad('no nonce', 'nonce', { nonce: undefined }),
      bad('a short nonce', 'nonce', { nonce: 'ff' }),
      bad('a nonce in capitals', 'nonce', { nonce: 'F'.repeat(32) }),
      bad('the serial of a publication', 'serial', { serial: 1, nonce: 'a'.repeat(32) }),
    ]);
    for (const [inner, answer] of [
      [7, 'bad load: id is not a string'],
      ['web1\0', 'bad load: id contains a null byte'],
    ] as const)
      assert.equal(await answerOf(rig.master, crafted(key, loadOf('web1', { id: inner }))), answer);
    const replayed = crafted(key, loadOf('web1', { tag: 'good/0' }));
    assert.equal((await answerOf(rig.master, replayed)) instanceof Uint8Array, true, 'the first time');
    await table(rig, [
      ['played again', 'replay', replayed, 'bad load'],
      [
        'the nonce again, in another request',
        'replay',
        crafted(key, loadOf('web1', { tag: 'x' })),
        'bad load',
      ],
    ]);
  });

  test('a real request cut at every byte, and changed at every byte', LIMIT, async (t) => {
    const rig = await masterRig(t, { config: { auto_accept: true } });
    const event = rig.web1.session.seal(EVENT).payload;
    const bad = [...event].flatMap((_, at) => [event.subarray(0, at), flipped(event, at, at % 8)]);
    for (let at = 0; at < bad.length; at += 16) {
      const answers = await Promise.all(bad.slice(at, at + 16).map((payload) => ask(rig.master, payload)));
      for (const [n, answer] of answers.entries()) {
        const value = unpackRaw(answer);
        const isRefused = value === 'bad load' || (value instanceof Map && value.get('msg') === 'bad load');
        // the names of the algorithms are not under the HMAC, as in Salt; one that is none refuses the envelope
        assert.equal(isRefused, true, `${at + n}: ${bad[at + n]?.toString('hex') ?? ''}`);
      }
    }
    const counted = [...rig.master.daemon.counters.requests.refused.values()].reduce(
      (sum, one) => sum + one,
      0,
    );
    assert.equal(counted, bad.length);
    assert.equal(rig.master.daemon.counters.requests.authentic, 0);
    await rig.nobodyWasDisturbed();
  });

  test(
    'too much in one message, and what is no ZeroMQ, ends the connection and no other',
    LIMIT,
    async (t) => {
      const rig = await masterRig(t);
      const openOne = (...bytes: readonly Buffer[]): Promise<void> =>
        new Promise((resolve) => {
          const socket = connect(rig.master.requestPort, '127.0.0.1');
          t.after(() => socket.destroy());
          socket.on('error', () => undefined);
          socket.on('close', () => resolve());
          socket.on('data', () => undefined);
          socket.write(Buffer.concat([...bytes]));
        });
      const hello = [encodeGreeting(), encodeReady('REQ', Buffer.alloc(0))];
      const huge = Buffer.from('0100' + '02' + '0000000010000000', 'hex');
      await openOne(...hello, huge);
      await openOne(...hello, Buffer.from('0602ffffffff00000000', 'hex'));
      await openOne(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      assert.equal(rig.master.daemon.counters.requestPort.protocolErrors, 3);
      assert.equal(rig.master.daemon.counters.requests.refused.size, 0);
      await rig.nobodyWasDisturbed();
    },
  );
});
