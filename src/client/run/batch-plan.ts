/**
 * Which minions run next when a job is run on some at a time, as `salt --batch` does it (3006.30, 3007.17, 3008.5): a place that becomes
 * free is filled at once, or after a wait. Without a clock.
 */
import { SaltbusError } from '../../errors.ts';

/**
 * How many run at a time: `5`, or `10%` of all, at least one.
 * @throws SaltbusError `ERR_SALTBUS_USAGE`
 */
export function batchSize(batch: number | string, minions: number): number {
  const [, percent, number] = /^(?:(\d+(?:\.\d+)?)%|(\d+))$/.exec(String(batch)) ?? [];
  const size = percent === undefined ? Number(number) : Math.floor((Number(percent) / 100) * minions);
  if (Number.isSafeInteger(size) && (size > 0 || (percent !== undefined && Number(percent) > 0))) {
    return Math.max(1, size);
  }
  throw new SaltbusError('ERR_SALTBUS_USAGE', `A batch is a number above 0 or a percentage, not ${batch}`, {
    next: 'Say 5, or 10%.',
  });
}

/** How a batch goes. */
export interface BatchRules {
  /** Most that run at a time. */
  readonly size: number;
  /** How long a place stays empty, in milliseconds. @defaultValue 0 */
  readonly waitMs?: number;
  /** Whether nothing more is begun after a failure. @defaultValue false */
  readonly failHard?: boolean;
}

/** The plan of one batch. */
export class BatchPlan {
  readonly #rules: BatchRules;
  #next = 0;
  readonly #minions: readonly string[];
  readonly #running = new Set<string>();
  /** When places become free that are kept empty for a while; ascending. */
  #resting: number[] = [];
  #isStopped = false;

  constructor(minions: readonly string[], rules: BatchRules) {
    this.#minions = minions;
    this.#rules = rules;
  }

  /** Minions that were not begun with. */
  get left(): readonly string[] {
    return this.#minions.slice(this.#next);
  }

  /** Whether nothing runs and nothing is to be begun. */
  get isDone(): boolean {
    return this.#running.size === 0 && (this.#isStopped || this.#next >= this.#minions.length);
  }

  /** When {@link due} is to be asked again without anything having ended; `undefined`: not before something ends. */
  get wakeAt(): number | undefined {
    return this.#isStopped || this.#next >= this.#minions.length ? undefined : this.#resting[0];
  }

  /** Whom to begin with now. */
  due(now: number): string[] {
    const rested = this.#resting.findIndex((until) => until > now);
    this.#resting = rested === -1 ? [] : this.#resting.slice(rested);
    if (this.#isStopped) return [];
    const free = this.#rules.size - this.#running.size - this.#resting.length;
    const begun = this.#minions.slice(this.#next, this.#next + Math.max(0, free));
    this.#next += begun.length;
    for (const id of begun) this.#running.add(id);
    return begun;
  }

  /** A minion has answered, or will not. */
  ended(id: string, isFailed: boolean, now: number): void {
    if (!this.#running.delete(id)) return;
    const { waitMs = 0, failHard = false } = this.#rules;
    if (waitMs > 0) this.#resting.push(now + waitMs);
    if (isFailed && failHard) this.#isStopped = true;
  }
}
