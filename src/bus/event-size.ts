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

/** Longest tag: matching takes time by the length of the tag, and all that wait on the loop wait for it. */
export const MAX_TAG_BYTES: number = 64 * 1024;

/**
 * Refuses a tag that no bus of ours hands on.
 * @param what - the tag, at the beginning of a sentence
 * @throws SaltbusError `ERR_SALTBUS_LIMIT`
 */
export function checkTagSize(tag: string, what = 'A tag'): void {
  // no character takes more than three bytes of UTF-8 for each of its units
  if (tag.length * 3 <= MAX_TAG_BYTES) return;
  const bytes = Buffer.byteLength(tag);
  if (bytes > MAX_TAG_BYTES) throw tagTooLong(bytes, what);
}

/** The refusal of a tag that is too long. */
export function tagTooLong(bytes: number, what = 'A tag'): SaltbusError {
  return new SaltbusError(
    'ERR_SALTBUS_LIMIT',
    `${what} of ${bytes} bytes is over the limit of ${MAX_TAG_BYTES}`,
    {
      next: 'A tag is a short path: put the rest into the data.',
    },
  );
}
