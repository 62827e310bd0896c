/**
 * REQ: sends a request and takes its reply, one at a time.
 *
 * Nothing in a reply says which request it belongs to. A request that is given up therefore takes its connection with it: what
 * comes late comes on a connection that nobody reads any more (a late reply that was taken for the next one is what Salt users
 * see as "Nonce verification error").
 */
import { SaltbusError } from '../../errors.ts';
import { aborted } from '../connect.ts';
import { ZmtpClient } from './client.ts';
import type { ClientOptions } from './client.ts';
import { EnvelopeReader } from './envelope.ts';
import { sendEnvelope } from './send-envelope.ts';
import { closedError } from './server.ts';
import type { ZmtpTarget } from './settings.ts';
import { checkPositive } from './settings.ts';

/** How a REQ behaves. */
export interface ReqOptions extends ClientOptions {
  /** The routing id to present, up to 255 bytes; none when absent. */
  readonly identity?: Uint8Array;
  /** @defaultValue 1000: requests that may wait behind the one in flight; one more is refused */
  readonly maxWaiting?: number;
}

/** Of one request. */
export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** @defaultValue 60 000, as Salt's `request_channel_timeout`: how long the reply is awaited, waiting for a connection and for earlier requests included */
  readonly timeoutMs?: number;
}

interface Pending {
  readonly payload: Uint8Array;
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly resolve: (reply: Buffer) => void;
  readonly reject: (error: SaltbusError) => void;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

/** A REQ socket that connects with the first request, and connects again by itself. */
export class ReqSocket {
  readonly #client: ZmtpClient;
  readonly #maxWaiting: number;
  readonly #envelope = new EnvelopeReader();
  #current: Pending | undefined;
  #waiting: Pending[] = [];
  #lastError: SaltbusError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #whenIdle: (() => void)[] = [];
  #closing = false;

  /** @throws SaltbusError `ERR_SALTBUS_USAGE` for settings that make no sense */
  constructor(target: ZmtpTarget, options: ReqOptions = {}) {
    const { maxWaiting = 1000, identity } = options;
    checkPositive({ maxWaiting });
    if (identity !== undefined && (identity.length > 255 || identity[0] === 0))
      throw new SaltbusError(
        'ERR_SALTBUS_USAGE',
        'A routing id has 255 bytes at most, and does not begin with a zero byte',
      );
    this.#maxWaiting = maxWaiting;
    this.#client = new ZmtpClient(
      'REQ',
      target,
      {
        onReady: () => {
          this.#lastError = undefined;
          this.#next();
        },
        onFrame: (buffer, start, end, more) => {
          this.#onFrame(buffer, start, end, more);
        },
        onLost: (error) => {
          this.#onLost(error);
        },
        onFailed: (error) => {
          this.#lastError = error;
        },
      },
      options,
    );
  }

  /** Where it connects to, as a person reads it. */
  get remote(): string {
    return this.#client.name;
  }

  /** Whether there is a connection on which messages pass. */
  get connected(): boolean {
    return this.#client.ready !== undefined;
  }

  /** Requests that wait behind the one in flight. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Opens the connection before the first request. */
  open(): void {
    this.#client.open();
  }

  /**
   * Sends a request, after those that came before it, and resolves with the reply. A payload over 16 KiB must not be changed
   * meanwhile. When it times out or is aborted in flight, the connection is dropped and a new one made; one that still waited is not sent.
   * @throws SaltbusError (rejection) `ERR_SALTBUS_TIMEOUT` (its cause is why there was no connection), `ERR_SALTBUS_ABORTED`,
   * `ERR_SALTBUS_NO_REPLY` when the connection ended in flight, `ERR_SALTBUS_ZMTP` or `ERR_SALTBUS_LIMIT` for a reply that is none,
   * `ERR_SALTBUS_OUTBOX_FULL` when too many wait, `ERR_SALTBUS_CLOSED`
   */
  request(payload: Uint8Array, options: RequestOptions = {}): Promise<Buffer> {
    const { signal, timeoutMs = 60_000 } = options;
    if (this.#closing || this.#client.closed) return Promise.reject(closedError());
    if (signal?.aborted === true) return Promise.reject(aborted(signal));
    if (!(timeoutMs > 0))
      return Promise.reject(
        new SaltbusError('ERR_SALTBUS_USAGE', `timeoutMs is ${timeoutMs}, and must be above zero`),
      );
    if (this.#waiting.length >= this.#maxWaiting)
      return Promise.reject(
        new SaltbusError(
          'ERR_SALTBUS_OUTBOX_FULL',
          `${this.#waiting.length} requests to ${this.remote} wait already`,
          { next: 'Await the reply to one request before the next is sent.' },
        ),
      );
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + timeoutMs;
      const pending: Pending = { payload, deadline, timeoutMs, resolve, reject, signal, onAbort: undefined };
      if (signal !== undefined) {
        pending.onAbort = () => {
          this.#giveUp(pending, aborted(signal));
        };
        signal.addEventListener('abort', pending.onAbort, { once: true });
      }
      this.#waiting.push(pending);
      this.#arm(deadline);
      this.#client.open();
      this.#next();
    });
  }

