import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { sealReply } from '../../../src/channel/answer.ts';
import { MinionSession } from '../../../src/channel/minion-session.ts';
import { openRequest } from '../../../src/channel/open-request.ts';
import type { OpenedRequest } from '../../../src/channel/open-request.ts';
import { beginSignIn, readSignInReply } from '../../../src/channel/sign-in.ts';
import { Crypticle } from '../../../src/codec/crypticle.ts';
import type { ExactValue } from '../../../src/codec/msgpack/values.ts';
import { packRaw, unpackRaw } from '../../../src/codec/payload/raw-strings.ts';
import {
  MAX_CLEAR_BYTES,
  encodeClearRequest,
  encodeSealedRequest,
} from '../../../src/codec/payload/request.ts';
import { signX931 } from '../../../src/codec/rsa/x931.ts';
import { onDiagnostics } from '../../../src/diagnostics.ts';
import { flipped, identityNamed, privatePemOf, testMaster } from '../../helpers/channel.ts';
import type { TestMaster } from '../../helpers/channel.ts';

interface SignedInMinion {
  readonly master: TestMaster;
  readonly session: MinionSession;
  readonly sessionKey: string;
}

async function signedIn(id = 'web1', at?: TestMaster): Promise<SignedInMinion> {
  const master = at ?? (await testMaster());
  const identity = identityNamed(id);
  const attempt = beginSignIn(identity);
  const result = readSignInReply(attempt, await master.answerSignIn(attempt.payload));
  if (result.kind !== 'accepted') return assert.fail();
  const session = new MinionSession(identity, result, { now: () => master.clock });
  return { master, session, sessionKey: result.sessionKey };
}

const EVENT = { cmd: '_minion_event', pretag: null, data: { a: 1 }, tag: 'x/y' };
const NONCE = '00112233445566778899aabbccddeeff';

function summary(opened: OpenedRequest): string {
  return opened.kind === 'refused' ? opened.reason : opened.kind;
}

function answer(opened: OpenedRequest): ExactValue {
  return opened.kind === 'refused' ? unpackRaw(opened.answer) : assert.fail(opened.kind);
}

/** A request of web1 with anything in it, encrypted with the key that is given. */
function crafted(key: string, load: unknown, envelope: Readonly<Record<string, unknown>> = {}): Buffer {
  const blob = new Crypticle(key).encrypt(packRaw(load));
  return packRaw({
    enc: 'aes',
    load: blob,
    version: 3,
    id: 'web1',
    enc_algo: 'OAEP-SHA1',
    sig_algo: 'PKCS1v15-SHA1',
    ...envelope,
  });
}

function fields(master: TestMaster, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    ...EVENT,
    nonce: NONCE,
    ts: master.clock / 1000,
    tok: identityNamed('web1').tok(),
    id: 'web1',
    ...more,
  };
}

test('a request is authentic, with its whole load in order and without what is the channel’s', async () => {
  const { master, session } = await signedIn();
  const opened = master.open(session.seal(EVENT).payload);
  if (opened.kind !== 'authentic') return assert.fail();
  assert.equal(opened.id, 'web1');
  assert.deepEqual(opened.load, {
    cmd: '_minion_event',
    pretag: null,
    data: new Map([['a', 1]]),
    tag: 'x/y',
  });
  assert.deepEqual([...opened.whole.keys()], ['cmd', 'pretag', 'data', 'tag', 'ts', 'id']);
  assert.equal(opened.whole.get('ts'), master.clock / 1000);
});

test('the reply opens for the request it is to, and for no other', async () => {
  const { master, session } = await signedIn();
  const [first, second] = [session.seal(EVENT), session.seal(EVENT)];
  const [one, two] = [master.open(first.payload), master.open(second.payload)];
  if (one.kind !== 'authentic' || two.kind !== 'authentic') return assert.fail();
  const replies = [sealReply(one, null), sealReply(two, { x: [1] })];
  assert.deepEqual(session.open(replies[0] ?? assert.fail(), first.nonce), { kind: 'value', value: null });
  assert.deepEqual(session.open(replies[1] ?? assert.fail(), second.nonce), {
    kind: 'value',
    value: new Map([['x', [1]]]),
  });
  // swapped
  assert.equal(session.open(replies[0] ?? assert.fail(), second.nonce).kind, 'sign-in-again');
  assert.equal(session.open(replies[1] ?? assert.fail(), first.nonce).kind, 'sign-in-again');
});

