/** RSA keys for tests, made once for each process. */
import { generateKeyPairSync } from 'node:crypto';

const made: string[] = [];

/** The public key with this number, in PEM without a line feed at the end. */
export function publicPem(number = 0): string {
  while (made.length <= number) {
    const { publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    made.push(publicKey.trim());
  }
  return made[number] ?? '';
}
