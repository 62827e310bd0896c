import assert from 'node:assert/strict';
import { createCipheriv, createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { test } from 'node:test';
import fc from 'fast-check';
import { Crypticle, isKeyString, isNonce, newKeyString, newNonce } from '../../../src/codec/crypticle.ts';
import { packRaw } from '../../../src/codec/payload/raw-strings.ts';
import { VECTOR_IV, VECTOR_KEY, VECTOR_NONCE, flipped, hex } from '../../helpers/channel.ts';

const crypticle = new Crypticle(VECTOR_KEY);

const A1 = hex(`a0a1a2a3a4a5a6a7a8a9aaabacadaeaf65a73ae87a40c0bfb1e320671ec18a27
3765fd50d67e3e3a5509196a7e432ff6767588765656e641f1e42fa24028d20a86ea24604905a65376d860449f67c4a2`);
const A2 = hex(`a0a1a2a3a4a5a6a7a8a9aaabacadaeaf7dcd132803e8e7960fc4892bf880193f
645ef67cf18b8717593b6f5253a05ec082a77ea8af2fcbcda5c333f3e6cde42121c8f279fbc9e14361f65e158e5cc303
e5a2a71efe137b5e9d08b1c13cd97b19`);
const A3 = hex(`a0a1a2a3a4a5a6a7a8a9aaabacadaeaf7dcd132803e8e7960fc4892bf880193f
645ef67cf18b8717593b6f5253a05ec00228c8b7b86804667444d7c9a400561d26df7fa1ecf4ad9dfc197bcef6b62ed6
868ff2d1a4a872b097189f01a6969491`);
const A5 = hex(`a0a1a2a3a4a5a6a7a8a9aaabacadaeaff969bd422d6955c0cf9621bf7bbdefa9
613713d417573ce8a46c00565ce5fbc2e4708ef7a8669be53216940ac889d3d96bd4961f5c06ff84cf0a5658852587a9
8c9fbaa853217b29c0593354298305cb0efc29176147f2151c0df117e3f707848d88452e02bb8f890a6cd0b270c1f2a3
6f65af48cdfab43965920cd7cff847db931fccea53cb4cd4f017cda19291bbe2`);

test('the vectors of the protocol, both ways', () => {
  const job = {
    fun: 'test.ping',
    arg: [],
    tgt: '*',
    jid: '20261122145001719109',
    ret: '',
    tgt_type: 'glob',
    user: 'root',
    serial: 1,
  };
  const vectors: readonly (readonly [unknown, string, Buffer])[] = [
    [{ cmd: 'ping' }, '', A1],
    [true, VECTOR_NONCE, A2],
    [null, VECTOR_NONCE, A3],
    [job, '', A5],
  ];
  for (const [value, nonce, blob] of vectors) {
    assert.equal(crypticle.encrypt(packRaw(value), nonce, VECTOR_IV).toString('hex'), blob.toString('hex'));
    const opened = crypticle.decrypt(blob, nonce === '' ? undefined : nonce);
    assert.deepEqual(opened, { kind: 'plain', bytes: packRaw(value) });
  }
});

test('the first bytes of the plaintexts are those of the protocol', () => {
  assert.equal(packRaw({ cmd: 'ping' }).toString('hex'), '81a3636d64a470696e67');
  assert.equal(crypticle.encrypt(packRaw({ cmd: 'ping' }), '', VECTOR_IV).length, 80);
});

test('a bit flipped in any byte, or any byte cut off, is refused before anything is decrypted', () => {
  for (let at = 0; at < A2.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const opened = crypticle.decrypt(flipped(A2, at, bit), VECTOR_NONCE);
      assert.deepEqual(opened, { kind: 'refused', reason: 'hmac' }, `byte ${at}`);
    }
    const cut = crypticle.decrypt(A2.subarray(0, at), VECTOR_NONCE);
    assert.equal(cut.kind, 'refused', `cut at ${at}`);
    const headless = crypticle.decrypt(A2.subarray(at + 1), VECTOR_NONCE);
    assert.equal(headless.kind, 'refused', `from ${at + 1}`);
  }
});

