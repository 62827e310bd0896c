/**
 * A port that somebody else has: which option of the master chooses another.
 */
import { SaltbusError } from '../../errors.ts';

/** What to do with the error of listening on the port of an option: it is thrown, and names the option. */
export function portTaken(option: 'ret_port' | 'publish_port'): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof SaltbusError) || error.code !== 'ERR_SALTBUS_BUS_IN_USE') throw error;
    throw new SaltbusError(error.code, error.message, {
      cause: error,
      next: `Stop the other program, or choose another port with ${option} in the configuration of the master.`,
    });
  };
}