test('each check has its reason and its answer', async () => {
  const { master, sessionKey } = await signedIn();
  const good = fields(master);
  const other = new MinionSession(
    identityNamed('web1'),
    {
      kind: 'accepted',
      publishKey: '',
      sessionKey: Buffer.alloc(56, 5).toString('base64'),
      publishPort: 1,
      masterKey: createPrivateKey(privatePemOf('master')),
      pin: undefined,
    },
    { now: () => master.clock },
  );
  const foreignTok = signX931(createPrivateKey(privatePemOf('web2')), Buffer.from('salt'));
  const otherMessage = signX931(createPrivateKey(privatePemOf('web1')), Buffer.from('salt0'));
  const nothing = new Map();
  const cases: readonly (readonly [string, Buffer, string, ExactValue])[] = [
    ['no msgpack', Buffer.from([0xc1]), 'not-msgpack', new Map([['msg', 'bad load']])],
    ['nothing', Buffer.alloc(0), 'not-msgpack', new Map([['msg', 'bad load']])],
    ['no map', packRaw(['x']), 'shape', 'bad load'],
    ['no enc', packRaw({ load: {}, version: 3 }), 'shape', 'bad load'],
    ['a further key', crafted(sessionKey, good, { enc_algo: undefined, fun: 'x' }), 'shape', 'bad load'],
    ['no version', packRaw({ enc: 'clear', load: { cmd: 'ping' } }), 'version', 'bad load'],
    ['version 2', packRaw({ enc: 'clear', load: { cmd: 'ping' }, version: 2 }), 'version', 'bad load'],
    ['downgraded', crafted(sessionKey, good, { version: 2 }), 'version', 'bad load'],
    ['enc of another kind', packRaw({ enc: 'pub', load: { cmd: 'ping' }, version: 3 }), 'enc', 'bad load'],
    [
      'clear load no map',
      packRaw({ enc: 'clear', load: 'x', version: 3 }),
      'load-not-a-map',
      'payload and load must be a dict',
    ],
    ['envelope id no text', crafted(sessionKey, good, { id: 5 }), 'id', 'bad load'],
    ['session of another id', crafted(sessionKey, good, { id: 'web2' }), 'session', 'bad load'],
    ['session unknown', crafted(sessionKey, good, { id: '__proto__' }), 'session', 'bad load'],
    ['another key', other.seal(EVENT).payload, 'session', 'bad load'],
    ['publish key', crafted(master.desk.publishKey.current().key, good), 'session', 'bad load'],
    ['load too short', crafted(sessionKey, good, { load: Buffer.alloc(10, 255) }), 'session', 'bad load'],
    [
      'no msgpack inside',
      packRaw({
        enc: 'aes',
        load: new Crypticle(sessionKey).encrypt(Buffer.from([0xc1])),
        version: 3,
        id: 'web1',
      }),
      'content',
      'bad load',
    ],
    ['no map inside', crafted(sessionKey, ['x']), 'load-not-a-map', 'payload and load must be a dict'],
    ['id no text', crafted(sessionKey, { ...good, id: 5 }), 'id', 'bad load: id is not a string'],
    ['id missing', crafted(sessionKey, { ...good, id: undefined }), 'id', 'bad load: id is not a string'],
    [
      'id with NUL',
      crafted(sessionKey, { ...good, id: 'web1\0' }),
      'id',
      'bad load: id contains a null byte',
    ],
    ['ts missing', crafted(sessionKey, { ...good, ts: undefined }), 'ttl', 'bad load'],
    ['ts no integer', crafted(sessionKey, { ...good, ts: '5' }), 'ttl', 'bad load'],
    ['id of another', crafted(sessionKey, { ...good, id: 'web2' }), 'id-mismatch', 'bad load'],
    ['token missing', crafted(sessionKey, { ...good, tok: undefined }), 'token', 'bad load'],
    ['token of another', crafted(sessionKey, { ...good, tok: foreignTok }), 'token', 'bad load'],
    ['token of another message', crafted(sessionKey, { ...good, tok: otherMessage }), 'token', 'bad load'],
    ['token no bytes', crafted(sessionKey, { ...good, tok: 5 }), 'token', 'bad load'],
    ['token empty', crafted(sessionKey, { ...good, tok: '' }), 'token', 'bad load'],
    ['nonce missing', crafted(sessionKey, { ...good, nonce: undefined }), 'nonce', 'bad load'],
    ['nonce no nonce', crafted(sessionKey, { ...good, nonce: 'x' }), 'nonce', 'bad load'],
    ['serial', crafted(sessionKey, { ...good, serial: 5, nonce: '1'.repeat(32) }), 'serial', 'bad load'],
    [
      'no command',
      crafted(sessionKey, { ...good, cmd: undefined, nonce: '2'.repeat(32) }),
      'no-command',
      'Some exception handling minion payload',
    ],
    ['clear command unknown', encodeClearRequest({ cmd: '_prep_auth_info' }), 'command', nothing],
    ['clear command missing', encodeClearRequest({}), 'command', nothing],
    ['encrypted command in the clear', encodeClearRequest({ ...good }), 'command', nothing],
    ['clear field', encodeClearRequest({ cmd: 'ping', x: 1 }), 'field', 'bad load'],
    [
      'sign-in, encryption',
      encodeClearRequest({ cmd: '_auth', id: 'a', nonce: NONCE, pub: '', enc_algo: 'x' }),
      'algorithm',
      new Map<ExactValue, ExactValue>([
        ['enc', 'clear'],
        ['load', new Map([['ret', 'bad enc algo']])],
      ]),
    ],
    [
      'sign-in, signing',
      encodeClearRequest({ cmd: '_auth', id: 'a', nonce: NONCE, pub: '', sig_algo: 'x' }),
      'algorithm',
      new Map<ExactValue, ExactValue>([
        ['enc', 'clear'],
        ['load', new Map([['ret', 'bad sig algo']])],
      ]),
    ],
    [
      'sign-in, nonce',
      encodeClearRequest({ cmd: '_auth', id: 'a', nonce: 'x', pub: '' }),
      'nonce',
      'bad load',
    ],
  ];
  for (const [name, payload, reason, expected] of cases) {
    const opened = master.open(payload);
    assert.equal(summary(opened), reason, name);
    assert.deepEqual(answer(opened), expected, name);
  }
  // none of them has used up the good one
  assert.equal(summary(master.open(crafted(sessionKey, good))), 'authentic');
});

