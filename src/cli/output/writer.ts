/**
 * stdout as a place that can be full, or gone.
 */
import { once } from 'node:events';

/** Writes to stdout; `false` from {@link StdoutWriter.write} means that nobody reads any more (`| head -1`). */
export class StdoutWriter {
  #closed = false;
  #onClosed: (() => void) | undefined;

  constructor() {
    // main() lets nothing but a closed pipe through as an error of stdout
    process.stdout.on('error', () => {
      this.#closed = true;
      this.#onClosed?.();
    });
  }

  /** Calls back when the reader is gone. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }

  /** Writes, and waits while stdout is full. */
  async write(content: string | Uint8Array): Promise<boolean> {
    if (this.#closed) return false;
    if (!process.stdout.write(content)) {
      await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close')]).catch(
        () => undefined,
      );
    }
    return !this.#closed;
  }

  /** Waits until everything was written. */
  async finish(): Promise<void> {
    if (this.#closed || process.stdout.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      process.stdout.write('', () => {
        resolve();
      });
    });
  }
}
