/**
 * Why a file of Salt's is not read, with who may.
 */
import { accessSync, constants, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { SaltbusError } from '../errors.ts';
import { userName } from '../pki/index.ts';

/**
 * The error for a file that could not be read.
 * @param next - what to do where this user may not; it is given who may
 */
export function unreadable(path: string, reason: string, next: (who: string) => string): SaltbusError {
  if (!isClosedToUs(path)) {
    return new SaltbusError('ERR_SALTBUS_KEY_INVALID', `${path} is not read: ${reason}`);
  }
  const { place, owner, mode } = closedPlace(path);
  const who = owner === 'root' ? owner : `${owner} or as root`;
  return new SaltbusError(
    'ERR_SALTBUS_PERMISSION',
    `${userInfo().username} may not read ${path}: ${place} belongs to ${owner} and has the mode ${mode}`,
    { next: next(who) },
  );
}

function isClosedToUs(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM';
  }
}

interface ClosedPlace {
  readonly place: string;
  readonly owner: string;
  readonly mode: string;
}

// The file, where it can be looked at; otherwise the nearest directory that can, because that is the one which is closed.
function closedPlace(path: string): ClosedPlace {
  for (let place = path; ; place = dirname(place)) {
    const stat = statOrNothing(place);
    if (stat !== undefined) {
      return { place, owner: userName(stat.uid), mode: (stat.mode & 0o7777).toString(8).padStart(4, '0') };
    }
    if (dirname(place) === place) return { place: path, owner: 'another user', mode: 'unknown' };
  }
}

function statOrNothing(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
