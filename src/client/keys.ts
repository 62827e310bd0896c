/**
 * Administration of a master's keys, on the directories themselves: with or without a daemon, ours or Salt's.
 */
import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cleanPem, fingerprint, parsePublicKey } from '../codec/rsa/pem.ts';
import { loadSaltConfig, masterKeySettings, minionKeySettings } from '../config/index.ts';
import type { MasterKeySettings, SystemFacts } from '../config/index.ts';
import { SaltbusError } from '../errors.ts';
import { compileMatch } from '../match/index.ts';
import {
  KEY_STATES,
  MAX_KEY_FILE,
  isMinionId,
  keyFile,
  makePrivateDirectory,
  ownerFor,
  readSmallFile,
  stateDirectory,
  systemError,
  writeDropFile,
} from '../pki/index.ts';
import type { KeyState } from '../pki/index.ts';

/** Whose keys are worked on. */
export interface KeyringOptions {
  /** The configuration directory, as `-c` says it. @defaultValue `SALT_CONFIG_DIR`, or Salt's own */
  readonly configDir?: string;
  /** Said outright, over what the configuration says. */
  readonly pkiDir?: string;
  readonly system?: SystemFacts;
}

/** Ids by state, each list sorted without regard to case, as `salt-key` does. */
export type KeyIds = Readonly<Record<KeyState, readonly string[]>>;

/** A key that is worked on. */
export interface KeyName {
  readonly id: string;
  readonly state: KeyState;
}

/** What was done. */
export interface KeyWork {
  readonly done: readonly KeyName[];
  readonly failed: readonly (KeyName & { readonly error: SaltbusError })[];
  /** Whether the master was asked for a new publish key. */
  readonly rotation: boolean;
}

/** What may be changed besides pending keys. */
export interface IncludeOptions {
  readonly accepted?: boolean;
  readonly rejected?: boolean;
  readonly denied?: boolean;
}

/** A key that is not a minion's: the master's own, or those of this host's minion. */
export interface LocalKey {
  /** Name of the file. */
  readonly name: string;
  readonly pem: string;
}

/** The directories of a master's keys. */
export class Keyring {
  readonly pkiDir: string;
  readonly #settings: MasterKeySettings;

  /**
   * Finds the directories by the configuration of a master.
   * @throws SaltbusError `ERR_SALTBUS_CONFIG`; `ERR_SALTBUS_NO_KEY` when there is no such directory; `ERR_SALTBUS_PERMISSION`
   */
  constructor(options: KeyringOptions = {}) {
    const { pkiDir, ...load } = options;
    this.#settings = masterKeySettings(loadSaltConfig({ node: 'master', ...load }));
    this.pkiDir = pkiDir ?? this.#settings.pkiDir;
    requireDirectory(this.pkiDir);
  }

  /** The hash of fingerprints (`hash_type`). */
  get hashType(): string {
    return this.#settings.hashType;
  }

  /**
   * All keys by state. Files that are no keys are left out.
   * @throws SaltbusError `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
   */
  list(): KeyIds {
    const ids = (state: KeyState): string[] => idsIn(stateDirectory(this.pkiDir, state));
    return {
      accepted: ids('accepted'),
      pending: ids('pending'),
      rejected: ids('rejected'),
      denied: ids('denied'),
    };
  }

  /**
   * The keys that one of the patterns matches: a glob, or several with commas between them. Where there is a key of exactly the
   * name, in whatever state, it is that one alone: an id can hold commas and what globs are made of.
   * @param states - @defaultValue all of them
   * @throws SaltbusError `ERR_SALTBUS_PATTERN`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
   */
  match(patterns: readonly string[], states: readonly KeyState[] = KEY_STATES): KeyName[] {
    const ids = this.list();
    const known = new Set(KEY_STATES.flatMap((state) => ids[state]));
    const tests = patterns
      .flatMap((pattern) => (known.has(pattern) ? [pattern] : pattern.split(',')))
      .filter((pattern) => pattern !== '')
      .map((pattern) =>
        known.has(pattern) ? (id: string) => id === pattern : compileMatch(pattern, 'glob').test,
      );
    return states.flatMap((state) =>
      ids[state].filter((id) => tests.some((test) => test(id))).map((id) => ({ id, state })),
    );
  }

  /**
   * The text of a key.
   * @throws SaltbusError `ERR_SALTBUS_NO_KEY`, `ERR_SALTBUS_MINION_ID`, or `ERR_SALTBUS_KEY_INVALID` for a file that is not read
   */
  read({ id, state }: KeyName): string {
    return readKey(keyFile(this.pkiDir, state, id));
  }

  /** The keys of the master itself: each `.pub` file of the directory. */
  localKeys(): LocalKey[] {
    return localKeysIn(this.pkiDir);
  }

