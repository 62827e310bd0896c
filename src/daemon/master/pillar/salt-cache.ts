/**
 * Files in the layout of Salt's own `localfs` cache below a master's `cachedir`, so that a real `salt-run` and a real
 * master that takes over see what we know.
 *
 *     minions/<id>/data.p   minions/<id>/mine.p     Salt 3006 and 3007
 *     grains/<id>.p         mine/<id>.p             Salt 3008
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMinionId } from '../../../codec/load/names.ts';
import { decodeExact } from '../../../codec/msgpack/decode.ts';
import { encode } from '../../../codec/msgpack/encode.ts';
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { SaltbusError } from '../../../errors.ts';
import { isMap } from '../load.ts';
import type { Load } from '../load.ts';

/** Which files are kept. `minions`: 3006 and 3007; `banks`: 3008. */
export type SaltCacheLayout = 'minions' | 'banks';

/** What is kept of a minion. */
export type SaltCacheBank = 'grains' | 'mine';

const LARGEST_FILE = 16 * 1024 * 1024;

/** Reads and writes the files of one bank, in all the layouts that are asked for. */
export class SaltCache {
  readonly #cachedir: string;
  readonly #layouts: readonly SaltCacheLayout[];

  constructor(cachedir: string, layouts: readonly SaltCacheLayout[]) {
    this.#cachedir = cachedir;
    this.#layouts = layouts;
  }

  /**
   * Writes what is known of a minion; each file appears whole or not at all.
   * @throws SaltbusError `ERR_SALTBUS_DATA` for an id that is none; errors of the file system as they come
   */
  async store(bank: SaltCacheBank, id: string, data: Load): Promise<void> {
    for (const layout of this.#layouts) {
      const content = layout === 'minions' && bank === 'grains' ? grainsAndPillar(data) : data;
      await writeWhole(this.#path(layout, bank, id), encode(content));
    }
  }

  /** Removes what is known of a minion. @throws SaltbusError `ERR_SALTBUS_DATA` for an id that is none */
  async remove(bank: SaltCacheBank, id: string): Promise<void> {
    for (const layout of this.#layouts) await rm(this.#path(layout, bank, id), { force: true });
  }

  /** Each minion that there is something of, from the first layout; files that cannot be read are passed over. */
  async *restore(bank: SaltCacheBank): AsyncGenerator<readonly [id: string, data: Load]> {
    const [layout] = this.#layouts;
    if (layout === undefined) return;
    const folder = join(this.#cachedir, layout === 'minions' ? 'minions' : bank);
    for (const name of await namesIn(folder)) {
      const id = layout === 'minions' ? name : name.replace(/\.p$/, '');
      if (!isMinionId(id) || (layout === 'banks' && id === name)) continue;
      const value = await readValue(this.#path(layout, bank, id));
      const data = layout === 'minions' && bank === 'grains' && isMap(value) ? value.get('grains') : value;
      if (isMap(data)) yield [id, data];
    }
  }

  #path(layout: SaltCacheLayout, bank: SaltCacheBank, id: string): string {
    // the longest name of a file, less the suffix
    if (!isMinionId(id) || Buffer.byteLength(id) > 253)
      throw new SaltbusError('ERR_SALTBUS_DATA', `${JSON.stringify(id)} names no file`);
    if (layout === 'banks') return join(this.#cachedir, bank, `${id}.p`);
    return join(this.#cachedir, 'minions', id, bank === 'grains' ? 'data.p' : 'mine.p');
  }
}

// Pillar is left empty: it can hold secrets, and who reads the grains has no need of it.
function grainsAndPillar(grains: Load): Load {
  return new Map<ExactValue, ExactValue>([
    ['grains', grains],
    ['pillar', new Map()],
  ]);
}

async function writeWhole(path: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const part = join(dirname(path), `.${randomBytes(8).toString('hex')}.part`);
  try {
    const file = await open(part, 'wx', 0o600);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function readValue(path: string): Promise<ExactValue | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() && stats.size <= LARGEST_FILE ? decodeExact(await readFile(path)) : undefined;
  } catch {
    return undefined;
  }
}
