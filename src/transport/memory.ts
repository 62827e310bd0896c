import { Duplex } from 'node:stream';

class MemoryEnd extends Duplex {
  #other: MemoryEnd | undefined;
  #wanted: (() => void) | undefined;

  join(other: MemoryEnd): void {
    this.#other = other;
  }

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const other = this.#other;
    if (other === undefined || other.destroyed || other.push(chunk)) done();
    else other.#wanted = done;
  }

  override _final(done: () => void): void {
    if (this.#other?.destroyed === false) this.#other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.#other;
    this.#other = undefined;
    this._read();
    if (other?.destroyed === false && !other.readableEnded) other.push(null);
    done(error);
  }
}

/** Two ends of a connection in memory, with back-pressure: what is written to one is read from the other. */
export function memoryPair(): [Duplex, Duplex] {
  const left = new MemoryEnd({ allowHalfOpen: true });
  const right = new MemoryEnd({ allowHalfOpen: true });
  left.join(right);
  right.join(left);
  return [left, right];
}
