/**
 * The request channel of a minion: a function that carries bytes to the master and back, and the session around it.
 *
 * Strictly one request at a time, each reply opened with the key that its request was sealed with (as 3006.28, 3007.15 and
 * 3008.3 do). A reply that is not authentic leads to one sign-in and one repetition.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RandomBytes } from '../codec/crypticle.ts';
import type { ExactValue } from '../codec/msgpack/values.ts';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import type { MinionIdentity } from './identity.ts';
import { MinionSession } from './minion-session.ts';
import type { LoadToSend, SealedRequest } from './minion-session.ts';
import { beginSignIn, readSignInReply } from './sign-in.ts';
import type { SignedIn, SignInOptions } from './sign-in.ts';
import { DEFAULT_POLICY, firstProgress, nextSignInStep } from './sign-in-policy.ts';
import type { SignInOutcome, SignInPolicy } from './sign-in-policy.ts';

/** Carries a request to the master and brings the reply; rejects with `ERR_SALTBUS_TIMEOUT` when none comes in time. */
export type CarryRequest = (
  payload: Buffer,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
) => Promise<Uint8Array>;

/** Options of a {@link RequestChannel}. */
export interface RequestChannelOptions {
  readonly identity: MinionIdentity;
  readonly request: CarryRequest;
  /** What is known of the master; a key that a sign-in pins is remembered for the next. */
  readonly signIn?: SignInOptions;
  /** Keeps the key of the master; awaited before the sign-in counts. */
  readonly pin?: (pem: string) => void | Promise<void>;
  /** Told of each sign-in: the publish key and port are in it. */
  readonly onSignedIn?: (signedIn: SignedIn) => void;
  /** Told what came of each request to sign in, before what follows from it. */
  readonly onAttempt?: (outcome: SignInOutcome) => void;
  readonly policy?: Partial<SignInPolicy>;
  /** For one request. @defaultValue 60 000 (`request_channel_timeout`) */
  readonly requestTimeoutMs?: number;
  /** Requests that may go unanswered, each sealed anew. @defaultValue 3 (`request_channel_tries`) */
  readonly requestTries?: number;
  /** Requests that may wait for their turn; beyond, they are refused. @defaultValue 1000 */
  readonly maxWaiting?: number;
  readonly now?: () => number;
  readonly random?: RandomBytes;
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Options of one request. */
export interface SendOptions {
  readonly timeoutMs?: number;
  readonly tries?: number;
  readonly signal?: AbortSignal;
}

/** Counters of a channel, since it began. */
export interface ChannelCounters {
  /** Requests that were answered authentically. */
  readonly answered: number;
  /** Replies that led to a sign-in and a repetition. */
  readonly repeated: number;
  /** Requests whose reply did not come in time. */
  readonly unanswered: number;
  /** Sign-ins that succeeded. */
  readonly signIns: number;
  /** Requests refused because too many waited. */
  readonly refused: number;
  /** Requests under way or waiting now. */
  readonly waiting: number;
}

type Attempt<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: SaltbusError }
  | { readonly kind: 'sign-in-again'; readonly why: string };

/** One end of the encrypted request channel: the minion's. */
export class RequestChannel {
  readonly #options: RequestChannelOptions;
  readonly #policy: SignInPolicy;
  readonly #closed = new AbortController();
  #signIn: SignInOptions;
  #session: MinionSession | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #answered = 0;
  #repeated = 0;
  #unanswered = 0;
  #signIns = 0;
  #refused = 0;
  #waiting = 0;

  constructor(options: RequestChannelOptions) {
    this.#options = options;
    this.#policy = { ...DEFAULT_POLICY, ...options.policy };
    this.#signIn = options.signIn ?? {};
  }

  get counters(): ChannelCounters {
    return {
      answered: this.#answered,
      repeated: this.#repeated,
      unanswered: this.#unanswered,
      signIns: this.#signIns,
      refused: this.#refused,
      waiting: this.#waiting,
    };
  }

