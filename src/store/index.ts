/** Durable state in a file. */
export { Store, openStore } from './store.ts';
export type { SqlRow, SqlValue, StatementDefinition, StoreOptions, WriteReceipt } from './store.ts';
