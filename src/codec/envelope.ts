/**
 * Finds the event body in a frame that another program wrote.
 *
 * Salt 3008.3 and later send the frame of the firing program on unchanged, so a reader meets other key orders, extra
 * keys, a missing head, keys as bin and a body as str; all of these are read.
 */
import { SaltbusError } from '../errors.ts';
import { MsgpackCursor } from './msgpack/cursor.ts';
import type { BodyRange } from './framing.ts';

const BODY_KEY = Buffer.from('body');

/**
 * Finds the body of the frame in `buffer` from `start` to `end` (without a length prefix).
 * @throws SaltbusError `ERR_SALTBUS_FRAME` when there is no body, it is no byte string, or the frame does not end where it should; `ERR_SALTBUS_MSGPACK` for malformed msgpack
 */
export function findBody(buffer: Buffer, start: number, end: number): BodyRange {
  const cursor = new MsgpackCursor(buffer, start, end);
  const pairs = cursor.mapHeader();
  if (pairs === undefined) throw new SaltbusError('ERR_SALTBUS_FRAME', 'The frame is no map');
  let body: BodyRange | undefined;
  for (let index = 0; index < pairs; index += 1) {
    const key = cursor.byteString();
    if (key !== undefined && BODY_KEY.equals(buffer.subarray(key.start, key.end))) {
      body = cursor.byteString();
      if (body === undefined)
        throw new SaltbusError('ERR_SALTBUS_FRAME', 'The body of the frame is no byte string');
    } else {
      if (key === undefined) cursor.skip();
      cursor.skip();
    }
  }
  if (cursor.position !== end) {
    throw new SaltbusError(
      'ERR_SALTBUS_FRAME',
      `${end - cursor.position} bytes follow the frame under its length`,
    );
  }
  if (body === undefined) throw new SaltbusError('ERR_SALTBUS_FRAME', 'The frame has no body');
  return body;
}
