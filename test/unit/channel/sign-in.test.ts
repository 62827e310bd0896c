import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { before, test } from 'node:test';
import { beginSignIn, readSignInReply } from '../../../src/channel/sign-in.ts';
import type { SignInAttempt, SignInOptions, SignInResult } from '../../../src/channel/sign-in.ts';
import { packRaw, unpackRaw } from '../../../src/codec/payload/raw-strings.ts';
import { encodeBadAlgorithm, encodeSignedReply, parseReply } from '../../../src/codec/payload/reply.ts';
import type { EncryptionAlgorithm, SigningAlgorithm } from '../../../src/codec/rsa/algorithms.ts';
import { encryptOaep } from '../../../src/codec/rsa/oaep.ts';
import { fingerprint } from '../../../src/codec/rsa/pem.ts';
import { signPkcs1 } from '../../../src/codec/rsa/pkcs1.ts';
import { publicPem } from '../../../src/codec/rsa/private-key.ts';
import { signX931 } from '../../../src/codec/rsa/x931.ts';
import {
  flipped,
  hex,
  identityNamed,
  masterKeyNamed,
  privatePemOf,
  testMaster,
} from '../../helpers/channel.ts';
import type { TestMaster } from '../../helpers/channel.ts';

const identity = identityNamed('web1');
const pinned = masterKeyNamed('master').publicPem;
let master: TestMaster;

before(async () => {
  master = await testMaster();
});

function outcome(result: SignInResult): string {
  return result.kind === 'refused' ? result.check : result.kind;
}

async function signIn(options: SignInOptions = {}, at = master): Promise<SignInResult> {
  const attempt = beginSignIn(identity, options);
  return readSignInReply(attempt, await at.answerSignIn(attempt.payload));
}

type Inner = Record<string, unknown>;

/** The reply of the real master with something changed, and signed again by the key of the name. */
async function forged(
  attempt: SignInAttempt,
  change: (inner: Inner) => Inner,
  signer = 'master',
  algorithm: SigningAlgorithm = 'PKCS1v15-SHA1',
): Promise<Buffer> {
  const reply = parseReply(await master.answerSignIn(attempt.payload));
  if (reply.kind !== 'signed') return assert.fail();
  const inner = change(Object.fromEntries(unpackRaw(reply.load) as ReadonlyMap<string, unknown>));
  const bytes = packRaw(inner);
  return encodeSignedReply(bytes, signPkcs1(createPrivateKey(privatePemOf(signer)), algorithm, bytes));
}

async function changed(
  options: SignInOptions,
  change: (inner: Inner) => Inner,
  signer?: string,
): Promise<string> {
  const attempt = beginSignIn(identity, options);
  return outcome(readSignInReply(attempt, await forged(attempt, change, signer)));
}

const sealed = (text: string, algorithm: EncryptionAlgorithm = 'OAEP-SHA1'): Buffer =>
  encryptOaep(createPublicKey(identity.publicPem), algorithm, Buffer.from(text));

test('the request has the sizes and the first bytes of real ones', () => {
  const first = beginSignIn(identity).payload;
  assert.equal(first.length, 584);
  assert.equal(
    first.toString('hex', 0, 44),
    '83a3656e63a5636c656172a46c6f616486a3636d64a55f61757468a26964a477656231a56e6f6e6365da0020',
  );
  const rest = first.toString('hex', 44 + 32);
  assert.equal(
    rest.startsWith(
      'a8656e635f616c676fa94f4145502d53484131a87369675f616c676fad504b4353317631352d53484131a3707562',
    ),
    true,
  );
  assert.equal(first.toString('hex').endsWith('a776657273696f6e03'), true);
  assert.equal(beginSignIn(identity, { pinned }).payload.length, 849);
});

