/**
 * Events by second and by tag prefix. Pure: it is told the time, of a monotonic clock, in milliseconds.
 *
 * A second in which events may have been missed is no number: it is kept apart from a second without events.
 */

/** One second. */
interface Second {
  /** Seconds of the clock. */
  readonly index: number;
  readonly count: number;
  /** Whether events may have been missed in it. */
  readonly gap: boolean;
  readonly prefixes: ReadonlyMap<string, number>;
}

/** Counts of the last minute, and totals by prefix. */
export interface Rates {
  /** The last one is the present; the first was the first in which anything was known. */
  readonly seconds: readonly Second[];
  readonly totals: ReadonlyMap<string, number>;
}

/** Seconds that are kept. */
export const KEPT_SECONDS = 60;
/** Seconds over which a rate is taken. */
export const RATE_SECONDS = 10;
/** Prefixes that are told apart; all others are counted as {@link OTHER}. */
export const MOST_PREFIXES = 100;
/** Stands for the prefixes beyond {@link MOST_PREFIXES}. */
export const OTHER = '(other)';
const LONGEST_PREFIX = 80;
const NO_PREFIXES: ReadonlyMap<string, number> = new Map();

/** Nothing is known yet. */
export const NO_RATES: Rates = { seconds: [], totals: NO_PREFIXES };

/** The first two parts of a tag: what comes behind is ids and job numbers. */
export function prefixOf(tag: string): string {
  const first = tag.indexOf('/');
  const second = first === -1 ? -1 : tag.indexOf('/', first + 1);
  const end = second === -1 ? tag.length : second;
  return tag.slice(0, Math.min(end, LONGEST_PREFIX));
}

/** Moves on to the present second. Seconds that have passed since are empty, or gaps where `isKnown` is false. */
export function advance(rates: Rates, now: number, isKnown: boolean): Rates {
  const index = Math.floor(now / 1000);
  const last = rates.seconds.at(-1);
  if (last === undefined) {
    return isKnown ? { ...rates, seconds: [{ index, count: 0, gap: false, prefixes: NO_PREFIXES }] } : rates;
  }
  if (index <= last.index) return rates;
  const seconds = rates.seconds.slice(-KEPT_SECONDS);
  for (let next = Math.max(last.index + 1, index - KEPT_SECONDS); next <= index; next += 1) {
    seconds.push({ index: next, count: 0, gap: !isKnown, prefixes: NO_PREFIXES });
  }
  return { ...rates, seconds: seconds.slice(-KEPT_SECONDS) };
}

/** Says that events may be missing in the seconds from `since` to now. */
export function markGap(rates: Rates, since: number): Rates {
  const from = Math.floor(since / 1000);
  return {
    ...rates,
    seconds: rates.seconds.map((second) => (second.index >= from ? { ...second, gap: true } : second)),
  };
}

/** Adds counts by prefix to the present second, after {@link advance}. */
export function count(rates: Rates, counts: ReadonlyMap<string, number>): Rates {
  const last = rates.seconds.at(-1);
  if (last === undefined || counts.size === 0) return rates;
  const totals = new Map(rates.totals);
  const prefixes = new Map(last.prefixes);
  let sum = last.count;
  for (const [prefix, number] of counts) {
    const name = totals.has(prefix) || totals.size < MOST_PREFIXES ? prefix : OTHER;
    totals.set(name, (totals.get(name) ?? 0) + number);
    prefixes.set(name, (prefixes.get(name) ?? 0) + number);
    sum += number;
  }
  const seconds = rates.seconds.slice(0, -1);
  seconds.push({ ...last, count: sum, prefixes });
  return { seconds, totals };
}

/**
 * Events a second over the last whole seconds in which nothing was missed; `undefined` where there is none of them.
 * @param prefix - of these only
 */
export function rateOf(rates: Rates, prefix?: string): number | undefined {
  const whole = rates.seconds.slice(-RATE_SECONDS - 1, -1).filter((second) => !second.gap);
  if (whole.length === 0) return undefined;
  let sum = 0;
  for (const second of whole) sum += prefix === undefined ? second.count : (second.prefixes.get(prefix) ?? 0);
  return sum / whole.length;
}

/** The prefixes with the most events first: by rate, then by total. */
export function busiest(
  rates: Rates,
): readonly { readonly prefix: string; readonly total: number; readonly rate: number | undefined }[] {
  return [...rates.totals]
    .map(([prefix, total]) => ({ prefix, total, rate: rateOf(rates, prefix) }))
    .sort((left, right) => (right.rate ?? 0) - (left.rate ?? 0) || right.total - left.total);
}
