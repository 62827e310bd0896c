/**
 * The read-only file server of a master: what a minion's `cp`, `saltutil.sync_*` and `state.apply` ask for.
 *
 * Each answer has the shape that the roots backend of Salt gives (3006.30, 3007.17, 3008.5). Nothing is ever written.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { mapOf, textField } from '../load.ts';
import type { Load } from '../load.ts';
import { environments, rootsOf } from './file-roots.ts';
import type { FileRoots, IgnoreOptions } from './file-roots.ts';
import { FileHashes } from './file-hashes.ts';
import { findFile, isMissing, statList } from './find-file.ts';
import type { FindOptions, FoundFile } from './find-file.ts';
import { compileIgnore } from './ignore.ts';
import { listRoots } from './listing.ts';
import type { Listing, ListOptions } from './listing.ts';
import { readEnvironment, readRequestPath } from './request-path.ts';

/** What is served, and how. */
export interface FileServerOptions extends IgnoreOptions {
  readonly roots: FileRoots;
  /** `hash_type`. @defaultValue sha256 */
  readonly hashType?: string;
  /** Bytes of one chunk, `file_buffer_size`. @defaultValue 1 MiB */
  readonly chunkBytes?: number;
  /** Whether links may lead out of a root, `fileserver_followsymlinks`. @defaultValue true, as in Salt */
  readonly followSymlinks?: boolean;
  /** Whether links are left out of lists, `fileserver_ignoresymlinks`. @defaultValue false */
  readonly ignoreSymlinks?: boolean;
  /** Most entries of an environment; a larger one is refused whole. @defaultValue 200 000 */
  readonly maxEntries?: number;
  /** How long a list is kept, `fileserver_list_cache_time`, in milliseconds. @defaultValue 20 000 */
  readonly listCacheMs?: number;
  /** A clock in milliseconds. @defaultValue `performance.now()` */
  readonly now?: () => number;
}

const MOST_ENVIRONMENTS_KEPT = 64;
const LARGEST_CHUNK = 16 * 1024 * 1024;
const gzipAsync = promisify(gzip);

interface KeptListing {
  readonly at: number;
  readonly listing: Promise<Listing>;
}

/** Answers the file commands. */
export class FileServer {
  readonly #roots: FileRoots;
  readonly #find: FindOptions;
  readonly #list: ListOptions;
  readonly #hashes: FileHashes;
  readonly #chunkBytes: number;
  readonly #listCacheMs: number;
  readonly #now: () => number;
  readonly #listings = new Map<string, KeptListing>();

