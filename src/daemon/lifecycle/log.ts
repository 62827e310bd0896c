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

/**
 * A bounded rate: one line a second, and in the next one how many were left out. Somebody who sends garbage in a loop must not
 * fill the disk with our log.
 * @param now - a clock in milliseconds
 */
export function rateLimited(write: LogWrite, now: () => number = () => performance.now()): LogWrite {
  let last = -Infinity;
  let left = 0;
  return (fields, message) => {
    const at = now();
    if (at - last < ONE_LINE_MS) {
      left += 1;
      return;
    }
    write(left === 0 ? fields : { ...fields, alsoNotLogged: left }, message);
    last = at;
    left = 0;
  };
}
