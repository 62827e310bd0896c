/**
 * The greeting of ZMTP 3, 64 bytes each way:
 *
 *     ff <8 bytes> 7f  major minor  mechanism (20, zero-padded)  as-server (1)  zeros (31)
 *
 * The 8 bytes are for peers of ZMTP 1.0 and mean nothing to later ones (libzmq 4.3.5 writes 1 + the length of its identity).
 */
import { SaltbusError } from '../../errors.ts';

/** Bytes of a greeting. */
export const GREETING_BYTES = 64;

/** What a greeting tells. */
export interface Greeting {
  /** 0 or 1 in use: ZMTP 3.0 or 3.1. */
  readonly minor: number;
}

const MECHANISM_AT = 12;
const MECHANISM_END = 32;
const NULL_MECHANISM = 'NULL'.padEnd(MECHANISM_END - MECHANISM_AT, '\0');

/** Our greeting: ZMTP 3.1, NULL mechanism. */
export function encodeGreeting(identityLength = 0): Buffer {
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting.writeUInt32BE(identityLength + 1, 5);
  greeting[9] = 0x7f;
  greeting[10] = 3;
  greeting[11] = 1;
  greeting.write('NULL', MECHANISM_AT, 'latin1');
  return greeting;
}

/**
 * Looks at the first bytes of a greeting, as far as they have come, so that a stranger is told off at once.
 * @throws SaltbusError `ERR_SALTBUS_ZMTP` when they cannot become a greeting that we take
 */
export function checkGreeting(bytes: Buffer): void {
  if (bytes.length > 0 && bytes[0] !== 0xff) throw notZmtp(bytes);
  if (bytes.length > 9 && ((bytes[9] ?? 0) & 1) === 0) throw tooOld('1.0');
  if (bytes.length > 10 && (bytes[10] ?? 0) < 3) throw tooOld('2.0');
  const shown = bytes.toString('latin1', MECHANISM_AT, Math.min(bytes.length, MECHANISM_END));
  if (!NULL_MECHANISM.startsWith(shown)) throw wrongMechanism(bytes);
}

/** Reads a whole greeting that {@link checkGreeting} let pass. */
export function decodeGreeting(bytes: Buffer): Greeting {
  // A later major version talks down to ours, as the ZMTP specification asks of it; what its minor means is unknown.
  return { minor: bytes[10] === 3 ? (bytes[11] ?? 0) : 1 };
}

function notZmtp(bytes: Buffer): SaltbusError {
  const start = bytes.toString('latin1', 0, 8);
  let what = `its first byte is 0x${(bytes[0] ?? 0).toString(16).padStart(2, '0')}`;
  if (/^(GET|POST|PUT|HEAD|OPTIONS|DELETE|CONNECT|PRI) /.test(start)) what = 'this is an HTTP request';
  else if (start.startsWith('HTTP/')) what = 'this is an HTTP server';
  else if (start.startsWith('\x16\x03')) what = 'this is a TLS hello';
  else if (start.startsWith('SSH-')) what = 'this is SSH';
  return new SaltbusError('ERR_SALTBUS_ZMTP', `The other end does not speak ZeroMQ: ${what}`);
}

function tooOld(version: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_ZMTP', `The other end speaks ZMTP ${version}, and 3.0 is needed`, {
    next: 'Use libzmq 4 or later at the other end.',
  });
}

function wrongMechanism(bytes: Buffer): SaltbusError {
  const text = bytes.toString('latin1', MECHANISM_AT, Math.min(bytes.length, MECHANISM_END));
  const name = text.replace(/\0.*$/s, '');
  const shown = /^[A-Z0-9-]*$/.test(name) ? `'${name}'` : 'no name at all';
  return new SaltbusError(
    'ERR_SALTBUS_ZMTP',
    `The other end asks for a security mechanism other than NULL: ${shown}`,
    { next: 'Salt uses NULL alone and encrypts inside of messages; look at what listens there.' },
  );
}
