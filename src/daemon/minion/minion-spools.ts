/**
 * The spools of a minion, one for each of its masters, with the control socket by which programs reach them, the file that
 * tells their figures, and the events that tell of what was lost.
 */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControlServer } from '../../control/index.ts';
import type { Figures } from '../../control/index.ts';
import { publish } from '../../diagnostics.ts';
import type { Endpoint } from '../../transport/endpoint.ts';
import type { FullPolicy, PriorityLimits } from '../spool/bounds.ts';
import { figuresOf, spoolHandlers } from '../spool/handlers.ts';
import { severalSpools, sumOf } from '../spool/several.ts';
import { openSpool } from '../spool/spool.ts';
import type { Spool } from '../spool/spool.ts';

/** How a minion spools. */
export interface MinionSpoolOptions {
  /** Where its files are. */
  readonly directory: string;
  readonly limits?: Partial<PriorityLimits>;
  /** @defaultValue 'refuse' */
  readonly policy?: FullPolicy;
  /** Whether a master that is not ours is told the ids of events. @defaultValue false */
  readonly tellsIds?: boolean;
  /** How often the status file is written, in milliseconds. @defaultValue 10 000 */
  readonly statusMs?: number;
}

/** The spool of one master. */
export interface SeatSpool {
  readonly spool: Spool;
  /** Told that there is something to send; whoever sends puts itself here. */
  wake: () => void;
  /** Has what waits sent now; likewise. */
  flush: () => void;
}

/** What was lost since it was last told. */
interface Lost {
  refused: number;
  dropped: number;
  expired: number;
}

/** The tag, on the minion's own bus, that tells of events for the master that were not kept or were given up. */
export const SPOOL_LOST_TAG = 'saltbus/spool/lost';

const STATUS_MS = 10_000;
/** Losses are told at most so often. */
const TELL_MS = 1000;
const STATUS_FILE = 'spool-status.json';

/** Open spools; see {@link openMinionSpools}. */
export class MinionSpools {
  readonly seats: readonly SeatSpool[];
  readonly #options: MinionSpoolOptions;
  readonly #control: ControlServer;
  readonly #statusTimer: NodeJS.Timeout;
  #lost: Lost = { refused: 0, dropped: 0, expired: 0 };
  #tellTimer: NodeJS.Timeout | undefined;
  #written = '';
  #isServed = false;
  /** Told of losses, once a second at most. */
  onLost: (lost: Readonly<Lost>) => void = () => undefined;

  /** Use {@link openMinionSpools}. */
  constructor(seats: readonly SeatSpool[], options: MinionSpoolOptions) {
    this.seats = seats;
    this.#options = options;
    this.#control = new ControlServer(
      severalSpools(
        seats.map((seat) =>
          spoolHandlers(seat.spool, {
            flush: () => {
              seat.flush();
            },
          }),
        ),
        () => this.figures(),
      ),
    );
    this.#statusTimer = setInterval(() => {
      this.#writeStatus();
    }, options.statusMs ?? STATUS_MS).unref();
  }

  /** Whether there is a control socket. */
  get isServed(): boolean {
    return this.#isServed;
  }

  /** Takes programs on. */
  async listen(endpoint: Endpoint): Promise<void> {
    await this.#control.listen(endpoint);
    this.#isServed = true;
  }

  /** Of all spools. */
  figures(): Figures {
    return sumOf(this.seats.map(({ spool }) => figuresOf(spool)));
  }

  /** Counts what was lost, and has it told. */
  lost(how: keyof Lost, count: number): void {
    this.#lost[how] += count;
    this.#tellTimer ??= setTimeout(() => {
      this.#tellLost();
    }, TELL_MS).unref();
  }

  /** Closes the files. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#statusTimer);
    clearTimeout(this.#tellTimer);
    await this.#control.close();
    this.#writeStatus();
    await Promise.all(this.seats.map(({ spool }) => spool.close()));
  }

  #tellLost(): void {
    this.#tellTimer = undefined;
    const lost = this.#lost;
    this.#lost = { refused: 0, dropped: 0, expired: 0 };
    publish('saltbus:spool:full', lost);
    this.onLost(lost);
  }

  #writeStatus(): void {
    const figures = this.figures();
    const { depth, oldestMs, sent, retried, refused, dropped } = figures as Readonly<Record<string, number>>;
    publish('saltbus:spool:status', {
      depth: depth ?? 0,
      oldestMs: oldestMs ?? 0,
      sent: sent ?? 0,
      retried: retried ?? 0,
      refused: refused ?? 0,
      dropped: dropped ?? 0,
    });
    const text = JSON.stringify(figures);
    if (text === this.#written) return;
    this.#written = text;
    const path = join(this.#options.directory, STATUS_FILE);
    try {
      // written aside and renamed: a reader never sees half of it
      writeFileSync(`${path}.new`, `${JSON.stringify({ at: Date.now(), ...figures })}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch {
      // a full disk is told of where it matters; the next figures are tried again
      this.#written = '';
    }
  }
}

/**
 * Opens the spools of a minion.
 * @param names - of its seats; the first has the file `spool.db`, so that a minion with one master finds its events whatever that is called
 * @throws SaltbusError as `openSpool`
 */
export async function openMinionSpools(
  names: readonly string[],
  options: MinionSpoolOptions,
): Promise<MinionSpools> {
  const { directory, limits, policy } = options;
  const seats: SeatSpool[] = [];
  // what is lost while the files are opened is told when there is somebody to tell it
  const opened: { spools?: MinionSpools; readonly early: [keyof Lost, number][] } = { early: [] };
  const lost = (how: keyof Lost, count: number): void => {
    if (opened.spools === undefined) opened.early.push([how, count]);
    else opened.spools.lost(how, count);
  };
  const files = names.map((name, at) =>
    at === 0 ? 'spool.db' : `spool-${name.replaceAll(/[^A-Za-z0-9._-]/g, '_')}.db`,
  );
  try {
    for (const file of files) {
      const spool = await openSpool({
        path: join(directory, file),
        ...(limits === undefined ? {} : { limits }),
        ...(policy === undefined ? {} : { policy }),
        onAvailable: () => {
          seat.wake();
        },
        onRefused: () => {
          lost(policy === 'drop-newest' ? 'dropped' : 'refused', 1);
        },
        onLost: ({ how, entries }) => {
          if (how !== 'removed') lost(how, entries.length);
        },
      });
      const seat: SeatSpool = { spool, wake: () => undefined, flush: () => undefined };
      seats.push(seat);
    }
  } catch (error) {
    for (const { spool } of seats) await spool.close();
    throw error;
  }
  for (const file of readdirSync(directory))
    if (/^spool(-.*)?\.db$/.test(file) && !files.includes(file))
      publish('saltbus:spool:left-behind', { path: join(directory, file) });
  opened.spools = new MinionSpools(seats, options);
  for (const [how, count] of opened.early) opened.spools.lost(how, count);
  return opened.spools;
}
