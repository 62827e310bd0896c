/**
 * Hashes of served files, kept until a file changes.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { SaltbusError } from '../../../errors.ts';
import type { FoundFile } from './find-file.ts';

/** What Salt's `hash_type` can be, as far as minions of all releases know it. */
const HASH_TYPES: ReadonlySet<string> = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']);

const MOST_KEPT = 10_000;

/** Computes hashes; one computation for all who ask at the same time, and none for a file that has not changed. */
export class FileHashes {
  readonly hashType: string;
  readonly #kept = new Map<string, { readonly version: string; readonly hash: Promise<string> }>();

  /** @throws SaltbusError `ERR_SALTBUS_CONFIG` for a hash that Salt does not know */
  constructor(hashType: string) {
    this.hashType = hashType.toLowerCase();
    if (HASH_TYPES.has(this.hashType)) return;
    throw new SaltbusError('ERR_SALTBUS_CONFIG', `hash_type: ${hashType} is no hash that Salt knows`, {
      next: `Use one of ${[...HASH_TYPES].join(', ')}.`,
    });
  }

  /** The hash as lower-case hex. */
  of(file: FoundFile): Promise<string> {
    const { ino, dev, size, mtimeNs, ctimeNs } = file.stat;
    const version = [ino, dev, size, mtimeNs, ctimeNs].join(':');
    const kept = this.#kept.get(file.open);
    if (kept?.version === version) return kept.hash;
    const hash = this.#compute(file.open);
    this.#kept.delete(file.open);
    this.#kept.set(file.open, { version, hash });
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(oldest);
    }
    // what failed is tried again by the next who asks
    hash.catch(() => this.#kept.delete(file.open));
    return hash;
  }

  async #compute(path: string): Promise<string> {
    const hash = createHash(this.hashType);
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  }
}
