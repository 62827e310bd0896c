/**
 * Finding a Python that runs Salt, and running it.
 */
import { spawn } from 'node:child_process';

/** A Python interpreter that can make virtual environments. */
export interface Python {
  /** Path of the interpreter itself, not of a shim in front of it. */
  readonly executable: string;
  /** `3.11` */
  readonly minor: string;
}

/** How a child ended, and what it said on both streams. */
export interface Finished {
  readonly code: number;
  readonly output: string;
}

/**
 * The environment for Python children: what the shell has, without what would make them pick up modules from elsewhere or
 * keep them from writing byte code (Salt's daemons then compile a thousand files at every start).
 */
export function pythonEnvironment(): NodeJS.ProcessEnv {
  const unwanted = new Set(['PYTHONDONTWRITEBYTECODE', 'PYTHONPATH', 'PYTHONHOME', 'VIRTUAL_ENV']);
  const kept = Object.entries(process.env).filter(([name]) => !unwanted.has(name));
  return { ...Object.fromEntries(kept), LANG: 'C.UTF-8' };
}

/** Runs a command to its end; a command that cannot be started counts as ended with code 127. */
export function run(command: string, args: readonly string[], signal?: AbortSignal): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: pythonEnvironment(),
      ...(signal === undefined ? {} : { signal }),
    });
    let output = '';
    const keep = (chunk: string): void => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

const QUESTION = 'import sys, venv, ensurepip; print(sys.executable); print("%d.%d" % sys.version_info[:2])';

async function ask(command: string): Promise<Python | undefined> {
  const { code, output } = await run(command, ['-c', QUESTION]);
  const [executable, minor] = output.trim().split('\n');
  return code === 0 && executable !== undefined && minor !== undefined ? { executable, minor } : undefined;
}

/**
 * The first Python of the wanted versions that is there and can make virtual environments; `SALTBUS_PYTHON` names one
 * to take instead.
 */
export async function findPython(versions: readonly string[]): Promise<Python | undefined> {
  const named = process.env['SALTBUS_PYTHON'];
  const commands =
    named === undefined || named === ''
      ? [...versions.map((version) => `python${version}`), 'python3', 'python']
      : [named];
  for (const command of commands) {
    const python = await ask(command);
    if (python !== undefined && versions.includes(python.minor)) return python;
  }
  return undefined;
}
