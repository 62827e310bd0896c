/**
 * The package that makes a minion daemon send events to its master: tag `fire_master` on the minion bus.
 *
 * A minion (all releases up to 3008.5) drops a package in silence when one of the keys `data`, `tag`, `events`, `pretag`
 * is missing, and a master drops events under certain tags, and the rest of a list behind one bad element. All of this
 * is refused here before anything is sent.
 */
import { deniedBy } from '../dialect/tag-rules.ts';
import { SaltbusError } from '../errors.ts';
import { checkTag } from '../tag.ts';
import { checkTagSize } from './event-size.ts';

/** The tag, on the minion bus, of a package for the master. */
export const FIRE_MASTER_TAG = 'fire_master';

/**
 * One element of a list: `data`, where it is there, is what arrives; otherwise the whole element is, with its `tag`.
 */
export type MasterEvent = { readonly tag: string } & Readonly<Record<string, unknown>>;

/** A complete package: all four keys that a minion wants. */
export interface FireMasterPackage {
  readonly [key: string]: unknown;
  readonly tag: string | null;
  readonly data: unknown;
  readonly events: readonly MasterEvent[] | null;
  readonly pretag: string | null;
}

/** What can be said about how a list arrives. */
export interface FireMasterOptions {
  /** Lists only: each event is fired a second time at `<pretag>/<tag>` on the master bus. */
  readonly pretag?: string;
}

/**
 * The package for one event (it arrives with the whole load as its data: `id`, `ts`, and the given data under `data`).
 * @throws SaltbusError `ERR_SALTBUS_TAG`, `ERR_SALTBUS_LIMIT` or `ERR_SALTBUS_DENIED_TAG`
 */
export function singlePackage(tag: string, data: unknown): FireMasterPackage {
  checkMasterTag(tag, 'The tag');
  return { tag, data, events: null, pretag: null };
}

/**
 * The package for a list of events, in order (each arrives with its own data and without the sender's id).
 * @throws SaltbusError `ERR_SALTBUS_TAG`, `ERR_SALTBUS_LIMIT`, `ERR_SALTBUS_DENIED_TAG` or `ERR_SALTBUS_DATA`, naming the element
 */
export function listPackage(
  events: readonly MasterEvent[],
  options: FireMasterOptions = {},
): FireMasterPackage {
  const { pretag = null } = options;
  if (events.length === 0) {
    throw new SaltbusError('ERR_SALTBUS_DATA', 'A fire_master list without events would be dropped', {
      next: 'Give at least one event.',
    });
  }
  events.forEach((event: unknown, index) => {
    checkElement(event, index, pretag);
  });
  return { tag: null, data: null, events, pretag };
}

function checkElement(event: unknown, index: number, pretag: string | null): void {
  const what = `Element ${index} of events`;
  const tag = fieldOf(event, 'tag');
  if (typeof tag !== 'string') {
    throw new SaltbusError(
      'ERR_SALTBUS_DATA',
      `${what} has no tag that is text; a master drops it and all behind it`,
      {
        next: 'Give each element a tag.',
      },
    );
  }
  checkMasterTag(tag, `The tag of element ${index}`);
  if (pretag !== null) checkMasterTag(`${pretag}/${tag}`, `The tag of element ${index} under the pretag`);
  if (!isMap(arriving(event))) {
    throw new SaltbusError(
      'ERR_SALTBUS_DATA',
      `${what} has data that is no map; a master drops it and all behind it`,
      {
        next: 'Make the data of each element a map, or leave the key data out.',
      },
    );
  }
}

/** The data with which an element of a list that {@link listPackage} has let through arrives. */
export function arrivingData(
  event: MasterEvent,
): Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown> {
  const data = arriving(event);
  return isMap(data) ? data : {};
}

function arriving(event: unknown): unknown {
  return hasField(event, 'data') ? fieldOf(event, 'data') : event;
}

/**
 * Checks a package that a program has put together by itself.
 * @throws SaltbusError as {@link singlePackage} and {@link listPackage}, and `ERR_SALTBUS_DATA` naming the keys that are missing
 */
export function checkPackage(load: unknown): void {
  if (!isMap(load)) throw new SaltbusError('ERR_SALTBUS_DATA', 'A fire_master package is a map');
  const missing = ['data', 'tag', 'events', 'pretag'].filter((key) => !hasField(load, key));
  if (missing.length > 0) {
    throw new SaltbusError(
      'ERR_SALTBUS_DATA',
      `The fire_master package lacks ${missing.join(', ')}: a minion drops it in silence`,
      {
        next: 'Put all of data, tag, events and pretag in (null where unused), or use fireMaster() / --to-master.',
      },
    );
  }
  const pretag = fieldOf(load, 'pretag') ?? null;
  if (pretag !== null && typeof pretag !== 'string') {
    throw new SaltbusError('ERR_SALTBUS_DATA', 'The pretag of a fire_master package is text or null');
  }
  const events = fieldOf(load, 'events');
  const tag = fieldOf(load, 'tag');
  if (Array.isArray(events) && events.length > 0) {
    listPackage(events as MasterEvent[], pretag === null ? {} : { pretag });
  } else if (events !== null && events !== undefined && !Array.isArray(events)) {
    throw new SaltbusError('ERR_SALTBUS_DATA', 'The events of a fire_master package are a list or null');
  } else if (typeof tag === 'string') {
    checkMasterTag(tag, 'The tag');
  } else {
    throw new SaltbusError(
      'ERR_SALTBUS_DATA',
      'The fire_master package has neither events nor a tag: nothing would reach the master',
    );
  }
}

function checkMasterTag(tag: string, what: string): void {
  checkTag(tag);
  checkTagSize(tag, what);
  const glob = deniedBy(tag);
  if (glob !== undefined) {
    throw new SaltbusError(
      'ERR_SALTBUS_DENIED_TAG',
      `${what}, ${JSON.stringify(tag)}, matches ${glob}: a master drops it`,
    );
  }
}

/** Whether a value can be the data of an event. */
export function isMap(
  value: unknown,
): value is Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Map) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function fieldOf(map: unknown, key: string): unknown {
  if (map instanceof Map) return (map as ReadonlyMap<unknown, unknown>).get(key);
  return isMap(map) && Object.hasOwn(map, key) ? (map as Readonly<Record<string, unknown>>)[key] : undefined;
}

function hasField(map: unknown, key: string): boolean {
  if (map instanceof Map) return map.has(key);
  return (
    isMap(map) && Object.hasOwn(map, key) && (map as Readonly<Record<string, unknown>>)[key] !== undefined
  );
}
