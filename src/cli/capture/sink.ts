/**
 * Where a capture is written: a file that is appended to, or stdout.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { CaptureReader } from '../../codec/capture/read.ts';
import { captureHeader } from '../../codec/capture/write.ts';
import { SaltbusError } from '../../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { StdoutWriter } from '../output/writer.ts';

/** A place for the bytes of a capture. */
export interface CaptureSink extends AsyncDisposable {
  /** What the user should know about the file that was there; one line. */
  readonly note: string | undefined;
  /**
   * Writes whole records; `false` when nobody reads any more.
   * @throws SaltbusError (rejection) `ERR_SALTBUS_SYSTEM`
   */
  write(bytes: Buffer): Promise<boolean>;
  /** Calls back when nobody reads any more. */
  onClosed(listener: () => void): void;
}

const READ_BYTES = 1024 * 1024;
const SYNC_AFTER_MS = 1000;

/**
 * Opens a file for a capture, or stdout for `-`. A capture file that is there goes on; any other file is left alone.
 * @param stop - when aborted, a reader of stdout that does not read is waited for no longer
 * @throws SaltbusError (rejection) `ERR_SALTBUS_CAPTURE` for a file that is no capture, `ERR_SALTBUS_USAGE` when it cannot be opened
 */
export async function openSink(path: string, overwrite: boolean, stop: AbortSignal): Promise<CaptureSink> {
  if (path === '-') return openStdout(stop);
  let file: FileHandle;
  try {
    // Events can hold secrets: the file is for its owner only.
    file = await open(path, overwrite ? 'w+' : 'a+', 0o600);
  } catch (error) {
    throw cannotUse(path, 'opened', error);
  }
  try {
    const status = await file.stat();
    const note = status.isFile() && status.size > 0 ? await goOn(path, file) : undefined;
    const sink = new FileSink(path, file, note, status.isFile());
    if (!status.isFile() || (await file.stat()).size === 0) await sink.write(captureHeader());
    return sink;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads a capture file to its end, cuts off a record that is not whole, and says what was found. */
async function goOn(path: string, file: FileHandle): Promise<string> {
  const reader = new CaptureReader();
  let records = 0;
  for (let at = 0; ;) {
    // A piece of its own each time: the reader keeps views.
    const piece = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    try {
      records += reader.push(piece.subarray(0, bytesRead)).length;
    } catch (error) {
      throw named(path, error);
    }
  }
  let tail;
  try {
    tail = reader.end();
  } catch (error) {
    throw named(path, error);
  }
  if (tail.tornBytes === 0) return `${path} goes on after ${records} records`;
  await file.truncate(tail.wholeBytes);
  return `${path} goes on after ${records} records; its last one was cut short, and its ${tail.tornBytes} bytes are removed`;
}

function named(path: string, error: unknown): unknown {
  if (!(error instanceof SaltbusError)) return error;
  return new SaltbusError(error.code, `${path}: ${error.message}`, {
    cause: error,
    next: 'Choose another file, or replace this one with --overwrite.',
  });
}

function cannotUse(path: string, what: string, error: unknown): SaltbusError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SaltbusError('ERR_SALTBUS_USAGE', `${path} cannot be ${what}: ${reason}`, {
    cause: error,
    next: 'Look at the path and its permissions.',
  });
}

class FileSink implements CaptureSink {
  readonly note: string | undefined;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #regular: boolean;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing: Promise<unknown> = Promise.resolve();
  #syncError: unknown;

  constructor(path: string, file: FileHandle, note: string | undefined, regular: boolean) {
    this.#path = path;
    this.#file = file;
    this.note = note;
    this.#regular = regular;
  }

  async write(bytes: Buffer): Promise<boolean> {
    if (this.#syncError !== undefined) throw this.#failed(this.#syncError);
    const whole = this.#regular ? (await this.#file.stat()).size : 0;
    try {
      for (let at = 0; at < bytes.length;) {
        at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return false;
      // A full disk: what was written of these records is taken back, so that the file ends with a whole one.
      if (this.#regular) await this.#file.truncate(whole).catch(() => undefined);
      throw this.#failed(error);
    }
    if (this.#regular) this.#syncSoon();
    return true;
  }

  onClosed(): void {
    // A file has no reader that could go away.
  }

  // A kill loses nothing that was written; a power failure loses what is not on the disk yet.
  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      this.#syncing = this.#file.datasync().catch((error: unknown) => {
        this.#syncError = error;
      });
    }, SYNC_AFTER_MS).unref();
  }

  #failed(error: unknown): SaltbusError {
    const reason = error instanceof Error ? error.message : String(error);
    return new SaltbusError('ERR_SALTBUS_SYSTEM', `Writing ${this.#path} failed: ${reason}`, {
      cause: error,
      next: 'What was captured before is whole. Make room, and start again: the file goes on where it ended.',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#syncTimer);
    await this.#syncing;
    try {
      if (this.#regular) await this.#file.datasync();
    } finally {
      await this.#file.close();
    }
  }
}

async function openStdout(stop: AbortSignal): Promise<CaptureSink> {
  if (process.stdout.isTTY) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', 'A capture is bytes, and stdout is a terminal', {
      next: 'Give a file, or a program that reads: saltbus capture - | ssh host "cat >events.sbcap".',
    });
  }
  const out = new StdoutWriter(stop);
  await out.write(captureHeader());
  return {
    note: undefined,
    write: (bytes) => out.write(bytes),
    onClosed: (listener) => {
      out.onClosed(listener);
    },
    [Symbol.asyncDispose]: () => out.finish(EXIT.ok),
  };
}
