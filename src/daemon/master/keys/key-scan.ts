/**
 * Looks through one directory of keys and says what differs from what is known.
 */
import type { KeyObject } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanPem, parsePublicKey } from '../../../codec/rsa/pem.ts';
import {
  MAX_KEY_FILE,
  isMinionId,
  readSmallFile,
  readSmallFileAsync,
  versionOf,
} from '../../../pki/index.ts';
import type { FileRead, KeyState } from '../../../pki/index.ts';

/** A key's file in memory. */
export interface KeyFile {
  /** The cleaned text. */
  readonly pem: string;
  /** Tells whether the file has changed. */
  readonly version: string;
  /** The parsed key; `undefined` for a state in which nothing is encrypted for it, and for text that is no usable key. */
  readonly key: KeyObject | undefined;
}

/** What a directory holds that is not known, or differs. */
export interface DirectoryPatch {
  readonly set: ReadonlyMap<string, KeyFile>;
  readonly remove: readonly string[];
  /** Files that are no keys: name and reason. */
  readonly ignored: readonly (readonly [string, string])[];
}

/** What is to be looked at. */
export interface ScanOptions {
  readonly directory: string;
  readonly state: KeyState;
  readonly known: ReadonlyMap<string, KeyFile>;
  /** Names whose files may have changed though they are known; `all`: any of them. */
  readonly dirty: ReadonlySet<string> | 'all';
  /** Whether nothing else waits for this process: reading is four times as fast then. @defaultValue false */
  readonly blocking?: boolean;
}

// So many files are read at a time: enough to keep the disk busy, few enough to leave descriptors to others.
const SIDE_BY_SIDE = 64;
/** Most keys of one directory; what is beyond them is told and left out. */
const MAX_KEYS = 250_000;

/** Looks through the directory; one that is not there is empty. */
export async function scanDirectory(options: ScanOptions): Promise<DirectoryPatch> {
  const { directory, known, dirty } = options;
  const names = new Set<string>();
  const ignored: [string, string][] = [];
  for (const name of await namesIn(directory)) {
    // Salt keeps a file .key_cache there, and a file that is being written begins with a dot.
    if (name.startsWith('.')) continue;
    if (!isMinionId(name)) ignored.push([name, 'its name is no id of a minion']);
    else if (names.size >= MAX_KEYS) ignored.push([name, `there are more than ${MAX_KEYS} keys`]);
    else names.add(name);
  }
  const set = new Map<string, KeyFile>();
  const remove = [...known.keys()].filter((name) => !names.has(name));
  const wanted = [...names].filter((name) => !known.has(name) || dirty === 'all' || dirty.has(name));
  for (let at = 0; at < wanted.length; at += SIDE_BY_SIDE) {
    await Promise.all(
      wanted.slice(at, at + SIDE_BY_SIDE).map(async (name) => {
        const found =
          options.blocking === true
            ? foundIn(readSmallFile(join(directory, name), MAX_KEY_FILE), options.state, known.get(name))
            : await lookAt(directory, options.state, name, known.get(name));
        if (found.kind === 'key') set.set(name, found.file);
        else if (found.kind !== 'same' && known.has(name)) remove.push(name);
        if (found.kind === 'ignored') ignored.push([name, found.reason]);
      }),
    );
  }
  return { set, remove, ignored };
}

type Found =
  | { readonly kind: 'same' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'key'; readonly file: KeyFile }
  | { readonly kind: 'ignored'; readonly reason: string };

/** Looks at one file. */
export async function lookAt(
  directory: string,
  state: KeyState,
  name: string,
  known: KeyFile | undefined,
): Promise<Found> {
  const path = join(directory, name);
  if (known !== undefined) {
    const stat = await lstat(path).catch(() => undefined);
    if (stat?.isFile() === true && versionOf(stat) === known.version) return { kind: 'same' };
  }
  return foundIn(await readSmallFileAsync(path, MAX_KEY_FILE), state, known);
}

function foundIn(read: FileRead, state: KeyState, known: KeyFile | undefined): Found {
  if (read.kind === 'absent') return read;
  if (read.kind === 'refused') return { kind: 'ignored', reason: read.reason };
  return { kind: 'key', file: keyFileOf(read.text, versionOf(read.stat), state, known) };
}

/** A key's file from its text. */
export function keyFileOf(text: string, version: string, state: KeyState, known?: KeyFile): KeyFile {
  const pem = cleanPem(text);
  if (known?.pem === pem) return { ...known, version };
  return { pem, version, key: state === 'accepted' ? usableKey(pem) : undefined };
}

/** The parsed key; `undefined` for text that is no usable key. */
export function usableKey(pem: string): KeyObject | undefined {
  try {
    return parsePublicKey(pem);
  } catch {
    return undefined;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
