/**
 * stdout as a place that can be full, or gone.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const FINISH_MS = 1000;

/** Writes to stdout; `false` from {@link StdoutWriter.write} means that nobody reads any more (`| head -1`). */
export class StdoutWriter {
  #closed = false;
  #onClosed: (() => void) | undefined;
  readonly #stopped: Promise<unknown>;
  readonly #stop: AbortSignal;

  /** @param stop - when aborted, nothing more is waited for: a reader that does not read must not hold the program */
  constructor(stop: AbortSignal) {
    this.#stop = stop;
    this.#stopped = stop.aborted ? Promise.resolve() : once(stop, 'abort');
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
    if (this.#closed || (this.#stop.aborted && process.stdout.writableNeedDrain)) return false;
    if (!process.stdout.write(content)) {
      await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close'), this.#stopped]).catch(
        () => undefined,
      );
    }
    return !this.#closed;
  }

  /**
   * Waits until everything was written, after a stop for a second at the most; ends the process with `exitCode` when it was not, because
   * what is still to be written would keep it alive.
   */
  async finish(exitCode: number): Promise<void> {
    if (this.#closed || process.stdout.writableLength === 0) return;
    const written = new Promise<boolean>((resolve) => {
      process.stdout.write('', () => {
        resolve(true);
      });
    });
    const late = this.#stopped.then(() => delay(FINISH_MS, false, { ref: false }));
    if (!(await Promise.race([written, late]))) process.exit(exitCode);
  }
}
