/**
 * One map for each minion, bounded in bytes: grains and mines.
 */
import { encode } from '../../../codec/msgpack/encode.ts';
import { SaltbusError } from '../../../errors.ts';
import type { Load } from '../load.ts';
import type { SaltCache, SaltCacheBank } from './salt-cache.ts';

/** Bounds of {@link MinionMaps}. */
export interface MinionMapsLimits {
  /** Largest map of one minion, as msgpack; a larger one is refused and counted. @defaultValue 1 MiB */
  readonly perMinionBytes?: number;
  /** All of them together; beyond, those that were written longest ago are forgotten and counted. @defaultValue 256 MiB */
  readonly bytes?: number;
}

/** Files beside the memory. */
export interface MinionMapsFiles {
  readonly cache: SaltCache;
  readonly bank: SaltCacheBank;
  /** Hears when a file cannot be written; the memory holds all the same. */
  readonly onProblem: (error: unknown) => void;
}

interface Kept {
  readonly data: Load;
  readonly bytes: number;
}

/** Counters of {@link MinionMaps}. */
export interface MinionMapsCounters {
  readonly minions: number;
  readonly bytes: number;
  /** Too large, or no msgpack can say it. */
  readonly refused: number;
  /** Forgotten because there was no room. */
  readonly evicted: number;
}

/** Keeps maps by the id of the minion. */
export class MinionMaps {
  readonly #limits: Required<MinionMapsLimits>;
  readonly #files: MinionMapsFiles | undefined;
  readonly #kept = new Map<string, Kept>();
  // ids whose files are behind the memory; one pass at a time writes them
  readonly #unwritten = new Set<string>();
  #writing: Promise<void> | undefined;
  #bytes = 0;
  #refused = 0;
  #evicted = 0;

  constructor(limits: MinionMapsLimits = {}, files?: MinionMapsFiles) {
    this.#limits = {
      perMinionBytes: limits.perMinionBytes ?? 1024 * 1024,
      bytes: limits.bytes ?? 256 * 1024 * 1024,
    };
    this.#files = files;
  }

  get counters(): MinionMapsCounters {
    return {
      minions: this.#kept.size,
      bytes: this.#bytes,
      refused: this.#refused,
      evicted: this.#evicted,
    };
  }

  /** Reads what the files hold, as after a restart; nothing without files. */
  async restore(): Promise<void> {
    if (this.#files === undefined) return;
    for await (const [id, data] of this.#files.cache.restore(this.#files.bank)) this.#put(id, data);
  }

  get(id: string): Load | undefined {
    return this.#kept.get(id)?.data;
  }

  has(id: string): boolean {
    return this.#kept.has(id);
  }

  /** The ids, those written longest ago first. */
  ids(): IterableIterator<string> {
    return this.#kept.keys();
  }

  /** Keeps a map; false when it is too large, and then what was kept before stays. */
  set(id: string, data: Load): boolean {
    if (!this.#put(id, data)) return false;
    this.#write(id);
    return true;
  }

  /** Forgets a minion; whether something was known. */
  delete(id: string): boolean {
    const known = this.#drop(id);
    if (known) this.#write(id);
    return known;
  }

  /** Resolves when the files say what the memory holds, or could not be written. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #put(id: string, data: Load): boolean {
    const bytes = sizeOf(data);
    if (bytes > this.#limits.perMinionBytes || bytes > this.#limits.bytes) {
      this.#refused += 1;
      return false;
    }
    this.#drop(id);
    this.#kept.set(id, { data, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#limits.bytes) break;
      this.#drop(oldest);
      this.#write(oldest);
      this.#evicted += 1;
    }
    return true;
  }

  #drop(id: string): boolean {
    const kept = this.#kept.get(id);
    if (kept === undefined) return false;
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
    return true;
  }

  #write(id: string): void {
    if (this.#files === undefined) return;
    this.#unwritten.add(id);
    this.#writing ??= this.#writeAll(this.#files).finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll({ cache, bank, onProblem }: MinionMapsFiles): Promise<void> {
    for (const id of this.#unwritten) {
      this.#unwritten.delete(id);
      const data = this.get(id);
      try {
        if (data === undefined) await cache.remove(bank, id);
        else await cache.store(bank, id, data);
      } catch (error) {
        onProblem(error);
      }
    }
  }
}

function sizeOf(data: Load): number {
  try {
    // an empty map counts too: the id is kept
    return encode(data).length + 64;
  } catch (error) {
    if (error instanceof SaltbusError) return Infinity;
    throw error;
  }
}