test('an authentic sender of what is not on the list is answered under his key', async () => {
  const { master, session } = await signedIn();
  const check = (load: Readonly<Record<string, unknown>>, reason: string, value: ExactValue): void => {
    const sent = session.seal(load);
    const opened = master.open(sent.payload);
    assert.equal(summary(opened), reason);
    const bytes = opened.kind === 'refused' ? opened.answer : assert.fail();
    assert.deepEqual(session.open(bytes, sent.nonce), { kind: 'value', value });
  };
  check({ cmd: '_prep_auth_info' }, 'command', new Map());
  check({ cmd: 'publish', fun: 'test.ping' }, 'command', new Map());
  check({ cmd: 5 }, 'command', new Map());
  check({ cmd: '_return', jid: '../x', return: 1 }, 'field', '');
  check({ cmd: '_file_hash', path: 'x', saltenv: '../..' }, 'field', '');
});

test('an id that can be no id is refused though everything else is right', async () => {
  const { master } = await signedIn();
  const id = '../web1';
  master.accepted.set(id, master.accepted.get('web1') ?? assert.fail());
  const key = master.desk.sessions.forSignIn(id).key();
  assert.equal(summary(master.open(crafted(key, fields(master, { id }), { id }))), 'id-invalid');
});

test('a request that is played again is refused, and one of another session is not understood', async () => {
  const { master, session } = await signedIn();
  const { payload } = session.seal(EVENT);
  assert.equal(summary(master.open(payload)), 'authentic');
  assert.equal(summary(master.open(payload)), 'replay');
  master.desk.sessions.end('web1');
  assert.equal(summary(master.open(payload)), 'session');
  await signedIn('web1', master);
  assert.equal(summary(master.open(payload)), 'session');
});

test('a request older than what is remembered is refused, and the next sign-in has a new key', async () => {
  const { master, session, sessionKey } = await signedIn();
  const old = session.seal(EVENT).payload;
  for (let second = 0; second < 3; second += 1) {
    master.clock += 1000;
    for (let n = 0; n < 200; n += 1)
      assert.equal(summary(master.open(session.seal(EVENT).payload)), 'authentic');
  }
  assert.equal(summary(master.open(old)), 'too-old');
  assert.equal(summary(master.open(session.seal(EVENT).payload)), 'authentic');
  const again = await signedIn('web1', master);
  assert.notEqual(again.sessionKey, sessionKey);
  assert.equal(summary(master.open(old)), 'session');
});

test('request_server_ttl: an old ts and one from the future are refused', async () => {
  const master = await testMaster({ ttlSeconds: 60 });
  const { sessionKey } = await signedIn('web1', master);
  const now = master.clock / 1000;
  const at = (ts: number, nonce: string): string =>
    summary(master.open(crafted(sessionKey, fields(master, { ts, nonce: nonce.repeat(32) }))));
  assert.equal(at(now - 61, '1'), 'ttl');
  assert.equal(at(now + 61, '2'), 'ttl');
  assert.equal(at(now - 60, '3'), 'authentic');
  assert.equal(at(now + 60, '4'), 'authentic');
});

test('a minion whose key is taken away, or is another, is refused with its old session', async () => {
  const { master, session } = await signedIn();
  await signedIn('web2', master);
  assert.equal(summary(master.open(session.seal(EVENT).payload)), 'authentic');
  master.accepted.set('web1', master.accepted.get('web2') ?? assert.fail());
  assert.equal(summary(master.open(session.seal(EVENT).payload)), 'token');
  master.accepted.delete('web1');
  assert.equal(summary(master.open(session.seal(EVENT).payload)), 'token');
});

