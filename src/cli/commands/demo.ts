import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { SaltbusError } from '../../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { onStopSignal } from '../stop-signal.ts';
import { oneLine, paintFor } from '../terminal.ts';

const ID = 'demo-minion';
const STEP_TIMEOUT_MS = 20_000;

/** Adds `saltbus demo`. */
export default function addDemo(program: Command): void {
  program
    .command('demo')
    .description(
      'show it at work: two buses of our own, listeners, and the events of the document that started it',
    )
    .option('--keep', 'leave everything running until Ctrl-C')
    .action(async (flags: { readonly keep?: boolean }) => {
      await using demo = await Demo.start();
      await demo.play();
      if (flags.keep === true) await demo.keep();
      process.exitCode = EXIT.ok;
    });
}

/** Each part is a `saltbus` process of its own, as a user would start it. */
class Demo implements AsyncDisposable {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  readonly #paint = paintFor(process.stdout, true);

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<Demo> {
    return new Demo(await mkdtemp(join(tmpdir(), 'saltbus-demo-')));
  }

  async play(): Promise<void> {
    const minion = ['--node', 'minion', '--sock-dir', join(this.#folder, 'minion'), '--id', ID];
    const master = ['--node', 'master', '--sock-dir', join(this.#folder, 'master')];
    this.#say('1. An event bus for a minion and one for a master, without Salt');
    await this.#daemon('minion', ['bus', ...minion]);
    await this.#daemon('master', ['bus', ...master]);

    this.#say('2. A listener on each, for tags that begin with mytag');
    const onMinion = await this.#listener('minion bus', ['listen', 'mytag', '--ready', ...minion]);
    const onMaster = await this.#listener('master bus', ['listen', 'mytag', '--ready', ...master]);

    this.#say('3. A program fires on the minion bus');
    await this.#fire([
      'fire',
      'mytag',
      `{"id": "${ID}", "tag": "mytag", "data": {"message": "a drop in the bucket"}}`,
      ...minion,
    ]);
    await onMinion.next();

    this.#say('4. Another fires on the master bus');
    await this.#fire([
      'fire',
      'mytag',
      '{"sample-msg": "this is a test", "example": "this is the same test"}',
      ...master,
    ]);
    await onMaster.next();

    this.#say('5. Five drops, a line each');
    const drops = ['drap', 'drep', 'drip', 'drop', 'drup'].map((drop) => `a ${drop} in the bucket`);
    await this.#fire(['fire', 'mytag', '--lines', ...minion], `${drops.join('\n')}\n`);
    for (let left = drops.length; left > 0; left -= 1) await onMinion.next();

    this.#say('6. What real Salt would drop in silence is refused');
    await this.#fire(
      ['fire', 'fire_master', '{"tag": "mytag", "data": {"message": "lost"}}', ...minion],
      '',
      EXIT.usage,
    );
    this.#say('Done: every event arrived.');
  }

  async keep(): Promise<void> {
    this.#say(
      `Left running. Try, in another terminal:\n  saltbus fire mytag hello=world --sock-dir ${join(this.#folder, 'minion')} --id ${ID}\nCtrl-C ends it.`,
    );
    const wait = setInterval(() => undefined, 60_000);
    await new Promise<void>((resolve) => {
      onStopSignal(resolve);
    });
    clearInterval(wait);
  }

  #say(text: string): void {
    process.stdout.write(`\n${this.#paint.tag(text)}\n`);
  }

  #spawn(args: readonly string[], shown: readonly string[] = args): ChildProcess {
    const words = shown.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`));
    process.stdout.write(`${this.#paint.dim(`$ saltbus ${words.join(' ')}`)}\n`);
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return child;
  }

  async #daemon(name: string, args: readonly string[]): Promise<void> {
    const child = this.#spawn(args);
    await within(
      `the ${name} bus`,
      firstLine(child.stderr, (line) => line.includes('serving')),
    );
  }

  /** A listener whose events are shown as they come; `next()` waits for one more. */
  async #listener(name: string, args: readonly string[]): Promise<{ next: () => Promise<void> }> {
    const child = this.#spawn(args);
    let seen = 0;
    let awaited = 0;
    let wake: (() => void) | undefined;
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        process.stdout.write(`  ${this.#paint.key(`[${name}]`)} ${oneLine(line)}\n`);
        seen += 1;
        wake?.();
      });
    }
    await within(
      `the listener on the ${name}`,
      firstLine(child.stderr, (line) => line.includes('listening')),
    );
    return {
      next: async () => {
        awaited += 1;
        const arrived = async (): Promise<void> => {
          while (seen < awaited) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        };
        await within(`an event on the ${name}`, arrived());
      },
    };
  }

  async #fire(args: readonly string[], input = '', expected: number = EXIT.ok): Promise<void> {
    const child = this.#spawn(args);
    child.stderr?.on('data', (chunk: Buffer) =>
      process.stdout.write(`  ${chunk.toString().trimEnd().replaceAll('\n', '\n  ')}\n`),
    );
    child.stdin?.end(input);
    const [code] = (await within('fire', once(child, 'close'))) as [number | null];
    if (code !== expected) {
      throw new SaltbusError(
        'ERR_SALTBUS_SYSTEM',
        `saltbus ${args.join(' ')} ended with ${String(code)}, not ${expected}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function firstLine(stream: NodeJS.ReadableStream | null, wanted: (line: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stream === null) return;
    let text = '';
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => {
      text += `${line}\n`;
      if (wanted(line)) resolve();
    });
    lines.on('close', () => {
      reject(new SaltbusError('ERR_SALTBUS_SYSTEM', `It ended too early: ${text}`));
    });
  });
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new SaltbusError('ERR_SALTBUS_TIMEOUT', `${what} did not come within ${STEP_TIMEOUT_MS / 1000} s`),
      );
    }, STEP_TIMEOUT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
