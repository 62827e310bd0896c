/**
 * Packages for the master, from the minion's bus to the request port: checked when they come, in order, bounded, kept while the master is
 * away, and each of them counted. A queue in memory: what waits when the process ends is lost, and said to be.
 */
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import { readPackage, tagOf } from './forward-package.ts';
import type { EventLoad } from './forward-package.ts';
import { SendQueue } from './send-queue.ts';
import type { QueueLimits, Sent } from './send-queue.ts';

/** What takes packages for a master. */
export interface Forwarder {
  /**
   * Takes the body of a `fire_master` event, which must not be changed afterwards.
   * @param id - of the event, for a forwarder that tells copies apart
   */
  accept(body: Buffer, id: string): 'queued' | 'refused';
  /** The master is there. */
  resume(): void;
  /** The master is away. */
  pause(): void;
  /** Resolves when all was sent, or the master is away. */
  drain(): Promise<void>;
  /** Sends what waits now, and not after the pause that was to come. */
  flush(): void;
  /** Ends; what was not sent, and is not on a disk, is counted as dropped. */
  end(): void;
  readonly counters: ForwardCounters;
}

/** Counters of a forwarder, since it began. A list is one package. */
export interface ForwardCounters {
  /** Taken from the bus. */
  readonly queued: number;
  /** Accepted by the master. */
  readonly sent: number;
  /** Sent again, because the reply did not come: the master may have it twice. */
  readonly repeated: number;
  /** What no master would take. */
  readonly refused: number;
  /** There was no room, or the minion ended. */
  readonly dropped: number;
  /** Wait now. */
  readonly waiting: number;
  readonly waitingBytes: number;
}

/** How a forwarder works. */
export interface ForwarderOptions extends Partial<QueueLimits> {
  /** Sends a load to the master; rejects with a `SaltbusError`. */
  readonly send: (load: EventLoad, signal: AbortSignal) => Promise<unknown>;
  /** Whether the master is there. */
  readonly isUp: () => boolean;
  /** The master, as a person reads it. */
  readonly master: string;
}

/** Bounds of what waits for a master. */
export const FORWARD_LIMITS: QueueLimits = { maxItems: 100_000, maxBytes: 64 * 1024 * 1024 };

/** A forwarder that keeps packages in memory. */
export class MemoryForwarder implements Forwarder {
  readonly #options: ForwarderOptions;
  readonly #queue: SendQueue<Buffer>;
  #queued = 0;
  #sent = 0;
  #repeated = 0;
  #refused = 0;
  #dropped = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    const { maxItems = FORWARD_LIMITS.maxItems, maxBytes = FORWARD_LIMITS.maxBytes } = options;
    this.#queue = new SendQueue({ maxItems, maxBytes, send: (body, signal) => this.#send(body, signal) });
  }

  get counters(): ForwardCounters {
    return {
      queued: this.#queued,
      sent: this.#sent,
      repeated: this.#repeated,
      refused: this.#refused,
      dropped: this.#dropped,
      waiting: this.#queue.length,
      waitingBytes: this.#queue.bytes,
    };
  }

  accept(body: Buffer): 'queued' | 'refused' {
    let load: EventLoad;
    try {
      load = readPackage(body);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#refused += 1;
      this.#tell('refused', '', error);
      return 'refused';
    }
    if (!this.#queue.push(body, body.length)) {
      this.#dropped += 1;
      const error = new SaltbusError(
        'ERR_SALTBUS_OUTBOX_FULL',
        `${this.#queue.length} packages of ${this.#queue.bytes} bytes wait for the master already`,
      );
      this.#tell('dropped', tagOf(load), error);
      return 'refused';
    }
    this.#queued += 1;
    return 'queued';
  }

  resume(): void {
    this.#queue.resume();
  }

  pause(): void {
    this.#queue.pause();
  }

  drain(): Promise<void> {
    return this.#queue.drain();
  }

  flush(): void {
    if (this.#options.isUp()) this.#queue.resume();
  }

  end(): void {
    for (const body of this.#queue.end()) {
      this.#dropped += 1;
      const error = new SaltbusError('ERR_SALTBUS_CLOSED', 'The minion ended before the master took it');
      this.#tell('dropped', tagOf(readPackage(body)), error);
    }
  }

  // What waits is kept as bytes, so that the bound on them is the bound on memory.
  async #send(body: Buffer, signal: AbortSignal): Promise<Sent> {
    const load = readPackage(body);
    try {
      await this.#options.send(load, signal);
      this.#sent += 1;
      this.#tell('sent', tagOf(load), undefined);
      return 'done';
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      if (signal.aborted) return 'keep';
      if (error.code === 'ERR_SALTBUS_DATA' || error.code === 'ERR_SALTBUS_LIMIT') {
        this.#refused += 1;
        this.#tell('refused', tagOf(load), error);
        return 'drop';
      }
      this.#repeated += 1;
      return this.#options.isUp() ? 'again' : 'keep';
    }
  }

  #tell(outcome: 'sent' | 'refused' | 'dropped', tag: string, error: SaltbusError | undefined): void {
    publish('saltbus:minion:forward', { master: this.#options.master, outcome, tag, error });
  }
}
