import { isMinionId } from '../codec/load/names.ts';
import { SaltbusError } from '../errors.ts';

/**
 * Checks an id before a path is made of it.
 * @throws SaltbusError `ERR_SALTBUS_MINION_ID`
 */
export function checkMinionId(id: string): string {
  if (!isMinionId(id))
    throw new SaltbusError('ERR_SALTBUS_MINION_ID', `${JSON.stringify(id)} is no id of a minion`);
  return id;
}
