/** Durable state in a file. */
export { Store, openStore } from './store.ts';
export type {
  MovedAside,
  SqlRow,
  SqlValue,
  StatementDefinition,
  StoreCounters,
  StoreOptions,
  WriteReceipt,
} from './store.ts';
