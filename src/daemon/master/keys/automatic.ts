/**
 * Which sign-ins are accepted or rejected without a person: files of rules and stubs, held in memory.
 */
import { rmSync } from 'node:fs';
import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { publish } from '../../../diagnostics.ts';
import { AUTOSIGN_DIRECTORY, isMinionId, readSmallFileAsync, versionOf } from '../../../pki/index.ts';
import { parseGrainValues, parseIdPatterns, writableByOthers } from './automatic-rules.ts';

/** What Salt's configuration says of automatic decisions. */
export interface AutomaticOptions {
  readonly pkiDir: string;
  readonly autoAccept?: boolean;
  readonly autosignFile?: string | undefined;
  readonly autorejectFile?: string | undefined;
  readonly autosignGrainsDir?: string | undefined;
  /** Minutes that a stub counts; 0: for ever. @defaultValue 120 */
  readonly autosignTimeout?: number;
  readonly permissive?: boolean;
}

/** What the rules say of a sign-in. */
export type AutomaticVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'sign'; readonly by: 'auto_accept' | 'file' | 'stub' | 'grains' };

const MAX_RULES_FILE = 1024 * 1024;
const MAX_GRAINS = 256;
const MAX_STUBS = 10_000;
const NONE: AutomaticVerdict = { kind: 'none' };

interface Cached<T> {
  readonly version: string;
  readonly value: T | undefined;
}

/** The rules for automatic decisions. */
export class AutomaticRules {
  readonly #options: AutomaticOptions;
  readonly #stubDirectory: string;
  #sign: Cached<(id: string) => boolean> | undefined;
  #reject: Cached<(id: string) => boolean> | undefined;
  #grains = new Map<string, Cached<ReadonlySet<string>>>();
  /** Id to the time of the stub, in milliseconds. */
  #stubs = new Map<string, number>();
  /** Stubs that were used since the directory was begun to be read. */
  readonly #used = new Set<string>();
  readonly #told = new Map<string, string>();
  #refreshing: Promise<void> = Promise.resolve();

  private constructor(options: AutomaticOptions) {
    this.#options = options;
    this.#stubDirectory = join(options.pkiDir, AUTOSIGN_DIRECTORY);
  }

  /** Reads the rules. A file that is not there, or is not believed, rules nothing. */
  static async open(options: AutomaticOptions): Promise<AutomaticRules> {
    const rules = new AutomaticRules(options);
    await rules.refresh();
    return rules;
  }

