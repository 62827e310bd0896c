let second = -1;
let prefix = '';

/**
 * The present moment as Salt's `_stamp`: UTC, ISO, microseconds, no zone (2014.7 to 3007; 3008 adds `+00:00` and reads both).
 */
export function stampNow(): string {
  const micros = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  const wholeSecond = Math.floor(micros / 1_000_000);
  if (wholeSecond !== second) {
    second = wholeSecond;
    prefix = new Date(wholeSecond * 1000).toISOString().slice(0, 19);
  }
  return `${prefix}.${String(micros - wholeSecond * 1_000_000).padStart(6, '0')}`;
}
