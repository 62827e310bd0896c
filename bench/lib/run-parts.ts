/** Runs the parts of a benchmark as processes of their own. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MatchMode } from '../../src/match/index.ts';

/** What a part is told. */
export interface PartJob {
  readonly role: 'broker' | 'listen' | 'fire' | 'echo' | 'nats-listen' | 'nats-fire';
  /** The directory of the bus. */
  readonly folder: string;
  /** Events in all. */
  readonly count: number;
  /** Events that each subscription sees. @defaultValue all */
  readonly expected?: number;
  readonly payload?: 'return' | 'state';
  /** Whether each event is decoded on arrival. */
  readonly decode?: boolean;
  readonly patterns?: readonly { readonly tag: string; readonly match?: MatchMode }[];
  /** So many different tags in turn. @defaultValue one */
  readonly spread?: number;
  /** Events a second. */
  readonly rate?: number;
  /** Address of a nats-server. */
  readonly nats?: string;
}

/** What a part says. */
export interface PartMessage {
  readonly type: string;
  readonly [key: string]: unknown;
}

const PART = fileURLToPath(new URL('./part.ts', import.meta.url));

/** The parts of one round, on a bus of their own; all are ended with the round. */
export class Parts implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'saltbus-bench-'));
  readonly #children: ChildProcess[] = [];

  /** Starts a part. */
  start(job: Omit<PartJob, 'folder'> & { readonly folder?: string }): ChildProcess {
    const child = fork(PART, [JSON.stringify({ folder: this.folder, ...job })], {
      execArgv: ['--import', 'tsx'],
    });
    this.#children.push(child);
    return child;
  }

  /** Starts a part and waits until it is up. */
  async up(job: Omit<PartJob, 'folder'>): Promise<ChildProcess> {
    const child = this.start(job);
    await message(child, 'up');
    return child;
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for a message of a part; rejects when it ends without. */
export function message<Said = PartMessage>(child: ChildProcess, type: string): Promise<Said> {
  return new Promise((resolve, reject) => {
    child.on('message', (said: Said & { readonly type: string }) => {
      if (said.type === type) resolve(said);
    });
    child.on('exit', (code) => {
      reject(new Error(`A part of the benchmark ended early (${String(code)})`));
    });
  });
}
