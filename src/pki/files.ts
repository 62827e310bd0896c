/**
 * Reading and writing key files: never through a symbolic link, never more than a limit, never half a file.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import type { BigIntStats, Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SaltbusError } from '../errors.ts';
import type { Owner } from './owner.ts';

/** What was read of a file, or why it is none that is read. */
export type FileRead =
  | { readonly kind: 'file'; readonly text: string; readonly stat: Stats }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly reason: string };

// A FIFO would hold the opener up for ever without O_NONBLOCK; a symbolic link may lead out of the directory.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Reads a regular file of at most so many bytes. Never throws for what is wrong with the file. */
export function readSmallFile(path: string, limit: number): FileRead {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, READ);
    const stat = fstatSync(descriptor);
    const refused = refusal(stat, limit);
    if (refused !== undefined) return refused;
    const buffer = Buffer.alloc(limit + 1);
    let size = 0;
    while (size < buffer.length) {
      const count = readSync(descriptor, buffer, size, buffer.length - size, null);
      if (count === 0) break;
      size += count;
    }
    return fileOf(buffer.subarray(0, size), stat, limit);
  } catch (error) {
    return failure(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * As {@link readSmallFile}, without holding up the event loop.
 * @param options.follow - read through a symbolic link; for files that are the operator's own
 */
export async function readSmallFileAsync(
  path: string,
  limit: number,
  options: { readonly follow?: boolean } = {},
): Promise<FileRead> {
  try {
    await using file = await open(path, options.follow === true ? READ & ~constants.O_NOFOLLOW : READ);
    const stat = await file.stat();
    const refused = refusal(stat, limit);
    if (refused !== undefined) return refused;
    const buffer = Buffer.alloc(Math.min(limit, stat.size) + 1);
    let size = 0;
    while (size < buffer.length) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size, null);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return fileOf(buffer.subarray(0, size), stat, limit);
  } catch (error) {
    return failure(error);
  }
}

function refusal(stat: Stats, limit: number): FileRead | undefined {
  if (!stat.isFile()) return { kind: 'refused', reason: 'it is no regular file' };
  if (stat.size > limit) return tooLarge(limit);
  return undefined;
}

function fileOf(bytes: Buffer, stat: Stats, limit: number): FileRead {
  return bytes.length > limit ? tooLarge(limit) : { kind: 'file', text: bytes.toString('utf8'), stat };
}

function tooLarge(limit: number): FileRead {
  return { kind: 'refused', reason: `it is larger than ${limit} bytes` };
}

function failure(error: unknown): FileRead {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
  if (code === 'ELOOP') return { kind: 'refused', reason: 'it is a symbolic link' };
  if (code === 'ENXIO') return { kind: 'refused', reason: 'it is no regular file' };
  return { kind: 'refused', reason: message };
}

/** How a file is made. */
export interface WriteOptions {
  readonly mode: number;
  /** Who is to own it, when that is not who runs this. */
  readonly owner?: Owner | undefined;
  /** Whether it is to be on the disk, not only in the memory of the system, before this returns. @defaultValue false */
  readonly durable?: boolean;
}

/**
 * Writes a file whole or not at all: a temporary file in the same directory takes its place.
 * @throws SaltbusError `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export function writeFileAtomic(path: string, text: string, options: WriteOptions): void {
  // A name that begins with a dot is in no listing, of Salt or ours.
  const temporary = join(dirname(path), `.${basename(path).slice(0, 40)}.${randomBytes(8).toString('hex')}`);
  try {
    const descriptor = openSync(temporary, 'wx', options.mode & 0o600);
    try {
      if (options.owner !== undefined) fchownSync(descriptor, options.owner.uid, options.owner.gid);
      writeSync(descriptor, text);
      fchmodSync(descriptor, options.mode);
      if (options.durable === true) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
    if (options.durable === true) syncDirectory(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw systemError(`${path} cannot be written`, error);
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes a directory that only its owner can use, if it is not there.
 * @throws SaltbusError `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export function makePrivateDirectory(
  path: string,
  options: { mode: number; owner?: Owner | undefined },
): void {
  try {
    if (mkdirSync(path, { recursive: true, mode: options.mode }) === undefined) return;
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      fchmodSync(descriptor, options.mode);
      if (options.owner !== undefined) fchownSync(descriptor, options.owner.uid, options.owner.gid);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw systemError(`The directory ${path} cannot be made`, error);
  }
}

/** The error of a system call, with who may do it when it is about permission. */
export function systemError(what: string, error: unknown): SaltbusError {
  if (error instanceof SaltbusError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new SaltbusError('ERR_SALTBUS_PERMISSION', `${what}: ${message}`, {
      cause: error,
      next: 'Run as the user of the master, or as root.',
    });
  }
  return new SaltbusError('ERR_SALTBUS_SYSTEM', `${what}: ${message}`, { cause: error });
}

/** What tells one version of a file from another. */
export function versionOf(stat: Stats | BigIntStats): string {
  return `${stat.ino}/${stat.size}/${stat.mtimeMs}/${stat.ctimeMs}`;
}
