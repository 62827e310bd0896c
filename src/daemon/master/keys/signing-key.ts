/**
 * The signature that a master shows of its own public key (`master_sign_pubkey`), for minions that trust the signing key and not the
 * master's (several masters, or one that was set up anew).
 */
import { constants, createPublicKey, generateKeyPair, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cleanPem } from '../../../codec/rsa/pem.ts';
import { parsePrivateKey } from '../../../codec/rsa/private-key.ts';
import { SaltbusError } from '../../../errors.ts';
import { MAX_KEY_FILE, readSmallFile, writeFileAtomic } from '../../../pki/index.ts';
import { checkPrivate } from './safety.ts';
import type { Trust } from './safety.ts';

/** Where the signing key, or the finished signature, is. */
export interface KeySignatureOptions extends Trust {
  readonly pkiDir: string;
  /** The master's public key, cleaned. */
  readonly publicPem: string;
  /** `master_sign_key_name` */
  readonly keyName: string;
  /** With `master_use_pubkey_signature`: the file with a signature that was made elsewhere; no signing key is needed then. */
  readonly signatureName?: string;
  /** @defaultValue 2048 */
  readonly keysize?: number;
}

const generate = promisify(generateKeyPair);

/**
 * The signature in base64 with a line feed at the end, as it is sent. Makes the signing pair where there is none.
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID`, `ERR_SALTBUS_KEY_UNSAFE`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export async function keySignature(options: KeySignatureOptions): Promise<string> {
  const { pkiDir, publicPem, keyName, signatureName } = options;
  if (signatureName !== undefined) return readSignature(join(pkiDir, signatureName));
  const path = join(pkiDir, `${keyName}.pem`);
  if (!existsSync(path)) await makeSigningPair(path, join(pkiDir, `${keyName}.pub`), options);
  const read = readSmallFile(path, MAX_KEY_FILE);
  if (read.kind !== 'file') throw unreadable(path, read.kind === 'absent' ? 'it is gone' : read.reason);
  checkPrivate(path, read.stat, options);
  const key = parsePrivateKey(read.text);
  // SHA-1, as in all releases: minions verify with nothing else (3006.30, 3007.17, 3008.5)
  const signature = sign('sha1', Buffer.from(publicPem), { key, padding: constants.RSA_PKCS1_PADDING });
  return `${signature.toString('base64')}\n`;
}

function readSignature(path: string): string {
  const read = readSmallFile(path, MAX_KEY_FILE);
  if (read.kind !== 'file') throw unreadable(path, read.kind === 'absent' ? 'it is not there' : read.reason);
  const text = read.text.trim();
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw unreadable(path, 'it is no signature in base64');
  return `${text}\n`;
}

function unreadable(path: string, why: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path} cannot be used: ${why}`, {
    next: 'Make the signature with salt-key --gen-signature, or take master_use_pubkey_signature out of the configuration.',
  });
}

async function makeSigningPair(
  path: string,
  publicPath: string,
  options: KeySignatureOptions,
): Promise<void> {
  const { privateKey } = await generate('rsa', {
    modulusLength: options.keysize ?? 2048,
    publicExponent: 65_537,
  });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }) as string;
  const publicPem = cleanPem(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string);
  writeFileAtomic(path, pem, { mode: 0o400, owner: options.owner, durable: true });
  writeFileAtomic(publicPath, `${publicPem}\n`, { mode: 0o644, owner: options.owner, durable: true });
}
