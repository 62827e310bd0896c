/**
 * The life of a daemon: its directories and its user, the lock, the start, readiness, signals, and an end in bounded time.
 */
import { SaltbusError } from '../../errors.ts';
import { becomeUser } from './become-user.ts';
import type { DaemonDirectory } from './become-user.ts';
import { flushRateLimited } from './log.ts';
import type { DaemonLog } from './log.ts';
import { lockRoot } from './root-lock.ts';
import type { RootLock } from './root-lock.ts';
import { serviceManager, statusText } from './service-manager.ts';
import type { ServiceManager } from './service-manager.ts';

/** What a daemon is started with. */
export interface DaemonContext {
  readonly log: DaemonLog;
  /** Aborted when the daemon is to end while it is still starting. */
  readonly signal: AbortSignal;
  /** Tells the service manager how it is, in one line: `signed in to salt`. A daemon that waits for something is ready all the same. */
  readonly status: (line: string) => void;
}

/** A daemon that has started. */
export interface DaemonHandle {
  /** One line that says what it does, for the log and the service manager: `serving the minion bus`. */
  readonly ready: string;
  /** What is said beside that line in the log. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Reads the configuration again; on an error the old one stays. Without it SIGHUP ends the daemon. */
  reload?(): Promise<void>;
  /** Delivers what waits, and ends; when `signal` is aborted, at once. */
  close(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Settles when the daemon cannot go on. */
  readonly failed?: Promise<SaltbusError>;
}

/** How a daemon is run. */
export interface RunDaemonOptions {
  /** What kind: `minion`, `master`. One of a kind runs on a directory. */
  readonly kind: string;
  /** How it is called in what is said: `saltbus minion web01`. */
  readonly name: string;
  readonly log: DaemonLog;
  /** What it keeps its files in; missing ones are made, and each is locked. @defaultValue none */
  readonly directories?: readonly DaemonDirectory[];
  /** Who is to run it, as the configuration says. @defaultValue whoever has started it */
  readonly user?: string | undefined;
  /** How long the end may take, in milliseconds. @defaultValue 10 000 */
  readonly drainMs?: number;
  readonly start: (context: DaemonContext) => Promise<DaemonHandle>;
}

/** How it ended: as it was asked to, cut because that took too long, or by an error. */
export type DaemonEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'cut'; readonly error: SaltbusError }
  | { readonly kind: 'failed'; readonly error: unknown };

const DRAIN_MS = 10_000;
// For what has to be put away once the time is over.
const CUT_MS = 1000;
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** EX_SOFTWARE of sysexits: a fault of ours. */
const INTERNAL = 70;

/** Runs a daemon until it ends. What the caller has to say of the end is in the answer. */
export async function runDaemon(options: RunDaemonOptions): Promise<DaemonEnd> {
  const life = new Life(options);
  try {
    return await life.run();
  } finally {
    life.end();
  }
}

type Asked =
  { readonly kind: 'signal'; readonly signal: string } | { readonly kind: 'failed'; readonly error: unknown };

class Life {
  readonly #options: RunDaemonOptions;
  readonly #log: DaemonLog;
  readonly #manager: ServiceManager;
  readonly #starting = new AbortController();
  readonly #asked: Promise<Asked>;
  #ask: (asked: Asked) => void = () => undefined;
  #isStopping = false;
  #status = '';
  #lock: RootLock | undefined;
  #handle: DaemonHandle | undefined;
  #isReloading = false;
  // A daemon that waits for nothing but a signal lives too.
  readonly #alive: NodeJS.Timeout = setInterval(() => undefined, 2 ** 30);
  #reloadAgain = false;

