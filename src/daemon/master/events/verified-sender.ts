/**
 * Who sent an event, in a place where the sender cannot say it himself.
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { isMap, mapOf } from '../load.ts';
import type { Load } from '../load.ts';

/** The key that holds our own metadata; what a minion puts there is removed. */
export const METADATA_KEY = '_saltbus';

/**
 * Data without what the sender put under our key, at the top and (where an event is nested) in the inner data; with the
 * verified sender under it where that is wanted. The argument stays as it is, and is returned where nothing changes.
 */
export function withSender(data: Load, sender: string | undefined): Load {
  const inner = data.get('data');
  const isInnerForged = isMap(inner) && inner.has(METADATA_KEY);
  if (sender === undefined && !data.has(METADATA_KEY) && !isInnerForged) return data;
  const clean = new Map<ExactValue, ExactValue>(data);
  clean.delete(METADATA_KEY);
  if (isInnerForged) {
    const cleanInner = new Map(inner);
    cleanInner.delete(METADATA_KEY);
    clean.set('data', cleanInner);
  }
  if (sender !== undefined) clean.set(METADATA_KEY, mapOf({ id: sender }));
  return clean;
}
