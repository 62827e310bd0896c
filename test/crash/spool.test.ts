/**
 * A daemon that is killed in every window, again and again, while programs fire: what was acknowledged is in the store of
 * the master, each once, in the order of its program.
 *
 * `SALTBUS_KILLS` says how many kills there are (default 60), `SALTBUS_SEED` which (printed by each run).
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { openControl } from '../../src/control/index.ts';
import type { ControlClient } from '../../src/control/index.ts';
import { openAccepted } from '../../src/daemon/master/accepted.ts';
import { openSpool } from '../../src/daemon/spool/spool.ts';
import { SaltbusError } from '../../src/errors.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { randomFrom } from '../helpers/random.ts';
import { WINDOWS } from '../helpers/spool-part.ts';
import type { SpoolPartJob, Window } from '../helpers/spool-part.ts';

const KILLS = Number(process.env['SALTBUS_KILLS'] ?? 60);
const SEED = Number(process.env['SALTBUS_SEED'] ?? Date.now() % 2 ** 31);
const PART = fileURLToPath(new URL('../helpers/spool-part.ts', import.meta.url));
const PROGRAMS = 3;
const PIPELINE = 4;

async function startPart(job: SpoolPartJob): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', PART, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // one that dies before it serves has been killed in a window of what was left in the spool
  const lines = createInterface({ input: child.stdout });
  await Promise.race([once(lines, 'line'), once(child, 'exit')]);
  return child;
}

/** A program that fires one event after the other, and fires again what it does not know the fate of. */
class Program {
  readonly lane: string;
  readonly acknowledged: string[] = [];
  readonly #socket: string;
  #next = 0;
  #stopped = false;

  constructor(socket: string, lane: string) {
    this.#socket = socket;
    this.lane = lane;
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    let unsure: string[] = [];
    while (!this.#stopped || unsure.length > 0) {
      let client: ControlClient;
      try {
        client = await openControl(
          { kind: 'unix', path: this.#socket },
          { program: 'test', lane: this.lane },
        );
      } catch (error) {
        if (!(error instanceof SaltbusError) || !error.retryable) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
        continue;
      }
      unsure = await this.#fireOn(client, unsure);
      client.destroy();
    }
  }

  /** Fires until the connection ends; gives back what it does not know the fate of. */
  async #fireOn(client: ControlClient, unsure: readonly string[]): Promise<string[]> {
    let ids = [...unsure];
    while (ids.length > 0 || !this.#stopped) {
      while (ids.length < PIPELINE && !this.#stopped) ids.push(this.#newId());
      const results = await Promise.allSettled(
        ids.map((id) =>
          client.fire({ id, package: encode({ tag: id, data: {}, events: null, pretag: null }) }),
        ),
      );
      const left: string[] = [];
      for (const [at, result] of results.entries()) {
        const id = ids[at] ?? '';
        if (result.status === 'rejected') left.push(id);
        else {
          assert.deepEqual(result.value, { state: 'spooled' });
          this.acknowledged.push(id);
        }
      }
      ids = left;
      if (left.length > 0) return left;
    }
    return [];
  }

  #newId(): string {
    this.#next += 1;
    return `${this.lane}-${String(this.#next).padStart(12, '0')}`;
  }
}

test(
  `${KILLS} kills, seed ${SEED}: nothing is lost, nothing is twice, the order holds`,
  { timeout: 900_000 },
  async (t) => {
    const folder = temporaryFolder(t);
    const next = randomFrom(SEED);
    const job: SpoolPartJob = {
      socket: join(folder, 'control.ipc'),
      spool: join(folder, 'spool.db'),
      accepted: join(folder, 'accepted.db'),
    };
    const programs = Array.from({ length: PROGRAMS }, (_, n) => new Program(job.socket, `program${n}`));
    const running = programs.map((program) => program.run());
    const killed = new Map<Window, number>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const window = WINDOWS[kill % WINDOWS.length] ?? 'in the commit';
      const child = await startPart({ ...job, kill: { window, count: 1 + Math.floor(next() * 40) } });
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.equal(child.signalCode, 'SIGKILL', window);
      killed.set(window, (killed.get(window) ?? 0) + 1);
    }
    for (const program of programs) program.stop();
    const last = await startPart(job);
    await Promise.all(running);
    last.kill('SIGTERM');
    assert.deepEqual(await once(last, 'exit'), [0, null]);

    const spool = await openSpool({ path: job.spool });
    t.after(() => spool.close());
    assert.equal(spool.stats().depth, 0);
    const accepted = await openAccepted({ path: job.accepted ?? '' });
    t.after(() => accepted.close());
    const events = await accepted.after(0, 1_000_000);
    const ids = events.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    let total = 0;
    for (const { lane, acknowledged } of programs) {
      const own = ids.filter((id) => id.startsWith(`${lane}-`));
      assert.deepEqual(own, [...acknowledged].sort());
      assert.deepEqual(own, [...own].sort());
      total += own.length;
    }
    assert.equal(total, ids.length);
    assert.equal(
      [...killed.values()].reduce((sum, count) => sum + count, 0),
      KILLS,
    );
    t.diagnostic(`${total} events; kills by window: ${JSON.stringify(Object.fromEntries(killed))}`);
  },
);
