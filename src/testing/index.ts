/** For tests of programs that use saltbus: `import { memoryBus, startSalt } from 'saltbus/testing'`. */
export { memoryBus } from './memory-bus.ts';
export type { MemoryBus, MemoryBusOptions } from './memory-bus.ts';
export { startSalt } from './real-salt.ts';
export type { BusSockets, RealSalt, SaltConfig, StartSaltOptions } from './real-salt.ts';