  /** Waits for the requests that were made (or the signal), takes no more, and ends. */
  async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#closing = true;
    const { signal } = options;
    if (this.#current !== undefined || this.#waiting.length > 0) {
      const now = (): void => {
        this.destroy();
      };
      signal?.addEventListener('abort', now, { once: true });
      if (signal?.aborted === true) now();
      else await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
      signal?.removeEventListener('abort', now);
    }
    clearTimeout(this.#timer);
    await this.#client.close();
  }

  /** Ends now; requests reject with `error`, or `ERR_SALTBUS_CLOSED`. */
  destroy(error: SaltbusError = closedError()): void {
    this.#closing = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    const current = this.#current;
    this.#current = undefined;
    clearTimeout(this.#timer);
    this.#client.destroy(error);
    for (const pending of current === undefined ? waiting : [current, ...waiting])
      this.#reject(pending, error);
    this.#checkIdle();
  }

  #next(): void {
    const connection = this.#client.ready;
    if (this.#current !== undefined || connection === undefined) return;
    const pending = this.#waiting.shift();
    if (pending === undefined) return;
    this.#current = pending;
    sendEnvelope(connection, pending.payload);
  }

  #onFrame(buffer: Buffer, start: number, end: number, more: boolean): void {
    const what = this.#envelope.next(end - start, more);
    const current = this.#current;
    if (current === undefined) {
      // It could be taken for the reply to the next request.
      this.#client.drop(broken(`${this.remote} sent a reply that no request was waiting for`));
      return;
    }
    if (what === 'more') return;
    if (what === 'odd') {
      this.#client.drop(broken(`${this.remote} sent a reply that is not an empty frame and one payload`));
      return;
    }
    this.#current = undefined;
    this.#release(current);
    current.resolve(buffer.subarray(start, end));
    this.#next();
    this.#checkIdle();
  }

  #onLost(error: SaltbusError): void {
    this.#lastError = error;
    this.#envelope.reset();
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    this.#reject(
      current,
      error.code === 'ERR_SALTBUS_ZMTP' || error.code === 'ERR_SALTBUS_LIMIT'
        ? error
        : new SaltbusError(
            'ERR_SALTBUS_NO_REPLY',
            `The connection to ${this.remote} ended before the reply came`,
            {
              cause: error,
            },
          ),
    );
    this.#checkIdle();
  }

  #giveUp(pending: Pending, error: SaltbusError): void {
    if (this.#current === pending) {
      this.#current = undefined;
      this.#client.drop(error);
    } else {
      const index = this.#waiting.indexOf(pending);
      if (index === -1) return;
      this.#waiting.splice(index, 1);
    }
    this.#reject(pending, error);
    this.#checkIdle();
  }

  // One timer for all requests, set to the first deadline. A request that was replied to leaves it: it finds nothing due.
  #arm(deadline: number): void {
    if (deadline >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Infinity;
        this.#expire(performance.now());
      },
      Math.max(1, Math.ceil(deadline - performance.now())),
    ).unref();
  }

  #expire(now: number): void {
    const all = this.#current === undefined ? [...this.#waiting] : [this.#current, ...this.#waiting];
    for (const pending of all) if (pending.deadline <= now) this.#giveUp(pending, this.#timedOut(pending));
    if (this.#current !== undefined) this.#arm(this.#current.deadline);
    for (const pending of this.#waiting) this.#arm(pending.deadline);
  }

  #timedOut(pending: Pending): SaltbusError {
    const { timeoutMs } = pending;
    const what =
      this.#current === pending
        ? `${this.remote} did not reply within ${timeoutMs} ms`
        : `The request was not sent to ${this.remote} within ${timeoutMs} ms: ${this.connected ? 'others were before it' : 'there is no connection'}`;
    return new SaltbusError('ERR_SALTBUS_TIMEOUT', what, { cause: this.#lastError });
  }

  #reject(pending: Pending, error: SaltbusError): void {
    this.#release(pending);
    pending.reject(error);
  }

  #release(pending: Pending): void {
    if (pending.onAbort !== undefined) pending.signal?.removeEventListener('abort', pending.onAbort);
  }

  #checkIdle(): void {
    if (this.#whenIdle.length === 0 || this.#current !== undefined || this.#waiting.length > 0) return;
    const whenIdle = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of whenIdle) resolve();
  }
}

function broken(message: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_ZMTP', message);
}
