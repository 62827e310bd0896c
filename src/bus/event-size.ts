/**
 * The limit that Salt puts on the data of an event. Beyond it, Salt's own client fires `VALUE_TRIMMED` in the place of values, in silence.
 */
import { SaltbusError } from '../errors.ts';

// Salt adds this for tag and separator before it compares with max_event_size (2014.7 to 3008.5).
const SIZE_ALLOWANCE = 33;

/**
 * Refuses an event that would be trimmed.
 * @param body - the encoded event: tag, two line feeds, data
 * @param limit - `max_event_size`, in bytes
 * @throws SaltbusError `ERR_SALTBUS_TOO_LARGE`
 */
export function checkEventSize(body: Uint8Array, tag: string, limit: number): void {
  const dataBytes = body.length - Buffer.byteLength(tag) - 2;
  if (dataBytes + SIZE_ALLOWANCE <= limit) return;
  throw new SaltbusError(
    'ERR_SALTBUS_TOO_LARGE',
    `The data of the event has ${dataBytes} bytes, and max_event_size (${limit}) leaves room for ${limit - SIZE_ALLOWANCE}`,
  );
}
