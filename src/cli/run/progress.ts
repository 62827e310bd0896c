/**
 * One line on a terminal that says how far a job is.
 */
import { oneLine } from '../terminal.ts';

/** What is said. */
export interface Progress {
  readonly answered: number;
  readonly of: number;
  readonly waitingFor: readonly string[];
}

const LEAST_MS = 100;

/** Writes over its own line; nothing where stderr is no terminal. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #isOn: boolean;
  #shown = false;
  #since = -Infinity;

  constructor(stream: NodeJS.WriteStream = process.stderr, isOn: boolean = stream.isTTY) {
    this.#stream = stream;
    this.#isOn = isOn;
  }

  /** Shows how far it is, not more often than ten times a second. */
  show(progress: Progress, now: number = performance.now()): void {
    if (!this.#isOn || now - this.#since < LEAST_MS) return;
    this.#since = now;
    this.#shown = true;
    this.#stream.write(`\r\u001b[2K${progressText(progress, this.#stream.columns || 80)}`);
  }

  /** Takes the line away, before something else is written. */
  clear(): void {
    if (!this.#shown) return;
    this.#shown = false;
    this.#stream.write('\r\u001b[2K');
  }
}

/** The text: `3 of 10 answered, waiting for db1, db2`, cut at the width. */
export function progressText({ answered, of, waitingFor }: Progress, width: number): string {
  const names = waitingFor.slice(0, 20).join(', ');
  const text = oneLine(
    `${answered} of ${of} answered${waitingFor.length === 0 ? '' : `, waiting for ${names}`}`,
  );
  return text.length < width ? text : `${text.slice(0, Math.max(0, width - 2))}…`;
}
