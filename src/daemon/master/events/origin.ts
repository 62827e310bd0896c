/**
 * Where an event comes from, in a place where the sender cannot say it himself.
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { METADATA_KEY } from '../../delivery.ts';
import { isMap, mapOf } from '../load.ts';
import type { Load } from '../load.ts';

/** What our master says of an event of a minion, under `_saltbus`. */
export interface Origin {
  /** The verified sender. */
  readonly minion: string;
  /** Made where it was fired; unique together with the minion. */
  readonly id?: string | undefined;
  /** Perhaps it was on the bus already, before the master's last start. */
  readonly redelivered?: boolean;
}

/**
 * Data without what the sender put under our key, at the top and (where an event is nested) in the inner data; with the
 * origin under it where that is wanted. The argument stays as it is, and is returned where nothing changes.
 */
export function withOrigin(data: Load, origin: Origin | undefined): Load {
  const inner = data.get('data');
  const isInnerForged = isMap(inner) && inner.has(METADATA_KEY);
  if (origin === undefined && !data.has(METADATA_KEY) && !isInnerForged) return data;
  const clean = new Map<ExactValue, ExactValue>(data);
  clean.delete(METADATA_KEY);
  if (isInnerForged) {
    const cleanInner = new Map(inner);
    cleanInner.delete(METADATA_KEY);
    clean.set('data', cleanInner);
  }
  if (origin !== undefined) {
    const { minion, id, redelivered } = origin;
    clean.set(
      METADATA_KEY,
      mapOf({
        minion,
        ...(id === undefined ? {} : { id }),
        ...(redelivered === true ? { redelivered } : {}),
      }),
    );
  }
  return clean;
}
