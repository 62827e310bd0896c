/** Follows the frames of messages that must be an empty frame and a payload, as REQ and ROUTER exchange them. */
export class EnvelopeReader {
  #index = 0;
  #odd = false;

  /**
   * Takes the next frame.
   * @returns `more`: the message goes on; `payload`: this frame is the payload, and the last; `odd`: a message of another form has ended
   */
  next(length: number, more: boolean): 'more' | 'payload' | 'odd' {
    if (this.#index === 0) this.#odd = length > 0 || !more;
    else if (this.#index > 1 || more) this.#odd = true;
    if (more) {
      this.#index += 1;
      return 'more';
    }
    this.#index = 0;
    return this.#odd ? 'odd' : 'payload';
  }

  /** Forgets a message that was cut by the end of its connection. */
  reset(): void {
    this.#index = 0;
    this.#odd = false;
  }
}
