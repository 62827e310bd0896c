import { SaltbusError } from '../errors.ts';

/** A file name has no more bytes than this on any file system that Salt is run on. */
const MAX_ID_BYTES = 255;

/**
 * Whether a text can be the id of a minion, which is the name of its key's file.
 *
 * As Salt (3006.30 to 3008.5): no separator, no NUL, and a direct child of the directory. Stricter than Salt: no name that begins with a
 * dot, which no listing shows; no control character; and no more bytes than a file name has.
 */
export function isMinionId(id: unknown): id is string {
  return (
    typeof id === 'string' &&
    id !== '' &&
    !id.startsWith('.') &&
    // eslint-disable-next-line no-control-regex -- control characters are what it is about
    !/[/\\\u0000-\u001f\u007f]/.test(id) &&
    id.isWellFormed() &&
    Buffer.byteLength(id) <= MAX_ID_BYTES
  );
}

/**
 * Checks an id before a path is made of it.
 * @throws SaltbusError `ERR_SALTBUS_MINION_ID`
 */
export function checkMinionId(id: string): string {
  if (!isMinionId(id))
    throw new SaltbusError('ERR_SALTBUS_MINION_ID', `${JSON.stringify(id)} is no id of a minion`);
  return id;
}
