/**
 * The master's own key pair: found where Salt keeps it, or made on the first start.
 */
import { createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cleanPem, parsePublicKey } from '../../../codec/rsa/pem.ts';
import { SaltbusError } from '../../../errors.ts';
import {
  MAX_KEY_FILE,
  isMinionId,
  makePrivateDirectory,
  readSmallFile,
  writeFileAtomic,
} from '../../../pki/index.ts';
import { checkDirectory, checkPrivate } from './safety.ts';
import type { Trust } from './safety.ts';

/** The key pair of a master. */
export interface MasterKey {
  readonly privateKey: KeyObject;
  /** The public key as it is sent: cleaned PEM. */
  readonly publicPem: string;
  /** The file of the private key. */
  readonly path: string;
  /** Whether it was made just now. */
  readonly created: boolean;
}

/** Where the key pair is, and how one is made. */
export interface MasterKeyOptions extends Trust {
  readonly pkiDir: string;
  /** 3008 names the files after it, without a `_master` at the end. */
  readonly masterId: string;
  /** @defaultValue 2048 */
  readonly keysize?: number;
}

const generate = promisify(generateKeyPair);
const PRIVATE_MODE = 0o400;
const PUBLIC_MODE = 0o644;

/**
 * Opens the key pair; makes one where there is none.
 * @throws SaltbusError `ERR_SALTBUS_KEY_UNSAFE` for files that others can reach, `ERR_SALTBUS_KEY_INVALID` for what is no key, is
 * locked with a pass phrase, belongs to another public key, or is gone while its public half is there, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export async function openMasterKey(options: MasterKeyOptions): Promise<MasterKey> {
  const mode = options.permissive === true ? 0o750 : 0o700;
  makePrivateDirectory(options.pkiDir, { mode, owner: options.owner });
  checkDirectory(options.pkiDir, options);
  for (const name of keyNames(options.masterId)) {
    const path = realFile(options.pkiDir, `${name}.pem`);
    if (path !== undefined) return readPair(path, join(options.pkiDir, `${name}.pub`), options);
  }
  refuseHalfPair(options);
  return makePair(options);
}

// A new pair in the place of a lost one would lock out every minion, without a word.
function refuseHalfPair({ pkiDir, masterId }: MasterKeyOptions): void {
  for (const name of keyNames(masterId)) {
    const publicPath = join(pkiDir, `${name}.pub`);
    if (lstatSync(publicPath, { throwIfNoEntry: false }) === undefined) continue;
    throw new SaltbusError(
      'ERR_SALTBUS_KEY_INVALID',
      `The private key ${join(pkiDir, `${name}.pem`)} is gone, and its public half ${publicPath} is there`,
      {
        next: `Restore the private key from a backup. To have a new pair made, remove ${publicPath} too: every minion then refuses this master until its minion_master.pub is removed.`,
      },
    );
  }
}

// 3008 keeps <id>.pem and makes master.pem a link to it; older releases know master.pem only.
function keyNames(masterId: string): readonly string[] {
  const own = masterId.replace(/_master$/, '');
  return isMinionId(own) && own !== 'master' ? [own, 'master'] : ['master'];
}

/** The file, through a link as 3008 makes it; `undefined` when there is none. */
function realFile(pkiDir: string, name: string): string | undefined {
  const path = join(pkiDir, name);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isSymbolicLink()) return path;
  let target: string;
  try {
    target = realpathSync(path);
  } catch (cause) {
    throw invalid(path, 'is a link that leads nowhere', cause);
  }
  if (dirname(target) !== realpathSync(pkiDir)) {
    throw new SaltbusError('ERR_SALTBUS_KEY_UNSAFE', `${path} is a link to ${target}, outside of ${pkiDir}`, {
      next: 'Put the key itself there, with mode 0400.',
    });
  }
  return target;
}

function readPair(path: string, publicPath: string, options: MasterKeyOptions): MasterKey {
  const read = readSmallFile(path, MAX_KEY_FILE);
  if (read.kind === 'absent') throw invalid(path, 'is gone');
  if (read.kind === 'refused') throw invalid(path, `cannot be read: ${read.reason}`);
  checkPrivate(path, read.stat, options);
  if (/ENCRYPTED/.test(read.text))
    throw invalid(path, 'is locked with a pass phrase, which is not supported');
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(read.text);
  } catch {
    // Without the cause: what the parser says may hold parts of the file.
    throw invalid(path, 'holds no private key in PEM');
  }
  const publicPem = publicOf(privateKey);
  try {
    parsePublicKey(publicPem);
  } catch (cause) {
    throw invalid(path, 'holds no RSA key of a usable size', cause);
  }
  const stored = readSmallFile(
    realFile(options.pkiDir, publicPath.slice(options.pkiDir.length + 1)) ?? publicPath,
    MAX_KEY_FILE,
  );
  if (stored.kind === 'absent') writePublic(publicPath, publicPem, options);
  else if (stored.kind === 'refused') throw invalid(publicPath, `cannot be read: ${stored.reason}`);
  else if (cleanPem(stored.text) !== publicPem) throw invalid(publicPath, `does not belong to ${path}`);
  return { privateKey, publicPem, path, created: false };
}

async function makePair(options: MasterKeyOptions): Promise<MasterKey> {
  const { privateKey } = await generate('rsa', {
    modulusLength: options.keysize ?? 2048,
    publicExponent: 65_537,
  });
  const path = join(options.pkiDir, 'master.pem');
  const publicPem = publicOf(privateKey);
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }) as string;
  writeFileAtomic(path, pem, { mode: PRIVATE_MODE, owner: options.owner, durable: true });
  writePublic(join(options.pkiDir, 'master.pub'), publicPem, options);
  return { privateKey, publicPem, path, created: true };
}

// With a line feed at the end, as Salt writes its own (a minion's it writes without).
function writePublic(path: string, pem: string, options: MasterKeyOptions): void {
  writeFileAtomic(path, `${pem}\n`, { mode: PUBLIC_MODE, owner: options.owner, durable: true });
}

function publicOf(privateKey: KeyObject): string {
  return cleanPem(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string);
}

function invalid(path: string, what: string, cause?: unknown): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path} ${what}`, {
    cause,
    next: 'Restore the key pair from a backup; a new one has to be trusted anew by every minion.',
  });
}
