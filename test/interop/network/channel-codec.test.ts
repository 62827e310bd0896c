/** The codec of the encrypted channel, side by side with Salt's own code, in both directions. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { Crypticle, isKeyString, newKeyString, newNonce } from '../../../src/codec/crypticle.ts';
import { packRaw, unpackRaw } from '../../../src/codec/payload/raw-strings.ts';
import { decryptOaep, encryptOaep } from '../../../src/codec/rsa/oaep.ts';
import { cleanPem, fingerprint } from '../../../src/codec/rsa/pem.ts';
import { signPkcs1, verifyPkcs1 } from '../../../src/codec/rsa/pkcs1.ts';
import { publicPem } from '../../../src/codec/rsa/private-key.ts';
import { recoverX931, signX931 } from '../../../src/codec/rsa/x931.ts';
import { privatePemOf } from '../../helpers/channel.ts';
import { temporaryFolder } from '../../helpers/own-bus.ts';
import { interop } from '../helpers.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Task = readonly [string, ...Json[]];

const b64 = (bytes: Uint8Array): Json => ({ __bytes__: Buffer.from(bytes).toString('base64') });

function bytesIn(value: Json | undefined): Buffer {
  if (typeof value !== 'object' || value === null || !('__bytes__' in value)) {
    return assert.fail(`no bytes: ${JSON.stringify(value)}`);
  }
  return Buffer.from(value['__bytes__'] as string, 'base64');
}

/** Runs the tasks in one process of the release's Python. */
function salt(tasks: readonly Task[]): readonly Json[] {
  const script = new URL('../python/channel_codec.py', import.meta.url).pathname;
  const { stdout, stderr } = spawnSync(interop().python, [script], {
    input: JSON.stringify(tasks.map(([name, ...args]) => [name, args])),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, PYTHONWARNINGS: 'ignore' },
  });
  assert.notEqual(stdout, '', stderr);
  const results = JSON.parse(stdout) as Json[];
  assert.equal(results.length, tasks.length);
  return results;
}

/** As Python would show it: bytes marked, maps as objects. */
function shown(value: unknown): Json {
  if (value instanceof Uint8Array) return b64(value);
  if (value instanceof Map) {
    return Object.fromEntries(
      [...(value as ReadonlyMap<unknown, unknown>)].map(([key, element]) => [String(key), shown(element)]),
    );
  }
  if (Array.isArray(value)) return value.map(shown);
  return value as Json;
}

function given(value: Json): unknown {
  if (Array.isArray(value)) return value.map(given);
  if (typeof value !== 'object' || value === null) return value;
  if ('__bytes__' in value) return bytesIn(value);
  return new Map(Object.entries(value).map(([key, element]) => [key, given(element)]));
}

const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  // never valid UTF-8, so that it stays what it is
  fc.uint8Array({ maxLength: 70 }).map((bytes) => b64(Buffer.concat([bytes, Buffer.from([0xff])]))),
);
const name = fc
  .string({ maxLength: 40 })
  .filter((text) => !['__bytes__', 'serial', '__proto__'].includes(text) && !/^\d+$/.test(text));
const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;

const VALUES = fc.sample(value, { numRuns: 1500, seed: 20261123 });

test(`${VALUES.length} values are packed to the same bytes, and read the same`, () => {
  const packed = salt(VALUES.map((sample) => ['dumps', sample]));
  const read = salt(VALUES.map((sample) => ['loads', b64(packRaw(given(sample)))]));
  VALUES.forEach((sample, index) => {
    const ours = packRaw(given(sample));
    assert.equal(bytesIn(packed[index]).toString('hex'), ours.toString('hex'), JSON.stringify(sample));
    assert.deepEqual(read[index], shown(unpackRaw(ours)));
    assert.deepEqual(read[index], sample);
  });
});

test('crypticle, with and without a nonce', () => {
  const key = newKeyString();
  const crypticle = new Crypticle(key);
  const samples = VALUES.slice(0, 300).map((sample, index) => ({
    sample,
    nonce: index % 2 === 0 ? newNonce() : '',
  }));
  const theirs = salt(samples.map(({ sample, nonce }) => ['seal', key, sample, nonce === '' ? null : nonce]));
  const ours = samples.map(({ sample, nonce }) => crypticle.encrypt(packRaw(given(sample)), nonce));
  const opened = salt(
    samples.map(({ nonce }, index) => [
      'open',
      key,
      b64(ours[index] ?? assert.fail()),
      nonce === '' ? null : nonce,
    ]),
  );
  samples.forEach(({ sample, nonce }, index) => {
    const plain = crypticle.decrypt(bytesIn(theirs[index]), nonce === '' ? undefined : nonce);
    assert.deepEqual(plain.kind === 'plain' ? shown(unpackRaw(plain.bytes)) : plain, sample);
    assert.deepEqual(opened[index], sample);
  });
  const [wrongKey, wrongNonce, fresh] = salt([
    ['open', newKeyString(), b64(ours[0] ?? assert.fail()), null],
    ['open', key, b64(ours[0] ?? assert.fail()), newNonce()],
    ['key_string'],
  ]);
  assert.deepEqual(wrongKey, { __error__: 'AuthenticationError' });
  assert.deepEqual(wrongNonce, { __error__: 'SaltClientError' });
  assert.equal(isKeyString(fresh as string), true);
});

