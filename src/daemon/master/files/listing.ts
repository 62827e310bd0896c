/**
 * What is below the roots of an environment: files, folders, empty folders and links, as Salt's roots backend lists them.
 */
import type { Dirent } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { SaltbusError } from '../../../errors.ts';
import { byCodePoint } from '../load.ts';
import { isMissing, realpathLenient } from './find-file.ts';
import { isUnsafe } from './request-path.ts';

/** The lists of one environment; paths are relative to the roots, sorted by code points. */
export interface Listing {
  readonly files: readonly string[];
  readonly dirs: readonly string[];
  readonly emptyDirs: readonly string[];
  /** Link to what it says. */
  readonly links: ReadonlyMap<string, string>;
  /** Names that were left out because no request can name them: no UTF-8, a backslash. */
  readonly unnameable: number;
}

/** How a listing is made. */
export interface ListOptions {
  readonly followSymlinks: boolean;
  /** `fileserver_ignoresymlinks`: links are left out. */
  readonly ignoreSymlinks: boolean;
  readonly isIgnored: (path: string) => boolean;
  /** Most entries of all the roots of an environment. */
  readonly maxEntries: number;
}

interface Collected {
  readonly files: Set<string>;
  readonly dirs: Set<string>;
  readonly emptyDirs: Set<string>;
  readonly links: Map<string, string>;
  entries: number;
  unnameable: number;
}

/**
 * Walks the roots.
 *
 * Part of a list would make a minion remove what is missing in it (`file.recurse` with `clean`), so a tree that is too
 * large is refused whole.
 * @throws SaltbusError `ERR_SALTBUS_LIMIT` when there are more entries than are allowed
 */
export async function listRoots(roots: readonly string[], options: ListOptions): Promise<Listing> {
  const found: Collected = {
    files: new Set(),
    dirs: new Set(),
    emptyDirs: new Set(),
    links: new Map(),
    entries: 0,
    unnameable: 0,
  };
  for (const root of roots) {
    const real = await realpathLenient(root);
    await walk({ root, realRoot: real }, root, [], found, options);
  }
  return {
    files: sorted(found.files),
    dirs: sorted(found.dirs),
    emptyDirs: sorted(found.emptyDirs),
    links: new Map([...found.links].sort(([a], [b]) => byCodePoint(a, b))),
    unnameable: found.unnameable,
  };
}

function sorted(paths: Iterable<string>): string[] {
  return [...paths].sort(byCodePoint);
}

interface Root {
  readonly root: string;
  readonly realRoot: string;
}

async function walk(
  root: Root,
  folder: string,
  above: readonly string[],
  found: Collected,
  options: ListOptions,
): Promise<void> {
  // a link to a folder that it stands in is listed and not walked; Salt goes round until the system has had enough
  const here = await realpathLenient(folder);
  if (above.includes(here)) return;
  const inner: string[] = [];
  for (const entry of await entriesOf(folder)) {
    found.entries += 1;
    if (found.entries > options.maxEntries) throw tooMany(root.root, options.maxEntries);
    const path = join(folder, entry.name);
    const rel = relative(root.root, path);
    if (isUnsafe(rel) || rel.includes('\ufffd')) {
      found.unnameable += 1;
      continue;
    }
    const isLink = entry.isSymbolicLink();
    const isFolder = entry.isDirectory() || (isLink && (await leadsToFolder(path)));
    if (isFolder && (!isLink || options.followSymlinks)) inner.push(path);
    if ((isLink && options.ignoreSymlinks) || options.isIgnored(rel)) continue;
    (isFolder ? found.dirs : found.files).add(rel);
    if (isFolder && (await entriesOf(path)).length === 0) found.emptyDirs.add(rel);
    if (isLink) await addLink(root, path, rel, found, options);
  }
  for (const path of inner) await walk(root, path, [...above, here], found, options);
}

function tooMany(root: string, most: number): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_LIMIT', `There are more than ${most} files and folders at ${root}`, {
    next: 'Serve fewer files, or raise the limit of the file server.',
  });
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function leadsToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function addLink(
  { realRoot }: Root,
  path: string,
  rel: string,
  found: Collected,
  options: ListOptions,
): Promise<void> {
  let target: string;
  try {
    target = await readlink(path);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  // as Salt: a target that begins with two dots is joined to the link itself, not to its folder (3006.30 to 3008.5)
  const joined = target.startsWith('/')
    ? target
    : join(target.startsWith('..') ? path : dirname(path), target);
  const way = relative(realRoot, await realpathLenient(normalize(joined)));
  if (!way.startsWith('..') || !options.followSymlinks) found.links.set(rel, target);
}
