/**
 * The body of an event.
 *
 *     body = tag (UTF-8) 0x0a 0x0a msgpack-map          Salt 2015.5 to 3008.5
 *
 * The first two line feeds in a row separate; a tag therefore holds none.
 */
import { Encoder } from './msgpack/encode.ts';

/** The two line feeds between tag and data. */
export const TAGEND = '\n\n';

/**
 * Where the data begins behind the tag's end, in a body from `start` to `end`; -1 when there is no TAGEND.
 */
export function dataStart(buffer: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at += 1) {
    if (buffer[at] === 0x0a && buffer[at - 1] === 0x0a) return at + 1;
  }
  return -1;
}

/**
 * Writes event bodies. `stamp` is put under `_stamp`, over a value that the data may have there, as Salt's own client does.
 */
export class EventBodyEncoder {
  readonly #encoder = new Encoder();

  /**
   * Returns the body as a view that holds until the next call.
   * @param data - a plain object or a Map
   * @throws SaltbusError `ERR_SALTBUS_DATA` or `ERR_SALTBUS_LIMIT` for what cannot be encoded
   */
  encode(
    tag: string,
    data: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>,
    stamp?: string,
  ): Buffer {
    const encoder = this.#encoder;
    encoder.reset();
    encoder.utf8(tag);
    encoder.utf8(TAGEND);
    if (stamp === undefined) encoder.value(data);
    else encodeStamped(encoder, data, stamp);
    return encoder.view();
  }
}

// Python's dict keeps the place of a key that is there already, and appends one that is not; so does this.
function encodeStamped(
  encoder: Encoder,
  data: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>,
  stamp: string,
): void {
  if (data instanceof Map) {
    encoder.value(new Map<unknown, unknown>(data).set('_stamp', stamp));
  } else {
    encoder.value({ ...(data as Readonly<Record<string, unknown>>), _stamp: stamp });
  }
}
