/**
 * Waiting for what only shows itself when it is asked for again: a socket that begins to accept, a port that begins to answer.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Between two questions: short against what is waited for (seconds), long enough to leave the processor to the daemons. */
const PAUSE_MS = 40;

/** Asks until the answer is not `undefined`; ends with the reason of the signal when that is aborted. */
export async function until<T>(ask: () => Promise<T | undefined>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    await delay(PAUSE_MS, undefined, { signal });
  }
}

/** The promise, or the reason of the signal, whichever is first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true, signal: settled.signal });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    settled.abort();
  }
}
