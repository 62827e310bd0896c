/**
 * The symmetric layer of Salt's encrypted messages, called Crypticle there (unchanged in 3006.30, 3007.17, 3008.5).
 *
 *     key string = base64 of 24 bytes AES key, 32 bytes HMAC key                     76 characters
 *     plain      = "pickle::" [nonce, 32 characters, in replies only] msgpack
 *     blob       = IV (16)  AES-192-CBC(plain, PKCS#7)  HMAC-SHA256(IV ciphertext) (32)
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SaltbusError } from '../errors.ts';

const AES_BYTES = 24;
const HMAC_BYTES = 32;
const IV_BYTES = 16;
const SMALLEST_BLOB = IV_BYTES + 16 + HMAC_BYTES;
const PREFIX = Buffer.from('pickle::', 'latin1');

/** Characters of a nonce: a random UUID without its dashes. */
export const NONCE_LENGTH = 32;

const KEY_STRING = /^[A-Za-z0-9+/]{75}=$/;
const NONCE = /^[0-9a-f]{32}$/;

/** Where random bytes come from; tests give their own. */
export type RandomBytes = (size: number) => Buffer;

/** A fresh key string: 76 characters. */
export function newKeyString(random: RandomBytes = randomBytes): string {
  return random(AES_BYTES + HMAC_BYTES).toString('base64');
}

/** Whether the text is a key string. */
export function isKeyString(text: string): boolean {
  return KEY_STRING.test(text);
}

/** A fresh nonce: 32 lower-case hexadecimal characters. */
export function newNonce(random: RandomBytes = randomBytes): string {
  return random(NONCE_LENGTH / 2).toString('hex');
}

/** Whether the text is a nonce. */
export function isNonce(text: string): boolean {
  return NONCE.test(text);
}

/** What came of opening a blob. All but `nonce` and `prefix` mean that it was not made with this key. */
export type Opened =
  | { readonly kind: 'plain'; readonly bytes: Buffer }
  | { readonly kind: 'refused'; readonly reason: 'length' | 'hmac' | 'padding' | 'prefix' | 'nonce' };

function refused(reason: 'length' | 'hmac' | 'padding' | 'prefix' | 'nonce'): Opened {
  return { kind: 'refused', reason };
}

/** A key of the symmetric layer. The key itself shows in no output. */
export class Crypticle {
  readonly #aes: KeyObject;
  readonly #hmac: KeyObject;

  /** @throws SaltbusError `ERR_SALTBUS_KEY_INVALID` when this is no key string */
  constructor(keyString: string) {
    if (!isKeyString(keyString)) {
      throw new SaltbusError(
        'ERR_SALTBUS_KEY_INVALID',
        'A session or publish key is not 76 characters of base64',
      );
    }
    const bytes = Buffer.from(keyString, 'base64');
    this.#aes = createSecretKey(bytes.subarray(0, AES_BYTES));
    this.#hmac = createSecretKey(bytes.subarray(AES_BYTES));
  }

  /**
   * Encrypts msgpack bytes.
   * @param nonce - put before them; in replies only
   * @param iv - 16 random bytes, never used twice
   */
  encrypt(msgpack: Uint8Array, nonce = '', iv: Buffer = randomBytes(IV_BYTES)): Buffer {
    const cipher = createCipheriv('aes-192-cbc', this.#aes, iv);
    const first = cipher.update(nonce === '' ? PREFIX : Buffer.from(`pickle::${nonce}`, 'latin1'));
    const body = [iv, first, cipher.update(msgpack), cipher.final()];
    const mac = createHmac('sha256', this.#hmac);
    for (const part of body) mac.update(part);
    return Buffer.concat([...body, mac.digest()]);
  }

  /**
   * Opens a blob: the HMAC is compared in constant time before anything is decrypted.
   * @param nonce - required before the msgpack, when given
   */
  decrypt(blob: Uint8Array, nonce?: string): Opened {
    if (blob.length < SMALLEST_BLOB || blob.length % 16 !== 0) return refused('length');
    const sealed = blob.subarray(0, blob.length - HMAC_BYTES);
    const expected = createHmac('sha256', this.#hmac).update(sealed).digest();
    if (!timingSafeEqual(expected, blob.subarray(blob.length - HMAC_BYTES))) return refused('hmac');
    let plain: Buffer;
    try {
      const decipher = createDecipheriv('aes-192-cbc', this.#aes, sealed.subarray(0, IV_BYTES));
      plain = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES)), decipher.final()]);
    } catch {
      return refused('padding');
    }
    if (!plain.subarray(0, PREFIX.length).equals(PREFIX)) return refused('prefix');
    if (nonce === undefined) return { kind: 'plain', bytes: plain.subarray(PREFIX.length) };
    const start = PREFIX.length + NONCE_LENGTH;
    const found = plain.subarray(PREFIX.length, start);
    const wanted = Buffer.from(nonce, 'latin1');
    if (found.length !== wanted.length || !timingSafeEqual(found, wanted)) return refused('nonce');
    return { kind: 'plain', bytes: plain.subarray(start) };
  }
}
