import { SaltbusError } from '../errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { oneLine } from './terminal.ts';

/**
 * Says on stderr what went wrong and what to do, and returns the exit code.
 * @param asJson - one JSON object on one line, for programs
 */
export function reportError(error: unknown, asJson: boolean): number {
  if (!(error instanceof SaltbusError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(
      asJson
        ? `${JSON.stringify({ error: { code: 'ERR_SALTBUS_INTERNAL', message: text } })}\n`
        : `saltbus: internal error (please report it): ${text}\n`,
    );
    return EXIT.internal;
  }
  const { code, message, next } = error;
  process.stderr.write(
    asJson
      ? `${JSON.stringify({ error: { code, message, next, retryable: error.retryable } })}\n`
      : `saltbus: ${oneLine(message)} [${code}]\n         ${oneLine(next)}\n`,
  );
  return exitCodeOf(code);
}
