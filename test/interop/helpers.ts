/**
 * For the interop tests: the release and the running pair they are run against, and Salt's own Python client beside ours.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSalt } from '../../src/testing/real-salt.ts';
import type { BusSockets, RealSalt, StartSaltOptions } from '../../src/testing/real-salt.ts';

/** The release under test and the pair that runs it, shared by all the files of one run: use tags of your own. */
export interface Interop {
  readonly release: string;
  readonly venv: string;
  /** The Python of the virtual environment. */
  readonly python: string;
  readonly root: string;
  readonly masterConfigDir: string;
  readonly minionConfigDir: string;
  readonly masterSockDir: string;
  readonly minionSockDir: string;
  readonly masterBus: BusSockets;
  readonly minionBus: BusSockets;
  readonly minionId: string;
  readonly publishPort: number;
  readonly requestPort: number;
}

/** An event as Salt's own client saw it, or is to fire it. Bytes are `{"__bytes__": "<base64>"}`. */
export interface PythonEvent {
  readonly tag: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The bus that a Python child works on. */
export interface PythonBus {
  readonly node: 'master' | 'minion';
  /** @defaultValue that of the shared pair */
  readonly sockDir?: string;
  /** Id of the minion. @defaultValue that of the shared pair */
  readonly id?: string;
}

/** Options of {@link pythonListen}. */
export interface PythonListenOptions extends PythonBus {
  readonly tag?: string;
  readonly match?: 'startswith' | 'endswith' | 'find' | 'regex' | 'fnmatch';
  /** Ends after so many events. @defaultValue never */
  readonly count?: number;
  /** Seconds after which the child ends. @defaultValue 60 */
  readonly timeout?: number;
}

/** A listener in Salt's own Python. */
export interface PythonListener {
  /** Resolves when its subscription is known to see events. */
  readonly ready: Promise<void>;
  /** Each event, from the first; ends when the child ends. */
  readonly events: AsyncIterable<PythonEvent>;
  /** Waits until so many events came in all, and gives the first of them. */
  collect(count: number): Promise<PythonEvent[]>;
  /** Ends the child; the test does it at its end too. */
  stop(): Promise<void>;
}

const VARIABLE = 'SALTBUS_INTEROP';
const CLIENT = fileURLToPath(new URL('python/salt_client.py', import.meta.url));

/** What the tests are run against; throws when they are not run by `scripts/interop.ts`. */
export function interop(): Interop {
  const file = process.env[VARIABLE];
  if (file === undefined) throw new Error(`${VARIABLE} is not set: run these tests with scripts/interop.ts`);
  return JSON.parse(readFileSync(file, 'utf8')) as Interop;
}

/** Starts a pair for this test alone, stopped when it ends: for tests that restart daemons or need a configuration. */
export async function startOwnPair(
  t: TestContext,
  options: Omit<StartSaltOptions, 'venv' | 'release'> = {},
): Promise<RealSalt> {
  const { venv, release } = interop();
  const salt = await startSalt({ signal: t.signal, ...options, venv, release });
  t.after(() => salt.stop());
  return salt;
}

// Salt of today warns about itself on stderr, and its byte code is compiled already: nothing is written beside it.
function pythonEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONWARNINGS: 'ignore', LANG: 'C.UTF-8', ...extra };
}

