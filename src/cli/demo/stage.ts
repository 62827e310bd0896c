/**
 * Where the demo is played: a temporary folder, `saltbus` processes in it as a user would start them, what they say on the screen, and an
 * end that leaves neither a process nor a file behind.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { SaltbusError } from '../../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { oneLine, paintFor } from '../terminal.ts';

/** A process that goes on while others are started. */
export interface Part {
  /** Waits until it has said a text in a line, `count` times by now. */
  said(text: string, count?: number): Promise<void>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

interface Running extends Part {
  readonly child: Child;
  readonly closed: Promise<unknown>;
}

const STEP_MS = 20_000;
// Longer than a daemon takes that is cut, by its own default.
const END_MS = 15_000;
const LAST_LINES = 5;
const SHOWN_FIELDS = ['minion', 'reply', 'state'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A stage. */
export class Stage {
  /** The temporary folder; what is started runs in it. */
  readonly folder: string;
  readonly #paint = paintFor(process.stdout, true);
  readonly #running: Running[] = [];
  readonly #broken = new AbortController();
  #onInterrupt: () => void = () => undefined;
  #isEnding = false;

  constructor() {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'saltbus-demo-')));
    process.on('exit', this.#clear);
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** Resolves at Ctrl-C. */
  async interrupted(): Promise<void> {
    const alive = setInterval(() => undefined, 2 ** 30);
    const failed = once(this.#broken.signal, 'abort').then(() => {
      throw this.#broken.signal.reason;
    });
    const asked = new Promise<void>((resolve) => {
      this.#onInterrupt = resolve;
    });
    await Promise.race([failed, asked]).finally(() => {
      clearInterval(alive);
    });
  }

  /** A heading. */
  say(text: string): void {
    process.stdout.write(`\n${this.#paint.tag(text)}\n`);
  }

  /** Something that is not said by `saltbus`. */
  show(lines: readonly string[]): void {
    for (const line of lines) process.stdout.write(`  ${oneLine(line)}\n`);
  }

  /** Starts a daemon, whose log is shown. That it ends before the demo does is an error. */
  daemon(name: string, args: readonly string[]): Part {
    const part = this.#start(name, args);
    void part.closed.then(() => {
      if (this.#isEnding) return;
      this.#broken.abort(
        new SaltbusError('ERR_SALTBUS_SYSTEM', `The demo: saltbus ${args.join(' ')} has ended too early`, {
          next: 'What it has said stands above.',
        }),
      );
    });
    return part;
  }

  /** Starts a listener, and waits until it misses nothing. */
  async listener(name: string, args: readonly string[]): Promise<Part> {
    const part = this.#start(name, [...args, '--ready'], args);
    await part.said('listening on');
    return part;
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], expected: number = EXIT.ok): Promise<void> {
    const { closed, child } = this.#start('', args);
    await this.#within(`The end of saltbus ${args.join(' ')}`, closed);
    if (child.exitCode === expected) return;
    throw new SaltbusError(
      'ERR_SALTBUS_SYSTEM',
      `The demo: saltbus ${args.join(' ')} has ended with ${String(child.exitCode ?? child.signalCode)}, not with ${expected}`,
    );
  }

  /** Ends what runs, the last first, and takes the folder away. */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (const { child, closed } of this.#running.reverse()) {
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
      child.kill('SIGTERM');
      await closed;
      clearTimeout(late);
    }
    this.#clear();
    process.off('exit', this.#clear);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  #start(name: string, args: readonly string[], shown: readonly string[] = args): Running {
    const words = shown.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`));
    process.stdout.write(`${this.#paint.dim(`$ saltbus ${words.join(' ')}`)}\n`);
    this.#broken.signal.throwIfAborted();
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...args], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // what is remembered from one command to the next stays here too
      env: { ...process.env, XDG_CACHE_HOME: this.folder, XDG_RUNTIME_DIR: this.folder },
      // a process group of its own: Ctrl-C is for the demo, which ends the others in order
      detached: true,
    });
    const lines: string[] = [];
    let look: () => void = () => undefined;
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        this.#showLine(name, line);
        look();
      });
    const closed = once(child, 'close');
    const said = async (text: string, count = 1): Promise<void> => {
      const whole = new Promise<void>((resolve) => {
        look = () => {
          if (lines.filter((line) => line.includes(text)).length >= count) resolve();
        };
        look();
      });
      await this.#within(
        `"${text}" of saltbus ${args.join(' ')}`,
        whole,
        () => `; its last lines: ${lines.slice(-LAST_LINES).join(' | ')}`,
      );
    };
    const running = { child, closed, said };
    this.#running.push(running);
    return running;
  }

  #showLine(name: string, line: string): void {
    const shown = logged(line);
    // what a listener says when it is ready is known by then
    if (shown.startsWith('saltbus: listening on')) return;
    const from = name === '' ? '' : `${this.#paint.key(`[${name}]`)} `;
    process.stdout.write(`  ${from}${oneLine(shown.replaceAll('\t', '  '))}\n`);
  }

  async #within(what: string, done: Promise<unknown>, more: () => string = () => ''): Promise<void> {
    const { signal } = this.#broken;
    let late: NodeJS.Timeout | undefined;
    let fail: () => void = () => undefined;
    const failed = new Promise<never>((_resolve, reject) => {
      fail = () => {
        reject(signal.reason as Error);
      };
      late = setTimeout(() => {
        const text = `The demo: ${what} did not come within ${STEP_MS / 1000} s${more()}`;
        reject(new SaltbusError('ERR_SALTBUS_TIMEOUT', text));
      }, STEP_MS);
    });
    signal.addEventListener('abort', fail);
    if (signal.aborted) fail();
    try {
      await Promise.race([done, failed]);
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', fail);
    }
  }

  // The first breaks the demo off, which ends it in order; a second one does not wait for that.
  readonly #onSignal = (): void => {
    if (this.#isEnding || this.#broken.signal.aborted) process.exit(EXIT.interrupted);
    this.#onInterrupt();
    this.#broken.abort(new SaltbusError('ERR_SALTBUS_ABORTED', 'The demo was interrupted'));
  };

  // At the end of the process too, whatever has ended it.
  readonly #clear = (): void => {
    for (const { child } of this.#running) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };
}

/** A line of a daemon's log as a person reads it; any other line as it is. */
function logged(line: string): string {
  if (!line.startsWith('{"level"')) return line;
  const { msg, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const shown = SHOWN_FIELDS.filter((name) => typeof fields[name] === 'string');
  return [String(msg), ...shown.map((name) => `${name}=${String(fields[name])}`)].join(' ');
}
