/**
 * Runs a daemon as a command: its log, its end as an exit code.
 */
import { Option } from 'commander';
import {
  busAddress,
  checkOwnSettings,
  enumOption,
  isConfigured,
  optionalText,
  pathOption,
  secondsOption,
} from '../config/index.ts';
import type { SaltConfig } from '../config/index.ts';
import { runDaemon } from '../daemon/lifecycle/run-daemon.ts';
import type { DaemonDirectory } from '../daemon/lifecycle/become-user.ts';
import type { RunDaemonOptions } from '../daemon/lifecycle/run-daemon.ts';
import { onDiagnostics } from '../diagnostics.ts';
import type { DaemonLog } from '../daemon/lifecycle/log.ts';
import { rateLimited } from '../daemon/lifecycle/log.ts';
import { EXIT } from './exit-codes.ts';
import { LOG_LEVELS, logLevelOf, openLog } from './log.ts';
import type { LogLevel } from './log.ts';
import { reportError } from './report-error.ts';

/** What a command says of its daemon; the log is made here. */
export interface DaemonCommand extends Omit<RunDaemonOptions, 'log'> {
  /** @defaultValue info */
  readonly logLevel?: LogLevel | undefined;
}

// What still keeps the process alive once its daemon has ended: no longer than this.
const LINGER_MS = 2000;

/** Runs a daemon until it ends, and returns the exit code; what went wrong is said on stderr. */
export async function runDaemonCommand({ logLevel, ...options }: DaemonCommand): Promise<number> {
  const log = await openLog(logLevel);
  logDiagnostics(log);
  const end = await runDaemon({ ...options, log });
  const code = end.kind === 'stopped' ? EXIT.ok : reportError(end.error, false);
  if (end.kind === 'cut') process.exit(code);
  setTimeout(() => {
    process.exit(code);
  }, LINGER_MS).unref();
  return code;
}

/** The option `--log-level` of a daemon. */
export function logLevelFlag(): Option {
  return new Option(
    '--log-level <level>',
    'from which level on lines are logged (default: log_level of the configuration, or info)',
  ).choices(LOG_LEVELS);
}

/** The level that a flag says, or else the configuration. */
export function logLevelFor(flag: LogLevel | undefined, config: SaltConfig): LogLevel | undefined {
  if (flag !== undefined) return flag;
  const level = isConfigured(config, 'log_level') ? optionalText(config, 'log_level') : undefined;
  return level === undefined ? undefined : logLevelOf(level);
}

/**
 * What the configuration says of the life of a daemon: its user, its directories, and how long its end may take.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` also for a setting of ours that is not known, and for a transport that is not spoken
 */
export function lifeOf(config: SaltConfig): {
  readonly user: string | undefined;
  readonly directories: readonly DaemonDirectory[];
  readonly drainMs: number;
} {
  checkOwnSettings(config);
  enumOption(config, 'transport', ['zeromq']);
  return {
    user: isConfigured(config, 'user') ? optionalText(config, 'user') : undefined,
    // The modes that Salt makes them with (3006.30, 3007.17, 3008.5).
    directories: [
      { path: pathOption(config, 'pki_dir').value, mode: 0o700 },
      { path: pathOption(config, 'cachedir').value, mode: 0o755 },
      { path: busAddress(config).sockDir.value, mode: 0o755 },
    ],
    drainMs: secondsOption(config, 'saltbus.drain_timeout').value * 1000,
  };
}

/** Logs what the library tells, each kind at a bounded rate. */
function logDiagnostics(log: DaemonLog): void {
  onDiagnostics('saltbus:broker:cut', ({ principal, outboxBytes, reason }) => {
    log.warn({ subscriber: principal, outboxBytes, reason }, 'a subscriber that does not read was cut');
  });
  const limited = rateLimited(log.warn);
  onDiagnostics('saltbus:broker:malformed', ({ principal, error, closed }) => {
    limited({ from: principal, error: error.message, closed }, 'bytes that are no event were refused');
  });
  const full = rateLimited(log.warn);
  onDiagnostics('saltbus:broker:full', ({ principal, maxConnections }) => {
    full({ from: principal, maxConnections }, 'there are too many connections: one was closed');
  });
  const untaken = rateLimited(log.warn);
  onDiagnostics('saltbus:listen:error', ({ endpoint, error }) => {
    untaken({ endpoint, error: error.message }, 'a connection could not be taken');
  });
  logNetwork(log);
}

function logNetwork(log: DaemonLog): void {
  const fault = rateLimited(log.warn);
  onDiagnostics('saltbus:zmtp:fault', ({ remote, error }) => {
    fault({ remote, error: error.message }, 'a peer that does not speak ZeroMQ as Salt does was cut');
  });
  const refused = rateLimited(log.warn);
  onDiagnostics('saltbus:zmtp:refused', ({ remote, open }) => {
    refused({ remote, open }, 'there are too many network connections: one was refused');
  });
  const cut = rateLimited(log.warn);
  onDiagnostics('saltbus:zmtp:cut', ({ remote, outboxBytes, reason }) => {
    cut({ remote, outboxBytes, reason }, 'a peer that does not read was cut');
  });
  const dropping = rateLimited(log.warn);
  onDiagnostics('saltbus:zmtp:dropping', ({ remote, outboxBytes }) => {
    dropping({ remote, outboxBytes }, 'publications are dropped for a subscriber that does not read');
  });
  const request = rateLimited(log.warn);
  onDiagnostics('saltbus:channel:refused', ({ reason, detail, id, remote }) => {
    request({ reason, detail, claims: id, remote }, 'a request was refused');
  });
  const publication = rateLimited(log.warn);
  onDiagnostics('saltbus:channel:publication-dropped', ({ reason }) => {
    // jobs of other minions, and of our other masters, are everyday life
    if (reason !== 'not-for-us' && reason !== 'duplicate')
      publication({ reason }, 'a publication was dropped');
  });
  const session = rateLimited(log.warn);
  onDiagnostics('saltbus:channel:session-dropped', ({ id }) => {
    session({ id }, 'there are too many sessions: one was forgotten');
  });
  const ignored = rateLimited(log.warn);
  onDiagnostics('saltbus:keys:ignored', ({ path, reason }) => {
    ignored({ path, reason }, 'a file among the keys is not used');
  });
  const pending = rateLimited(log.warn);
  onDiagnostics('saltbus:keys:full', ({ id, pending: count }) => {
    pending({ id, pending: count }, 'a new key was not kept: too many are pending');
  });
  const scan = rateLimited(log.warn);
  onDiagnostics('saltbus:keys:scan-failed', ({ error }) => {
    scan({ error }, 'the keys could not be looked through');
  });
}
