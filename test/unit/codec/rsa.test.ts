import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEncryptionAlgorithm, isSigningAlgorithm } from '../../../src/codec/rsa/algorithms.ts';
import { decryptOaep, encryptOaep } from '../../../src/codec/rsa/oaep.ts';
import { cleanPem, fingerprint, parsePublicKey } from '../../../src/codec/rsa/pem.ts';
import { signPkcs1, verifyPkcs1 } from '../../../src/codec/rsa/pkcs1.ts';
import { parsePrivateKey, publicPem } from '../../../src/codec/rsa/private-key.ts';
import { recoverX931, signX931 } from '../../../src/codec/rsa/x931.ts';
import { flipped, hex, privatePemOf, publicKeyNamed } from '../../helpers/channel.ts';

const N = hex(`deea09d1f2963929e00a588f61450939ed31e5ca042e52232be947e5b5aadf60
6c85e7a09d2121426ee7d6430ccb2608a8c2991d8c5759ae777cb25724a86791
916f83efa3530dcbc494ba230f31140b64e39389f2f1b06a67738b97a9e5d5ff
7dac927a9ea1b5948a2763a73eeb6524c9e078cf54d326667789e29a69d9dcb1`);
const D = hex(`6273b96c9998d19c760ffbb72fbdbeea6fa1571d1725a22f58888ab1a0bfdc32
891bc7067fff8ee1f97bb97d199c6baaed662d1c08ccd7961fbdda4274b5502f
fe2bc9d31484ed8f4deb6433f11fa4ecf454fdb3bcdb4fcb9fe46f754cdc3fa5
f7b6c63c979d12fc7bea7b4ca881e2904d24eec0c95a028e0898e50e43ff3f41`);
const X931_VECTORS: Readonly<Record<string, string>> = {
  salt: `3736d118b915b7cb827f6ba6f7673167a65d05b79aea00f5152293bc3e697a0d
282df74bd89ee11a952129bcf59f0e653dbc3866b9b54183c090fcb16adff230
5ab8245e08584fc375d49b5eabfcfd18ae655ff3bb94900f40c14a5b24c7c170
4d29db4093652c1973f64b5c09b3f938e98aee7b807653ee488d5b4ccb811bfe`,
  salt0: `19d1c8c2b4a1a937b484de046a27c922c6aa3185c53e6fcf74b5296d9c5f1e80
907b38603c8bafaa5a08dc46e9693d4a610d4b5f57572bb207b68acf70fec7ca
5e06f8d6b09958e4f2212fa74477c0f30bc10aae354b32aef36e91edc67b716d
f031c0dc33068010e6c7cdc00b0a649807dc5feec8e50e4a03dbc733fc667156`,
  '420e2e9f2e3c8c5b67e7040d7e6bad564013137121a8e9db5f608589cd4c2d94': `6f412b7806fedc573e6020174c9dc352b0c789f331e659ebf0154522d50ff62a
323ff80e4762231f3d0e4150402a416e97cc0481644afe94d3a2a1eabe268017
278858c9f45acdb48596eb55cea8d217f3b118054d0e3bdcf6615f7c77b8e8ff
ec74b2a653c5abdfb773f89d0048f319d6cf661b6c0d44e19e43995b5e5b4580`,
};

const big = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let b = base % modulus, e = exponent; e > 0n; e >>= 1n, b = (b * b) % modulus) {
    if (e & 1n) result = (result * b) % modulus;
  }
  return result;
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

function inverse(a: bigint, modulus: bigint): bigint {
  let [r0, r1, s0, s1] = [modulus, a % modulus, 0n, 1n];
  while (r1 !== 0n) [r0, r1, s0, s1] = [r1, r0 % r1, s1, s0 - (r0 / r1) * s1];
  return ((s0 % modulus) + modulus) % modulus;
}

