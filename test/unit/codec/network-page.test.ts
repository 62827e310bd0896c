/** The hexadecimal vectors of docs/wire/network.md are what the codec makes, and each of them is read back. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Crypticle } from '../../../src/codec/crypticle.ts';
import { encodePublication } from '../../../src/codec/payload/publication.ts';
import { bytesOf, packRaw, unpackRaw } from '../../../src/codec/payload/raw-strings.ts';
import { BAD_LOAD, encodePlainReply, encodeSealedReply } from '../../../src/codec/payload/reply.ts';
import { encodeClearRequest, encodeSealedRequest } from '../../../src/codec/payload/request.ts';
import { recoverX931 } from '../../../src/codec/rsa/x931.ts';
import { encodePing, encodePong, encodeReady, encodeSubscription } from '../../../src/codec/zmtp/command.ts';
import { encodeMessage } from '../../../src/codec/zmtp/frame.ts';
import { encodeGreeting } from '../../../src/codec/zmtp/greeting.ts';
import { VECTOR_IV, VECTOR_KEY, VECTOR_NONCE, hex } from '../../helpers/channel.ts';

const PAGE = readFileSync(new URL('../../../docs/wire/network.md', import.meta.url), 'utf8');

/** The blocks of the page whose fence names a vector: "```hex NAME". */
const shown = new Map(
  [...PAGE.matchAll(/^```hex ([\w.-]+)\n([\s\S]*?)^```$/gm)].map(([, name = '', text = '']) => [
    name,
    hex(text),
  ]),
);

const crypticle = new Crypticle(VECTOR_KEY);
const seal = (value: unknown, nonce = ''): Buffer => crypticle.encrypt(packRaw(value), nonce, VECTOR_IV);
const request = encodeClearRequest({ cmd: 'ping' });
const JOB = {
  fun: 'test.ping',
  arg: [],
  tgt: '*',
  jid: '20261122145001719109',
  ret: '',
  tgt_type: 'glob',
  user: 'root',
  serial: 1,
};

const made: ReadonlyMap<string, Buffer> = new Map([
  ['greeting', encodeGreeting()],
  ['ready-req', encodeReady('REQ', Buffer.alloc(0))],
  ['subscribe-all', encodeSubscription(Buffer.alloc(0), true, 1)],
  ['ping', encodePing(0)],
  ['pong', encodePong(Buffer.alloc(0))],
  ['request-frames', encodeMessage([Buffer.alloc(0), request])],
  ['clear-request', request],
  ['pending-verdict', packRaw({ ret: true, nonce: VECTOR_NONCE })],
  ['crypticle-request', seal({ cmd: 'ping' })],
  ['crypticle-reply', seal(true, VECTOR_NONCE)],
  ['crypticle-nil', seal(null, VECTOR_NONCE)],
  [
    'sealed-request',
    encodeSealedRequest({
      blob: seal({ cmd: 'ping' }),
      id: 'web1',
      encAlgorithm: 'OAEP-SHA1',
      sigAlgorithm: 'PKCS1v15-SHA1',
    }),
  ],
  ['sealed-reply', encodeSealedReply(seal(null, VECTOR_NONCE))],
  ['bad-load', BAD_LOAD],
  ['not-msgpack', encodePlainReply({ msg: 'bad load' })],
  ['event-load', packRaw({ id: 'web1', tag: 'mytag', data: { n: 1 }, cmd: '_minion_event' })],
  [
    'event-list-load',
    packRaw({
      id: 'web1',
      cmd: '_minion_event',
      pretag: null,
      events: [{ tag: 'myco/a', data: { n: 1 } }],
    }),
  ],
  ['job', packRaw(JOB)],
  [
    'publication',
    encodePublication({ blob: seal(JOB), signature: undefined, sigAlgorithm: 'PKCS1v15-SHA1' }),
  ],
]);

// A key of 1024 bits, in the page by its modulus and a signature.
const RECOVERED = ['x931-modulus', 'x931-signature'];

test('each vector of the page is what the codec makes, and none is missing', () => {
  assert.deepEqual(
    [...shown.keys()].filter((name) => !RECOVERED.includes(name)).sort(),
    [...made.keys()].sort(),
  );
  for (const [name, bytes] of made)
    assert.equal(shown.get(name)?.toString('hex'), bytes.toString('hex'), name);
});

test('the X9.31 signature of the page is that of the text which each request is signed with', () => {
  const n = shown.get('x931-modulus') ?? assert.fail();
  const key = createPublicKey({
    key: { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB' },
    format: 'jwk',
  });
  assert.equal(recoverX931(key, shown.get('x931-signature') ?? assert.fail())?.toString(), 'salt');
});

test('the key, the nonce and the plaintexts that the page names are those of the vectors', () => {
  assert.ok(PAGE.includes(VECTOR_KEY), 'the key string');
  assert.ok(PAGE.includes(VECTOR_NONCE), 'the nonce');
  const opened = crypticle.decrypt(shown.get('crypticle-reply') ?? assert.fail(), VECTOR_NONCE);
  assert.deepEqual(opened, { kind: 'plain', bytes: packRaw(true) });
  const envelope = unpackRaw(shown.get('sealed-request') ?? assert.fail());
  assert.ok(envelope instanceof Map);
  const load = bytesOf((envelope as ReadonlyMap<string, string>).get('load'));
  assert.equal(load?.toString('hex'), shown.get('crypticle-request')?.toString('hex'));
});
