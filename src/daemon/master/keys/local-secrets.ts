/**
 * The secrets by which Salt's command line on the same host proves who it is: `.<user>_key` in the master's `cachedir`.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SaltbusError } from '../../../errors.ts';
import { makePrivateDirectory, readSmallFile, systemError, writeFileAtomic } from '../../../pki/index.ts';
import type { Owner } from '../../../pki/index.ts';
import { trustedUsers } from './safety.ts';

/** For whom secrets are kept. */
export interface LocalSecretsOptions {
  readonly cachedir: string;
  /** Each user and to whom the file is given; the master's own user first. */
  readonly users: readonly { readonly name: string; readonly owner?: Owner | undefined }[];
}

/** Secrets in memory. */
export interface LocalSecrets {
  /** Whose secret a text is; `undefined` for one that is none of them. Takes the same time for every text. */
  readonly userOf: (secret: unknown) => string | undefined;
  /** The files, by user. */
  readonly paths: ReadonlyMap<string, string>;
}

// 56 random bytes in base64, as Salt's key strings (all releases).
const SECRET_BYTES = 56;
const SECRET = /^[A-Za-z0-9+/]{75}=$/;
const MODE = 0o600;
const MAX_USERS = 256;

/**
 * Reads the secrets, and makes those that are not there. One that others can read, or that belongs to somebody else, is replaced:
 * what it protects is open to whoever has seen it (3007 and 3008 keep secrets, 3006 makes them anew at each start).
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for a name that is none of a user, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export function openLocalSecrets(options: LocalSecretsOptions): LocalSecrets {
  const { cachedir, users } = options;
  makePrivateDirectory(cachedir, { mode: 0o750, owner: users[0]?.owner });
  if (users.length > 1) letThrough(cachedir);
  const digests = new Map<string, Buffer>();
  const paths = new Map<string, string>();
  if (users.length > MAX_USERS) throw usage(`secrets are kept for at most ${MAX_USERS} users`);
  for (const { name, owner } of users) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/.test(name))
      throw usage(`${JSON.stringify(name)} is no name of a user`);
    const path = join(cachedir, `.${name}_key`);
    digests.set(name, digest(readSecret(path, owner) ?? makeSecret(path, owner)));
    paths.set(name, path);
  }
  return {
    paths,
    userOf: (secret) => {
      const given = digest(typeof secret === 'string' && secret.length <= 256 ? secret : '');
      let found: string | undefined;
      for (const [name, known] of digests) if (timingSafeEqual(known, given)) found ??= name;
      return found;
    },
  };
}

// Others than the master's user have to get to their own file; nothing can be listed by them.
function letThrough(folder: string): void {
  try {
    const { mode } = statSync(folder);
    if ((mode & 0o001) === 0) chmodSync(folder, (mode & 0o7777) | 0o001);
  } catch (error) {
    throw systemError(`${folder} cannot be opened to the users of publisher_acl`, error);
  }
}

function readSecret(path: string, owner: Owner | undefined): string | undefined {
  const read = readSmallFile(path, 4096);
  if (read.kind !== 'file') return undefined;
  const { text, stat } = read;
  const isPrivate = (stat.mode & 0o077) === 0 && trustedUsers({ owner }).includes(stat.uid);
  return isPrivate && SECRET.test(text) ? text : undefined;
}

function makeSecret(path: string, owner: Owner | undefined): string {
  const secret = randomBytes(SECRET_BYTES).toString('base64');
  writeFileAtomic(path, secret, { mode: MODE, owner, durable: true });
  return secret;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

function usage(message: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_USAGE', message, {
    next: 'Name users of this host, without patterns.',
  });
}
