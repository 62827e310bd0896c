/**
 * Drives one connection through the states of `link-state.ts`: opens, waits, opens again.
 */
import type { Duplex } from 'node:stream';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import { DEFAULT_BACKOFF, backoffDelay } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { nextLinkState } from './link-state.ts';
import type { LinkEffect, LinkInput, LinkState } from './link-state.ts';

/** What a link tells its owner. */
export interface LinkOwner {
  /** A connection is open: attach to it. It is destroyed by the link. */
  onOpen(stream: Duplex): void;
  /** The open connection ended; the link tries again by itself. */
  onLost(error: Error | undefined): void;
  /** An attempt failed; with `final`, the link does not try again until it is wanted anew. */
  onFailed(error: unknown, final: boolean): void;
}

/** How a link gets its connections. */
export interface LinkOptions {
  /** The name for diagnostics. */
  readonly name: string;
  readonly open: (signal: AbortSignal) => Promise<Duplex>;
  readonly backoff?: Backoff;
}

// A connection that ends sooner than this was refused in effect: the next wait is longer than the last.
const SOON_MS = 1000;

/** One connection that is kept up while it is wanted. */
export class Link {
  readonly #owner: LinkOwner;
  readonly #options: LinkOptions;
  readonly #backoff: Backoff;
  #state: LinkState = { name: 'idle' };
  #stream: Duplex | undefined;
  #attempt: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastError: unknown;
  #wasOpen = false;
  #openedAt = 0;

  constructor(owner: LinkOwner, options: LinkOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
  }

  /** Where the connection stands. */
  get state(): LinkState['name'] {
    return this.#state.name;
  }

  /** The open connection. */
  get stream(): Duplex | undefined {
    return this.#stream;
  }

  /** Asks for the connection to be kept up. */
  want(): void {
    this.#take({ type: 'want' });
  }

  /** Gives the connection up until it is wanted again. */
  release(): void {
    this.#take({ type: 'release' });
  }

  /** Gives the connection up for good. */
  close(): void {
    this.#take({ type: 'close' });
  }

  /** Ends an open connection as if the peer had done so; the link opens another. */
  reset(error: Error): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#ended(stream, error);
  }

  #take(input: LinkInput): void {
    const { state, effects } = nextLinkState(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#apply(effect);
  }

  #apply(effect: LinkEffect): void {
    switch (effect.type) {
      case 'connect':
        this.#connect();
        return;
      case 'wait':
        this.#wait(effect.attempt);
        return;
      case 'stop-waiting':
        clearTimeout(this.#timer);
        return;
      case 'drop':
        this.#attempt?.abort();
        this.#attempt = undefined;
        this.#discard();
        return;
      case 'tell-open':
        if (this.#stream !== undefined) this.#owner.onOpen(this.#stream);
        return;
      case 'tell-lost':
        this.#owner.onLost(this.#lastError instanceof Error ? this.#lastError : undefined);
        return;
      case 'tell-failed':
        this.#owner.onFailed(this.#lastError, effect.final);
        return;
    }
  }

  #connect(): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#options.open(attempt.signal).then(
      (stream) => {
        if (attempt.signal.aborted) {
          stream.on('error', () => undefined);
          stream.destroy();
          return;
        }
        this.#opened(stream);
      },
      (error: unknown) => {
        if (attempt.signal.aborted) return;
        this.#lastError = error;
        // Once it was open, nothing is final: a daemon that starts makes its socket before it sets the mode.
        const canRetry = this.#wasOpen || (error instanceof SaltbusError && error.retryable);
        this.#take({ type: 'failed', final: !canRetry });
      },
    );
  }

  #opened(stream: Duplex): void {
    this.#stream = stream;
    this.#wasOpen = true;
    this.#openedAt = performance.now();
    const ended = (error?: Error): void => {
      this.#ended(stream, error);
    };
    stream.on('error', ended);
    stream.on('end', ended);
    stream.on('close', ended);
    publish('saltbus:link:open', { endpoint: this.#options.name });
    this.#take({ type: 'opened' });
  }

  #ended(stream: Duplex, error: Error | undefined): void {
    if (this.#stream !== stream) return;
    this.#lastError = error;
    this.#discard();
    this.#take({ type: 'lost', soon: performance.now() - this.#openedAt < SOON_MS });
  }

  #discard(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    stream.removeAllListeners('data');
    stream.on('error', () => undefined);
    stream.destroy();
  }

  #wait(attempt: number): void {
    // What was told before this effect may have made the owner close.
    if (this.#state.name !== 'waiting') return;
    const delay = backoffDelay(this.#backoff, attempt, Math.random());
    publish('saltbus:link:retry', { endpoint: this.#options.name, error: this.#lastError, retryInMs: delay });
    this.#timer = setTimeout(() => {
      this.#take({ type: 'elapsed' });
    }, delay);
  }
}
