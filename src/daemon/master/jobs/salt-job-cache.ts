/**
 * What Salt's command line looks for on disk of a job that it has published: without it, `salt` says that the job does not exist, and
 * waits for nobody (3006.30, 3007.17, 3008.5).
 *
 *     jobs/<2 digits>/<the rest of the hash of the id>/jid         the id
 *                                                      .load.p     what was asked for
 *                                                      .minions.p  who is to answer
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from '../../../codec/msgpack/encode.ts';
import { publish } from '../../../diagnostics.ts';
import type { Load } from '../load.ts';

/** Where it is. */
export interface SaltJobCacheOptions {
  readonly cachedir: string;
  /** `hash_type`, which names the folders. */
  readonly hashType: string;
}

// Old jobs are looked for this often at most.
const CLEAN_EVERY_MS = 10 * 60_000;

/** Writes jobs where Salt keeps them, and removes them when they are old. */
export class SaltJobCache {
  readonly #folder: string;
  readonly #hashType: string;
  #cleanedAt = -Infinity;
  #cleaning: Promise<void> | undefined;

  constructor({ cachedir, hashType }: SaltJobCacheOptions) {
    this.#folder = join(cachedir, 'jobs');
    this.#hashType = hashType;
  }

  /** Writes a job; resolves when it can be found. A job that cannot be written is told on `saltbus:master:problem`. */
  async store(jid: string, load: Load, minions: readonly string[]): Promise<void> {
    const hash = createHash(this.#hashType).update(jid).digest('hex');
    const folder = join(this.#folder, hash.slice(0, 2), hash.slice(2));
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const write = (name: string, content: string | Uint8Array): Promise<void> =>
        writeFile(join(folder, name), content, { mode: 0o600 });
      await Promise.all([
        write('jid', jid),
        write('.load.p', encode(load)),
        write('.minions.p', encode(minions)),
      ]);
    } catch (error) {
      publish('saltbus:master:problem', { what: `the files of job ${jid}`, error });
    }
  }

  /** Removes jobs that were written before a time, in milliseconds since 1970; not more often than each ten minutes. */
  removeBefore(time: number, now: number = Date.now()): Promise<void> {
    if (this.#cleaning !== undefined) return this.#cleaning;
    if (now - this.#cleanedAt < CLEAN_EVERY_MS) return Promise.resolve();
    this.#cleanedAt = now;
    this.#cleaning = this.#remove(time)
      .catch((error: unknown) => {
        publish('saltbus:master:problem', { what: 'old jobs', error });
      })
      .finally(() => {
        this.#cleaning = undefined;
      });
    return this.#cleaning;
  }

  async #remove(time: number): Promise<void> {
    for (const first of await namesIn(this.#folder)) {
      const outer = join(this.#folder, first);
      let left = 0;
      for (const rest of await namesIn(outer)) {
        const folder = join(outer, rest);
        const found = await stat(join(folder, 'jid')).catch(() => undefined);
        if (found !== undefined && found.mtimeMs < time) await rm(folder, { recursive: true, force: true });
        else left += 1;
      }
      // it may be in use again by now
      if (left === 0) await rmdir(outer).catch(() => undefined);
    }
  }
}

// Names that are parts of a hash alone: whatever else lies there is not ours to remove.
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^[0-9a-f]{2,}$/.test(name));
  } catch {
    return [];
  }
}
