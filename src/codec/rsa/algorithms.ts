/**
 * The names by which Salt calls its RSA schemes on the wire (since 3006.9 and 3007.2; before, the SHA-1 ones were meant).
 */

/** How a key is encrypted for the other end: RSA-OAEP, the mask with the same hash, the label empty. */
export type EncryptionAlgorithm = 'OAEP-SHA1' | 'OAEP-SHA224';

/** How messages are signed: RSASSA-PKCS1-v1_5. */
export type SigningAlgorithm = 'PKCS1v15-SHA1' | 'PKCS1v15-SHA224';

/** What is meant where a client says nothing. */
export const DEFAULT_ENCRYPTION: EncryptionAlgorithm = 'OAEP-SHA1';

/** What is meant where a client says nothing. */
export const DEFAULT_SIGNING: SigningAlgorithm = 'PKCS1v15-SHA1';

/** Whether the value names a scheme that is spoken here. */
export function isEncryptionAlgorithm(value: unknown): value is EncryptionAlgorithm {
  return value === 'OAEP-SHA1' || value === 'OAEP-SHA224';
}

/** Whether the value names a scheme that is spoken here. */
export function isSigningAlgorithm(value: unknown): value is SigningAlgorithm {
  return value === 'PKCS1v15-SHA1' || value === 'PKCS1v15-SHA224';
}

/** The hash of a scheme, as node:crypto calls it. */
export function hashOf(algorithm: EncryptionAlgorithm | SigningAlgorithm): 'sha1' | 'sha224' {
  return algorithm.endsWith('SHA224') ? 'sha224' : 'sha1';
}
