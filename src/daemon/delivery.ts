/**
 * What a minion and a master of ours agree on, beyond what Salt says: events with ids, many in one request, and an answer
 * that tells what became of each.
 *
 *     _saltbus_hello   {version: 1}                                     -> {saltbus: 1, events, bytes}
 *     _saltbus_events  {events: [{id, pretag, data, tag}, ...]}         -> {saltbus: 1, refused: [place, ...]}
 *
 * Each element is what a `_minion_event` of its own would hold, and arrives as that would. The answer means that all but the
 * refused ones are on the disk of the master.
 */
import type { ExactValue } from '../codec/msgpack/values.ts';
import { isMap, mapOf } from './master/load.ts';
import type { Load } from './master/load.ts';

/** The version of both commands. */
export const DELIVERY_VERSION = 1;

/** The key, in events and loads, under which all that is ours stands. */
export const METADATA_KEY = '_saltbus';

/** How much a master takes at once. */
export interface Agreement {
  readonly events: number;
  /** Of packages; one that is larger comes alone. */
  readonly bytes: number;
}

/** What our master takes at once. */
export const BATCH_LIMITS: Agreement = { events: 128, bytes: 1024 * 1024 };

/** The request for an agreement. */
export function helloLoad(): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    ['cmd', '_saltbus_hello'],
    ['version', DELIVERY_VERSION],
  ]);
}

/** What our master answers to {@link helloLoad}. */
export function helloReply(version: ExactValue | undefined): Load {
  // another version is none that is spoken here: the minion goes on as with a real master
  return version === DELIVERY_VERSION ? mapOf({ saltbus: DELIVERY_VERSION, ...BATCH_LIMITS }) : new Map();
}

/** Reads the answer to {@link helloLoad}; `undefined` from a master that is not ours. */
export function readHello(reply: unknown): Agreement | undefined {
  if (!isMap(reply) || reply.get('saltbus') !== DELIVERY_VERSION) return undefined;
  const [events, bytes] = [reply.get('events'), reply.get('bytes')];
  if (typeof events !== 'number' || typeof bytes !== 'number' || !(events >= 1) || !(bytes >= 1))
    return undefined;
  return { events: Math.min(events, BATCH_LIMITS.events), bytes: Math.min(bytes, BATCH_LIMITS.bytes) };
}

/** The answer to `_saltbus_events`. */
export function batchReply(refused: readonly number[]): Load {
  return mapOf({ saltbus: DELIVERY_VERSION, refused });
}

/** Reads the answer to `_saltbus_events`: the places that were refused; `undefined` for one that accepts nothing. */
export function readBatchReply(reply: unknown): ReadonlySet<unknown> | undefined {
  if (!isMap(reply) || reply.get('saltbus') !== DELIVERY_VERSION) return undefined;
  const refused = reply.get('refused');
  return Array.isArray(refused) ? new Set<unknown>(refused) : undefined;
}

const ID = /^[A-Za-z0-9_-]{16,64}$/;

/** The id of an event under our key; `undefined` where there is none that can be one. */
export function eventIdIn(map: ReadonlyMap<unknown, unknown>): string | undefined {
  const ours = map.get(METADATA_KEY);
  const id: unknown = ours instanceof Map ? ours.get('id') : undefined;
  return typeof id === 'string' && ID.test(id) ? id : undefined;
}
