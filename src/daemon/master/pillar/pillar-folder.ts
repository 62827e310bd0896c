/**
 * Pillar from a folder of YAML files, each named for the minions that it is for.
 *
 *     all minions       *.yml
 *     web1, web2 ...    web*.yml
 *     one minion        db1.example.com.yml
 *
 * All the files whose name (without `.yml` or `.yaml`) matches the id as a glob are merged. The more characters of a name
 * that are no wildcard, the later it comes, and what comes later wins; a name that is the id itself comes last.
 */
import type { BigIntStats } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { exactFloat } from '../../../codec/msgpack/values.ts';
import { parseSaltYaml } from '../../../config/yaml.ts';
import { SaltbusError } from '../../../errors.ts';
import { compileGlob } from '../../../match/glob.ts';
import { byCodePoint, isMap } from '../load.ts';
import type { Load } from '../load.ts';
import { deepMerge } from './merge.ts';

/** Where pillar comes from. */
export interface PillarFolderOptions {
  readonly folder: string;
  /** How old may be what is known of the files before they are looked at again, in milliseconds. @defaultValue 1000 */
  readonly checkMs?: number;
  /** A clock in milliseconds. @defaultValue `performance.now()` */
  readonly now?: () => number;
  /** Hears of files that cannot be read any more or are no YAML now; what was in them before stays in force. */
  readonly onProblem?: (error: SaltbusError) => void;
}

interface PillarFile {
  readonly version: string;
  readonly literals: number;
  readonly glob: string;
  readonly test: (id: string) => boolean;
  readonly data: Load;
}

const MOST_FILES = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Pillar kept in memory, read again when a file changes. Nothing watches: it is looked for when a minion asks. */
export class PillarFolder {
  readonly #folder: string;
  readonly #checkMs: number;
  readonly #now: () => number;
  readonly #onProblem: (error: SaltbusError) => void;
  #files: ReadonlyMap<string, PillarFile> = new Map();
  #order: readonly PillarFile[] = [];
  #reported: ReadonlySet<string> = new Set();
  #checkedAt = -Infinity;
  #checking: Promise<void> | undefined;

  private constructor(options: PillarFolderOptions) {
    this.#folder = options.folder;
    this.#checkMs = options.checkMs ?? 1000;
    this.#now = options.now ?? (() => performance.now());
    this.#onProblem = options.onProblem ?? (() => undefined);
  }

  /**
   * Reads the folder.
   * @throws SaltbusError `ERR_SALTBUS_CONFIG` when it is not there, or a file is no map in YAML
   */
  static async open(options: PillarFolderOptions): Promise<PillarFolder> {
    const pillar = new PillarFolder(options);
    const problems = await pillar.#read();
    const [first] = problems;
    if (first !== undefined) throw first;
    pillar.#checkedAt = pillar.#now();
    return pillar;
  }

  /** The pillar of a minion; empty when no file is for it. */
  async of(id: string): Promise<Load> {
    await this.#refresh();
    let merged: Load = new Map();
    for (const file of this.#order) if (file.test(id)) merged = deepMerge(merged, file.data);
    const own = this.#order.find(({ glob }) => glob === id);
    // a name can be both the id and, as a glob, less exact than another one
    return own === undefined ? merged : deepMerge(merged, own.data);
  }

  #refresh(): Promise<void> {
    if (this.#checking !== undefined) return this.#checking;
    if (this.#now() - this.#checkedAt < this.#checkMs) return Promise.resolve();
    this.#checking = this.#read()
      .then((problems) => this.#report(problems))
      .finally(() => {
        this.#checkedAt = this.#now();
        this.#checking = undefined;
      });
    return this.#checking;
  }

  // the same problem is told once, not each second
  #report(problems: readonly SaltbusError[]): void {
    for (const problem of problems) if (!this.#reported.has(problem.message)) this.#onProblem(problem);
    this.#reported = new Set(problems.map(({ message }) => message));
  }

  async #read(): Promise<SaltbusError[]> {
    const problems: SaltbusError[] = [];
    let names: string[];
    try {
      names = (await readdir(this.#folder)).filter(isPillarFile);
    } catch (cause) {
      return [unreadable(this.#folder, cause)];
    }
    if (names.length > MOST_FILES) return [tooMuch(this.#folder, `more than ${MOST_FILES} files`)];
    const files = new Map<string, PillarFile>();
    let bytes = 0;
    for (const name of names.sort(byCodePoint)) {
      const path = join(this.#folder, name);
      const before = this.#files.get(name);
      try {
        const stats = await stat(path, { bigint: true });
        bytes += Number(stats.size);
        if (bytes > MOST_BYTES) return [...problems, tooMuch(this.#folder, `more than ${MOST_BYTES} bytes`)];
        const version = versionOf(stats);
        files.set(name, before?.version === version ? before : await readPillarFile(path, name, version));
      } catch (cause) {
        if (isGone(cause)) continue;
        problems.push(cause instanceof SaltbusError ? cause : unreadable(path, cause));
        if (before !== undefined) files.set(name, before);
      }
    }
    this.#files = files;
    this.#order = [...files.values()].sort((a, b) => a.literals - b.literals || byCodePoint(a.glob, b.glob));
    return problems;
  }
}

function isPillarFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith('.');
}

function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

async function readPillarFile(path: string, name: string, version: string): Promise<PillarFile> {
  const glob = name.replace(/\.ya?ml$/, '');
  const value = parseSaltYaml(await readFile(path, 'utf8'), { file: path, float: exactFloat }) as ExactValue;
  if (value !== null && !isMap(value)) {
    throw new SaltbusError('ERR_SALTBUS_CONFIG', `${path}: pillar is a map at its top`);
  }
  const literals = glob.replace(/\[[^\]]*\]|[*?]/g, '').length;
  return { version, literals, glob, test: compileGlob(glob).test, data: value ?? new Map() };
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function unreadable(path: string, cause: unknown): SaltbusError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SaltbusError('ERR_SALTBUS_CONFIG', `${path}: it cannot be read (${why})`, {
    next: 'Make it readable for the user of the master, or take pillar_folder out of the configuration.',
    cause,
  });
}

function tooMuch(folder: string, what: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_CONFIG', `${folder}: it holds ${what}`, {
    next: 'Put less into one folder.',
  });
}
