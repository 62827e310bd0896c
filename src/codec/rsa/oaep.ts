/**
 * RSA-OAEP, by which key strings and the sign-in token travel.
 */
import { constants, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { hashOf } from './algorithms.ts';
import type { EncryptionAlgorithm } from './algorithms.ts';

/** Encrypts for the holder of the private key. A 76-character key string fits any key of 2048 bits or more. */
export function encryptOaep(publicKey: KeyObject, algorithm: EncryptionAlgorithm, bytes: Uint8Array): Buffer {
  return publicEncrypt(
    { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashOf(algorithm) },
    bytes,
  );
}

/** Decrypts; `undefined` for what was not encrypted for this key with this scheme. */
export function decryptOaep(
  privateKey: KeyObject,
  algorithm: EncryptionAlgorithm,
  bytes: Uint8Array,
): Buffer | undefined {
  try {
    return privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashOf(algorithm) },
      bytes,
    );
  } catch {
    // OpenSSL tells apart what a peer must not learn: wrong length, wrong key, wrong padding
    return undefined;
  }
}
