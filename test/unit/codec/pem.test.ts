/** Public keys as text: cleaned, fingerprinted, and refused where they are none. */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { cleanPem, fingerprint, parsePublicKey, textFingerprint } from '../../../src/codec/rsa/pem.ts';

const LINES = [
  '-----BEGIN PUBLIC KEY-----',
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtou6MLbTXgHuZWZ2PHY8',
  '4yqxBZ0SshPAp7ZyY9sX2pAN+J3F9tLMREVsjwmxlKkROcSlhxZYxi8GqSxuSJ9/',
  'GASbC/XPcBziHJ+tXnQThLRnOuGGV68A1ekUAHycLke8SCgMrR1KhAkq2S56H6Y8',
  'NKDBkS9xtWuUwPBWKEv8g4PC38vk3iDok4n5zg5PNLbT7lhSlD0ZVRATGy3lKDR+',
  'AEMcB609uMiC+sASXusC9yoYGbmeUAI9al1rGCg0ztAMgcesWAquVUS/mN4ZG9R5',
  'F6+x1GGRMsUwHxuEE+Dqe0pzIaytOK8m5ymhM8SnDA3R+NJNTejZX1Kp1LImo10o',
  'vwIDAQAB',
  '-----END PUBLIC KEY-----',
];
const PEM = LINES.join('\n');

test('cleaning takes white space at the ends and every kind of line ending', () => {
  assert.equal(cleanPem(`\n ${LINES.join('\r\n')}\r\n`), PEM);
  assert.equal(cleanPem(`${LINES.join('\r')}\n\n`), PEM);
  assert.equal(cleanPem(PEM), PEM);
  assert.equal(cleanPem(' \n'), '');
});

test('the fingerprint is that of Python: base64 lines with their line feeds', () => {
  const sha256 =
    'ab:91:4d:b7:d3:65:80:f6:35:82:19:76:df:56:3f:bf:24:2d:18:b2:88:7f:8c:c3:8f:b3:54:ba:9c:f3:3e:50';
  assert.equal(fingerprint(PEM), sha256);
  assert.equal(fingerprint(`${PEM}\n`), sha256);
  assert.equal(fingerprint(`\n${LINES.join('\r\n')}\r\n\r\n`), sha256);
  assert.equal(fingerprint(PEM, 'MD5'), '42:3d:9a:63:78:c8:01:b2:d5:f8:a2:ef:2e:96:a1:be');
  assert.equal(fingerprint('garbage'), fingerprint(''));
  assert.throws(() => fingerprint(PEM, 'crc32'), { code: 'ERR_SALTBUS_CONFIG' });
  assert.notEqual(textFingerprint(PEM), sha256);
});

test('a public RSA key in PEM, and nothing else, is a key', () => {
  const key = parsePublicKey(`${PEM}\n`);
  assert.equal(key.asymmetricKeyDetails?.modulusLength, 2048);
  const spki = (pair: { publicKey: KeyObject }): string =>
    pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const refused: readonly (readonly [string, string])[] = [
    ['empty', ''],
    ['text', 'hello'],
    ['a private key', pair.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string],
    ['PKCS#1', pair.publicKey.export({ type: 'pkcs1', format: 'pem' }) as string],
    ['too few bits', spki(generateKeyPairSync('rsa', { modulusLength: 1024 }))],
    ['an elliptic curve', spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }))],
    ['Ed25519', spki(generateKeyPairSync('ed25519'))],
    ['RSA-PSS', spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }))],
    ['cut short', `${LINES.slice(0, 4).join('\n')}\n-----END PUBLIC KEY-----`],
    ['two keys', `${PEM}\n${PEM}`],
    ['text in front', `x\n${PEM}`],
    ['no base64', [LINES[0], '!!!!', ...LINES.slice(2)].join('\n')],
    ['huge', `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(100_000)}\n-----END PUBLIC KEY-----`],
    ['exponent 1', withExponent(1)],
    ['an even exponent', withExponent(65_536)],
  ];
  for (const [name, pem] of refused) {
    assert.throws(() => parsePublicKey(pem), { code: 'ERR_SALTBUS_KEY_INVALID' }, name);
  }
});

test('each bit of a key that is turned is another key or none, never an exception of another kind', () => {
  const bytes = Buffer.from(PEM);
  for (let at = 0; at < bytes.length; at += 1) {
    const bad = Buffer.from(bytes);
    bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
    const text = bad.toString('latin1');
    let outcome: unknown;
    try {
      outcome = parsePublicKey(text).asymmetricKeyType;
    } catch (error) {
      outcome = (error as { code?: string }).code;
    }
    assert.ok(outcome === 'rsa' || outcome === 'ERR_SALTBUS_KEY_INVALID', `byte ${at}: ${String(outcome)}`);
  }
});

function withExponent(e: number): string {
  const { n } = createPublicKey(PEM).export({ format: 'jwk' }) as { n: string };
  const bytes = Buffer.from(e.toString(16).padStart(6, '0'), 'hex');
  const key = createPublicKey({ key: { kty: 'RSA', n, e: bytes.toString('base64url') }, format: 'jwk' });
  return key.export({ type: 'spki', format: 'pem' }) as string;
}
