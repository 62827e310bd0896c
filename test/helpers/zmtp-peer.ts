/** A scripted ZMTP peer: writes the bytes it is told to, and reads frame by frame, on any duplex. */
import type { Duplex } from 'node:stream';
import { encodeReady } from '../../src/codec/zmtp/command.ts';
import { encodeMessage } from '../../src/codec/zmtp/frame.ts';
import { encodeGreeting } from '../../src/codec/zmtp/greeting.ts';
import { ZmtpParser } from '../../src/codec/zmtp/parser.ts';

/** A peer whose other end is under test. */
export class ZmtpScriptedPeer {
  readonly duplex: Duplex;
  /** Whether the other end has ended the connection. */
  ended = false;
  readonly #seen: string[] = [];
  #waiting: { readonly wanted: () => boolean; readonly resolve: () => void }[] = [];

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    const parser = new ZmtpParser({
      onGreeting: ({ minor }) => this.#saw(`greeting ${minor}`),
      onFrame: (buffer, start, end, more) =>
        this.#saw(`${more ? 'more' : 'last'} ${buffer.toString('latin1', start, end)}`),
      onCommand: (buffer, start, end) => this.#saw(`command ${buffer.toString('latin1', start + 1, end)}`),
    });
    duplex.on('data', (chunk: Buffer) => {
      parser.push(chunk);
    });
    const over = (): void => {
      this.ended = true;
      this.#wake();
    };
    duplex.on('end', over);
    duplex.on('close', over);
    duplex.on('error', over);
  }

  /** All that was read: `greeting`, `more`, `last` and `command` with what they hold. */
  get seen(): readonly string[] {
    return this.#seen;
  }

  write(...pieces: readonly (Buffer | string)[]): void {
    for (const piece of pieces)
      this.duplex.write(typeof piece === 'string' ? Buffer.from(piece, 'hex') : piece);
  }

  message(...frames: readonly (Buffer | string)[]): void {
    this.duplex.write(encodeMessage(frames.map((frame) => Buffer.from(frame as string, 'latin1'))));
  }

  /** Greets and introduces itself, and waits for nothing. */
  introduce(socketType: string, identity?: string, minor = 1): void {
    const greeting = encodeGreeting();
    greeting[11] = minor;
    this.write(greeting, encodeReady(socketType, identity === undefined ? undefined : Buffer.from(identity)));
  }

  /** Greets and introduces itself, and waits for the READY of the other end. */
  async shakeHands(socketType: string, identity?: string, minor = 1): Promise<void> {
    this.introduce(socketType, identity, minor);
    await this.sees((line) => line.startsWith('command READY'));
  }

  /** Resolves when a line was read for which `wanted` holds. */
  sees(wanted: string | ((line: string) => boolean)): Promise<void> {
    return this.until(() =>
      this.#seen.some((line) => (typeof wanted === 'string' ? line === wanted : wanted(line))),
    );
  }

  /** Resolves when the other end has ended the connection. */
  end(): Promise<void> {
    return this.until(() => this.ended);
  }

  /** Resolves when something holds; looked at whenever something comes. */
  until(wanted: () => boolean): Promise<void> {
    if (wanted()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }

  #saw(line: string): void {
    this.#seen.push(line);
    this.#wake();
  }

  #wake(): void {
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => {
      if (!wanted()) return true;
      resolve();
      return false;
    });
  }
}
