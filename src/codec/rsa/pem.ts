/**
 * Public keys as Salt sends, stores and fingerprints them: PEM text.
 */
import { createHash, createPublicKey, getHashes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SaltbusError } from '../../errors.ts';

/** Most characters of a public key in PEM. A key of 16384 bits has some 2900. */
export const MAX_PUBLIC_PEM = 8192;

const LEAST_BITS = 2048;
const MOST_BITS = 16_384;
// White space as Python's str.strip() and splitlines() see it, as far as a file of ASCII text can hold it.
// eslint-disable-next-line no-control-regex -- they end lines in Python
const LINE_ENDS = /\r\n|[\n\r\v\f\u001c-\u001e\u0085\u2028\u2029]/;

/**
 * PEM text as it is sent and compared: no white space at either end, lines joined by a line feed.
 *
 * Salt cleans what it sends since 3006.7 and 3007.0; older ones send the file as it is, so both sides are cleaned before they are compared.
 */
export function cleanPem(text: string): string {
  return text.trim().split(LINE_ENDS).join('\n');
}

/**
 * The fingerprint of a key in PEM: the hash of its base64 lines, each with its line feed, as hex pairs with colons.
 *
 * It is what `master_finger` is compared with (3006.30, 3007.17, 3008.5). `salt-key -f` of 3006 and 3007 prints the same; that of
 * 3008.5 hashes the whole text of the file instead, see {@link textFingerprint}.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` for a hash that is not known
 */
export function fingerprint(pem: string, hashType = 'sha256'): string {
  const lines = pem.split('\n').filter((line) => line.trim() !== '');
  const body = lines.slice(1, -1).map((line) => `${line.replace(/\r$/, '')}\n`);
  return colons(body.join(''), hashType);
}

/**
 * The fingerprint as `salt-key -f` of 3008.5 prints it: the hash of the whole text, BEGIN and END lines too.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` for a hash that is not known
 */
export function textFingerprint(pem: string, hashType = 'sha256'): string {
  return colons(pem, hashType);
}

function colons(text: string, hashType: string): string {
  const name = hashType.toLowerCase();
  if (!getHashes().includes(name)) {
    throw new SaltbusError('ERR_SALTBUS_CONFIG', `hash_type '${hashType}' is no hash that is known here`, {
      next: 'Use sha256 (the default), sha512, sha1 or md5.',
    });
  }
  const hex = createHash(name).update(text, 'utf8').digest('hex');
  return hex.replace(/..(?!$)/g, '$&:');
}

/**
 * Parses the public key of a minion or a master: one SubjectPublicKeyInfo in PEM, RSA of 2048 to 16384 bits, and nothing else.
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID`
 */
export function parsePublicKey(pem: string): KeyObject {
  // Node would also take a private key or a certificate, and make a public key of it.
  if (pem.length > MAX_PUBLIC_PEM) throw unusable(`it has more than ${MAX_PUBLIC_PEM} characters`);
  const lines = cleanPem(pem).split('\n');
  if (lines[0] !== '-----BEGIN PUBLIC KEY-----' || lines.at(-1) !== '-----END PUBLIC KEY-----') {
    throw unusable('it is no public key in PEM');
  }
  if (!lines.slice(1, -1).every((line) => /^[A-Za-z0-9+/]*={0,2}[ \t]*$/.test(line))) {
    throw unusable('its lines are no base64');
  }
  let key: KeyObject;
  try {
    key = createPublicKey(lines.join('\n'));
  } catch (cause) {
    throw unusable('it cannot be parsed', cause);
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa') throw unusable('it is no RSA key');
  if (modulusLength < LEAST_BITS || modulusLength > MOST_BITS) {
    throw unusable(`it has ${modulusLength} bits, not ${LEAST_BITS} to ${MOST_BITS}`);
  }
  // An even or huge exponent is no key that a minion makes, and a huge one makes each operation slow.
  if (publicExponent < 3n || publicExponent % 2n === 0n || publicExponent >= 1n << 33n) {
    throw unusable('its exponent is out of range');
  }
  return key;
}

function unusable(why: string, cause?: unknown): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_KEY_INVALID', `The key cannot be used: ${why}`, { cause });
}
