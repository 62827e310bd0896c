/**
 * Events with ids: in the store of the master before anything is answered, and on its bus at least once.
 */
import { encode } from '../../../codec/msgpack/encode.ts';
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { publish } from '../../../diagnostics.ts';
import type { AcceptedEvents, ArrivedEvent } from '../accepted.ts';
import { isMap, refusal } from '../load.ts';
import type { BusEvent, Load, Refusal } from '../load.ts';
import { minionEvents } from './minion-event.ts';
import type { MinionEventOptions } from './minion-event.ts';
import { withOrigin } from './origin.ts';

/** A package with its id. */
export interface IdentifiedPackage {
  readonly id: string;
  /** As a `_minion_event` of its own has it. */
  readonly load: Load;
}

/** What came of packages. */
export interface AcceptedPackages {
  /** To be fired. */
  readonly events: readonly BusEvent[];
  readonly refused: readonly Refusal[];
  /** The places of packages of which nothing was accepted. */
  readonly refusedPlaces: readonly number[];
}

const WRITE = { step: 'master-write' } as const;
const WRITTEN = { step: 'master-written' } as const;

/**
 * Checks packages, and commits their events; resolves when all of them are on the disk. Each event is there once: one that is
 * there already is not fired again, unless it came before the master's last start. Nobody knows of that one whether it was on
 * the bus, so it is fired with `redelivered`.
 * @param packages - in order; `undefined` in the place of what is none
 * @throws SaltbusError (rejection) when they could not be written; nothing may be answered then
 */
export async function acceptPackages(
  packages: readonly (IdentifiedPackage | undefined)[],
  sender: string,
  options: MinionEventOptions,
  store: AcceptedEvents,
): Promise<AcceptedPackages> {
  const events: BusEvent[] = [];
  const ids: string[] = [];
  const arrived: ArrivedEvent[] = [];
  const refused: Refusal[] = [];
  const refusedPlaces: number[] = [];
  for (const [place, one] of packages.entries()) {
    if (one === undefined) {
      refused.push(refusal('shape'));
      refusedPlaces.push(place);
      continue;
    }
    const { id, load } = one;
    const read = minionEvents(load, sender, { ...options, eventId: id });
    refused.push(...read.refused);
    if (read.events.length === 0) refusedPlaces.push(place);
    const isList = load.get('events') !== undefined && load.get('events') !== null;
    for (const [at, { tag, data }] of read.events.entries()) {
      events.push({ tag, data });
      ids.push(id);
      // no id holds a full stop
      arrived.push({ id: isList ? `${id}.${at}` : id, minion: sender, tag, data: encode(data) });
    }
  }
  publish('saltbus:delivery', WRITE);
  const outcome = await store.accept(arrived);
  publish('saltbus:delivery', WRITTEN);
  return {
    events: events.flatMap((event, at) => {
      if (outcome[at] === 'copy') return [];
      if (outcome[at] === 'new') return [event];
      const origin = { minion: sender, id: ids[at] ?? '', redelivered: true };
      return [{ tag: event.tag, data: withOrigin(event.data, origin) }];
    }),
    refused,
    refusedPlaces,
  };
}

const FIELDS = ['pretag', 'events', 'data', 'tag'] as const;
const ID = /^[A-Za-z0-9_-]{16,64}$/;

/** The packages of `_saltbus_events`, each as the load that it would have been by itself. */
export function packagesIn(load: Load): readonly (IdentifiedPackage | undefined)[] | undefined {
  const events = load.get('events');
  if (!Array.isArray(events)) return undefined;
  return (events as readonly ExactValue[]).map((element) => {
    if (!isMap(element)) return undefined;
    const id = element.get('id');
    if (typeof id !== 'string' || !ID.test(id)) return undefined;
    const own = new Map<ExactValue, ExactValue>([['cmd', '_minion_event']]);
    for (const field of FIELDS) {
      const value = element.get(field);
      if (value !== undefined) own.set(field, value);
    }
    // as the channel of a minion puts them
    for (const field of ['ts', 'id']) own.set(field, load.get(field) ?? null);
    return { id, load: own };
  });
}