// The vector gives n, e and d; a key object wants the primes too, which follow from these.
function vectorKey(): KeyObject {
  const [n, d, e] = [big(N), big(D), 65537n];
  let odd = e * d - 1n;
  let twos = 0;
  while (odd % 2n === 0n) {
    odd /= 2n;
    twos += 1;
  }
  let p = 1n;
  for (let base = 2n; p === 1n || p === n; base += 1n) {
    let x = power(base, odd, n);
    for (let step = 0; step < twos && p === 1n; step += 1) {
      const next = (x * x) % n;
      if (next === 1n && x !== 1n && x !== n - 1n) p = gcd(x - 1n, n);
      x = next;
    }
  }
  const q = n / p;
  const part = (value: bigint): string => {
    const text = value.toString(16);
    return Buffer.from(text.length % 2 === 0 ? text : `0${text}`, 'hex').toString('base64url');
  };
  return createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      n: part(n),
      e: part(e),
      d: part(d),
      p: part(p),
      q: part(q),
      dp: part(d % (p - 1n)),
      dq: part(d % (q - 1n)),
      qi: part(inverse(q, p)),
    },
  });
}

test('X9.31: the vectors of the protocol, and n - s is taken as well', () => {
  const key = vectorKey();
  const publicKey = createPublicKey(key);
  for (const [message, signature] of Object.entries(X931_VECTORS)) {
    assert.equal(
      signX931(key, Buffer.from(message)).toString('hex'),
      hex(signature).toString('hex'),
      message,
    );
    assert.equal(recoverX931(publicKey, hex(signature))?.toString(), message);
    const other = (big(N) - big(hex(signature))).toString(16).padStart(256, '0');
    assert.equal(recoverX931(publicKey, hex(other))?.toString(), message);
  }
});

test('X9.31: a bit flipped, another length, a number beyond the modulus, and zero are no signatures', () => {
  const publicKey = createPublicKey(vectorKey());
  const good = hex(X931_VECTORS['salt'] ?? '');
  for (let at = 0; at < good.length; at += 1) {
    const message = recoverX931(publicKey, flipped(good, at, at % 8));
    assert.notEqual(message?.toString(), 'salt', `byte ${at}`);
  }
  const more = (big(N) + big(good)).toString(16);
  const bad = [
    good.subarray(1),
    Buffer.concat([good, good]),
    Buffer.alloc(0),
    N,
    Buffer.alloc(128, 0xff),
    Buffer.alloc(128),
  ];
  for (const bytes of bad) assert.equal(recoverX931(publicKey, bytes), undefined);
  assert.equal(recoverX931(publicKey, hex(more.padStart(258, '0'))), undefined);
});

test('X9.31: messages up to the size of the key, with the short padding at the end', () => {
  const key = vectorKey();
  const publicKey = createPublicKey(key);
  for (const length of [0, 1, 4, 64, 124, 125, 126]) {
    const message = Buffer.alloc(length, 0xbb);
    assert.deepEqual(recoverX931(publicKey, signX931(key, message)), message, String(length));
  }
  assert.throws(() => signX931(key, Buffer.alloc(127)), { code: 'ERR_SALTBUS_KEY_INVALID' });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 126 }), (message) => {
      assert.deepEqual(recoverX931(publicKey, signX931(key, message)), Buffer.from(message));
    }),
    { numRuns: 50 },
  );
});

test('OAEP and PKCS1v15 in both hashes; the one hash does not open or verify the other', () => {
  const privateKey = createPrivateKey(privatePemOf('a'));
  const publicKey = publicKeyNamed('a');
  const message = Buffer.alloc(76, 0x41);
  for (const [one, other] of [
    ['SHA1', 'SHA224'],
    ['SHA224', 'SHA1'],
  ] as const) {
    const sealed = encryptOaep(publicKey, `OAEP-${one}`, message);
    assert.equal(sealed.length, 256);
    assert.deepEqual(decryptOaep(privateKey, `OAEP-${one}`, sealed), message);
    assert.equal(decryptOaep(privateKey, `OAEP-${other}`, sealed), undefined);
    assert.equal(decryptOaep(privateKey, `OAEP-${one}`, flipped(sealed, 100)), undefined);
    assert.equal(decryptOaep(privateKey, `OAEP-${one}`, Buffer.alloc(3)), undefined);
    const signature = signPkcs1(privateKey, `PKCS1v15-${one}`, message);
    assert.equal(verifyPkcs1(publicKey, `PKCS1v15-${one}`, message, signature), true);
    assert.equal(verifyPkcs1(publicKey, `PKCS1v15-${other}`, message, signature), false);
    assert.equal(verifyPkcs1(publicKey, `PKCS1v15-${one}`, flipped(message, 0), signature), false);
    assert.equal(verifyPkcs1(publicKey, `PKCS1v15-${one}`, message, flipped(signature, 255)), false);
    assert.equal(verifyPkcs1(publicKey, `PKCS1v15-${one}`, message, Buffer.alloc(0)), false);
  }
});

