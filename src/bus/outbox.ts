/**
 * The writing side of a bus: event bodies wait here, are framed and written once per tick, and the promise of a batch is
 * kept when the operating system has taken its bytes.
 */
import type { Duplex } from 'node:stream';
import { frameLength, writeFrameHead } from '../codec/framing.ts';
import type { Framing } from '../codec/framing.ts';
import { SaltbusError } from '../errors.ts';
import { Link } from '../transport/link.ts';
import type { LinkOptions, LinkOwner } from '../transport/link.ts';

/** How the outbox writes. */
export interface OutboxOptions extends LinkOptions {
  /** Finds out what the pull socket speaks; asked once per connection. */
  readonly resolveFraming: () => Promise<Framing>;
  /** Most bytes that wait; more is refused. */
  readonly maxBytes: number;
  /** How long a batch may wait for a connection, in milliseconds. */
  readonly waitMs: number;
}

const FIRST_SIZE = 4096;

/** Bodies that will be written together, and the promise of all who fired them. */
class Batch {
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: unknown) => void;
  timer: NodeJS.Timeout | undefined;
  readonly lengths: number[] = [];
  #bodies: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #used = 0;

  constructor() {
    this.promise = new Promise<void>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  get bytes(): number {
    return this.#used;
  }

  add(body: Buffer): void {
    const wanted = this.#used + body.length;
    if (wanted > this.#bodies.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.#bodies.length * 2));
      this.#bodies.copy(grown, 0, 0, this.#used);
      this.#bodies = grown;
    }
    body.copy(this.#bodies, this.#used);
    this.#used = wanted;
    this.lengths.push(body.length);
  }

  frames(framing: Framing): Buffer {
    let total = 0;
    for (const length of this.lengths) total += frameLength(length, framing);
    const frames = Buffer.allocUnsafe(total);
    let from = 0;
    let at = 0;
    for (const length of this.lengths) {
      at = writeFrameHead(frames, at, length, framing);
      this.#bodies.copy(frames, at, from, from + length);
      from += length;
      at += length;
    }
    return frames;
  }
}

/** One connection to a pull socket, opened when something is fired. */
export class Outbox implements LinkOwner {
  readonly #options: OutboxOptions;
  readonly #link: Link;
  #batch: Batch | undefined;
  #writing = 0;
  #writingBytes = 0;
  #framing: Framing | undefined;
  #resolving = false;
  #scheduled = false;
  #idle: (() => void)[] = [];
  #linkError: unknown;
  #handedOver = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#link = new Link(this, options);
  }

  /** Events that the operating system has taken. */
  get handedOver(): number {
    return this.#handedOver;
  }

  /** Bytes of bodies that wait, or are being written. */
  get waitingBytes(): number {
    return (this.#batch?.bytes ?? 0) + this.#writingBytes;
  }

  /**
   * Takes a copy of a body and returns the promise of its batch.
   * @throws SaltbusError (rejection) `ERR_SALTBUS_OUTBOX_FULL`, `ERR_SALTBUS_DISCONNECTED`, or why no connection could be made
   */
  send(body: Buffer): Promise<void> {
    if (this.waitingBytes > 0 && this.waitingBytes + body.length > this.#options.maxBytes) {
      return Promise.reject(
        new SaltbusError(
          'ERR_SALTBUS_OUTBOX_FULL',
          `${this.waitingBytes} bytes wait to be written, and the outbox holds ${this.#options.maxBytes}`,
        ),
      );
    }
    const batch = (this.#batch ??= this.#newBatch());
    batch.add(body);
    this.#schedule();
    return batch.promise;
  }

  /** Resolves when nothing waits any more: all was written, or its firing program was told why not. */
  async drained(): Promise<void> {
    if (this.#batch === undefined && this.#writing === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
    });
  }

  /** Closes for good; what still waits is rejected with `error`. */
  close(error: SaltbusError): void {
    const stream = this.#link.stream;
    // What was written is the kernel's; an orderly end lets the daemon read all of it before it sees the end.
    stream?.end();
    this.#link.close();
    this.#fail(error);
  }

  #newBatch(): Batch {
    const batch = new Batch();
    batch.timer = setTimeout(() => {
      if (this.#batch === batch) this.#fail(this.#waitError());
    }, this.#options.waitMs);
    return batch;
  }

  #waitError(): unknown {
    if (this.#linkError instanceof SaltbusError) return this.#linkError;
    return new SaltbusError(
      'ERR_SALTBUS_TIMEOUT',
      `The event was not taken by ${this.#options.name} within ${this.#options.waitMs} ms`,
      { cause: this.#linkError },
    );
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#link.want();
    const stream = this.#link.stream;
    if (stream === undefined || stream.writableNeedDrain) return;
    if (this.#framing === undefined) {
      this.#resolve();
      return;
    }
    this.#batch = undefined;
    clearTimeout(batch.timer);
    this.#write(stream, batch, batch.frames(this.#framing));
  }

  #write(stream: Duplex, batch: Batch, frames: Buffer): void {
    this.#writing += 1;
    this.#writingBytes += frames.length;
    stream.write(frames, (error) => {
      this.#writing -= 1;
      this.#writingBytes -= frames.length;
      if (error == null) {
        this.#handedOver += batch.lengths.length;
        batch.resolve();
      } else {
        batch.reject(
          new SaltbusError(
            'ERR_SALTBUS_DISCONNECTED',
            `The connection to ${this.#options.name} broke while writing`,
            {
              cause: error,
            },
          ),
        );
      }
      this.#checkIdle();
    });
  }

  #resolve(): void {
    if (this.#resolving) return;
    this.#resolving = true;
    const stream = this.#link.stream;
    this.#options.resolveFraming().then(
      (framing) => {
        this.#resolving = false;
        // What was found out holds for the daemon behind this connection; after a reconnect it is asked again.
        if (this.#link.stream === stream) this.#framing = framing;
        this.#flush();
      },
      (error: unknown) => {
        this.#resolving = false;
        this.#fail(error);
      },
    );
  }

  #fail(error: unknown): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined) {
      clearTimeout(batch.timer);
      batch.reject(error);
    }
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#batch !== undefined || this.#writing > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  onOpen(stream: Duplex): void {
    this.#linkError = undefined;
    stream.on('drain', () => {
      this.#flush();
    });
    // Nothing is ever sent to a firing program (all releases), but only a socket that is read reports its end.
    stream.resume();
    this.#flush();
  }

  onLost(error: Error | undefined): void {
    this.#framing = undefined;
    this.#linkError = error;
    if (this.#batch === undefined) this.#link.release();
  }

  onFailed(error: unknown, final: boolean): void {
    this.#linkError = error;
    if (final) this.#fail(error);
  }
}
