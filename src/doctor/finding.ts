/**
 * What an examination says: one finding for each thing that was looked at.
 */

/** How a finding is judged. `unknown`: it could not be found out, which is no fault by itself. */
export type Level = 'ok' | 'unknown' | 'warning' | 'error';

/** One thing that was looked at. */
export interface Finding {
  /** Stable: what was looked at, such as `minion.sockets`. */
  readonly id: string;
  readonly level: Level;
  /** What was found, in one line. */
  readonly title: string;
  /** What was seen, and what it means; empty when the title says all. */
  readonly detail: string;
  /** What to do; `null` when there is nothing to do. */
  readonly next: string | null;
}

/** All of it. */
export interface Report {
  readonly worst: Level;
  readonly findings: readonly Finding[];
}

const ORDER: readonly Level[] = ['ok', 'unknown', 'warning', 'error'];

/** The worst of levels; `ok` when there is none. */
export function worstOf(levels: readonly Level[]): Level {
  return levels.reduce<Level>(
    (worst, level) => (ORDER.indexOf(level) > ORDER.indexOf(worst) ? level : worst),
    'ok',
  );
}

/** Makes a finding. */
export function finding(
  id: string,
  level: Level,
  title: string,
  detail: string | readonly string[] = '',
  next: string | null = null,
): Finding {
  return { id, level, title, detail: typeof detail === 'string' ? detail : detail.join(' '), next };
}