  /** Accepts keys; what stands in another state under the same id is replaced. A key that is no usable RSA key stays. */
  accept(names: readonly KeyName[]): KeyWork {
    return this.#each(names, { rotates: false, isMove: true }, (name) => {
      try {
        parsePublicKey(this.read(name));
      } catch (error) {
        if (!(error instanceof SaltbusError) || error.code !== 'ERR_SALTBUS_KEY_INVALID') throw error;
        throw new SaltbusError(
          'ERR_SALTBUS_KEY_INVALID',
          `${keyFile(this.pkiDir, name.state, name.id)}: ${error.message}`,
          {
            cause: error,
            next: 'Delete it; the minion has to send a usable one.',
          },
        );
      }
      this.#move(name, 'accepted');
    });
  }

  /** Rejects keys, and asks the master for a new publish key, unless `rotate_aes_key` is off. */
  reject(names: readonly KeyName[]): KeyWork {
    return this.#each(names, { rotates: true, isMove: true }, (name) => {
      this.#move(name, 'rejected');
    });
  }

  /** Deletes keys, and asks the master for a new publish key, unless `rotate_aes_key` is off. */
  delete(names: readonly KeyName[]): KeyWork {
    return this.#each(names, { rotates: true, isMove: false }, ({ id, state }) => {
      try {
        rmSync(keyFile(this.pkiDir, state, id));
      } catch (error) {
        throw gone(error, id) ?? systemError(`The key of ${JSON.stringify(id)} cannot be deleted`, error);
      }
    });
  }

  #move({ id, state }: KeyName, to: 'accepted' | 'rejected'): void {
    const permissive = this.#settings.permissivePkiAccess;
    makePrivateDirectory(stateDirectory(this.pkiDir, to), {
      mode: permissive ? 0o750 : 0o700,
      owner: ownerFor(this.#settings.user),
    });
    const from = keyFile(this.pkiDir, state, id);
    try {
      if (!lstatSync(from).isFile()) {
        throw new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${from} is no regular file`);
      }
      renameSync(from, keyFile(this.pkiDir, to, id));
      // An id stands in one state only (3008.5; older releases leave the other file and go by the first that they look for).
      for (const other of KEY_STATES) {
        if (other !== 'denied' && other !== to) rmSync(keyFile(this.pkiDir, other, id), { force: true });
      }
    } catch (error) {
      throw gone(error, id) ?? systemError(`The key of ${JSON.stringify(id)} cannot be moved`, error);
    }
  }

  #each(
    names: readonly KeyName[],
    { rotates, isMove }: { readonly rotates: boolean; readonly isMove: boolean },
    work: (name: KeyName) => void,
  ): KeyWork {
    const done: KeyName[] = [];
    const failed: (KeyName & { error: SaltbusError })[] = [];
    const moved = new Set<string>();
    for (const name of names) {
      // A move takes the files of all states with it.
      if (moved.has(name.id)) continue;
      try {
        work(name);
        done.push(name);
        if (isMove) moved.add(name.id);
      } catch (error) {
        if (!(error instanceof SaltbusError)) throw error;
        failed.push({ ...name, error });
      }
    }
    const { cachedir, masterId, rotateAesKey, user } = this.#settings;
    let rotation = false;
    if (rotates && rotateAesKey && done.length > 0) {
      makePrivateDirectory(cachedir, { mode: 0o750, owner: ownerFor(user) });
      writeDropFile(cachedir, masterId, ownerFor(user));
      rotation = true;
    }
    return { done, failed, rotation };
  }
}

/**
 * Which states a command works on, as `salt-key` does: pending keys, and what is included.
 */
export function statesFor(command: 'accept' | 'reject' | 'delete', include: IncludeOptions): KeyState[] {
  if (command === 'delete') return [...KEY_STATES];
  const states: KeyState[] = ['pending'];
  if (command === 'accept' && include.rejected === true) states.push('rejected');
  if (command === 'reject' && include.accepted === true) states.push('accepted');
  if (include.denied === true) states.push('denied');
  return states;
}

/**
 * The keys of this host's minion: its own public key, and the master's that it trusts.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG`, `ERR_SALTBUS_NO_KEY` or `ERR_SALTBUS_PERMISSION`
 */
export function minionLocalKeys(options: KeyringOptions = {}): { keys: LocalKey[]; hashType: string } {
  const { pkiDir, ...load } = options;
  const settings = minionKeySettings(loadSaltConfig({ node: 'minion', ...load }));
  const directory = pkiDir ?? settings.pkiDir;
  requireDirectory(directory);
  return { keys: localKeysIn(directory), hashType: settings.hashType };
}

/** The fingerprint of a key; see `fingerprint()` of the codec. */
export function keyFinger(pem: string, hashType: string): string {
  return fingerprint(cleanPem(pem), hashType);
}

function requireDirectory(path: string): void {
  try {
    readdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw systemError(`${path} cannot be read`, error);
    throw new SaltbusError('ERR_SALTBUS_NO_KEY', `There is no directory of keys at ${path}`, {
      next: 'Say where the configuration is with -c, or where the keys are with --pki-dir.',
    });
  }
}

function idsIn(directory: string): string[] {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw systemError(`${directory} cannot be read`, error);
  }
  // Salt makes one list of 'B', 'a': it sorts by the lower case.
  return entries
    .filter((entry) => entry.isFile() && isMinionId(entry.name))
    .map(({ name }) => ({ name, lower: name.toLowerCase() }))
    .sort((a, b) => (a.lower < b.lower ? -1 : a.lower > b.lower ? 1 : 0))
    .map(({ name }) => name);
}

function localKeysIn(directory: string): LocalKey[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.pub') && !name.startsWith('.'))
    .sort();
  return names.flatMap((name) => {
    // 3008 keeps <id>.pub and makes master.pub a link to it: the file itself is listed, once.
    const read = readSmallFile(join(directory, name), MAX_KEY_FILE);
    return read.kind === 'file' ? [{ name, pem: read.text }] : [];
  });
}

function readKey(path: string): string {
  const read = readSmallFile(path, MAX_KEY_FILE);
  if (read.kind === 'file') return read.text;
  if (read.kind === 'absent') throw new SaltbusError('ERR_SALTBUS_NO_KEY', `${path} is not there`);
  throw new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path} is not read: ${read.reason}`);
}

function gone(error: unknown, id: string): SaltbusError | undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return undefined;
  return new SaltbusError(
    'ERR_SALTBUS_NO_KEY',
    `The key of ${JSON.stringify(id)} is gone: somebody else was faster`,
  );
}