test('first contact: accepted, with the key of the master to be pinned', async () => {
  const attempt = beginSignIn(identity);
  const reply = await master.answerSignIn(attempt.payload);
  assert.equal(reply.length, 1602);
  const result = readSignInReply(attempt, reply);
  if (result.kind !== 'accepted') return assert.fail();
  assert.equal(result.pin, pinned);
  assert.equal(result.publishPort, 4505);
  assert.equal(result.publishKey, master.desk.publishKey.current().key);
  assert.equal(result.sessionKey, master.desk.sessions.forSignIn('web1').key());
  assert.notEqual(result.publishKey, result.sessionKey);
});

test('with a pinned key the token is echoed, and nothing is to be pinned', async () => {
  const attempt = beginSignIn(identity, { pinned });
  const reply = await master.answerSignIn(attempt.payload);
  assert.equal(reply.length, 1867);
  const result = readSignInReply(attempt, reply);
  assert.equal(result.kind === 'accepted' && result.pin === undefined, true);
  // the order of the keys is that of real masters
  const signed = parseReply(reply);
  const inner = signed.kind === 'signed' ? unpackRaw(signed.load) : null;
  assert.deepEqual(
    [...(inner as ReadonlyMap<string, unknown>).keys()],
    ['enc', 'pub_key', 'publish_port', 'token', 'aes', 'session', 'sig', 'nonce'],
  );
});

test('the SHA-224 algorithms', async () => {
  const options = { pinned, encAlgorithm: 'OAEP-SHA224', sigAlgorithm: 'PKCS1v15-SHA224' } as const;
  assert.equal(outcome(await signIn(options)), 'accepted');
  assert.equal(outcome(await signIn({ ...options, pinned: `${pinned}\n` })), 'accepted');
});

test('pending, rejected and full, verified only where a key is pinned', async () => {
  for (const verdict of ['pending', 'rejected', 'full'] as const) {
    const other = await testMaster();
    other.verdict = verdict;
    assert.deepEqual(await signIn({}, other), { kind: verdict, isVerified: false });
    assert.deepEqual(await signIn({ pinned }, other), { kind: verdict, isVerified: true });
  }
});

test('the pending reply begins with the bytes of real ones', async () => {
  const other = await testMaster();
  other.verdict = 'pending';
  const attempt = beginSignIn(identity);
  const reply = parseReply(await other.answerSignIn(attempt.payload));
  if (reply.kind !== 'signed') return assert.fail();
  const wanted = `82a3726574c3a56e6f6e6365da0020${Buffer.from(attempt.nonce).toString('hex')}`;
  assert.equal(reply.load.toString('hex'), wanted);
});

test('1: what is no signed map', () => {
  const attempt = beginSignIn(identity);
  for (const bytes of [
    packRaw('bad load'),
    packRaw({}),
    hex('c1'),
    packRaw({ ret: true }),
    packRaw({ enc: 'clear', load: { ret: false } }),
    packRaw({ enc: 'clear', load: packRaw({ ret: true }) }),
  ]) {
    assert.equal(outcome(readSignInReply(attempt, bytes)), 'reply');
  }
});

test('2: an algorithm that the master does not speak, and a cluster that is not ready', () => {
  const attempt = beginSignIn(identity);
  for (const which of ['encryption', 'signing'] as const) {
    assert.deepEqual(readSignInReply(attempt, encodeBadAlgorithm(which)), { kind: 'bad-algorithm', which });
  }
  const notReady = packRaw({ enc: 'clear', load: { ret: false, cluster_retry: true } });
  assert.deepEqual(readSignInReply(attempt, notReady), { kind: 'retry-later' });
  assert.equal(outcome(readSignInReply(attempt, encodeSignedReply(hex('c1ff'), hex('ff')))), 'load');
  assert.equal(outcome(readSignInReply(attempt, encodeSignedReply(hex('92ffff'), hex('ff')))), 'load');
});

test('3: another key of the master is refused, also one that signs everything right', async () => {
  const impostor = await testMaster({ key: 'impostor' });
  assert.equal(outcome(await signIn({ pinned }, impostor)), 'master-key');
  assert.equal(outcome(await signIn({}, impostor)), 'accepted');
  const result = await signIn({ pinned, openMode: true }, impostor);
  assert.equal(result.kind === 'accepted' ? result.pin : undefined, masterKeyNamed('impostor').publicPem);
  assert.equal(await changed({ pinned }, (inner) => ({ ...inner, pub_key: 5 })), 'master-key');
  assert.equal(await changed({}, (inner) => ({ ...inner, pub_key: privatePemOf('master') })), 'master-key');
});

