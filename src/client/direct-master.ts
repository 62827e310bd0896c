/**
 * One master, as a program on a minion's host speaks to it: a connection, a session under the minion's key, and one request at a time.
 */
import type { MinionIdentity } from '../channel/identity.ts';
import { RequestChannel } from '../channel/request-channel.ts';
import type { LoadToSend } from '../channel/minion-session.ts';
import type { SignInOptions } from '../channel/sign-in.ts';
import type { ExactValue } from '../codec/msgpack/values.ts';
import { SaltbusError } from '../errors.ts';
import { endpointName } from '../transport/endpoint.ts';
import { ReqSocket } from '../transport/zmtp/req.ts';
import type { ClientOptions } from '../transport/zmtp/client.ts';
import { shellWord } from './shell-word.ts';

/** What {@link DirectMaster} is made of. */
export interface DirectMasterOptions {
  readonly identity: MinionIdentity;
  readonly address: { readonly host: string; readonly port: number; readonly localAddress?: string };
  readonly signIn: SignInOptions;
  /** Keeps a key of the master that is seen for the first time, or that the signing key vouches for. */
  readonly pin: (pem: string) => void;
  /** The file of the pinned key, for messages. */
  readonly masterKeyFile: string;
  /** How the connection is made; for tests. */
  readonly open?: ClientOptions['open'];
}

// As a minion: so long for one reply to a sign-in (`auth_timeout`).
const AUTH_TIMEOUT_MS = 5000;
// The request's own limit is to end first, because it tells why.
const GRACE_MS = 100;

// What the caller did, of which no master can be blamed.
const OURS: ReadonlySet<SaltbusError['code']> = new Set([
  'ERR_SALTBUS_ABORTED',
  'ERR_SALTBUS_CLOSED',
  'ERR_SALTBUS_DATA',
  'ERR_SALTBUS_OUTBOX_FULL',
]);

/** A master to which events are sent without a daemon in between. */
export class DirectMaster {
  /** `host:port`. */
  readonly name: string;
  readonly #options: DirectMasterOptions;
  readonly #socket: ReqSocket;
  readonly #channel: RequestChannel;
  #failure: { readonly at: number; readonly error: SaltbusError } | undefined;

  constructor(options: DirectMasterOptions, timeoutMs: number) {
    const { address, identity, signIn, pin, open } = options;
    this.#options = options;
    this.name = endpointName({ kind: 'tcp', host: address.host, port: address.port });
    this.#socket = new ReqSocket(address, open === undefined ? {} : { open });
    const authTimeoutMs = Math.min(AUTH_TIMEOUT_MS, timeoutMs);
    this.#channel = new RequestChannel({
      identity,
      signIn,
      pin,
      request: (payload, { timeoutMs: left, signal }) =>
        this.#socket.request(payload, { timeoutMs: left, ...(signal === undefined ? {} : { signal }) }),
      policy: {
        authTimeoutMs,
        authTries: Math.max(1, Math.floor(timeoutMs / authTimeoutMs)),
        // somebody has to accept the key first, and nobody waits for that at a command line
        failsWhenPending: true,
      },
    });
  }

  /** Why it failed, and when by `performance.now()`; `undefined` when the last request succeeded. */
  get failure(): { readonly at: number; readonly error: SaltbusError } | undefined {
    return this.#failure;
  }

  /**
   * Signs in, unless it is signed in already.
   * @throws SaltbusError (rejection) why this master does not let the minion in
   */
  async signIn(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#within(timeoutMs, signal, async (ended) => {
      if (!this.#channel.isSignedIn) await this.#channel.signIn({ signal: ended });
    });
  }

  /**
   * Sends a load, and resolves when the master has answered that it took it.
   * @throws SaltbusError (rejection) as {@link signIn}, `ERR_SALTBUS_NOT_ACCEPTED`, `ERR_SALTBUS_NO_REPLY`
   */
  async send(load: LoadToSend, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    // One try: a request whose reply was lost may have been acted on, and would be an event twice.
    const answer = await this.#within(timeoutMs, signal, (ended) =>
      this.#channel.send(load, { timeoutMs, tries: 1, signal: ended }),
    );
    if (isYes(answer)) return;
    throw new SaltbusError(
      'ERR_SALTBUS_NOT_ACCEPTED',
      `The master ${this.name} answered ${shown(answer)}: its handling of the event failed`,
    );
  }

  /** Ends the connection now. */
  close(): void {
    this.#channel.close();
    this.#socket.destroy();
  }

  // A timer that keeps the process alive: without it, nothing might while a connection is waited for.
  async #within<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort(
        new SaltbusError('ERR_SALTBUS_TIMEOUT', `The master did not answer within ${timeoutMs} ms`),
      );
    }, timeoutMs + GRACE_MS);
    try {
      const ended = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
      const result = await work(ended);
      this.#failure = undefined;
      return result;
    } catch (error) {
      if (!(error instanceof SaltbusError) || OURS.has(error.code)) throw error;
      const explained = this.#explained(error);
      this.#failure = { at: performance.now(), error: explained };
      throw explained;
    } finally {
      clearTimeout(timer);
    }
  }

  // Which master, which minion, and what to do there.
  #explained(error: SaltbusError): SaltbusError {
    const { identity, masterKeyFile } = this.#options;
    const because = (code: SaltbusError['code'], message: string, next?: string): SaltbusError =>
      new SaltbusError(code, message, { cause: error, ...(next === undefined ? {} : { next }) });
    switch (error.code) {
      case 'ERR_SALTBUS_PENDING':
        return because(
          error.code,
          `The master ${this.name} has not accepted the key of the minion ${identity.id} yet`,
          `Accept it on the master with \`salt-key -a ${shellWord(identity.id)}\`, and fire again.`,
        );
      case 'ERR_SALTBUS_MASTER_CHANGED':
        return because(
          error.code,
          `${this.name}: ${error.message}`,
          `Compare fingerprints; if the new master is the right one, remove ${masterKeyFile}.`,
        );
      case 'ERR_SALTBUS_TIMEOUT': {
        // why there was no connection says more than that there was none
        const { cause } = error;
        if (cause instanceof SaltbusError && cause.code !== 'ERR_SALTBUS_TIMEOUT') {
          return because(cause.code, `The master ${this.name} was not reached: ${cause.message}`, cause.next);
        }
        // before there is a session nothing can have been fired, and nobody has to wonder whether it was
        if (!this.#channel.isSignedIn) {
          return because(
            'ERR_SALTBUS_NO_PEER',
            `The master ${this.name} did not answer the sign-in in time, and nothing was sent`,
            'Look whether a salt-master listens there, and whether it hangs.',
          );
        }
        return because(error.code, `The master ${this.name} did not answer: ${error.message}`);
      }
      default:
        return error.message.includes(this.name)
          ? error
          : because(error.code, `${this.name}: ${error.message}`, error.next);
    }
  }
}

// `nil` in all releases; a handler that failed is answered with an empty text, a refused load with an empty map.
function isYes(answer: ExactValue): boolean {
  return answer === null || answer === true;
}

function shown(answer: ExactValue): string {
  if (answer === false || answer === '') return JSON.stringify(answer);
  return answer instanceof Map && answer.size === 0 ? '{}' : 'something else than nil';
}
