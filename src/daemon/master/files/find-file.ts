/**
 * From a path that was asked for to the file that answers it.
 */
import { realpath, stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { dirname, join, relative, basename, sep } from 'node:path';
import { rootsOf } from './file-roots.ts';
import type { FileRoots } from './file-roots.ts';
import type { RequestPath } from './request-path.ts';

/** A file that was found. */
export interface FoundFile {
  /** Path as Salt tells it: the root and the path that was asked for. */
  readonly path: string;
  /** What is opened: the same, or the path with all links resolved where links may not lead out. */
  readonly open: string;
  readonly rel: string;
  readonly stat: BigIntStats;
}

/** How files are looked for. */
export interface FindOptions {
  readonly roots: FileRoots;
  /** Whether links may lead out of a root (`fileserver_followsymlinks`). */
  readonly followSymlinks: boolean;
  readonly isIgnored: (path: string) => boolean;
}

// Not there, or not to be had: all the same to who asks.
const MISSING: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'ELOOP',
  'ENAMETOOLONG',
  'EISDIR',
  'ENXIO',
]);

/** Whether an error of the file system means that a path leads to no file that can be had. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && MISSING.has(String(error.code));
}

/** Looks for a file below the roots of its environment, in their order. */
export async function findFile(request: RequestPath, options: FindOptions): Promise<FoundFile | undefined> {
  const { rel, saltenv } = request;
  for (const root of rootsOf(options.roots, saltenv) ?? []) {
    const path = join(root, rel);
    // Salt asks with the full path here and with the relative one when it lists; a file that is not listed is not served
    if (options.isIgnored(rel) || options.isIgnored(path)) continue;
    const open = options.followSymlinks ? path : await insideOf(root, path);
    if (open === undefined) continue;
    const stats = await statOf(open);
    // a pipe or a device would block whoever opens it
    if (stats?.isFile() === true) return { path, open, rel, stat: stats };
  }
  return undefined;
}

async function insideOf(root: string, path: string): Promise<string | undefined> {
  try {
    const [realRoot, realPath] = await Promise.all([realpath(root), realpath(path)]);
    return isBelow(realRoot, realPath) ? realPath : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether a path is a root or below it; both are absolute and hold no links. */
export function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A path with its links resolved as far as there is something, as Python's `realpath` does. */
export async function realpathLenient(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
    const parent = dirname(path);
    return parent === path ? path : join(await realpathLenient(parent), basename(path));
  }
}

/** The ten numbers of Python's `os.stat`: mode, inode, device, links, uid, gid, size, and three times in seconds. */
export function statList(stats: BigIntStats): (number | bigint)[] {
  const { mode, ino, dev, nlink, uid, gid, size } = stats;
  const times = [stats.atimeNs, stats.mtimeNs, stats.ctimeNs].map(wholeSeconds);
  return [mode, ino, dev, nlink, uid, gid, size, ...times].map((value) =>
    value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value,
  );
}

// Rounded down, also before 1970.
function wholeSeconds(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / 1_000_000_000n;
  return nanoseconds < 0n && seconds * 1_000_000_000n !== nanoseconds ? seconds - 1n : seconds;
}
