import { SaltbusError } from '../errors.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

// setTimeout takes no more.
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Reads a duration: `500ms`, `5s`, `2m`, `1h30m`; a number alone is seconds. Returns milliseconds.
 * @throws SaltbusError `ERR_SALTBUS_USAGE`
 */
export function parseDuration(text: string): number {
  const wrong = (): SaltbusError =>
    new SaltbusError('ERR_SALTBUS_USAGE', `'${text}' is no duration`, {
      next: 'Write it like 500ms, 5s, 2m or 1h30m.',
    });
  let total = 0;
  if (/^\d+(\.\d+)?$/.test(text)) total = Number(text) * 1000;
  else {
    const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/y;
    if (text === '') throw wrong();
    while (part.lastIndex < text.length) {
      const match = part.exec(text);
      if (match === null) throw wrong();
      total += Number(match[1]) * (UNITS.get(match[2] ?? '') ?? 0);
    }
  }
  if (total > LONGEST_MS) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `The duration '${text}' is longer than 24 days`);
  }
  return total;
}

/** A duration as a person reads it: `340 ms`, `2.1 s`, `4 m 10 s`. */
export function showDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}
