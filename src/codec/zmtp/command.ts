/**
 * Commands of ZMTP 3: a frame with the COMMAND flag whose body is a name (1-byte length) and what belongs to it.
 *
 *     READY      *( name: 1-byte length, bytes; value: 4-byte length, bytes )
 *     ERROR      reason: 1-byte length, bytes
 *     SUBSCRIBE  topic            (3.1; to a 3.0 peer it is a message of 01 and the topic)
 *     CANCEL     topic            (3.1; to a 3.0 peer it is a message of 00 and the topic)
 *     PING       ttl: 2 bytes, tenths of a second; context: 0 to 16 bytes
 *     PONG       the same context
 */
import { SaltbusError } from '../../errors.ts';
import { COMMAND, frameHeadLength, writeFrameHead } from './frame.ts';
import { MAX_PROPERTIES } from './limits.ts';

/** A command, read. */
export type ZmtpCommand =
  | { readonly name: 'READY'; readonly socketType: string; readonly identity: Buffer }
  | { readonly name: 'ERROR'; readonly reason: string }
  | { readonly name: 'SUBSCRIBE'; readonly topic: Buffer }
  | { readonly name: 'CANCEL'; readonly topic: Buffer }
  | { readonly name: 'PING'; readonly ttlMs: number; readonly context: Buffer }
  | { readonly name: 'PONG'; readonly context: Buffer }
  /** one that ZMTP 3.1 does not have: to be passed over */
  | { readonly name: 'OTHER' };

/** Bytes of a routing id, at most. */
export const MAX_IDENTITY_BYTES = 255;

// libzmq 4.3.5 cuts a longer context to this, rather than to end the connection.
const MAX_CONTEXT_BYTES = 16;
const NOTHING: Buffer = Buffer.alloc(0);
const OTHER: ZmtpCommand = { name: 'OTHER' };

/**
 * Reads the body of a command frame. What it holds are views of `buffer`.
 * @throws SaltbusError `ERR_SALTBUS_ZMTP` when it is cut short or makes no sense
 */
export function decodeCommand(buffer: Buffer, start: number, end: number): ZmtpCommand {
  const nameLength = start < end ? (buffer[start] ?? 0) : 0;
  const body = start + 1 + nameLength;
  if (nameLength === 0 || body > end) throw malformed('it has no name');
  switch (buffer.toString('latin1', start + 1, body)) {
    case 'READY':
      return decodeReady(buffer, body, end);
    case 'ERROR': {
      const reasonLength = body < end ? (buffer[body] ?? 0) : 0;
      return { name: 'ERROR', reason: printable(buffer, body + 1, Math.min(end, body + 1 + reasonLength)) };
    }
    case 'SUBSCRIBE':
      return { name: 'SUBSCRIBE', topic: buffer.subarray(body, end) };
    case 'CANCEL':
      return { name: 'CANCEL', topic: buffer.subarray(body, end) };
    case 'PING':
      if (end - body < 2) throw malformed('a PING has no ttl');
      return {
        name: 'PING',
        ttlMs: buffer.readUInt16BE(body) * 100,
        context: buffer.subarray(body + 2, Math.min(end, body + 2 + MAX_CONTEXT_BYTES)),
      };
    case 'PONG':
      return { name: 'PONG', context: buffer.subarray(body, Math.min(end, body + MAX_CONTEXT_BYTES)) };
    default:
      return OTHER;
  }
}

function decodeReady(buffer: Buffer, start: number, end: number): ZmtpCommand {
  let socketType = '';
  let identity = NOTHING;
  let at = start;
  for (let count = 0; at < end; count += 1) {
    if (count === MAX_PROPERTIES) throw malformed(`READY has more than ${MAX_PROPERTIES} properties`);
    const nameEnd = at + 1 + (buffer[at] ?? 0);
    if (nameEnd === at + 1 || nameEnd + 4 > end) throw malformed('READY is cut short');
    const valueEnd = nameEnd + 4 + buffer.readUInt32BE(nameEnd);
    if (valueEnd > end) throw malformed('READY is cut short');
    // The specification makes names case-insensitive.
    const name = buffer.toString('latin1', at + 1, nameEnd).toLowerCase();
    if (name === 'socket-type') socketType = printable(buffer, nameEnd + 4, valueEnd);
    else if (name === 'identity') {
      if (valueEnd - nameEnd - 4 > MAX_IDENTITY_BYTES) throw malformed('the identity is over 255 bytes');
      identity = buffer.subarray(nameEnd + 4, valueEnd);
    }
    at = valueEnd;
  }
  return { name: 'READY', socketType, identity };
}

// Text of a stranger goes into error messages: what is not plain ASCII becomes a dot.
function printable(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('latin1', start, end).replace(/[^\x20-\x7e]/g, '.');
}

function malformed(what: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_ZMTP', `The other end sent a command that is malformed: ${what}`);
}

function command(name: string, ...parts: readonly Uint8Array[]): Buffer {
  let length = 1 + name.length;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(frameHeadLength(length) + length);
  let at = writeFrameHead(frame, 0, length, COMMAND);
  frame[at] = name.length;
  at += 1 + frame.write(name, at + 1, 'latin1');
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

function property(name: string, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + name.length + 4 + value.length);
  bytes[0] = name.length;
  bytes.write(name, 1, 'latin1');
  bytes.writeUInt32BE(value.length, 1 + name.length);
  bytes.set(value, 5 + name.length);
  return bytes;
}

/**
 * The READY command. A REQ and a ROUTER tell an identity, an empty one too; PUB and SUB do not (libzmq 4.3.5).
 * @param identity - `undefined`: the property is left out
 */
export function encodeReady(socketType: string, identity: Uint8Array | undefined): Buffer {
  const type = property('Socket-Type', Buffer.from(socketType, 'latin1'));
  return identity === undefined
    ? command('READY', type)
    : command('READY', type, property('Identity', identity));
}

/** The ERROR command, by which a peer is told why the connection will end. */
export function encodeError(reason: string): Buffer {
  const bytes = Buffer.from(reason, 'latin1').subarray(0, 255);
  return command('ERROR', Buffer.from([bytes.length]), bytes);
}

/** A PING. `ttlMs` is rounded to tenths of a second: how long the peer may hear nothing from us; 0 says nothing. */
export function encodePing(ttlMs: number, context: Uint8Array = NOTHING): Buffer {
  const ttl = Buffer.allocUnsafe(2);
  ttl.writeUInt16BE(Math.min(0xffff, Math.round(ttlMs / 100)));
  return command('PING', ttl, context);
}

/** The answer to a PING with this context. */
export function encodePong(context: Uint8Array): Buffer {
  return command('PONG', context);
}

/** A subscription or its end, as the peer's version has it: a command for 3.1, a message for 3.0. */
export function encodeSubscription(topic: Uint8Array, on: boolean, minor: number): Buffer {
  if (minor >= 1) return command(on ? 'SUBSCRIBE' : 'CANCEL', topic);
  const frame = Buffer.allocUnsafe(frameHeadLength(topic.length + 1) + topic.length + 1);
  const at = writeFrameHead(frame, 0, topic.length + 1, 0);
  frame[at] = on ? 1 : 0;
  frame.set(topic, at + 1);
  return frame;
}
