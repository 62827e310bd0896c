/**
 * Fires the master's own events on its bus, in this process: encoded once, with the stamp of the release that is spoken.
 */
import { stampNow } from '../../bus/stamp.ts';
import { EventBodyEncoder } from '../../codec/event-body.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import type { Broker } from '../broker.ts';
import type { BusEvent } from './load.ts';

/** Counters of a {@link MasterBus}. */
export interface MasterBusCounters {
  /** Events that were put on the bus. */
  readonly fired: number;
  /** Events that could not be encoded; told on `saltbus:master:problem`. */
  readonly failed: number;
}

/** The master's end of its own bus. */
export class MasterBus {
  readonly #broker: Broker;
  readonly #zone: string;
  readonly #encoder = new EventBodyEncoder();
  #fired = 0;
  #failed = 0;

  /** @param zoned - whether stamps have a zone, as 3008 writes them */
  constructor(broker: Broker, zoned: boolean) {
    this.#broker = broker;
    this.#zone = zoned ? '+00:00' : '';
  }

  get counters(): MasterBusCounters {
    return { fired: this.#fired, failed: this.#failed };
  }

  /** Fires one event. Never throws: what cannot be encoded is counted and told. */
  fire({ tag, data }: BusEvent): void {
    try {
      // the encoder's view holds until its next call, and the broker keeps what it is given until the end of the tick
      this.#broker.fire(Buffer.from(this.#encoder.encode(tag, data, stampNow() + this.#zone)));
      this.#fired += 1;
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#failed += 1;
      publish('saltbus:master:problem', { what: `an event under ${JSON.stringify(tag)}`, error });
    }
  }

  /** Fires events in their order. */
  fireAll(events: readonly BusEvent[]): void {
    for (const event of events) this.fire(event);
  }
}
