/**
 * Our minion and our master as they are run, with a program that fires: each is killed in every window, or all at once, again
 * and again. What was acknowledged is in the store of the master, each once, in the order of its program.
 *
 * `SALTBUS_KILLS` says how many kills there are (default 200), `SALTBUS_SEED` which (printed by each run).
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openAccepted } from '../../src/daemon/master/accepted.ts';
import { openSpool } from '../../src/daemon/spool/spool.ts';
import { MAIN } from '../helpers/cli.ts';
import { daemonsPlace } from '../helpers/daemons-place.ts';
import type { DaemonsPlace } from '../helpers/daemons-place.ts';
import { randomFrom } from '../helpers/random.ts';

const KILLS = Number(process.env['SALTBUS_KILLS'] ?? 200);
const SEED = Number(process.env['SALTBUS_SEED'] ?? Date.now() % 2 ** 31);
/** The built library, as a program would import it. */
const LIBRARY = join(dirname(MAIN), '../index.js');
const helper = (name: string): string => fileURLToPath(new URL(`../helpers/${name}`, import.meta.url));

const WINDOWS = {
  minion: [
    'spool-write',
    'spool-write+2',
    'spool-written',
    'spool-told',
    'spool-told+1',
    'send',
    'send+2',
    'answered',
    'spool-delete',
    'spool-delete+2',
    'spool-deleted',
  ],
  master: [
    'master-write',
    'master-write+2',
    'master-written',
    'master-fired',
    'master-answered',
    'master-answered+1',
  ],
} as const;

type Daemon = keyof typeof WINDOWS;
type Child = ChildProcessByStdio<Writable, Readable, null>;

/** Runs the three, and starts each again when it was killed, until there were enough kills. */
class Rig {
  readonly acknowledged = new Map<string, string[]>();
  readonly killed = new Map<string, number>();
  readonly #place: DaemonsPlace;
  readonly #random: () => number;
  readonly #children = new Map<Daemon | 'program', Child>();
  /** Killed together with the others, and not in a window of their own. */
  readonly #killedByUs = new Set<Child>();
  #programs = 0;
  #acks = 0;
  #nextProgramKill = 50;
  #kills = 0;
  #finish: () => void = () => undefined;
  readonly #finished: Promise<void>;

  constructor(place: DaemonsPlace, random: () => number) {
    this.#place = place;
    this.#random = random;
    this.#finished = new Promise((resolve) => (this.#finish = resolve));
  }

  get isOver(): boolean {
    return this.#kills >= KILLS;
  }

  async run(): Promise<void> {
    this.#daemon('master');
    this.#daemon('minion');
    this.#program();
    await this.#finished;
  }

