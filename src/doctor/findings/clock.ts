import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { DoctorSystem } from '../system.ts';

/** A reading of both clocks. */
export interface ClockReading {
  readonly wall: number;
  readonly monotonic: number;
}

/** Reads both clocks. */
export function readClocks(system: DoctorSystem): ClockReading {
  return { wall: system.wallClock(), monotonic: system.monotonic() };
}

const JUMP_MS = 500;
const FUTURE_MS = 2000;
// 3006.0, the oldest release of the lines that are kept up, is of April 2023.
const IMPLAUSIBLE_BEFORE = Date.UTC(2023, 3, 18);
// systemd-timesyncd touches it when it has set the clock for the first time since the host was started.
const TIMESYNC_FILE = '/run/systemd/timesync/synchronized';

/** What can honestly be said of the clock: `_stamp` and the times of files come from it. */
export function clockFindings(
  system: DoctorSystem,
  before: ClockReading,
  sockets: readonly string[],
): readonly Finding[] {
  return [clock(system, before, sockets), synchronisation(system)];
}

function clock(system: DoctorSystem, before: ClockReading, sockets: readonly string[]): Finding {
  const now = readClocks(system);
  const zone = `_stamp is in UTC; this host's time zone is ${system.timeZone}.`;
  const jump = now.wall - before.wall - (now.monotonic - before.monotonic);
  if (now.wall < IMPLAUSIBLE_BEFORE) {
    return finding(
      'clock',
      'error',
      `the clock says ${new Date(now.wall).toISOString()}, before any Salt that it can serve`,
      zone,
      'Set the clock, and have it kept by chrony or systemd-timesyncd.',
    );
  }
  if (Math.abs(jump) > JUMP_MS) {
    return finding(
      'clock',
      'warning',
      `the clock was set by ${Math.round(jump)} ms while this ran`,
      zone,
      'Look at what keeps the clock: it should be slewed, not set.',
    );
  }
  for (const path of sockets) {
    const file = system.look(path);
    if (typeof file === 'object' && file.changedAt > now.wall + FUTURE_MS) {
      return finding(
        'clock',
        'warning',
        `${path} was made in the future (${new Date(file.changedAt).toISOString()})`,
        `The clock was set back since the daemon was started. ${zone}`,
        'Restart the daemon when the clock is right.',
      );
    }
  }
  return finding('clock', 'ok', 'the clock is plausible and ran evenly', zone);
}

function synchronisation(system: DoctorSystem): Finding {
  if (system.look(TIMESYNC_FILE) !== undefined) {
    return finding('clock.synchronised', 'ok', 'systemd-timesyncd has synchronised the clock');
  }
  return finding(
    'clock.synchronised',
    'unknown',
    'whether the clock is synchronised is not known',
    `Only systemd-timesyncd leaves a mark (${TIMESYNC_FILE}) that can be read without asking a server.`,
  );
}
