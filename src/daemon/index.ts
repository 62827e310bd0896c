/** Daemons, for programs that run them: `import { serveBus } from 'saltbus/daemon'`. */
export { Broker } from './broker.ts';
export type { BrokerCounters, BrokerLimits, BrokerObserver, Principal } from './broker.ts';
export { serveBus } from './bus-server.ts';
export type { BusServer, ServeBusOptions, SocketPair } from './bus-server.ts';
