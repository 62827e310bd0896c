/**
 * How much the spool holds of each priority, and what happens beyond. Pure.
 */
import { PRIORITIES } from './entry.ts';
import type { Leaving, Priority } from './entry.ts';

/** What may stand in the spool of one priority. */
export interface PriorityLimits {
  /** Most entries. @defaultValue 100 000 */
  readonly count: number;
  /** Most bytes of packages. @defaultValue 128 MiB */
  readonly bytes: number;
  /** How old an entry may become, in milliseconds. @defaultValue 7 days */
  readonly ageMs: number;
}

/**
 * What is done when there is no room: `refuse` tells the program so; `drop-oldest` gives up what has waited longest in the
 * same priority; `drop-newest` gives up what comes, as `refuse` does, and counts it as dropped.
 */
export type FullPolicy = 'refuse' | 'drop-oldest' | 'drop-newest';

/** Limits for all priorities, or for each. */
export type LimitsByPriority = Readonly<Record<Priority, PriorityLimits>>;

const DEFAULT_LIMITS: PriorityLimits = {
  count: 100_000,
  bytes: 128 * 1024 * 1024,
  ageMs: 7 * 24 * 3_600_000,
};

/** The limits of each priority: what is not said is as in `all`, and then as by default. */
export function limitsFrom(
  all: Partial<PriorityLimits> = {},
  each: Partial<Record<Priority, Partial<PriorityLimits>>> = {},
): LimitsByPriority {
  const of = (priority: Priority): PriorityLimits => ({ ...DEFAULT_LIMITS, ...all, ...each[priority] });
  return { 0: of(0), 1: of(1), 2: of(2), 3: of(3), 4: of(4) };
}

/** What is in the spool of one priority, and what came of what was. */
export interface PriorityCounters {
  /** Entries that wait or are out, those that are being written too. */
  depth: number;
  bytes: number;
  /** Entries that were kept. */
  spooled: number;
  /** Entries that came again with the same id. */
  copies: number;
  /** Entries that were taken to be sent and put back. */
  retried: number;
  /** Entries that were not kept: no room, or the disk would not take them. */
  refused: number;
  sent: number;
  rejected: number;
  dropped: number;
  expired: number;
  removed: number;
}

function zero(): PriorityCounters {
  return {
    depth: 0,
    bytes: 0,
    spooled: 0,
    copies: 0,
    retried: 0,
    refused: 0,
    sent: 0,
    rejected: 0,
    dropped: 0,
    expired: 0,
    removed: 0,
  };
}

/** What there is by priority, against the limits. */
export class Ledger {
  readonly limits: LimitsByPriority;
  readonly #counters: Readonly<Record<Priority, PriorityCounters>> = {
    0: zero(),
    1: zero(),
    2: zero(),
    3: zero(),
    4: zero(),
  };

  constructor(limits: LimitsByPriority) {
    this.limits = limits;
  }

  of(priority: Priority): PriorityCounters {
    return this.#counters[priority];
  }

  /** Whether so many bytes more have room. */
  hasRoom(priority: Priority, bytes: number): boolean {
    const { depth, bytes: used } = this.#counters[priority];
    const limits = this.limits[priority];
    return depth < limits.count && used + bytes <= limits.bytes;
  }

  /** Whether so many bytes could ever have room. */
  couldHold(priority: Priority, bytes: number): boolean {
    const limits = this.limits[priority];
    return limits.count > 0 && bytes <= limits.bytes;
  }

  enter(priority: Priority, bytes: number): void {
    const counters = this.#counters[priority];
    counters.depth += 1;
    counters.bytes += bytes;
  }

  leave(priority: Priority, bytes: number, how: Leaving | 'refused'): void {
    const counters = this.#counters[priority];
    counters.depth -= 1;
    counters.bytes -= bytes;
    counters[how] += 1;
  }

  /** The sum over all priorities. */
  total(): PriorityCounters {
    const sum = zero();
    for (const priority of PRIORITIES) {
      const counters = this.#counters[priority];
      for (const key of Object.keys(sum) as (keyof PriorityCounters)[]) sum[key] += counters[key];
    }
    return sum;
  }
}