  /** Whether there is a session; the master may have forgotten it. */
  get isSignedIn(): boolean {
    return this.#session !== undefined;
  }

  /**
   * Signs in, anew if there is a session, with the waits and retries of the policy.
   * @throws SaltbusError `ERR_SALTBUS_REJECTED`, `ERR_SALTBUS_PENDING`, `ERR_SALTBUS_MASTER_FULL`, `ERR_SALTBUS_MASTER_CHANGED`,
   * `ERR_SALTBUS_SIGN_IN`, `ERR_SALTBUS_ALGORITHM`; what the carrier rejects with; `ERR_SALTBUS_CLOSED`, `ERR_SALTBUS_ABORTED`,
   * `ERR_SALTBUS_OUTBOX_FULL`
   */
  signIn(options: { readonly signal?: AbortSignal } = {}): Promise<SignedIn> {
    return this.#inTurn(options.signal, (signal) => this.#signInNow(signal));
  }

  /**
   * Sends a load and returns the value that the master answered. Signs in first where there is no session.
   * @throws SaltbusError as {@link signIn}, and `ERR_SALTBUS_NO_SESSION` when the reply is not authentic after a new sign-in either
   */
  send(load: LoadToSend, options: SendOptions = {}): Promise<ExactValue> {
    return this.#inTurn(options.signal, (signal) =>
      this.#exchange<ExactValue>(load, options, signal, (session, reply, nonce) => {
        const opened = session.open(reply, nonce);
        return opened.kind === 'value' ? { kind: 'done', value: opened.value } : opened;
      }),
    );
  }

  /**
   * Asks for the pillar, and returns it when it is signed by the master and is the reply to this request.
   * @throws SaltbusError as {@link send}, and `ERR_SALTBUS_SIGN_IN` for a pillar that does not hold
   */
  pillar(load: LoadToSend, options: SendOptions = {}): Promise<ExactValue> {
    return this.#inTurn(options.signal, (signal) =>
      this.#exchange<ExactValue>(load, options, signal, (session, reply, nonce) => {
        const opened = session.openPillar(reply, nonce);
        if (opened.kind === 'pillar') return { kind: 'done', value: opened.pillar };
        if (opened.kind === 'sign-in-again') return opened;
        return { kind: 'failed', error: new SaltbusError('ERR_SALTBUS_SIGN_IN', opened.why) };
      }),
    );
  }

  /** Forgets the session, so that the next request signs in: after the publish connection was lost. */
  forgetSession(): void {
    this.#session = undefined;
  }

  /** Ends what is under way and all that waits, with `ERR_SALTBUS_CLOSED`. */
  close(): void {
    this.#session = undefined;
    this.#closed.abort(new SaltbusError('ERR_SALTBUS_CLOSED', 'The channel to the master was closed'));
  }

  // One chain for all: the promise of the one before is awaited whatever came of it.
  #inTurn<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { maxWaiting = 1000 } = this.#options;
    if (this.#waiting >= maxWaiting) {
      this.#refused += 1;
      return Promise.reject(
        new SaltbusError('ERR_SALTBUS_OUTBOX_FULL', `${maxWaiting} requests wait for the master already`),
      );
    }
    this.#waiting += 1;
    const both = signal === undefined ? this.#closed.signal : AbortSignal.any([this.#closed.signal, signal]);
    const result = this.#turn.then(async () => {
      this.#throwIfEnded(both);
      try {
        return await work(both);
      } catch (error) {
        // the carrier was told by the signal; what it made of that is not the cause
        this.#throwIfEnded(both);
        throw error;
      }
    });
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    const done = (): void => {
      this.#waiting -= 1;
    };
    result.then(done, done);
    return result;
  }

  #throwIfEnded(signal: AbortSignal): void {
    if (!signal.aborted) return;
    if (signal.reason instanceof SaltbusError) throw signal.reason;
    throw new SaltbusError('ERR_SALTBUS_ABORTED', 'The request was aborted', { cause: signal.reason });
  }

  async #signInNow(signal: AbortSignal): Promise<SignedIn> {
    const { identity, random, sleep = sleepFor } = this.#options;
    let progress = firstProgress(this.#policy);
    for (;;) {
      const attempt = beginSignIn(identity, this.#signIn, random);
      const reply = await this.#carry(attempt.payload, this.#policy.authTimeoutMs, signal);
      const outcome: SignInOutcome =
        reply instanceof SaltbusError
          ? { kind: 'unanswered', error: reply }
          : readSignInReply(attempt, reply);
      publish('saltbus:channel:sign-in', {
        id: identity.id,
        outcome: outcome.kind === 'refused' ? outcome.check : outcome.kind,
      });
      this.#options.onAttempt?.(outcome);
      const step = nextSignInStep(this.#policy, progress, outcome);
      if (step.kind === 'failed') throw step.error;
      if (step.kind === 'done') return await this.#accept(step.signedIn);
      progress = step.progress;
      if (step.waitMs > 0) await sleep(step.waitMs, signal);
      this.#throwIfEnded(signal);
    }
  }

  async #accept(signedIn: SignedIn): Promise<SignedIn> {
    if (signedIn.pin !== undefined) {
      await this.#options.pin?.(signedIn.pin);
      this.#signIn = { ...this.#signIn, pinned: signedIn.pin };
    }
    const { encAlgorithm, sigAlgorithm } = this.#signIn;
    const { identity, now, random, onSignedIn } = this.#options;
    this.#session = new MinionSession(identity, signedIn, {
      ...(encAlgorithm && { encAlgorithm }),
      ...(sigAlgorithm && { sigAlgorithm }),
      ...(now && { now }),
      ...(random && { random }),
    });
    this.#signIns += 1;
    onSignedIn?.(signedIn);
    return signedIn;
  }

  async #exchange<T>(
    load: LoadToSend,
    options: SendOptions,
    signal: AbortSignal,
    open: (session: MinionSession, reply: Uint8Array, nonce: string) => Attempt<T>,
  ): Promise<T> {
    let why = '';
    for (let round = 0; round < 2; round += 1) {
      if (this.#session === undefined || round > 0) await this.#signInNow(signal);
      const session = this.#session;
      if (session === undefined) break; // closed meanwhile
      const sent = await this.#deliver(session, load, options, signal);
      const attempt = open(session, sent.reply, sent.nonce);
      if (attempt.kind === 'done') {
        this.#answered += 1;
        return attempt.value;
      }
      if (attempt.kind === 'failed') throw attempt.error;
      this.#repeated += 1;
      why = attempt.why;
    }
    this.#throwIfEnded(signal);
    this.#session = undefined;
    throw new SaltbusError('ERR_SALTBUS_NO_SESSION', why);
  }

  // Each try is sealed anew: a fresh nonce tells a late reply to the one before apart.
  async #deliver(
    session: MinionSession,
    load: LoadToSend,
    options: SendOptions,
    signal: AbortSignal,
  ): Promise<{ readonly reply: Uint8Array; readonly nonce: string }> {
    const { requestTimeoutMs = 60_000, requestTries = 3 } = this.#options;
    const { timeoutMs = requestTimeoutMs, tries = requestTries } = options;
    for (let left = Math.max(1, tries); ; left -= 1) {
      const sealed: SealedRequest = session.seal(load);
      const reply = await this.#carry(sealed.payload, timeoutMs, signal);
      if (!(reply instanceof SaltbusError)) return { reply, nonce: sealed.nonce };
      if (left <= 1) throw reply;
    }
  }

  // A reply, or an error after which it makes sense to try again; others are thrown.
  async #carry(payload: Buffer, timeoutMs: number, signal: AbortSignal): Promise<Uint8Array | SaltbusError> {
    try {
      return await this.#options.request(payload, { timeoutMs, signal });
    } catch (error) {
      this.#throwIfEnded(signal);
      if (!(error instanceof SaltbusError) || !error.retryable) throw error;
      this.#unanswered += 1;
      return error;
    }
  }
}

async function sleepFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
