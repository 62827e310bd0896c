/**
 * Job ids: 20 digits, the time in UTC down to microseconds (Salt 3000 and later; local time before).
 */

const JID = /^\d{20}(?:_\d{1,10})?$/;

/** Whether text is a job id, with or without the number of a process behind it (`unique_jid`); nothing else may become part of a tag or a path (CVE-2025-22242). */
export function isJid(value: unknown): value is string {
  return typeof value === 'string' && JID.test(value);
}

function nowMicros(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

/**
 * Makes a maker of job ids, each of them larger than the one before, also when the clock is set back.
 * @param clock - microseconds since 1970
 */
export function jidMaker(clock: () => number = nowMicros): () => string {
  let last = -Infinity;
  return () => {
    last = Math.max(clock(), last + 1);
    const second = Math.floor(last / 1_000_000);
    const digits = new Date(second * 1000).toISOString().slice(0, 19).replace(/\D/g, '');
    return digits + String(last - second * 1_000_000).padStart(6, '0');
  };
}
