// A monotonic clock knows microseconds and not the date; Date.now() knows the date in milliseconds, and may be set.
let offset = 0;

/**
 * The present moment in milliseconds since 1970, with microseconds behind the point. It never strays more than two
 * milliseconds from `Date.now()`, so it follows a clock that is set.
 */
export function wallClock(): number {
  const monotonic = performance.now();
  const wall = Date.now();
  const drift = monotonic + offset - wall;
  if (drift < -1 || drift > 2) offset = wall - monotonic;
  return Math.round((monotonic + offset) * 1000) / 1000;
}
