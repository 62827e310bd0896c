/**
 * A place for one master: what is to be sent to whoever sits there. With failover the master changes, and what waits goes to the next.
 */
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import { MemoryForwarder } from './forwarder.ts';
import type { Forwarder } from './forwarder.ts';
import type { EventLoad } from './forward-package.ts';
import type { MasterLink } from './master-link.ts';
import type { SeatSpool } from './minion-spools.ts';
import { SendQueue } from './send-queue.ts';
import type { QueueLimits, Sent } from './send-queue.ts';
import { SpoolForwarder } from './spool-forwarder.ts';

/** A return that is to be sent. */
export interface ReturnToSend {
  readonly jid: string;
  readonly fun: string;
  readonly load: ReadonlyMap<string, unknown>;
  /** Told what the master answered. */
  readonly onAnswer: (answer: unknown) => void;
}

/** How a seat sends. */
export interface SeatOptions {
  /** Of what waits in memory, where there is no spool. */
  readonly forward: Partial<QueueLimits>;
  /** Whether a master that is not ours is told the ids of events. @defaultValue false */
  readonly tellsIds?: boolean;
  readonly returnRetryMs: { readonly least: number; readonly most: number };
  readonly returnTries: number;
}

const RETURN_LIMITS: QueueLimits = { maxItems: 10_000, maxBytes: 64 * 1024 * 1024 };

/** What goes to one master. */
export class MasterSeat {
  readonly forwarder: Forwarder;
  readonly #options: SeatOptions;
  readonly #returns: SendQueue<ReturnToSend>;
  #link: MasterLink | undefined;
  #returned = 0;
  #lost = 0;

  constructor(name: string, options: SeatOptions, spool?: SeatSpool) {
    this.#options = options;
    const way = {
      master: name,
      isUp: () => this.isUp,
      // one try: what is kept is sent again by the forwarder
      send: (load: EventLoad, signal: AbortSignal) => this.#connected().send(load, { signal, tries: 1 }),
    };
    this.forwarder =
      spool === undefined
        ? new MemoryForwarder({ ...options.forward, ...way })
        : new SpoolForwarder({ ...way, spool, tellsIds: options.tellsIds ?? false });
    this.#returns = new SendQueue({
      ...RETURN_LIMITS,
      send: (item, signal) => this.#sendReturn(item, signal),
    });
  }

  get isUp(): boolean {
    return this.#link?.isUp === true;
  }

  get returns(): { readonly sent: number; readonly lost: number; readonly waiting: number } {
    return { sent: this.#returned, lost: this.#lost, waiting: this.#returns.length };
  }

  /** The master is there. */
  resume(link: MasterLink): void {
    this.#link = link;
    this.#returns.resume();
    this.forwarder.resume();
  }

  /** The master is away. */
  pause(): void {
    this.#returns.pause();
    this.forwarder.pause();
  }

  /** Takes a return; one for which there is no room is lost, and counted. */
  giveBack(item: ReturnToSend, bytes: number): void {
    if (!this.#returns.push(item, bytes)) {
      this.#lose(item, new SaltbusError('ERR_SALTBUS_OUTBOX_FULL', 'Too many returns wait for the master'));
    }
  }

  /** Resolves when all was sent, or the master is away. */
  async drain(): Promise<void> {
    await Promise.all([this.#returns.drain(), this.forwarder.drain()]);
  }

  end(): void {
    this.forwarder.end();
    for (const item of this.#returns.end())
      this.#lose(item, new SaltbusError('ERR_SALTBUS_CLOSED', 'The minion ended before the master took it'));
  }

  #connected(): MasterLink {
    if (this.#link === undefined) throw new SaltbusError('ERR_SALTBUS_DISCONNECTED', 'There is no master');
    return this.#link;
  }

  async #sendReturn(item: ReturnToSend, signal: AbortSignal): Promise<Sent> {
    const { least, most } = this.#options.returnRetryMs;
    const timeoutMs = least + Math.random() * Math.max(0, most - least);
    try {
      const answer = await this.#connected().send(item.load, {
        signal,
        timeoutMs,
        tries: this.#options.returnTries,
      });
      this.#returned += 1;
      item.onAnswer(answer);
      return 'done';
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      if (!this.isUp || signal.aborted) return 'keep';
      this.#lose(item, error);
      return 'drop';
    }
  }

  #lose({ jid, fun }: ReturnToSend, error: SaltbusError): void {
    this.#lost += 1;
    publish('saltbus:minion:job', { jid, fun, what: 'return-lost', error });
  }
}
