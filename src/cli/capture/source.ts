/**
 * The records of a capture file or of stdin, in the groups in which they are read.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { CaptureReader } from '../../codec/capture/read.ts';
import type { CaptureTail } from '../../codec/capture/read.ts';
import type { CaptureRecord } from '../../codec/capture/records.ts';
import { SaltbusError } from '../../errors.ts';

/**
 * Reads to the end, or until the signal is aborted; `onEnd` is told how the file ends.
 * @throws SaltbusError `ERR_SALTBUS_CAPTURE` naming the file, `ERR_SALTBUS_USAGE` when it cannot be read
 */
export async function* captureRecords(
  path: string,
  signal: AbortSignal,
  onEnd: (tail: CaptureTail) => void,
): AsyncGenerator<CaptureRecord[], undefined> {
  const name = path === '-' ? 'stdin' : path;
  const input: Readable =
    path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 256 * 1024 });
  const end = (): void => {
    input.destroy();
  };
  signal.addEventListener('abort', end, { once: true });
  const reader = new CaptureReader();
  try {
    for await (const piece of input) {
      const records = reader.push(piece as Buffer);
      if (records.length > 0) yield records;
    }
    onEnd(reader.end());
  } catch (error) {
    if (signal.aborted) return;
    throw explained(name, error);
  } finally {
    signal.removeEventListener('abort', end);
    input.destroy();
  }
}

function explained(name: string, error: unknown): unknown {
  if (error instanceof SaltbusError) {
    if (error.code !== 'ERR_SALTBUS_CAPTURE') return error;
    return new SaltbusError(error.code, `${name}: ${error.message}`, { cause: error, next: error.next });
  }
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code === undefined) return error;
  return new SaltbusError('ERR_SALTBUS_USAGE', `${name} cannot be read: ${error.message}`, {
    cause: error,
    next: 'Look at the path and its permissions.',
  });
}