interface KeyFiles {
  readonly privatePath: string;
  readonly publicPath: string;
}

function keyFiles(t: TestContext): KeyFiles {
  const folder = temporaryFolder(t);
  const privatePath = join(folder, 'key.pem');
  const publicPath = join(folder, 'key.pub');
  writeFileSync(privatePath, privatePemOf('web1'), { mode: 0o600 });
  writeFileSync(publicPath, publicPem(createPrivateKey(privatePemOf('web1'))));
  return { privatePath, publicPath };
}

const SUFFIXES = ['SHA1', 'SHA224'] as const;
const privateKey = createPrivateKey(privatePemOf('web1'));
const publicKey = createPublicKey(privateKey);
const messages = [
  Buffer.from('salt'),
  Buffer.from('salt0'),
  Buffer.alloc(64, 0x61),
  randomBytes(100),
  Buffer.alloc(0),
];

before(() => {
  assert.equal(privateKey.asymmetricKeyDetails?.modulusLength, 2048);
});

test('PKCS1v15 and OAEP, with both hashes', (t) => {
  const { privatePath, publicPath } = keyFiles(t);
  for (const suffix of SUFFIXES) {
    const [signing, encryption] = [`PKCS1v15-${suffix}`, `OAEP-${suffix}`] as const;
    const theirs = salt(
      messages.flatMap((message): Task[] => [
        ['sign', privatePath, b64(message), signing],
        ['verify', publicPath, b64(message), b64(signPkcs1(privateKey, signing, message)), signing],
        [
          'verify',
          publicPath,
          b64(Buffer.from('other')),
          b64(signPkcs1(privateKey, signing, message)),
          signing,
        ],
        ['encrypt', publicPath, b64(message), encryption],
        ['decrypt', privatePath, b64(encryptOaep(publicKey, encryption, message)), encryption],
      ]),
    );
    messages.forEach((message, index) => {
      const [signature, good, bad, sealed, opened] = theirs.slice(5 * index);
      assert.equal(verifyPkcs1(publicKey, signing, message, bytesIn(signature)), true);
      assert.deepEqual([good, bad], [true, false]);
      assert.deepEqual(decryptOaep(privateKey, encryption, bytesIn(sealed)), message);
      assert.deepEqual(bytesIn(opened), message);
    });
  }
});

test('X9.31: the same signatures, each read by the other, and n - s as well', (t) => {
  const { privatePath, publicPath } = keyFiles(t);
  const n = BigInt(
    `0x${Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
  );
  // the empty message has no use in Salt, and OpenSSL does not recover it
  const some = messages.filter((message) => message.length > 0);
  const theirs = salt(
    some.flatMap((message): Task[] => {
      const ours = signX931(privateKey, message);
      const other = (n - BigInt(`0x${ours.toString('hex')}`)).toString(16).padStart(512, '0');
      return [
        ['x931_sign', privatePath, b64(message)],
        ['x931_recover', publicPath, b64(ours)],
        ['x931_recover', publicPath, b64(Buffer.from(other, 'hex'))],
      ];
    }),
  );
  some.forEach((message, index) => {
    const [signature, recovered, fromOther] = theirs.slice(3 * index);
    assert.equal(bytesIn(signature).toString('hex'), signX931(privateKey, message).toString('hex'));
    assert.deepEqual(recoverX931(publicKey, bytesIn(signature)), message);
    assert.deepEqual(bytesIn(recovered), message);
    assert.deepEqual(bytesIn(fromOther), message);
  });
});

test('fingerprints and cleaned keys', (t) => {
  const { publicPath } = keyFiles(t);
  const pem = publicPem(privateKey);
  const texts = [pem, `${pem}\n`, `  ${pem}\n\n`, pem.replaceAll('\n', '\r\n'), `\n\n${pem}`];
  const [sha256, md5, sha512, ...cleaned] = salt([
    ['finger', publicPath, 'sha256'],
    ['finger', publicPath, 'md5'],
    ['finger', publicPath, 'sha512'],
    ...texts.map((text): Task => ['clean', text]),
  ]);
  assert.deepEqual(
    [sha256, md5, sha512],
    ['sha256', 'md5', 'sha512'].map((kind) => fingerprint(pem, kind)),
  );
  texts.forEach((text, index) => assert.equal(cleaned[index], cleanPem(text)));
});
