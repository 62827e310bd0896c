/**
 * What is fired for the master by way of the control socket of our minion: kept up over restarts of the minion, with the same
 * ids and in the same order.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfirmOptions, ConfirmedPath } from '../bus/confirmed.ts';
import { openControl } from '../control/index.ts';
import type { ControlClient, FireAnswer } from '../control/index.ts';
import { SaltbusError } from '../errors.ts';
import { DEFAULT_BACKOFF, backoffDelay } from '../transport/backoff.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import { hasControl } from './dialect-memory.ts';

/** How it is opened. */
export interface ConfirmedFireOptions {
  /** Whose control socket it is. */
  readonly pullPath: string;
  readonly endpoint: Endpoint;
  /** How long a minion that is away is waited for, in milliseconds. @defaultValue 5000 */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;
const BACKOFF = { ...DEFAULT_BACKOFF, maxMs: 250 };

/** The way by the control socket. */
export class ConfirmedFire implements ConfirmedPath {
  readonly #options: ConfirmedFireOptions;
  /** One for all connections, so that the order holds over them. */
  readonly #lane: string = randomUUID();
  readonly #ended = new AbortController();
  #isThere = false;
  #opening: Promise<ControlClient> | undefined;
  #client: ControlClient | undefined;
  #underWay = 0;
  #onIdle: () => void = () => undefined;

  constructor(options: ConfirmedFireOptions) {
    this.#options = options;
  }

  isThere(): boolean {
    // what was there is waited for while nobody is
    return (this.#isThere = hasControl(this.#options.pullPath) ?? this.#isThere);
  }

  async fire(bytes: Uint8Array, options: ConfirmOptions): Promise<'spooled' | 'accepted'> {
    const { id = randomUUID(), wait = 'spooled', ...others } = options;
    const { timeoutMs = TIMEOUT_MS } = this.#options;
    this.#underWay += 1;
    try {
      for (let until = performance.now() + timeoutMs; ;) {
        const client = await this.#connected(until);
        let answer: FireAnswer;
        try {
          answer = await client.fire({ ...wanted(others), id, wait, package: bytes });
        } catch (error) {
          if (this.#client === client) this.#client = undefined;
          // it may have been kept: the same id again is the same event
          if (!isLost(error) || this.#ended.signal.aborted) throw error;
          until = performance.now() + timeoutMs;
          continue;
        }
        if (answer.state !== 'refused') return answer.state;
        throw refusedError(answer);
      }
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle();
    }
  }

  async close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.destroy();
  }

  destroy(): void {
    this.#ended.abort();
    this.#client?.destroy();
    this.#client = undefined;
    this.#onIdle();
  }

  // One attempt for all that wait, who go on in the order in which they came.
  #connected(until: number): Promise<ControlClient> {
    if (this.#client !== undefined) return Promise.resolve(this.#client);
    if (this.#opening === undefined) {
      const opening = this.#open(until);
      this.#opening = opening;
      const forget = (): void => {
        this.#opening = undefined;
      };
      opening.then(forget, forget);
    }
    return this.#opening;
  }

  async #open(until: number): Promise<ControlClient> {
    const { signal } = this.#ended;
    for (let attempt = 0; ; attempt += 1) {
      try {
        this.#client = await openControl(this.#options.endpoint, {
          program: 'saltbus',
          lane: this.#lane,
          signal,
        });
        return this.#client;
      } catch (error) {
        if (!isLost(error) || performance.now() > until || signal.aborted) throw error;
        await delay(backoffDelay(BACKOFF, attempt, Math.random()), undefined, { signal }).catch(
          () => undefined,
        );
      }
    }
  }
}

function refusedError({
  code,
  message,
  reason,
}: Extract<FireAnswer, { readonly state: 'refused' }>): SaltbusError {
  if (reason !== 'rejected') return new SaltbusError(code, message);
  return new SaltbusError(code, message, {
    next: 'Its log says why: the tag may be one that this minion must not fire (minion_event_acl).',
  });
}

// The minion is not there, or went away: it may come back.
function isLost(error: unknown): boolean {
  return (
    error instanceof SaltbusError &&
    (error.code === 'ERR_SALTBUS_NO_REPLY' || error.code === 'ERR_SALTBUS_NO_CONTROL')
  );
}

function wanted({ timeoutMs, ttlMs, priority }: ConfirmOptions): {
  readonly timeoutMs?: number;
  readonly ttlMs?: number;
  readonly priority?: number;
} {
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(priority === undefined ? {} : { priority }),
  };
}
