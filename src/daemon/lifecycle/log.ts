/**
 * The log that a daemon is handed: the library has none of its own.
 */

/** What is said beside a message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line. */
export type LogWrite = (fields: LogFields, message: string) => void;

/** A log with the levels that daemons use. */
export interface DaemonLog {
  readonly debug: LogWrite;
  readonly info: LogWrite;
  readonly warn: LogWrite;
  readonly error: LogWrite;
}

const ONE_LINE_MS = 1000;

/** What a bounded rate is measured by. */
export interface LogClock {
  /** Milliseconds. */
  readonly now: () => number;
  /** Calls once after that many milliseconds, and does not keep the process alive. */
  readonly later: (call: () => void, afterMs: number) => void;
}

const REAL_CLOCK: LogClock = {
  now: () => performance.now(),
  later: (call, afterMs) => void setTimeout(call, afterMs).unref(),
};

// Logs that have left lines out since they wrote one: what is told when the process ends.
const owing = new Set<() => void>();

/**
 * A bounded rate: one line a second, and in the next one how many were left out. Somebody who sends garbage in a loop must not
 * fill the disk with our log. Where no further line comes within the second, the last that was left out is written at its end.
 */
export function rateLimited(write: LogWrite, clock: LogClock = REAL_CLOCK): LogWrite {
  let last = -Infinity;
  let left = 0;
  let latest: readonly [LogFields, string] = [{}, ''];
  const tell = (fields: LogFields, message: string): void => {
    write(left === 0 ? fields : { ...fields, alsoNotLogged: left }, message);
    last = clock.now();
    left = 0;
    owing.delete(tellLatest);
  };
  const tellLatest = (): void => {
    if (left === 0) return;
    // it is one of those that were left out
    left -= 1;
    tell(...latest);
  };
  return (fields, message) => {
    const since = clock.now() - last;
    if (since >= ONE_LINE_MS) {
      tell(fields, message);
      return;
    }
    latest = [fields, message];
    left += 1;
    if (left > 1) return;
    owing.add(tellLatest);
    const before = last;
    clock.later(() => {
      // a line that came meanwhile has told it, and begins another second
      if (last === before) tellLatest();
    }, ONE_LINE_MS - since);
  };
}

/** Writes what {@link rateLimited} still owes: for the end of a process, which does not wait for a timer. */
export function flushRateLimited(): void {
  for (const tellLatest of [...owing]) tellLatest();
}