  /** @throws SaltbusError `ERR_SALTBUS_CONFIG` for an unknown hash, `ERR_SALTBUS_PATTERN` for a bad `file_ignore_regex` */
  constructor(options: FileServerOptions) {
    const { roots, followSymlinks = true } = options;
    const isIgnored = compileIgnore(options);
    this.#roots = roots;
    this.#find = { roots, followSymlinks, isIgnored };
    this.#list = {
      followSymlinks,
      isIgnored,
      ignoreSymlinks: options.ignoreSymlinks ?? false,
      maxEntries: options.maxEntries ?? 200_000,
    };
    this.#hashes = new FileHashes(options.hashType ?? 'sha256');
    this.#chunkBytes = Math.min(Math.max(1, options.chunkBytes ?? 1024 * 1024), LARGEST_CHUNK);
    this.#listCacheMs = options.listCacheMs ?? 20_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** `_file_envs`: the names of the environments. */
  envs(): string[] {
    return environments(this.#roots);
  }

  /** `_file_list` @throws SaltbusError `ERR_SALTBUS_LIMIT` as the other lists do when there are too many entries */
  async fileList(load: Load): Promise<ExactValue> {
    return this.#paths(load, 'files');
  }

  /** `_file_list_emptydirs` @throws SaltbusError `ERR_SALTBUS_LIMIT` */
  async emptyDirs(load: Load): Promise<ExactValue> {
    return this.#paths(load, 'emptyDirs');
  }

  /** `_dir_list` @throws SaltbusError `ERR_SALTBUS_LIMIT` */
  async dirList(load: Load): Promise<ExactValue> {
    return this.#paths(load, 'dirs');
  }

  /** `_symlink_list`: a map of links to what they say. @throws SaltbusError `ERR_SALTBUS_LIMIT` */
  async symlinkList(load: Load): Promise<ExactValue> {
    const prefix = prefixOf(load);
    const links = [...((await this.#listing(load))?.links ?? [])];
    return new Map<ExactValue, ExactValue>(links.filter(([path]) => path.startsWith(prefix)));
  }

  /** `_file_find`: where a file is, and its stat; empty texts when there is none. */
  async find(load: Load): Promise<ExactValue> {
    const file = await this.#fileOf(load, load.get('saltenv') ?? 'base');
    if (file === undefined) return mapOf({ path: '', rel: '' });
    return mapOf({ path: file.path, rel: file.rel, stat: statList(file.stat), back: 'roots' });
  }

  /** `_file_hash`: hash and its type; '' when there is no such file. */
  async hash(load: Load): Promise<ExactValue> {
    const [hash] = await this.#hashAndStat(load);
    return hash;
  }

  /** `_file_hash_and_stat`: both in a list, '' and nil when there is no such file. */
  async hashAndStat(load: Load): Promise<ExactValue> {
    return this.#hashAndStat(load);
  }

  async #hashAndStat(load: Load): Promise<[ExactValue, ExactValue]> {
    const file = await this.#fileOf(load, load.get('saltenv') ?? null);
    if (file === undefined) return ['', null];
    try {
      const hsum = await this.#hashes.of(file);
      return [mapOf({ hash_type: this.#hashes.hashType, hsum }), statList(file.stat)];
    } catch (error) {
      if (isMissing(error)) return ['', null];
      throw error;
    }
  }

  /** `_serve_file`: the chunk at `loc`; empty data ends a file, an empty `dest` means that there is none. */
  async serve(load: Load): Promise<ExactValue> {
    const loc = load.get('loc');
    const file =
      typeof loc === 'number' && Number.isSafeInteger(loc) && loc >= 0
        ? await this.#fileOf(load, load.get('saltenv') ?? null)
        : undefined;
    const data = file === undefined ? undefined : await this.#chunk(file, loc as number);
    if (file === undefined || data === undefined) return mapOf({ data: '', dest: '' });
    const level = load.get('gzip');
    if (data.length === 0) return mapOf({ data: '', dest: file.rel });
    if (typeof level !== 'number' || !Number.isInteger(level) || level < 1 || level > 9)
      return mapOf({ data, dest: file.rel });
    return mapOf({ data: await gzipAsync(data, { level }), dest: file.rel, gzip: level });
  }

  async #chunk(file: FoundFile, loc: number): Promise<Buffer | undefined> {
    try {
      // without waiting, should a pipe have taken the place of the file meanwhile
      const handle = await open(file.open, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const stats = await handle.stat();
        if (!stats.isFile()) return undefined;
        const most = Math.max(0, Math.min(this.#chunkBytes, stats.size - loc));
        const buffer = Buffer.alloc(most);
        let length = 0;
        while (length < most) {
          const { bytesRead } = await handle.read(buffer, length, most - length, loc + length);
          if (bytesRead === 0) break;
          length += bytesRead;
        }
        return buffer.subarray(0, length);
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #fileOf(load: Load, saltenv: ExactValue): Promise<FoundFile | undefined> {
    const request = readRequestPath(load.get('path'), saltenv);
    return request === undefined ? undefined : findFile(request, this.#find);
  }

  async #paths(load: Load, what: 'files' | 'dirs' | 'emptyDirs'): Promise<string[]> {
    const prefix = prefixOf(load);
    const paths = (await this.#listing(load))?.[what] ?? [];
    return paths.filter((path) => path.startsWith(prefix));
  }

  async #listing(load: Load): Promise<Listing | undefined> {
    const saltenv = readEnvironment(load.get('saltenv'));
    const roots = saltenv === undefined ? undefined : rootsOf(this.#roots, saltenv);
    if (saltenv === undefined || roots === undefined) return undefined;
    const now = this.#now();
    const kept = this.#listings.get(saltenv);
    if (kept !== undefined && now - kept.at < this.#listCacheMs) return kept.listing;
    const listing = listRoots(roots, this.#list);
    this.#listings.delete(saltenv);
    this.#listings.set(saltenv, { at: now, listing });
    for (const [oldest] of this.#listings) {
      if (this.#listings.size <= MOST_ENVIRONMENTS_KEPT) break;
      this.#listings.delete(oldest);
    }
    // a failure is kept as long as a list: a tree that is too large is not walked again for each who asks
    listing.catch(() => undefined);
    return listing;
  }
}

function prefixOf(load: Load): string {
  return (textField(load, 'prefix') ?? '').replace(/^\/+|\/+$/g, '');
}