  /**
   * What the rules say of an id; in Salt's order. Reads nothing from disk.
   * @param now - milliseconds since 1970
   */
  verdict(id: string, grains: ReadonlyMap<unknown, unknown> | undefined, now: number): AutomaticVerdict {
    if (this.#reject?.value?.(id) === true) return { kind: 'reject' };
    if (this.#options.autoAccept === true) return { kind: 'sign', by: 'auto_accept' };
    if (this.#sign?.value?.(id) === true) return { kind: 'sign', by: 'file' };
    const stub = this.#stubs.get(id);
    if (stub !== undefined && !this.#isExpired(stub, now)) return { kind: 'sign', by: 'stub' };
    if (grains !== undefined && this.#grainsMatch(grains)) return { kind: 'sign', by: 'grains' };
    return NONE;
  }

  /** Uses up the stub of an id. */
  useStub(id: string): void {
    this.#stubs.delete(id);
    this.#used.add(id);
    try {
      rmSync(join(this.#stubDirectory, id), { force: true });
    } catch (error) {
      // It is forgotten only until the next look at the directory: that it can be used again must be known.
      publish('saltbus:keys:ignored', {
        path: join(this.#stubDirectory, id),
        reason: `the used stub cannot be removed: ${(error as Error).message}`,
      });
    }
  }

  /** Takes over what has changed on disk, and removes stubs that have expired. */
  refresh(now: number = Date.now()): Promise<void> {
    // One after the other: a directory that was read before a stub was used must not bring it back.
    this.#refreshing = this.#refreshing.catch(() => undefined).then(() => this.#refresh(now));
    return this.#refreshing;
  }

  async #refresh(now: number): Promise<void> {
    const { autosignFile, autorejectFile, autosignGrainsDir } = this.#options;
    this.#sign = await this.#rules(autosignFile, this.#sign);
    this.#reject = await this.#rules(autorejectFile, this.#reject);
    if (autosignGrainsDir !== undefined) await this.#refreshGrains(autosignGrainsDir);
    await this.#refreshStubs(now);
  }

  #isExpired(time: number, now: number): boolean {
    const minutes = this.#options.autosignTimeout ?? 120;
    return minutes > 0 && time < now - minutes * 60_000;
  }

  #grainsMatch(grains: ReadonlyMap<unknown, unknown>): boolean {
    for (const [grain, { value }] of this.#grains) {
      const given = grains.get(grain);
      if (typeof given === 'string' && value?.has(given) === true) return true;
    }
    return false;
  }

  async #rules(
    path: string | undefined,
    before: Cached<(id: string) => boolean> | undefined,
  ): Promise<Cached<(id: string) => boolean> | undefined> {
    if (path === undefined) return undefined;
    return this.#cached(path, before, (text) => {
      const { test, problems } = parseIdPatterns(text);
      for (const line of problems.slice(0, 10)) {
        publish('saltbus:keys:ignored', {
          path,
          reason: `the line ${JSON.stringify(line)} is no regular expression that can be used; it counts as plain text`,
        });
      }
      return test;
    });
  }

  async #cached<T>(
    path: string,
    before: Cached<T> | undefined,
    parse: (text: string) => T,
  ): Promise<Cached<T> | undefined> {
    // These files are the operator's own, and may be links (Salt follows them too).
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) {
      this.#told.delete(path);
      return undefined;
    }
    const version = `${versionOf(found)}/${found.mode}`;
    if (before?.version === version) return before;
    const unsafe = found.isFile()
      ? writableByOthers(found.mode, this.#options.permissive === true)
      : 'it is no regular file';
    if (unsafe !== undefined) return this.#disbelieved(path, version, unsafe);
    const read = await readSmallFileAsync(path, MAX_RULES_FILE, { follow: true });
    if (read.kind === 'absent') return undefined;
    if (read.kind === 'refused') return this.#disbelieved(path, version, read.reason);
    this.#told.delete(path);
    return { version, value: parse(read.text) };
  }

  #disbelieved(path: string, version: string, reason: string): Cached<never> {
    if (this.#told.get(path) !== reason) publish('saltbus:keys:ignored', { path, reason });
    this.#told.set(path, reason);
    return { version, value: undefined };
  }

  async #refreshGrains(directory: string): Promise<void> {
    const names = await readdir(directory).catch(() => []);
    const grains = new Map<string, Cached<ReadonlySet<string>>>();
    for (const name of names.slice(0, MAX_GRAINS)) {
      const cached = await this.#cached(join(directory, name), this.#grains.get(name), parseGrainValues);
      if (cached !== undefined) grains.set(name, cached);
    }
    this.#grains = grains;
  }

  async #refreshStubs(now: number): Promise<void> {
    this.#used.clear();
    const names = await readdir(this.#stubDirectory).catch(() => []);
    const stubs = new Map<string, number>();
    for (const name of names.slice(0, MAX_STUBS)) {
      if (!isMinionId(name)) continue;
      const path = join(this.#stubDirectory, name);
      const found = await lstat(path).catch(() => undefined);
      if (found?.isFile() !== true) continue;
      if (this.#isExpired(found.mtimeMs, now)) await rm(path, { force: true }).catch(() => undefined);
      else stubs.set(name, found.mtimeMs);
    }
    for (const id of this.#used) stubs.delete(id);
    this.#stubs = stubs;
  }
}