  /** Ends: the program first, then both daemons when nothing waits any more. */
  async end(): Promise<void> {
    const program = this.#children.get('program');
    if (program === undefined) throw new Error('it runs');
    program.stdin.end();
    assert.deepEqual(await once(program, 'exit'), [0, null]);
    while ((await this.#depth()) !== 0);
    // a window that was still to come may have replaced either until now
    for (const node of ['minion', 'master'] as const) {
      const child = this.#children.get(node);
      if (child === undefined) throw new Error('it runs');
      child.kill('SIGTERM');
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    }
  }

  destroy(): void {
    this.#kills = Infinity;
    for (const child of this.#children.values()) child.kill('SIGKILL');
  }

  async #depth(): Promise<number> {
    const asked = spawn(process.execPath, [MAIN, 'spool', 'stats', '-o', 'json', '-c', this.#place.minion]);
    let text = '';
    asked.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(asked, 'close');
    return text === '' ? -1 : (JSON.parse(text) as { readonly depth: number }).depth;
  }

  #daemon(node: Daemon): void {
    // the one that was hit least: who is killed together with the others has not come to its own
    const hits = (name: string): number => this.killed.get(`${node}: ${name}`) ?? 0;
    const window = WINDOWS[node].reduce<string>(
      (least, name) => (hits(name) < hits(least) ? name : least),
      WINDOWS[node][0],
    );
    const kill = this.isOver ? '' : `${window}:${1 + Math.floor(this.#random() * 6)}`;
    const child = spawn(
      process.execPath,
      ['--import', helper('kill-window.mjs'), MAIN, node, '-c', this.#place[node], '--log-level', 'error'],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, SALTBUS_TEST_KILL: kill } },
    );
    child.stdout.resume();
    this.#children.set(node, child);
    child.on('exit', (_code, signal) => {
      if (signal !== 'SIGKILL') return;
      this.#count(this.#killedByUs.delete(child) ? `${node}: with all` : `${node}: ${window}`);
      if (this.#kills !== Infinity) this.#daemon(node);
    });
  }

  #program(): void {
    this.#programs += 1;
    const prefix = `program${this.#programs}`;
    const own: string[] = [];
    this.acknowledged.set(prefix, own);
    const child = spawn(
      process.execPath,
      [helper('firing-program.mjs'), LIBRARY, this.#place.minion, prefix],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    this.#children.set('program', child);
    createInterface({ input: child.stdout }).on('line', (id) => {
      own.push(id);
      this.#acks += 1;
      if (this.#acks < this.#nextProgramKill || this.isOver) return;
      this.#nextProgramKill = this.#acks + 30 + Math.floor(this.#random() * 50);
      // every fourth time all of them at once
      if (this.#programs % 4 === 0) this.#killAll();
      else child.kill('SIGKILL');
    });
    child.on('exit', (code, signal) => {
      if (signal === 'SIGKILL') {
        this.#count('program');
        if (this.#kills !== Infinity) this.#program();
      } else assert.equal(code, 0, 'a program ends by itself only when it is told to');
    });
  }

  #killAll(): void {
    for (const child of this.#children.values()) {
      this.#killedByUs.add(child);
      child.kill('SIGKILL');
    }
  }

  #count(what: string): void {
    this.#kills += 1;
    this.killed.set(what, (this.killed.get(what) ?? 0) + 1);
    if (this.isOver) this.#finish();
  }
}

test(
  `${KILLS} kills of program, minion and master, seed ${SEED}: nothing acknowledged is lost, nothing is twice`,
  { timeout: 600_000 },
  async (t) => {
    const place = await daemonsPlace(t);
    const rig = new Rig(place, randomFrom(SEED));
    t.after(() => {
      rig.destroy();
    });
    const begun = performance.now();
    await rig.run();
    const seconds = (performance.now() - begun) / 1000;
    await rig.end();

    await using spool = await openSpool({ path: join(place.minion, 'c/saltbus/spool.db') });
    assert.equal(spool.stats().depth, 0);
    await using accepted = await openAccepted({ path: join(place.master, 'c/saltbus/accepted.db') });
    const stored = (await accepted.after(0, 1_000_000)).map(({ id }) => id);
    assert.equal(new Set(stored).size, stored.length, 'none is twice');
    let total = 0;
    for (const [prefix, acknowledged] of rig.acknowledged) {
      const own = stored.filter((id) => id.startsWith(`${prefix}-`));
      assert.deepEqual(own, [...own].sort(), 'in the order of the program');
      const kept = new Set(own);
      assert.deepEqual(
        acknowledged.filter((id) => !kept.has(id)),
        [],
        'none is lost',
      );
      total += acknowledged.length;
    }
    const windows = Object.entries(WINDOWS).flatMap(([node, names]) =>
      names.map((name) => `${node}: ${name}`),
    );
    assert.deepEqual(
      windows.filter((window) => !rig.killed.has(window)),
      [],
      'each window was hit',
    );
    t.diagnostic(
      `${[...rig.killed.values()].reduce((sum, count) => sum + count, 0)} kills in ${seconds.toFixed(0)} s, ${total} events acknowledged, ${stored.length} in the store; by window: ${JSON.stringify(Object.fromEntries(rig.killed))}`,
    );
  },
);