test('another nonce, no nonce, and another key are told apart', () => {
  const other = VECTOR_NONCE.replace('0', '1');
  assert.deepEqual(crypticle.decrypt(A2, other), { kind: 'refused', reason: 'nonce' });
  assert.deepEqual(crypticle.decrypt(A1, VECTOR_NONCE), { kind: 'refused', reason: 'nonce' });
  assert.deepEqual(crypticle.decrypt(A2, ''), { kind: 'refused', reason: 'nonce' });
  assert.deepEqual(new Crypticle(newKeyString()).decrypt(A1), { kind: 'refused', reason: 'hmac' });
});

// What only the holder of the key can make: authentic, and still not in order.
function authentic(plain: Buffer): Buffer {
  const key = Buffer.from(VECTOR_KEY, 'base64');
  const cipher = createCipheriv('aes-192-cbc', key.subarray(0, 24), VECTOR_IV).setAutoPadding(false);
  const sealed = Buffer.concat([VECTOR_IV, cipher.update(plain), cipher.final()]);
  return Buffer.concat([sealed, createHmac('sha256', key.subarray(24)).update(sealed).digest()]);
}

test('wrong padding and a missing prefix are refused', () => {
  assert.deepEqual(crypticle.decrypt(authentic(Buffer.alloc(16, 0))), { kind: 'refused', reason: 'padding' });
  assert.deepEqual(crypticle.decrypt(authentic(Buffer.alloc(32, 17))), {
    kind: 'refused',
    reason: 'padding',
  });
  assert.deepEqual(crypticle.decrypt(authentic(Buffer.alloc(16, 16))), { kind: 'refused', reason: 'prefix' });
  assert.deepEqual(crypticle.decrypt(authentic(hex('7069636b6c653a3b c0 07070707070707'))), {
    kind: 'refused',
    reason: 'prefix',
  });
  const good = crypticle.decrypt(authentic(hex('7069636b6c653a3a c0 07070707070707')));
  assert.deepEqual(good, { kind: 'plain', bytes: hex('c0') });
});

test('key strings are 76 characters of base64 that end in one equals sign', () => {
  const fresh = newKeyString();
  assert.equal(fresh.length, 76);
  assert.equal(isKeyString(fresh), true);
  assert.equal(isKeyString(VECTOR_KEY), true);
  for (const bad of [
    '',
    VECTOR_KEY.slice(1),
    `${VECTOR_KEY}=`,
    VECTOR_KEY.replace('A', '-'),
    `${VECTOR_KEY}\n`,
  ]) {
    assert.equal(isKeyString(bad), false, bad);
    assert.throws(() => new Crypticle(bad), { code: 'ERR_SALTBUS_KEY_INVALID' });
  }
  assert.equal(
    newKeyString((size) => Buffer.from(Array.from({ length: size }, (_, n) => n))),
    VECTOR_KEY,
  );
});

test('nonces are 32 lower-case hexadecimal characters', () => {
  assert.equal(isNonce(newNonce()), true);
  for (const bad of [
    '',
    VECTOR_NONCE.toUpperCase(),
    VECTOR_NONCE.slice(1),
    `${VECTOR_NONCE}0`,
    'g'.repeat(32),
  ]) {
    assert.equal(isNonce(bad), false, bad);
  }
});

test('the key shows in no output', () => {
  const shown = inspect(crypticle, { depth: 10, showHidden: true }) + JSON.stringify(crypticle);
  assert.equal(shown.includes(VECTOR_KEY.slice(0, 12)), false);
  assert.equal(shown.includes('00 01 02 03'), false);
});

test('any bytes come back, with and without a nonce, and never under another', () => {
  const nonce = fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => Buffer.from(bytes).toString('hex'));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), nonce, nonce, (bytes, first, second) => {
      const plain = crypticle.decrypt(crypticle.encrypt(bytes));
      assert.deepEqual(plain, { kind: 'plain', bytes: Buffer.from(bytes) });
      const blob = crypticle.encrypt(bytes, first);
      assert.deepEqual(crypticle.decrypt(blob, first), { kind: 'plain', bytes: Buffer.from(bytes) });
      if (first !== second) assert.equal(crypticle.decrypt(blob, second).kind, 'refused');
    }),
    { numRuns: 300 },
  );
});
