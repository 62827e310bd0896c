/**
 * An event bus in memory, for the tests of programs that use one: our broker, without sockets and files.
 */
import { Bus } from '../bus/bus.ts';
import type { BusOptions, Node } from '../bus/bus.ts';
import { Broker } from '../daemon/broker.ts';
import type { BrokerLimits } from '../daemon/broker.ts';
import { memoryPair } from '../transport/memory.ts';

/** Options of {@link memoryBus}. */
export interface MemoryBusOptions extends BrokerLimits {
  /** Whose bus it stands for. @defaultValue `minion` */
  readonly node?: Node;
}

/** A bus in memory. Close it, or hold it with `await using`. */
export interface MemoryBus extends AsyncDisposable {
  readonly broker: Broker;
  /** A new client of the bus, as `connect()` gives it; all of them are destroyed when the bus is closed. */
  client(options?: Pick<BusOptions, 'maxEventSize' | 'maxOutboxBytes' | 'fireTimeoutMs'>): Bus;
  /** Ends the bus and its clients. Idempotent. */
  close(): Promise<void>;
}

/** Opens a bus in memory. */
export function memoryBus(options: MemoryBusOptions = {}): MemoryBus {
  const { node = 'minion' } = options;
  const broker = new Broker(options);
  const clients: Bus[] = [];
  const close = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    await broker.close();
  };
  return {
    broker,
    client: (clientOptions = {}) => {
      const bus = new Bus({
        ...clientOptions,
        node,
        names: { pub: 'memory pub', pull: 'memory pull' },
        dialect: { pub: 'bare', pull: 'bare' },
        openPub: () => {
          const [ours, theirs] = memoryPair();
          broker.attachSubscriber(theirs, { principal: 'memory', framing: 'bare' });
          return Promise.resolve(ours);
        },
        openPull: () => {
          const [ours, theirs] = memoryPair();
          broker.attachWriter(theirs, { principal: 'memory' });
          return Promise.resolve(ours);
        },
      });
      clients.push(bus);
      return bus;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
