/**
 * X9.31 signatures with message recovery and without a hash, as Salt uses them for the token of a request and the digest of
 * the publish key (3006.30, 3007.17, 3008.5).
 *
 *     block = 6b bb.. ba message cc      as long as the modulus; 6a message cc where two bytes of padding are left
 *     sent  = min(s, n - s), s = block ^ d mod n
 *
 * OpenSSL 3 has no X9.31 that Node can reach, so the padding is made here over the plain RSA operation.
 */
import { constants, privateEncrypt, publicDecrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SaltbusError } from '../../errors.ts';

const moduli = new WeakMap<KeyObject, { readonly n: bigint; readonly length: number }>();

function modulus(key: KeyObject): { readonly n: bigint; readonly length: number } {
  let known = moduli.get(key);
  if (known === undefined) {
    const bytes = Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url');
    known = { n: toBigInt(bytes), length: bytes.length };
    moduli.set(key, known);
  }
  return known;
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

function toBytes(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}

/**
 * Signs the message.
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID` when the message does not fit the key
 */
export function signX931(privateKey: KeyObject, message: Uint8Array): Buffer {
  const { n, length } = modulus(privateKey);
  const block = Buffer.alloc(length, 0xbb);
  const start = length - message.length - 1;
  if (start < 1) {
    throw new SaltbusError(
      'ERR_SALTBUS_KEY_INVALID',
      `A key of ${length} bytes cannot sign ${message.length} bytes`,
    );
  }
  block[0] = start === 1 ? 0x6a : 0x6b;
  if (start > 1) block[start - 1] = 0xba;
  block.set(message, start);
  block[length - 1] = 0xcc;
  if (toBigInt(block) >= n) {
    throw new SaltbusError(
      'ERR_SALTBUS_KEY_INVALID',
      'A key whose size is no multiple of 8 bits cannot sign X9.31',
    );
  }
  const s = toBigInt(privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block));
  return toBytes(s < n - s ? s : n - s, length);
}

/** The message that was signed; `undefined` when this is no signature of the holder of the key. Takes `n - s` as well as `s`, as Salt does. */
export function recoverX931(publicKey: KeyObject, signature: Uint8Array): Buffer | undefined {
  const { n, length } = modulus(publicKey);
  if (signature.length !== length || toBigInt(signature) >= n) return undefined;
  const opened = publicDecrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature);
  const block = ((opened.at(-1) ?? 0) & 0x0f) === 0x0c ? opened : toBytes(n - toBigInt(opened), length);
  if (block.at(-1) !== 0xcc) return undefined;
  if (block[0] === 0x6a) return Buffer.from(block.subarray(1, -1));
  if (block[0] !== 0x6b) return undefined;
  let at = 1;
  while (at < length && block[at] === 0xbb) at += 1;
  // at least `ba` and the closing `cc` follow
  if (block[at] !== 0xba || at > length - 2) return undefined;
  return Buffer.from(block.subarray(at + 1, -1));
}
