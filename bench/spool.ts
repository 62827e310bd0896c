/**
 * Events fired on the control socket and acknowledged after they were forced to the disk: one program that waits for each,
 * and 64 that have many under way. The peer is a bare file that is appended to and forced out in the same run.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, fdatasyncSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from '../src/codec/msgpack/encode.ts';
import { openControl } from '../src/control/index.ts';
import type { ControlClient } from '../src/control/index.ts';
import { JOB_RETURN } from './lib/payloads.ts';
import { inTurn } from './lib/report.ts';
import type { Figure } from './lib/report.ts';

const PART = fileURLToPath(new URL('./lib/spool-part.ts', import.meta.url));
const PROGRAMS = 64;
const UNDER_WAY = 64;
/** What a group commit of many is compared with. */
const GROUP = 100;
const PACKAGE = encode({ tag: 'bench/spool', data: JOB_RETURN, events: null, pretag: null });

class Daemon implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'saltbus-bench-'));
  readonly #child: ChildProcess = fork(PART, [this.folder], { execArgv: ['--import', 'tsx'] });

  async up(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#child.once('message', () => resolve());
      this.#child.once('exit', (code) => reject(new Error(`The daemon ended early (${String(code)})`)));
    });
    return this;
  }

  connect(): Promise<ControlClient> {
    return openControl({ kind: 'unix', path: join(this.folder, 'control.ipc') }, { program: 'bench' });
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function rateOf(count: number, begun: number): number {
  return (count / (performance.now() - begun)) * 1000;
}

let made = 0;

async function fireOne(client: ControlClient): Promise<void> {
  made += 1;
  const answer = await client.fire({ id: `bench-${String(made).padStart(16, '0')}`, package: PACKAGE });
  if (answer.state !== 'spooled') throw new Error(JSON.stringify(answer));
}

/** A file that is appended to, and forced out after so many events. */
function bareFile(count: number, group: number, force: (descriptor: number) => void): number {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-bench-'));
  const descriptor = openSync(join(folder, 'bare'), 'w');
  const bytes = Buffer.concat(Array.from({ length: group }, () => PACKAGE));
  try {
    const begun = performance.now();
    for (let at = 0; at < count; at += group) {
      writeSync(descriptor, bytes);
      force(descriptor);
    }
    return rateOf(count, begun);
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One program that waits for each answer. */
export async function spoolOne(short: boolean): Promise<Figure> {
  const count = short ? 300 : 5000;
  const rounds = await inTurn(
    {
      'saltbus, spooled': async () => {
        using daemon = await new Daemon().up();
        await using client = await daemon.connect();
        for (let at = 0; at < count / 10; at += 1) await fireOne(client);
        const begun = performance.now();
        for (let at = 0; at < count; at += 1) await fireOne(client);
        return rateOf(count, begun);
      },
      'bare append + fsync': () => Promise.resolve(bareFile(count, 1, fsyncSync)),
      'bare append + fdatasync': () => Promise.resolve(bareFile(count, 1, fdatasyncSync)),
    },
    short ? 1 : 3,
  );
  return { name: 'events kept on disk, one program, one by one', unit: 'events/s', rounds };
}

/** 64 programs with 64 events under way each. */
export async function spoolMany(short: boolean): Promise<Figure> {
  const count = short ? 20_000 : 400_000;
  const rounds = await inTurn(
    {
      'saltbus, spooled': async () => {
        using daemon = await new Daemon().up();
        const clients = await Promise.all(Array.from({ length: PROGRAMS }, () => daemon.connect()));
        let left = count;
        const begun = performance.now();
        const lane = async (client: ControlClient): Promise<void> => {
          while (left > 0) {
            left -= 1;
            await fireOne(client);
          }
        };
        await Promise.all(clients.flatMap((client) => Array.from({ length: UNDER_WAY }, () => lane(client))));
        const rate = rateOf(count, begun);
        for (const client of clients) client.destroy();
        return rate;
      },
      [`bare append + fsync, by ${GROUP}`]: () => Promise.resolve(bareFile(count, GROUP, fsyncSync)),
    },
    short ? 1 : 3,
  );
  return { name: 'events kept on disk, 64 programs with 64 under way each', unit: 'events/s', rounds };
}
