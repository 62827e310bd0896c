/**
 * The log of daemons, on stderr: lines for a person on a terminal, NDJSON (pino) elsewhere. No secret gets into it, whatever
 * it is handed: values are made harmless by their names and forms before anything is written.
 */
import { withoutSecrets } from '../config/index.ts';
import type { DaemonLog, LogFields, LogWrite } from '../daemon/lifecycle/log.ts';
import { SaltbusError } from '../errors.ts';
import { oneLine } from './terminal.ts';

/** From which level on lines are written, the first one all of them. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'quiet'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

// Salt has more levels; each falls to the nearest one that shows no less.
const OF_SALT: ReadonlyMap<string, LogLevel> = new Map([
  ['all', 'debug'],
  ['garbage', 'debug'],
  ['trace', 'debug'],
  ['profile', 'debug'],
  ['critical', 'error'],
]);

/** The level for one of Salt's `log_level`. */
export function logLevelOf(salt: string): LogLevel {
  return LOG_LEVELS.find((level) => level === salt) ?? OF_SALT.get(salt) ?? 'info';
}

const MOST_TEXT = 4096;
const MOST_DEPTH = 4;

/** What may be written of a value: its secrets masked, bytes as their number, errors as what they say. */
export function loggable(name: string, value: unknown, depth = 0): unknown {
  if (value instanceof Error) {
    const text = withoutSecrets('', value.message);
    return value instanceof SaltbusError ? `${String(text)} [${value.code}]` : text;
  }
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (typeof value === 'string') {
    const text = String(withoutSecrets(name, value));
    return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
  }
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return withoutSecrets(name, value);
  // Whether the name is a secret's, asked with a value that would be hidden.
  if (withoutSecrets(name, 1) !== 1) return withoutSecrets(name, 1);
  if (depth >= MOST_DEPTH) return '…';
  if (Array.isArray(value)) return (value as unknown[]).map((inner) => loggable('', inner, depth + 1));
  const entries: Iterable<readonly [unknown, unknown]> =
    value instanceof Map ? (value as ReadonlyMap<unknown, unknown>) : Object.entries(value);
  return Object.fromEntries(
    [...entries].map(([key, inner]) => [String(key), loggable(String(key), inner, depth + 1)]),
  );
}

function loggableFields(fields: LogFields): Readonly<Record<string, unknown>> {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, loggable(name, value)]));
}

/** Opens the log. @param level - from which level on */
export async function openLog(level: LogLevel = 'info'): Promise<DaemonLog> {
  const from = LOG_LEVELS.indexOf(level);
  const writer = process.stderr.isTTY ? terminalWriter() : await jsonWriter();
  const write =
    (at: Exclude<LogLevel, 'quiet'>): LogWrite =>
    (fields, message) => {
      if (LOG_LEVELS.indexOf(at) >= from)
        writer(at, loggableFields(fields), String(withoutSecrets('', message)));
    };
  return { debug: write('debug'), info: write('info'), warn: write('warning'), error: write('error') };
}

type Writer = (level: Exclude<LogLevel, 'quiet'>, fields: LogFields, message: string) => void;

function terminalWriter(): Writer {
  return (level, fields, message) => {
    const details = Object.entries(fields).map(([key, value]) => ` ${key}=${oneLine(shown(value))}`);
    const word = level === 'info' ? '' : `${level}: `;
    process.stderr.write(`${new Date().toISOString()} ${word}${oneLine(message)}${details.join('')}\n`);
  };
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function jsonWriter(): Promise<Writer> {
  const { pino } = await import('pino');
  const log = pino(
    { base: null, level: 'debug', timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  return (level, fields, message) => {
    log[level === 'warning' ? 'warn' : level](fields, message);
  };
}