test('3: a signing key vouches for a new key, and only it', async () => {
  const masterSignKey = masterKeyNamed('sign').publicPem;
  const vouch = (pem: string, signer = 'sign'): string =>
    `${signPkcs1(createPrivateKey(privatePemOf(signer)), 'PKCS1v15-SHA1', Buffer.from(pem)).toString('base64')}\n`;
  const newPem = masterKeyNamed('impostor').publicPem;
  const vouched = await testMaster({ key: 'impostor', pubSignature: vouch(newPem) });
  const result = await signIn({ pinned, masterSignKey }, vouched);
  assert.equal(result.kind === 'accepted' ? result.pin : outcome(result), newPem);
  assert.equal(outcome(await signIn({ masterSignKey }, vouched)), 'accepted');
  assert.equal(outcome(await signIn({ pinned }, vouched)), 'master-signature');
  assert.equal(outcome(await signIn({ pinned, masterSignKey })), 'master-signature');
  const forgedVouch = await testMaster({ key: 'impostor', pubSignature: vouch(newPem, 'impostor') });
  assert.equal(outcome(await signIn({ pinned, masterSignKey }, forgedVouch)), 'master-signature');
  const forAnother = await testMaster({ key: 'impostor', pubSignature: vouch(pinned) });
  assert.equal(outcome(await signIn({ masterSignKey }, forAnother)), 'master-signature');
});

test('4: keys that were not made for this minion, a digest that is not signed, a token that is not echoed', async () => {
  const forAnother = encryptOaep(
    createPublicKey(privatePemOf('impostor')),
    'OAEP-SHA1',
    Buffer.from('x'.repeat(76)),
  );
  const key = Buffer.alloc(56, 1).toString('base64');
  const digestBy = (name: string): Buffer =>
    signX931(
      createPrivateKey(privatePemOf(name)),
      Buffer.from(createHash('sha256').update(key).digest('hex')),
    );
  const cases: readonly (readonly [string, (inner: Inner) => Inner])[] = [
    ['aes', (inner) => ({ ...inner, aes: undefined })],
    ['aes', (inner) => ({ ...inner, aes: forAnother })],
    ['aes', (inner) => ({ ...inner, aes: sealed('short') })],
    ['aes', (inner) => ({ ...inner, aes: 7 })],
    ['digest', (inner) => ({ ...inner, aes: sealed(key) })],
    ['digest', (inner) => ({ ...inner, aes: sealed(key), sig: digestBy('impostor') })],
    ['digest', (inner) => ({ ...inner, sig: undefined })],
    ['accepted', (inner) => ({ ...inner, aes: sealed(key), sig: digestBy('master') })],
    ['token', (inner) => ({ ...inner, token: undefined })],
    ['token', (inner) => ({ ...inner, token: sealed(key) })],
    ['session', (inner) => ({ ...inner, session: undefined })],
    ['session', (inner) => ({ ...inner, session: sealed('x') })],
    ['session', (inner) => ({ ...inner, session: forAnother })],
  ];
  for (const [expected, change] of cases) assert.equal(await changed({ pinned }, change), expected);
});

test('5: a reply signed by another, with another algorithm, or not over exactly its bytes', async () => {
  assert.equal(await changed({ pinned }, (inner) => inner, 'impostor'), 'signature');
  const attempt = beginSignIn(identity, { pinned, sigAlgorithm: 'PKCS1v15-SHA224' });
  assert.equal(outcome(readSignInReply(attempt, await forged(attempt, (inner) => inner))), 'signature');
  const good = await forged(attempt, (inner) => inner, 'master', 'PKCS1v15-SHA224');
  assert.equal(outcome(readSignInReply(attempt, good)), 'accepted');
});