/** A child that the test ends with, and what it said on stderr. */
function startPython(t: TestContext, args: readonly string[], env?: NodeJS.ProcessEnv): PythonChild {
  const child = spawn(interop().python, args, {
    env: pythonEnvironment(env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return new PythonChild(t, child, child.stdin, child.stdout, child.stderr);
}

class PythonChild {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  /** Resolves with the exit code, or the signal, when it has ended and all it said was read. */
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  #stderr = '';

  constructor(
    t: TestContext,
    child: ChildProcess,
    stdin: NodeJS.WritableStream,
    stdout: NodeJS.ReadableStream,
    stderr: NodeJS.ReadableStream,
  ) {
    this.#child = child;
    this.stdin = stdin;
    this.stdout = stdout;
    stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    stdin.on('error', () => undefined); // a child that ends early says why by its exit code
    this.ended = new Promise((resolve) => {
      child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    t.after(() => this.stop());
  }

  get stderr(): string {
    return this.#stderr.split('\n').slice(-20).join('\n');
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

function busArguments(bus: PythonBus): string[] {
  const pair = interop();
  const sockDir = bus.sockDir ?? (bus.node === 'master' ? pair.masterSockDir : pair.minionSockDir);
  return ['--node', bus.node, '--sock-dir', sockDir, '--id', bus.id ?? pair.minionId];
}

interface Waiter {
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Keeps all events that came, and wakes those who wait for a number of them. */
class Received {
  readonly events: PythonEvent[] = [];
  readonly #waiting = new Set<Waiter>();
  #ended: Error | undefined;

  add(event: PythonEvent): void {
    this.events.push(event);
    for (const waiter of this.#waiting) {
      if (this.events.length < waiter.count) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }

  end(error: Error): void {
    this.#ended = error;
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }

  atLeast(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.events.length >= count) resolve();
      else if (this.#ended !== undefined) reject(this.#ended);
      else this.#waiting.add({ count, resolve, reject });
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PythonEvent> {
    for (let index = 0; ; index += 1) {
      try {
        await this.atLeast(index + 1);
      } catch {
        return;
      }
      const event = this.events[index];
      if (event !== undefined) yield event;
    }
  }
}

/** Listens with Salt's own Python client; await `ready` before what it is to see is fired. */
export function pythonListen(t: TestContext, options: PythonListenOptions): PythonListener {
  const { tag = '', match = 'startswith', count = 0, timeout = 60 } = options;
  const args = ['--tag', tag, '--match', match, '--count', String(count), '--timeout', String(timeout)];
  const child = startPython(t, [CLIENT, 'listen', ...busArguments(options), ...args]);
  const received = new Received();
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, 'line');
  const ended = child.ended.then(
    (how) =>
      new Error(`The Python listener ended (${how}) after ${received.events.length} events\n${child.stderr}`),
  );
  const ready = Promise.race([first.then(() => undefined), ended.then((error) => Promise.reject(error))]);
  ready.catch(() => undefined); // a test may only look at what was collected
  let isFirst = true;
  lines.on('line', (line) => {
    if (!isFirst) received.add(JSON.parse(line) as PythonEvent);
    isFirst = false;
  });
  void ended.then((error) => received.end(error));
  return {
    ready,
    events: received,
    collect: async (wanted) => {
      await received.atLeast(wanted);
      return received.events.slice(0, wanted);
    },
    stop: () => child.stop(),
  };
}

/** Fires events with Salt's own Python client, in this order; resolves when it has ended, rejects when one was not taken. */
export async function pythonFire(
  t: TestContext,
  bus: PythonBus & { readonly events: readonly PythonEvent[] },
): Promise<void> {
  const child = startPython(t, [CLIENT, 'fire', ...busArguments(bus)]);
  child.stdout.resume();
  child.stdin.end(bus.events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  const how = await child.ended;
  if (how !== 0) throw new Error(`The Python client could not fire (${how})\n${child.stderr}`);
}

/** The scripts of the document that the project started with. */
export type SeedScript =
  | 'listen_to_minion_bus'
  | 'emit_to_minion_bus'
  | 'listen_to_master_bus'
  | 'emit_to_master_bus'
  | 'emit_to_minion_bus_forward_to_master_bus';

/** A running script of the seed. */
export interface RunningSeedScript {
  /** Waits for a line of its standard output that holds the text. */
  line(text: string): Promise<string>;
  /** Resolves with the exit code or signal. */
  readonly ended: Promise<number | string>;
  stop(): Promise<void>;
}

/** The bus that a script of the seed works on. */
export interface SeedPlace {
  readonly sockDir: string;
  readonly configDir: string;
}

/**
 * Runs a script of the seed, by default on the buses of the shared pair. That a listening one has printed its first line does not mean that it
 * is subscribed for certain, though its connection is made by then.
 */
export function seedScript(t: TestContext, name: SeedScript, place?: SeedPlace): RunningSeedScript {
  const pair = interop();
  const script = fileURLToPath(new URL(`python/seed/${name}.py`, import.meta.url));
  const onMaster = name === 'listen_to_master_bus' || name === 'emit_to_master_bus';
  const args = onMaster ? [script, place?.sockDir ?? pair.masterSockDir] : [script];
  const child = startPython(t, args, { SALT_CONFIG_DIR: place?.configDir ?? pair.minionConfigDir });
  child.stdin.end();
  const seen: string[] = [];
  const lines = createInterface({ input: child.stdout }).on('line', (line) => seen.push(line));
  return {
    line: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = seen.find((line) => line.includes(text));
          if (found === undefined) return;
          lines.off('line', look);
          resolve(found);
        };
        lines.on('line', look);
        look();
        void child.ended.then((how) => reject(new Error(`${name} ended (${how})\n${child.stderr}`)));
      }),
    ended: child.ended,
    stop: () => child.stop(),
  };
}

/** Path of a command of the release, such as `salt-call`. */
export function saltCommand(name: string): string {
  return join(interop().venv, 'bin', name);
}

/** What a command of the release has said. */
export interface RanSalt {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the release to its end, without holding up the loop: a master of ours may run in it. */
export function runSalt(t: TestContext, name: string, args: readonly string[]): Promise<RanSalt> {
  const child = spawn(saltCommand(name), args, {
    env: pythonEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })));
}
