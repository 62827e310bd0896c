/** Real Salt as a peer: releases that the tests have installed already. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { existsSync, readdirSync } from 'node:fs';
import { cacheDirectory } from '../../scripts/salt/install.ts';

/** An installed release. */
export interface SaltPeer {
  readonly release: string;
  readonly venv: string;
}

/** The newest release of each line in the cache; `npm test` or `scripts/salt/install.ts` puts them there. */
export function installedLines(): readonly SaltPeer[] {
  const newest = new Map<string, SaltPeer>();
  const minor = ({ release }: SaltPeer): number => Number(release.split('.')[1]);
  for (const peer of installedReleases()) {
    const line = peer.release.split('.')[0] ?? '';
    const known = newest.get(line);
    if (known === undefined || minor(peer) > minor(known)) newest.set(line, peer);
  }
  return [...newest.values()];
}

function installedReleases(): readonly SaltPeer[] {
  const cache = cacheDirectory();
  if (!existsSync(cache)) return [];
  return readdirSync(cache).flatMap((name) => {
    const release = /^salt-(\d+\.\d+)-py[\d.]+-[0-9a-f]+$/.exec(name)?.[1];
    const venv = join(cache, name);
    const isComplete = existsSync(join(venv, 'saltbus-install-complete.json'));
    return release === undefined || !isComplete ? [] : [{ release, venv }];
  });
}

const SCRIPT = fileURLToPath(new URL('./python/salt_part.py', import.meta.url));

/** A benchmark part in Salt's own Python. */
export class SaltPart {
  readonly #lines: AsyncIterableIterator<string>;
  readonly #ended: Promise<number | null>;

  constructor(peer: SaltPeer, args: readonly string[]) {
    const child = spawn(join(peer.venv, 'bin', 'python'), [SCRIPT, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, PYTHONWARNINGS: 'ignore' },
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => {
      child.on('close', resolve);
    });
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('A part in Python ended early');
    return next.value;
  }

  /** Waits for its end. */
  async end(): Promise<void> {
    const code = await this.#ended;
    if (code !== 0) throw new Error(`A part in Python ended with ${String(code)}`);
  }
}