test('6: a reply to another request', async () => {
  assert.equal(await changed({ pinned }, (inner) => ({ ...inner, nonce: '0'.repeat(32) })), 'nonce');
  assert.equal(await changed({}, (inner) => ({ ...inner, nonce: undefined })), 'nonce');
  const first = beginSignIn(identity, { pinned });
  const second = beginSignIn(identity, { pinned });
  const reply = await master.answerSignIn(first.payload);
  assert.equal(outcome(readSignInReply(second, reply)), 'nonce');
});

test('7: a forged rejection does not count', async () => {
  const verdict = (signer: string, nonce: string): Buffer => {
    const bytes = packRaw({ ret: false, nonce });
    return encodeSignedReply(
      bytes,
      signPkcs1(createPrivateKey(privatePemOf(signer)), 'PKCS1v15-SHA1', bytes),
    );
  };
  const attempt = beginSignIn(identity, { pinned });
  assert.equal(outcome(readSignInReply(attempt, verdict('impostor', attempt.nonce))), 'signature');
  assert.equal(outcome(readSignInReply(attempt, verdict('master', '0'.repeat(32)))), 'nonce');
  assert.equal(outcome(readSignInReply(attempt, verdict('master', attempt.nonce))), 'rejected');
  const first = beginSignIn(identity);
  assert.equal(outcome(readSignInReply(first, verdict('impostor', '0'.repeat(32)))), 'nonce');
  assert.deepEqual(readSignInReply(first, verdict('impostor', first.nonce)), {
    kind: 'rejected',
    isVerified: false,
  });
  const odd = await forged(first, () => ({ ret: 'maybe', nonce: first.nonce }));
  assert.equal(outcome(readSignInReply(first, odd)), 'ret');
  for (const port of [0, 65_536, 4505.5, '4505', undefined]) {
    assert.equal(
      await changed({ pinned }, (inner) => ({ ...inner, publish_port: port })),
      'ret',
      String(port),
    );
  }
});

test('8: master_finger', async () => {
  const finger = fingerprint(pinned);
  assert.equal(outcome(await signIn({ masterFinger: finger })), 'accepted');
  assert.equal(outcome(await signIn({ masterFinger: finger.toUpperCase() })), 'accepted');
  assert.equal(outcome(await signIn({ masterFinger: '' })), 'accepted');
  assert.equal(
    outcome(await signIn({ masterFinger: fingerprint(masterKeyNamed('impostor').publicPem) })),
    'finger',
  );
  assert.equal(
    outcome(await signIn({ masterFinger: fingerprint(pinned, 'sha512'), hashType: 'sha512' })),
    'accepted',
  );
});

test('a bit flipped in any byte of a real reply, or any byte cut off, is never accepted', async () => {
  // at first contact: nothing is known of the master but what the reply says
  const attempt = beginSignIn(identity);
  const reply = await master.answerSignIn(attempt.payload);
  assert.equal(outcome(readSignInReply(attempt, reply)), 'accepted');
  for (let at = 0; at < reply.length; at += 1) {
    const result = outcome(readSignInReply(attempt, flipped(reply, at, at % 8)));
    assert.notEqual(result, 'accepted', `byte ${at}`);
  }
  for (let cut = 0; cut < reply.length; cut += 7) {
    assert.equal(outcome(readSignInReply(attempt, reply.subarray(0, cut))), 'reply', `cut at ${cut}`);
  }
});

test('the public key that is sent is the cleaned one', () => {
  assert.equal(identity.publicPem, publicPem(createPrivateKey(privatePemOf('web1'))));
});

test('a key or a hash that cannot be used is an error before anything is sent', () => {
  assert.throws(() => beginSignIn(identity, { pinned: 'no key' }), { code: 'ERR_SALTBUS_KEY_INVALID' });
  assert.throws(() => beginSignIn(identity, { masterSignKey: privatePemOf('sign') }), {
    code: 'ERR_SALTBUS_KEY_INVALID',
  });
  assert.throws(() => beginSignIn(identity, { hashType: 'crc' }), { code: 'ERR_SALTBUS_CONFIG' });
});
