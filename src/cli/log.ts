/**
 * The log of daemons, on stderr: lines for a person on a terminal, NDJSON (pino) elsewhere.
 */
import { oneLine } from './terminal.ts';

/** A log with the levels that daemons use. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Opens the log. */
export async function openLog(): Promise<Log> {
  if (process.stderr.isTTY) {
    const write = (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const details = Object.entries(fields).map(([key, value]) => ` ${key}=${oneLine(String(value))}`);
      process.stderr.write(`${new Date().toISOString()} ${message}${details.join('')}\n`);
    };
    return { info: write, warn: write };
  }
  const { pino } = await import('pino');
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  return {
    info: (fields, message) => {
      log.info(fields, message);
    },
    warn: (fields, message) => {
      log.warn(fields, message);
    },
  };
}
