/**
 * A lock between processes, held by a child: the kernel lets it go however its holder ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Python } from './python.ts';

// Node has no flock, and Python is there anyway. The child ends with our end of its stdin, so also when we are killed.
const HOLD = `
import fcntl, sys
with open(sys.argv[1], "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
`;

/** Waits for the lock on `file`, runs `work`, and lets the lock go. */
export async function withLock<T>(python: Python, file: string, work: () => Promise<T>): Promise<T> {
  const child = spawn(python.executable, ['-c', HOLD, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  try {
    const held = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
    if (!held) throw new Error(`could not lock ${file}`);
    return await work();
  } finally {
    child.stdin.end();
    await ended;
  }
}