test('names of algorithms are an allow-list', () => {
  for (const name of ['OAEP-SHA256', 'OAEP-sha1', 'PKCS1v15-SHA1', 'constructor', '', null, 3]) {
    assert.equal(isEncryptionAlgorithm(name), false, String(name));
  }
  for (const name of ['PKCS1v15-SHA256', 'OAEP-SHA1', '__proto__', undefined]) {
    assert.equal(isSigningAlgorithm(name), false, String(name));
  }
});

test('PEM is cleaned, and a public key of 2048 bits is sent in 450 bytes', () => {
  const pem = publicPem(createPrivateKey(privatePemOf('a')));
  assert.equal(Buffer.byteLength(pem), 450);
  assert.equal(pem.endsWith('\n'), false);
  assert.equal(cleanPem(`\n ${pem.replaceAll('\n', '\r\n')}\r\n\r\n`), pem);
  assert.equal(cleanPem(`${pem}\n`), pem);
});

test('the fingerprint hashes the base64 text, with or without a final line feed', () => {
  // made with Salt 3008.5's salt.utils.crypt.pem_finger from this text
  const pem = '-----BEGIN PUBLIC KEY-----\nQUJD\nREVG\n-----END PUBLIC KEY-----';
  assert.equal(
    fingerprint(pem),
    'ab:a8:5f:e1:54:bd:a5:24:5c:3a:86:e5:ba:8a:46:03:9b:25:b8:9c:29:fd:51:fc:3a:0c:67:b0:41:4a:7b:b1',
  );
  assert.equal(fingerprint(`${pem}\n`), fingerprint(pem));
  assert.equal(fingerprint(pem, 'md5'), '3c:93:73:cb:92:9d:97:8d:d1:e5:46:62:95:5c:88:f5');
});

test('only RSA public keys of a sensible size are parsed', () => {
  const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
  const good = spki(publicKeyNamed('a'));
  assert.equal(parsePublicKey(good).asymmetricKeyType, 'rsa');
  const bad: Readonly<Record<string, string>> = {
    empty: '',
    private: privatePemOf('a'),
    small: spki(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
    ec: spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
    ed25519: spki(generateKeyPairSync('ed25519').publicKey),
    pss: spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
    cut: good.slice(0, 200),
    long: 'x'.repeat(20_000),
    twice: `${good}${good}`,
  };
  for (const [name, pem] of Object.entries(bad)) {
    assert.throws(() => parsePublicKey(pem), { code: 'ERR_SALTBUS_KEY_INVALID' }, name);
  }
});

test('a public key with exponent 1, an even or a huge one is refused', () => {
  const jwk = publicKeyNamed('a').export({ format: 'jwk' });
  for (const exponent of [
    Buffer.from([1]),
    Buffer.from([1, 0, 0]),
    Buffer.concat([Buffer.from([1]), Buffer.alloc(64), Buffer.from([1])]),
  ]) {
    let pem: string;
    try {
      const key = createPublicKey({ key: { ...jwk, e: exponent.toString('base64url') }, format: 'jwk' });
      pem = key.export({ type: 'spki', format: 'pem' }).toString();
    } catch (error) {
      assert.fail(`OpenSSL made no such key to try: ${String(error)}`);
    }
    assert.throws(() => parsePublicKey(pem), { code: 'ERR_SALTBUS_KEY_INVALID' }, exponent.toString('hex'));
  }
});

test('private keys are held to the same bounds, and an error holds nothing of the key', () => {
  const pem = privatePemOf('a');
  assert.equal(parsePrivateKey(pem).type, 'private');
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
    .privateKey.export({ type: 'pkcs1', format: 'pem' })
    .toString();
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'sec1', format: 'pem' })
    .toString();
  const locked = createPrivateKey(pem)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();
  assert.equal(parsePrivateKey(locked, 'secret').type, 'private');
  for (const bad of [
    small,
    ec,
    locked,
    pem.slice(0, 500),
    publicPem(createPrivateKey(pem)),
    'x'.repeat(40_000),
  ]) {
    assert.throws(
      () => parsePrivateKey(bad),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_SALTBUS_KEY_INVALID');
        assert.equal(error.message.includes(bad.slice(40, 80)), false);
        return true;
      },
    );
  }
});
