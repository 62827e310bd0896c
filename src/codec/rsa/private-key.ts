/**
 * Private keys of minions and masters: RSA in PEM, PKCS#1 as Salt writes them, or PKCS#8.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SaltbusError } from '../../errors.ts';
import { cleanPem, parsePublicKey } from './pem.ts';

/** Most characters of a private key in PEM; one of 8192 bits has some 6500. */
export const MAX_PRIVATE_PEM = 32_768;

/**
 * Parses a private key and holds it to the same bounds as a public one.
 * @param passphrase - for an encrypted PEM
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID`, without a word of the key
 */
export function parsePrivateKey(pem: string, passphrase?: string): KeyObject {
  if (pem.length > MAX_PRIVATE_PEM) throw unusable(`it has more than ${MAX_PRIVATE_PEM} characters`);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    // OpenSSL's message is no help, and could name parts of what it was given
    throw unusable('it is no private key in PEM, or the pass phrase is wrong');
  }
  parsePublicKey(publicPem(key));
  return key;
}

/** The public key in PEM, cleaned, as it is sent. */
export function publicPem(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return cleanPem(publicKey.export({ type: 'spki', format: 'pem' }).toString());
}

function unusable(why: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_KEY_INVALID', `The private key cannot be used: ${why}`);
}
