/** How long to wait before trying again, in milliseconds. */
export interface Backoff {
  /** The first wait, at most. */
  readonly initialMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
}

/** From 50 ms, doubling, up to 5 s. */
export const DEFAULT_BACKOFF: Backoff = { initialMs: 50, maxMs: 5000 };

/**
 * The wait before attempt number `attempt` (0 for the first after a loss): doubling, with jitter between half and the
 * whole, so that many programs do not come back in the same instant.
 * @param random - from 0 to 1, exclusive
 */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): number {
  const whole = Math.min(backoff.maxMs, backoff.initialMs * 2 ** Math.min(attempt, 30));
  return whole / 2 + (whole / 2) * random;
}
