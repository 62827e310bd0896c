/**
 * One daemon of real Salt in a session of its own: start, stop, and the end of all its processes.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SaltbusError } from '../../errors.ts';
import { orAborted } from './wait.ts';
import type { Watchdog } from './watchdog.ts';

/** What a daemon is and where. */
export interface DaemonPlace {
  readonly kind: 'master' | 'minion';
  readonly venv: string;
  /** Its configuration directory, which also holds its logs. */
  readonly directory: string;
  /** How long SIGTERM has to work before SIGKILL follows, in milliseconds. */
  readonly stopTimeout: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly group: number;
  /** How the first process ended. */
  readonly exited: Promise<string>;
  /** Resolves when no process of the daemon is left: each inherits the other end of this pipe. */
  readonly allGone: Promise<void>;
  readonly lifeline: Socket;
}

const TAIL_LINES = 30;

function tailOf(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    return lines.slice(-TAIL_LINES).join('\n');
  } catch {
    return '';
  }
}

// With PYTHONDONTWRITEBYTECODE each start compiles all of Salt again; the other variables bring in modules from elsewhere.
function environment(): NodeJS.ProcessEnv {
  const unwanted = new Set(['PYTHONDONTWRITEBYTECODE', 'PYTHONPATH', 'PYTHONHOME', 'VIRTUAL_ENV']);
  const kept = Object.entries(process.env).filter(
    ([name]) => !unwanted.has(name) && !name.startsWith('SALT_'),
  );
  return { ...Object.fromEntries(kept), LANG: 'C.UTF-8', PYTHONWARNINGS: 'ignore' };
}

/** A `salt-master` or `salt-minion` that can be started and stopped again and again. */
export class SaltDaemon {
  readonly #place: DaemonPlace;
  readonly #watchdog: Watchdog;
  #running: Running | undefined;

  constructor(place: DaemonPlace, watchdog: Watchdog) {
    this.#place = place;
    this.#watchdog = watchdog;
  }

  /** Process id of the first process, which is also its process group; `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#running?.group;
  }

  /**
   * Starts it and waits until `ready` resolves; when that fails or takes too long, all of it is killed.
   * @throws SaltbusError with the tail of its log
   */
  async start(ready: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { kind } = this.#place;
    if (this.#running !== undefined) throw new SaltbusError('ERR_SALTBUS_USAGE', `The ${kind} runs already`);
    const running = this.#spawn();
    this.#running = running;
    const given = new AbortController();
    const died = running.exited.then((how) => {
      throw new SaltbusError('ERR_SALTBUS_SYSTEM', `salt-${kind} ended while it was starting (${how})`);
    });
    try {
      await orAborted(Promise.race([ready(AbortSignal.any([signal, given.signal])), died]), signal);
    } catch (error) {
      await this.stop('SIGKILL');
      throw this.#explain(error, signal);
    } finally {
      given.abort();
      // it may well end later, when it is told to
      died.catch(() => undefined);
    }
  }

  /**
   * Ends it: SIGTERM to the first process, and SIGKILL to the whole group when that is done or took too long; only SIGKILL
   * when asked for. Resolves when no process is left.
   */
  async stop(how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.child.ref();
    running.lifeline.ref();
    if (how === 'SIGTERM') {
      running.child.kill('SIGTERM');
      const late = new AbortController();
      const bound = delay(this.#place.stopTimeout, undefined, { signal: late.signal });
      await Promise.race([running.allGone, bound]);
      late.abort();
      bound.catch(() => undefined);
    }
    try {
      process.kill(-running.group, 'SIGKILL');
    } catch {
      // nothing is left of the group
    }
    await Promise.all([running.exited, running.allGone]);
    this.#watchdog.release(running.group);
    this.#running = undefined;
  }

  /** The tail of its log and of what it printed. */
  logs(): string {
    const { kind, directory } = this.#place;
    return [
      `--- salt-${kind} log ---`,
      tailOf(join(directory, 'log')),
      `--- salt-${kind} output ---`,
      tailOf(join(directory, 'output')),
    ].join('\n');
  }

  #spawn(): Running {
    const { kind, venv, directory } = this.#place;
    // Salt takes a process that was killed and is not reaped yet for an instance that runs.
    for (const name of ['pid', 'process_responsibility_pid']) rmSync(join(directory, name), { force: true });
    const output = openSync(join(directory, 'output'), 'a');
    // through the interpreter: the first line of an installed script is cut off by the kernel where the path is long
    const child = spawn(
      join(venv, 'bin', 'python'),
      [join(venv, 'bin', `salt-${kind}`), '-c', directory, '-l', 'error'],
      { stdio: ['ignore', output, output, 'pipe'], detached: true, env: environment(), cwd: directory },
    );
    closeSync(output);
    const lifeline = child.stdio[3];
    if (child.pid === undefined || !(lifeline instanceof Socket)) {
      child.on('error', () => undefined);
      throw new SaltbusError('ERR_SALTBUS_SYSTEM', `Cannot start salt-${kind} from ${venv}`);
    }
    this.#watchdog.guard(child.pid);
    const exited = new Promise<string>((resolve) => {
      child.on('exit', (code, killer) => resolve(killer ?? `exit code ${String(code)}`));
    });
    const allGone = new Promise<void>((resolve) => {
      lifeline.on('error', () => undefined).on('close', () => resolve());
    });
    lifeline.resume();
    // A test that forgets to stop it ends all the same, and the watchdog cleans up.
    child.unref();
    lifeline.unref();
    return { child, group: child.pid, exited, allGone, lifeline };
  }

  #explain(error: unknown, signal: AbortSignal): SaltbusError {
    const { kind } = this.#place;
    const told = error instanceof SaltbusError ? error : undefined;
    const timedOut = signal.aborted && (signal.reason as Error).name === 'TimeoutError';
    const code =
      told?.code ??
      (timedOut ? 'ERR_SALTBUS_TIMEOUT' : signal.aborted ? 'ERR_SALTBUS_ABORTED' : 'ERR_SALTBUS_SYSTEM');
    const what =
      told?.message ??
      `salt-${kind} was not ready: ${error instanceof Error ? error.message : String(error)}`;
    return new SaltbusError(code, `${what}\n${this.logs()}`, { cause: error });
  }
}