  constructor(options: RunDaemonOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#asked = new Promise((resolve) => {
      this.#ask = resolve;
    });
    this.#manager = serviceManager(process.env, (error) => {
      this.#log.warn({ error: error.message }, 'the service manager cannot be told: systemd-notify failed');
    });
    for (const signal of STOP_SIGNALS) process.on(signal, this.#onStop);
    process.on('SIGHUP', this.#onHangUp);
    process.on('uncaughtException', this.#onFault);
  }

  async run(): Promise<DaemonEnd> {
    try {
      await this.#prepare();
    } catch (error) {
      return { kind: 'failed', error };
    }
    const starting = this.#options.start({
      log: this.#log,
      signal: this.#starting.signal,
      status: (line) => {
        this.#status = line;
        if (!this.#isStopping) void this.#manager.notify([`STATUS=${statusText(line)}`]);
      },
    });
    const started = starting.then(
      (handle): Asked | DaemonHandle => handle,
      (error: unknown): Asked => ({ kind: 'failed', error }),
    );
    const first = await Promise.race([started, this.#asked]);
    if ('kind' in first)
      return first.kind === 'failed' ? first : await this.#stopStarting(starting, first.signal);
    this.#handle = first;
    this.#tellReady(first);
    if (this.#reloadAgain) this.#onHangUp();
    void first.failed?.then((error) => {
      this.#ask({ kind: 'failed', error });
    });
    const asked = await this.#asked;
    const end = await this.#close(first, asked.kind === 'signal' ? asked.signal : 'an error');
    // Why it ended says more than that the end was cut.
    return asked.kind === 'failed' ? asked : end;
  }

  /** Takes back what was put into the process. */
  end(): void {
    flushRateLimited();
    clearInterval(this.#alive);
    this.#manager.stop();
    this.#lock?.release();
    for (const signal of STOP_SIGNALS) process.off(signal, this.#onStop);
    process.off('SIGHUP', this.#onHangUp);
    process.off('uncaughtException', this.#onFault);
  }

  async #prepare(): Promise<void> {
    const { directories = [], user, kind } = this.#options;
    // First the user: everything after this belongs to it, the lock too.
    becomeUser(user, directories);
    const lock = await lockRoot(
      kind,
      directories.map(({ path }) => path),
    );
    this.#lock = lock;
    void lock.lost.then((error) => {
      this.#ask({ kind: 'failed', error });
    });
  }

  #tellReady({ ready, fields = {} }: DaemonHandle): void {
    const { name } = this.#options;
    this.#log.info(fields, `${name} is ready: ${ready}`);
    if (this.#status === '') this.#status = ready;
    void this.#manager.notify(['READY=1', `STATUS=${statusText(this.#status)}`]);
  }

  /** It is to end and has not even started: what comes of the start is closed. */
  async #stopStarting(starting: Promise<DaemonHandle>, signal: string): Promise<DaemonEnd> {
    this.#starting.abort();
    const whenStarted: DaemonHandle = {
      ready: '',
      close: async (closing) => {
        // An error of a start that is broken off is the breaking off.
        const handle = await starting.catch(() => undefined);
        await handle?.close(closing);
      },
    };
    return await this.#close(whenStarted, signal);
  }

  async #close(handle: DaemonHandle, why: string): Promise<DaemonEnd> {
    this.#isStopping = true;
    const { drainMs = DRAIN_MS, name } = this.#options;
    this.#log.info({ why }, `${name} is stopping`);
    void this.#manager.notify(['STOPPING=1', `STATUS=stopping (${why})`]);
    const draining = new AbortController();
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<'late'>((resolve) => {
      late = setTimeout(() => {
        draining.abort();
        late = setTimeout(resolve, CUT_MS, 'late');
      }, drainMs);
    });
    const closing = handle.close({ signal: draining.signal }).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const outcome = await Promise.race([closing, tooLate]);
    clearTimeout(late);
    if (draining.signal.aborted) {
      return {
        kind: 'cut',
        error: new SaltbusError(
          'ERR_SALTBUS_NOT_DRAINED',
          `${name} was to end, and what waited was not delivered within ${drainMs / 1000} s`,
        ),
      };
    }
    if (outcome === undefined || outcome === 'late') return { kind: 'stopped' };
    return { kind: 'failed', error: outcome.error };
  }

  readonly #onStop = (signal: NodeJS.Signals): void => {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#ask({ kind: 'signal', signal });
      return;
    }
    this.#log.warn({ signal }, 'a second signal: ending at once');
    this.end();
    // The process ends as the system ends one that does not handle the signal.
    process.kill(process.pid, signal);
  };

  readonly #onHangUp = (): void => {
    if (this.#isStopping) return;
    this.#reloadAgain = true;
    // During the start it is not known yet what can be read again: that is seen to afterwards.
    if (this.#handle === undefined) return;
    if (this.#handle.reload === undefined) {
      // Nothing to read again: a terminal that is closed ends it, as it ends others.
      this.#onStop('SIGHUP');
      return;
    }
    // Signals that come meanwhile are one more reading, not many.
    if (!this.#isReloading) void this.#reload(this.#handle);
  };

  async #reload(handle: DaemonHandle): Promise<void> {
    this.#isReloading = true;
    while (this.#reloadAgain) {
      this.#reloadAgain = false;
      void this.#manager.notify(['RELOADING=1', 'STATUS=reading the configuration again']);
      try {
        await handle.reload?.();
        this.#log.info({}, 'the configuration was read again');
      } catch (error) {
        if (!(error instanceof SaltbusError)) throw error;
        this.#log.error(
          { error: error.message, code: error.code, next: error.next },
          'the configuration was refused, and the old one stays',
        );
      }
      if (!this.#isStopping) void this.#manager.notify(['READY=1', `STATUS=${statusText(this.#status)}`]);
    }
    this.#isReloading = false;
  }

  readonly #onFault = (fault: unknown): void => {
    flushRateLimited();
    const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
    this.#log.error({ error: text }, 'internal error (please report it): the daemon ends');
    this.#lock?.release();
    process.exit(INTERNAL);
  };
}
