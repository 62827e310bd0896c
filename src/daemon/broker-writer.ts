import type { Duplex } from 'node:stream';
import { findBody } from '../codec/envelope.ts';
import { FrameSplitter } from '../codec/frame-splitter.ts';
import type { BodyRange, Framing } from '../codec/framing.ts';
import { SaltbusError, withoutStack } from '../errors.ts';
import { problemOfBody } from '../event.ts';

/** What the connection of a firing program tells the broker. */
export interface WriterOwner {
  /** An event. `frame` is where its canonical frame stands, with its length prefix; `undefined` when it is not canonical. */
  onFrame(buffer: Buffer, frame: BodyRange | undefined, body: BodyRange, framing: Framing): void;
  onChunkEnd(): void;
  /** Bytes that are no event; `closed`: the stream is out of step, and the connection is given up. */
  onMalformed(error: SaltbusError, closed: boolean): void;
  onGone(writer: BrokerWriter): void;
}

/** A connection from which the broker takes events. */
export class BrokerWriter {
  readonly #duplex: Duplex;
  readonly #owner: WriterOwner;
  readonly #splitter: FrameSplitter;
  #gone = false;

  constructor(duplex: Duplex, maxFrameBytes: number, owner: WriterOwner) {
    this.#duplex = duplex;
    this.#owner = owner;
    this.#splitter = new FrameSplitter(
      (buffer, start, end, bodyStart) => {
        this.#onFrame(buffer, start, end, bodyStart);
      },
      { maxFrameBytes },
    );
    duplex.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    duplex.on('end', () => {
      this.#ended();
    });
    duplex.on('error', () => {
      this.#ended();
    });
    duplex.on('close', () => {
      this.#ended();
    });
  }

  /** Stops reading until {@link resume}. */
  pause(): void {
    this.#duplex.pause();
  }

  resume(): void {
    this.#duplex.resume();
  }

  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#duplex.destroy();
    this.#owner.onGone(this);
  }

  // An orderly end and a reset lose the same: the frame that had begun.
  #ended(): void {
    if (!this.#gone && !this.#splitter.atBoundary) {
      this.#owner.onMalformed(
        new SaltbusError(
          'ERR_SALTBUS_FRAME',
          `The stream ended inside a frame, after ${this.#splitter.heldBytes} bytes of it`,
        ),
        false,
      );
    }
    this.close();
  }

  #read(chunk: Buffer): void {
    try {
      this.#splitter.push(chunk);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#owner.onMalformed(explained(error, chunk), true);
      this.close();
    }
    this.#owner.onChunkEnd();
  }

  #onFrame(buffer: Buffer, start: number, end: number, bodyStart: number): void {
    const framing = this.#splitter.framing ?? 'bare';
    try {
      const canonical = bodyStart !== -1;
      const body = canonical ? { start: bodyStart, end } : withoutStack(() => findBody(buffer, start, end));
      const problem = problemOfBody(buffer, body.start, body.end);
      if (problem !== undefined) throw problem;
      this.#owner.onFrame(buffer, canonical ? { start, end } : undefined, body, framing);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#owner.onMalformed(error, false);
    }
  }
}

// What strays onto such a socket is most often one of these two.
function explained(error: SaltbusError, chunk: Buffer): SaltbusError {
  const start = chunk.toString('latin1', 0, 8);
  if (/^(GET|POST|PUT|HEAD|OPTIONS|DELETE) /.test(start)) {
    return new SaltbusError(error.code, `${error.message}: this is an HTTP request`, { cause: error });
  }
  if (start.startsWith('\x16\x03')) {
    return new SaltbusError(error.code, `${error.message}: this is a TLS hello`, { cause: error });
  }
  return error;
}
