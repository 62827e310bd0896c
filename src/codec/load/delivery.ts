/**
 * Events whose acceptance is answered for, between a minion and a master of ours. No real master has these commands: it answers
 * an empty map to the first, and is not asked again.
 */
import type { ExactValue } from '../msgpack/values.ts';
import { count, list } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Asks whether the master is one of ours. */
export interface HelloLoad {
  readonly cmd: '_saltbus_hello';
  readonly version: number;
}

/** Several packages, each with its id. */
export interface EventsLoad {
  readonly cmd: '_saltbus_events';
  readonly events: readonly ExactValue[];
}

/** What `_saltbus_hello` may carry. */
export const helloShape: LoadShape<HelloLoad> = { cmd: '_saltbus_hello', fields: { version: count } };

/** What `_saltbus_events` may carry. */
export const eventsShape: LoadShape<EventsLoad> = { cmd: '_saltbus_events', fields: { events: list } };
