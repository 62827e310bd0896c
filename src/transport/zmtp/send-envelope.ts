import { envelopeHeadLength, writeEnvelopeHead } from '../../codec/zmtp/frame.ts';
import type { ZmtpConnection } from './connection.ts';

// A larger payload is handed on as it is; a smaller one is cheaper to copy behind its head.
const COPY_BYTES = 16 * 1024;

/** Sends a payload behind an empty frame. One over 16 KiB must not be changed until it was taken. */
export function sendEnvelope(connection: ZmtpConnection, payload: Uint8Array): void {
  const head = envelopeHeadLength(payload.length);
  if (payload.length > COPY_BYTES) {
    const bytes = Buffer.allocUnsafe(head);
    writeEnvelopeHead(bytes, 0, payload.length);
    connection.send(bytes);
    connection.send(Buffer.from(payload.buffer, payload.byteOffset, payload.length));
    return;
  }
  const bytes = Buffer.allocUnsafe(head + payload.length);
  bytes.set(payload, writeEnvelopeHead(bytes, 0, payload.length));
  connection.send(bytes);
}
