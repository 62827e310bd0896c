/**
 * The key files of a minion, laid out as Salt's, so that a real minion's `pki_dir` can be taken over and given back: `minion.pem`,
 * `minion.pub`, the pinned `minion_master.pub`, and `master_sign.pub` where signed keys of the master are asked for.
 */
import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cleanPem, parsePublicKey } from '../../codec/rsa/pem.ts';
import { MAX_PRIVATE_PEM, parsePrivateKey, publicPem } from '../../codec/rsa/private-key.ts';
import { SaltbusError } from '../../errors.ts';
import { MAX_KEY_FILE, makePrivateDirectory, readSmallFile, writeFileAtomic } from '../../pki/index.ts';
import type { Owner } from '../../pki/index.ts';
import { checkDirectory, checkPrivate } from '../master/keys/safety.ts';

/** Where the keys of a minion are. */
export interface MinionKeyPlace {
  readonly pkiDir: string;
  /** Bits of a key that is made. @defaultValue 2048 */
  readonly keysize?: number;
  /** Whom files are given to when the daemon is started as root. */
  readonly owner?: Owner | undefined;
}

/** The key pair of a minion. */
export interface MinionKeyPair {
  readonly privatePem: string;
  /** Whether it was made just now. */
  readonly created: boolean;
}

const generate = promisify(generateKeyPair);
const DIRECTORY_MODE = 0o700;
const PRIVATE_MODE = 0o400;
const PUBLIC_MODE = 0o644;
const PINNED = 'minion_master.pub';

/**
 * Opens the key pair; makes one where there is none.
 * @throws SaltbusError `ERR_SALTBUS_KEY_UNSAFE` for files that others can reach, `ERR_SALTBUS_KEY_INVALID` for what cannot be read as a
 * key, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export async function openMinionKey(place: MinionKeyPlace): Promise<MinionKeyPair> {
  const { pkiDir, owner } = place;
  makePrivateDirectory(pkiDir, { mode: DIRECTORY_MODE, owner });
  checkDirectory(pkiDir, { owner });
  const path = join(pkiDir, 'minion.pem');
  const read = readSmallFile(path, MAX_PRIVATE_PEM);
  if (read.kind === 'refused') throw unusable(path, `cannot be read: ${read.reason}`, OWN_NEXT);
  if (read.kind === 'file') {
    checkPrivate(path, read.stat, { owner });
    usable(path, OWN_NEXT, () => parsePrivateKey(read.text));
    return { privatePem: read.text, created: false };
  }
  const { privateKey } = await generate('rsa', {
    modulusLength: place.keysize ?? 2048,
    publicExponent: 65_537,
  });
  const privatePem = privateKey.export({ type: 'pkcs1', format: 'pem' }) as string;
  writeFileAtomic(path, privatePem, { mode: PRIVATE_MODE, owner, durable: true });
  writeFileAtomic(join(pkiDir, 'minion.pub'), `${publicPem(createPrivateKey(privatePem))}\n`, {
    mode: PUBLIC_MODE,
    owner,
  });
  return { privatePem, created: true };
}

/**
 * The pinned key of the master; `undefined` at first contact.
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID` for a file that cannot be read: to go on would be to trust anybody
 */
export function readPinnedKey(pkiDir: string): string | undefined {
  return readPublic(join(pkiDir, PINNED), PINNED_NEXT);
}

/** Pins the key of the master, as Salt does: cleaned, without a final line feed. */
export function pinMasterKey({ pkiDir, owner }: MinionKeyPlace, pem: string): void {
  writeFileAtomic(join(pkiDir, PINNED), cleanPem(pem), { mode: PUBLIC_MODE, owner, durable: true });
}

/**
 * The key that vouches for a new key of the master (`master_sign_key_name`).
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID` where it is not there
 */
export function readMasterSignKey(pkiDir: string, name: string): string {
  const path = join(pkiDir, `${name}.pub`);
  const pem = readPublic(path, `Copy ${name}.pub from the pki_dir of the master.`);
  if (pem !== undefined) return pem;
  throw new SaltbusError(
    'ERR_SALTBUS_KEY_INVALID',
    `verify_master_pubkey_sign is set, and ${path} is not there`,
    {
      next: `Copy ${name}.pub from the pki_dir of the master.`,
    },
  );
}

const OWN_NEXT =
  'Restore it from a backup, or remove minion.pem and minion.pub to have a new pair made, which the master has to accept anew.';
const PINNED_NEXT =
  'Compare it with the master.pub of the master. To trust the master anew at the next sign-in, remove the file.';

function readPublic(path: string, next: string): string | undefined {
  const read = readSmallFile(path, MAX_KEY_FILE);
  if (read.kind === 'absent') return undefined;
  if (read.kind === 'refused') throw unusable(path, `cannot be read: ${read.reason}`, next);
  const pem = cleanPem(read.text);
  usable(path, next, () => parsePublicKey(pem));
  return pem;
}

/** Tries a key, so that what is wrong with it is told with its file. */
function usable(path: string, next: string, parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    throw unusable(path, `holds no usable key: ${error.message}`, next);
  }
}

function unusable(path: string, what: string, next: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path} ${what}`, { next });
}
