/**
 * The least of a ZeroMQ REQ socket that carries one request and its reply: for tests that must not lean on our own transport.
 */
import { connect } from 'node:net';
import { SaltbusError } from '../../src/errors.ts';

const GREETING = Buffer.alloc(64);
GREETING.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);
GREETING.write('NULL', 12, 'latin1');
const READY = Buffer.from(
  '0426055245414459' + '0b536f636b65742d5479706500000003524551' + '084964656e7469747900000000',
  'hex',
);

function frame(flags: number, body: Uint8Array): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const header = Buffer.alloc(9);
  header[0] = flags | 2;
  header.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([header, body]);
}

interface Frame {
  readonly flags: number;
  readonly body: Buffer;
  readonly end: number;
}

function frameAt(bytes: Buffer, start: number): Frame | undefined {
  const flags = bytes[start];
  if (flags === undefined) return undefined;
  const isLong = (flags & 2) !== 0;
  const header = isLong ? 9 : 2;
  if (bytes.length < start + header) return undefined;
  const length = isLong ? Number(bytes.readBigUInt64BE(start + 1)) : bytes.readUInt8(start + 1);
  const end = start + header + length;
  return bytes.length < end ? undefined : { flags, body: bytes.subarray(start + header, end), end };
}

/** Sends one request to a port on loopback and resolves with the reply. */
export function rawRequest(
  port: number,
  payload: Buffer,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    const signal = AbortSignal.any([
      AbortSignal.timeout(options.timeoutMs),
      ...(options.signal ? [options.signal] : []),
    ]);
    const abort = (): void => {
      socket.destroy(new SaltbusError('ERR_SALTBUS_TIMEOUT', `No reply in ${options.timeoutMs} ms`));
    };
    signal.addEventListener('abort', abort, { once: true });
    let bytes = Buffer.alloc(0);
    let at = GREETING.length;
    socket.write(Buffer.concat([GREETING, READY]));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let next = frameAt(bytes, at); next !== undefined; next = frameAt(bytes, at)) {
        at = next.end;
        const isCommand = (next.flags & 4) !== 0;
        if (isCommand && next.body.toString('latin1', 1, 6) === 'READY') {
          socket.write(Buffer.concat([frame(1, Buffer.alloc(0)), frame(0, payload)]));
        } else if (!isCommand && (next.flags & 1) === 0) {
          resolve(Buffer.from(next.body));
          socket.destroy();
          return;
        }
      }
    });
    socket.on('error', reject);
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new SaltbusError('ERR_SALTBUS_DISCONNECTED', 'The master closed the connection'));
    });
  });
}
