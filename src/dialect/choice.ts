/**
 * What a caller knows of the dialect of a bus: nothing, one direction, or both.
 */
import { SaltbusError } from '../errors.ts';
import type { Framing } from '../codec/framing.ts';
import { DIALECTS, traitsOfRelease } from './releases.ts';
import type { DialectName } from './releases.ts';

/** What is known of a dialect per direction; what is absent is found out. */
export interface DialectChoice {
  /** What a subscriber reads. */
  readonly pub?: Framing;
  /** What a firing program writes. */
  readonly pull?: Framing;
}

/**
 * Reads an option: `auto`, `bare`, `prefixed`, `prefixed-pull`, or a Salt release such as `3007.17`.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for anything else
 */
export function dialectChoice(option: string): DialectChoice {
  if (option === 'auto') return {};
  if (Object.hasOwn(DIALECTS, option)) return DIALECTS[option as DialectName];
  const traits = traitsOfRelease(option);
  if (traits === undefined) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `'${option}' is no dialect`, {
      next: 'Use auto, bare, prefixed, prefixed-pull, or a Salt release from 3000 on, such as 3007.17.',
    });
  }
  return traits.dialect;
}
