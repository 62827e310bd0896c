/**
 * RSASSA-PKCS1-v1_5 signatures: of sign-in replies, pillar and publications.
 */
import { constants, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { hashOf } from './algorithms.ts';
import type { SigningAlgorithm } from './algorithms.ts';

/** Signs the bytes. */
export function signPkcs1(privateKey: KeyObject, algorithm: SigningAlgorithm, bytes: Uint8Array): Buffer {
  return sign(hashOf(algorithm), bytes, { key: privateKey, padding: constants.RSA_PKCS1_PADDING });
}

/** Whether the signature is that of the holder of the key over exactly these bytes. */
export function verifyPkcs1(
  publicKey: KeyObject,
  algorithm: SigningAlgorithm,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    return verify(
      hashOf(algorithm),
      bytes,
      { key: publicKey, padding: constants.RSA_PKCS1_PADDING },
      signature,
    );
  } catch {
    // a signature that OpenSSL will not even look at
    return false;
  }
}
