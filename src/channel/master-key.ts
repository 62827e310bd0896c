/**
 * The key of a master. Its private operations are promises, so that they can be done beside the event loop.
 */
import { constants, sign, webcrypto } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { hashOf } from '../codec/rsa/algorithms.ts';
import type { EncryptionAlgorithm, SigningAlgorithm } from '../codec/rsa/algorithms.ts';
import { decryptOaep } from '../codec/rsa/oaep.ts';
import { parsePrivateKey, publicPem } from '../codec/rsa/private-key.ts';
import { signX931 } from '../codec/rsa/x931.ts';

/** What a master does with its private key, wherever that is. */
export interface MasterKey {
  /** The public key, cleaned, as it is shown to minions. */
  readonly publicPem: string;
  /** A PKCS1v15 signature. */
  readonly sign: (algorithm: SigningAlgorithm, bytes: Uint8Array) => Promise<Buffer>;
  /** Opens what a minion encrypted for the master; `undefined` when that cannot be opened. */
  readonly decrypt: (algorithm: EncryptionAlgorithm, bytes: Uint8Array) => Promise<Buffer | undefined>;
  /** An X9.31 signature; needed once for each publish key. */
  readonly signX931: (bytes: Uint8Array) => Promise<Buffer>;
}

/**
 * A key in this process, whose operations run in libuv's pool of threads; see `docs/decisions/0021-channel.md` for the
 * measurement. OAEP with SHA-224, which Web Cryptography does not know, runs on the event loop: 0.3 ms with 2048 bits.
 * @param pem - PKCS#1 or PKCS#8
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID`
 */
export function masterKeyOf(pem: string, passphrase?: string): MasterKey {
  const key = parsePrivateKey(pem, passphrase);
  let forOaep: Promise<webcrypto.CryptoKey> | undefined;
  return {
    publicPem: publicPem(key),
    sign: (algorithm, bytes) =>
      new Promise((resolve, reject) => {
        const options = { key, padding: constants.RSA_PKCS1_PADDING };
        sign(hashOf(algorithm), bytes, options, (error, signature) => {
          if (error === null) resolve(signature);
          else reject(error);
        });
      }),
    decrypt: async (algorithm, bytes) => {
      if (algorithm !== 'OAEP-SHA1') return decryptOaep(key, algorithm, bytes);
      forOaep ??= importForOaep(key);
      try {
        return Buffer.from(
          await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, await forOaep, Buffer.from(bytes)),
        );
      } catch {
        return undefined;
      }
    },
    signX931: (bytes) => Promise.resolve(signX931(key, bytes)),
  };
}

function importForOaep(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, { name: 'RSA-OAEP', hash: 'SHA-1' }, false, ['decrypt']);
}
