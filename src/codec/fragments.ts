const FRAGMENT_SLAB = 64 * 1024;

/** Pieces of a frame that has not ended yet; small ones are gathered, so that a peer that drips costs no more than its bytes. */
export class Fragments {
  #pieces: Buffer[] = [];
  #slab: Buffer | undefined;
  #slabUsed = 0;
  #length = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /** Holds a piece; it must not be changed afterwards. */
  add(piece: Buffer): void {
    this.#length += piece.length;
    if (piece.length >= FRAGMENT_SLAB / 16) {
      this.#seal();
      this.#pieces.push(piece);
      return;
    }
    let rest = piece;
    while (rest.length > 0) {
      this.#slab ??= Buffer.allocUnsafeSlow(Math.max(512, Math.min(FRAGMENT_SLAB, this.#length * 2)));
      const taken = Math.min(rest.length, this.#slab.length - this.#slabUsed);
      rest.copy(this.#slab, this.#slabUsed, 0, taken);
      this.#slabUsed += taken;
      if (this.#slabUsed === this.#slab.length) this.#seal();
      rest = rest.subarray(taken);
    }
  }

  #seal(): void {
    if (this.#slab === undefined) return;
    if (this.#slabUsed > 0) this.#pieces.push(this.#slab.subarray(0, this.#slabUsed));
    this.#slab = undefined;
    this.#slabUsed = 0;
  }

  /** All pieces as one buffer; nothing is held afterwards. */
  take(): Buffer {
    this.#seal();
    const whole = Buffer.concat(this.#pieces, this.#length);
    this.#pieces = [];
    this.#length = 0;
    return whole;
  }
}