test('a minion cannot use the session of another, nor be another in its own', async () => {
  const { master, session, sessionKey } = await signedIn();
  await signedIn('web2', master);
  const asOther = crafted(sessionKey, fields(master, { id: 'web2' }), { id: 'web2' });
  assert.equal(summary(master.open(asOther)), 'session');
  const relabelled = unpackRaw(session.seal(EVENT).payload) as Map<ExactValue, ExactValue>;
  assert.equal(summary(master.open(packRaw(relabelled.set('id', 'web2')))), 'session');
});

test('a bit flipped in any byte of a real request never opens another, and no cut does', async () => {
  const { master, session } = await signedIn();
  const { payload } = session.seal({ ...EVENT, tag: 't' });
  let still = 0;
  for (let at = 0; at < payload.length; at += 1) {
    for (const bit of [0, 3, 7]) {
      const opened = master.open(flipped(payload, at, bit));
      if (opened.kind === 'refused') continue;
      // The envelope is not signed: a higher version can be written into it. After the first the rest are replays.
      still += 1;
      if (opened.kind !== 'authentic') return assert.fail(opened.kind);
      assert.deepEqual([opened.id, opened.load.cmd], ['web1', '_minion_event']);
    }
  }
  assert.equal(still, 1);
  for (let cut = 0; cut < payload.length; cut += 1) {
    assert.equal(summary(master.open(Buffer.from(payload.subarray(0, cut)))), 'not-msgpack');
  }
});

test('a clear request of many values is not read; an encrypted one of that size is', async () => {
  const master = await testMaster();
  const many = { cmd: '_auth', id: 'web1', list: new Array<null>(MAX_CLEAR_BYTES).fill(null) };
  assert.equal(summary(master.open(packRaw({ enc: 'clear', load: many, version: 3 }))), 'too-large');
  assert.equal(summary(master.open(packRaw(new Array<number>(MAX_CLEAR_BYTES + 1).fill(0)))), 'too-large');
  const blob = Buffer.alloc(MAX_CLEAR_BYTES + 16, 255);
  assert.equal(summary(master.open(packRaw({ enc: 'aes', load: blob, version: 3, id: 'web1' }))), 'session');
});

test('a request longer than is read is not read', async () => {
  const { master } = await signedIn();
  const door = { ...master.door, maxBytes: 100 };
  const opened = openRequest(
    door,
    encodeSealedRequest({
      blob: Buffer.alloc(200),
      id: 'x',
      encAlgorithm: 'OAEP-SHA1',
      sigAlgorithm: 'PKCS1v15-SHA1',
    }),
  );
  assert.equal(summary(opened), 'too-large');
});

test('a session key that has lived long enough is replaced, and understood a while longer', async () => {
  const { master, session, sessionKey } = await signedIn();
  master.clock += 1000_000;
  const sent = session.seal(EVENT);
  const opened = master.open(sent.payload);
  if (opened.kind !== 'authentic') return assert.fail();
  // the answer goes under the key of the request, not under the newest
  assert.equal(opened.session.key(), sessionKey);
  assert.deepEqual(session.open(sealReply(opened, true), sent.nonce), { kind: 'value', value: true });
  master.clock += 10_000;
  assert.equal(summary(master.open(session.seal(EVENT).payload)), 'session');
  const again = await signedIn('web1', master);
  assert.equal(summary(master.open(again.session.seal(EVENT).payload)), 'authentic');
});

test('refusals are told, without a secret', async () => {
  const { master, session } = await signedIn();
  const seen: unknown[] = [];
  const end = onDiagnostics('saltbus:channel:refused', (payload) => seen.push(payload));
  const sent = session.seal(EVENT).payload;
  master.open(sent);
  master.open(sent);
  master.open(packRaw({ enc: 'x', load: 1, version: 3 }), '192.0.2.7:5000');
  end();
  assert.deepEqual(seen, [
    { reason: 'replay', detail: '', id: 'web1', remote: undefined },
    { reason: 'enc', detail: '', id: undefined, remote: '192.0.2.7:5000' },
  ]);
});

test('a load cannot have a serial, and what it says under the names of the channel is overwritten', async () => {
  const { master, session } = await signedIn();
  assert.throws(() => session.seal({ ...EVENT, serial: 1 }), { code: 'ERR_SALTBUS_DATA' });
  const opened = master.open(session.seal({ ...EVENT, id: 'web2', nonce: 'x', tok: 'x', ts: 'x' }).payload);
  assert.equal(summary(opened), 'authentic');
});
