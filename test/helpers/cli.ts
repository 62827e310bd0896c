/** Runs the built `saltbus`, and other programs, as a user would. The test runner builds it first. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { forEverybody } from './for-everybody.ts';
import { temporaryFolder } from './own-bus.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The built program. */
export const MAIN: string = join(ROOT, 'dist', 'cli', 'main.js');

/** What a program is given. */
export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Runs as this user, and as the group of the same number, where the test may do that (root). */
  readonly uid?: number;
}

/** What a program that has ended has said. */
export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Waits until a line of stdout (or stderr) holds a text, or until the nth does, and gives the line. */
  line(text: string, from?: 'stdout' | 'stderr', nth?: number): Promise<string>;
}

/** Starts a program; it is killed after the test. */
export function start(
  t: TestContext,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Running {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  const said = { stdout: '', stderr: '' };
  const lines: { readonly from: string; readonly text: string }[] = [];
  const looking = new Set<() => void>();
  for (const from of ['stdout', 'stderr'] as const) {
    child[from].on('data', (chunk: Buffer) => {
      said[from] += chunk.toString();
    });
    createInterface({ input: child[from] }).on('line', (text) => {
      lines.push({ from, text });
      for (const look of looking) look();
    });
  }
  child.stdin.on('error', () => undefined); // a program that ends early says why by its exit code
  if (options.input !== undefined) child.stdin.end(options.input);
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code: code ?? signal ?? 'unknown', ...said });
    });
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const line = (text: string, from: 'stdout' | 'stderr' = 'stdout', nth = 1): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.filter((entry) => entry.from === from && entry.text.includes(text))[nth - 1];
        if (found === undefined) return;
        looking.delete(look);
        resolve(found.text);
      };
      looking.add(look);
      look();
      void ended.then(({ code }) => {
        reject(
          new Error(
            `${command} ${args.join(' ')} ended (${code}) without '${text}': ${said.stdout}${said.stderr}`,
          ),
        );
      });
    });
  return { child, ended, line };
}

/** Starts `saltbus` with these arguments. */
export function saltbus(t: TestContext, args: readonly string[], options: RunOptions = {}): Running {
  const { node, main } =
    options.uid === undefined ? { node: process.execPath, main: MAIN } : forEverybody(ROOT);
  return start(t, node, [main, ...args], options);
}

/** Runs `saltbus` to its end. */
export function runSaltbus(
  t: TestContext,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const running = saltbus(t, args, options);
  if (options.input === undefined) running.child.stdin?.end();
  return running.ended;
}

/** A folder for `PATH` in which `saltbus` is the built one. */
export function saltbusOnPath(t: TestContext): NodeJS.ProcessEnv {
  if (!existsSync(MAIN)) throw new Error('dist/ is not built: npm run build');
  const bin = join(temporaryFolder(t), 'bin');
  mkdirSync(bin);
  symlinkSync(MAIN, join(bin, 'saltbus'));
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}

/** Runs an example in TypeScript. */
export function example(
  t: TestContext,
  name: string,
  options: RunOptions & { readonly args?: readonly string[] } = {},
): Running {
  const file = join(ROOT, 'examples', 'typescript', `${name}.ts`);
  return start(t, process.execPath, ['--import', 'tsx', file, ...(options.args ?? [])], options);
}

/** Runs an example in shell. */
export function shellExample(
  t: TestContext,
  name: string,
  options: RunOptions & { readonly args?: readonly string[] } = {},
): Running {
  const env = { ...saltbusOnPath(t), ...options.env };
  return start(t, join(ROOT, 'examples', 'shell', `${name}.sh`), options.args ?? [], { ...options, env });
}
