/**
 * From a package on the minion's bus to the load that its master is sent, as real minions make it (3006.30, 3007.17, 3008.5).
 */
import { checkPackage } from '../../bus/fire-master.ts';
import { TAGEND, dataStart } from '../../codec/event-body.ts';
import { decodeExact } from '../../codec/msgpack/decode.ts';
import { ExactFloat } from '../../codec/msgpack/values.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { SaltbusError } from '../../errors.ts';

/** A `_minion_event`, without what the channel adds. */
export type EventLoad = ReadonlyMap<string, unknown>;

/**
 * Reads a package from the body of its event. The single form keeps `pretag` and loses what else is in the package; empty data is an empty
 * map.
 * @throws SaltbusError `ERR_SALTBUS_DATA`, `ERR_SALTBUS_TAG` or `ERR_SALTBUS_DENIED_TAG` for what a master would drop, `ERR_SALTBUS_MSGPACK`
 * or `ERR_SALTBUS_LIMIT`
 */
export function readPackage(body: Buffer): EventLoad {
  return loadOf(packageOf(body));
}

/**
 * The package in the body of its event, as msgpack; a view.
 * @throws SaltbusError `ERR_SALTBUS_DATA`
 */
export function packageOf(body: Buffer): Buffer {
  const at = dataStart(body, 0, body.length);
  if (at === -1) throw new SaltbusError('ERR_SALTBUS_DATA', 'The body of the event has no end of the tag');
  return body.subarray(at);
}

/**
 * The load for a package.
 * @throws SaltbusError as {@link readPackage}
 */
export function loadOf(bytes: Uint8Array): EventLoad {
  const value = decodeExact(bytes);
  checkPackage(value);
  const whole = value as ReadonlyMap<ExactValue, ExactValue>;
  const load = new Map<string, unknown>([
    ['cmd', '_minion_event'],
    ['pretag', whole.get('pretag') ?? null],
  ]);
  const events = whole.get('events');
  if (Array.isArray(events) && events.length > 0) return load.set('events', events);
  const data = whole.get('data') ?? null;
  return load.set('data', isEmpty(data) ? new Map() : data).set('tag', whole.get('tag'));
}

// What Python takes for nothing: real minions send an empty map in its place.
function isEmpty(value: ExactValue): boolean {
  if (value instanceof Map) return value.size === 0;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof ExactFloat) return value.value === 0;
  return value === null || value === false || value === 0 || value === 0n || value === '';
}

/** The tag of an event, for a message. */
export function tagOf(load: EventLoad): string {
  const tag = load.get('tag');
  if (typeof tag === 'string') return tag;
  const events = load.get('events');
  const [first] = Array.isArray(events) ? (events as unknown[]) : [];
  const inner: unknown = first instanceof Map ? first.get('tag') : undefined;
  return typeof inner === 'string' ? inner : '';
}

const PREFIX_END = Buffer.from(TAGEND);

/** Looks for a tag that begins like this, in bytes, before anything is decoded. */
export function tagPrefix(prefix: string): (buffer: Buffer, start: number, end: number) => boolean {
  const bytes = Buffer.from(prefix);
  return (buffer, start, end) =>
    end - start >= bytes.length + PREFIX_END.length &&
    buffer.compare(bytes, 0, bytes.length, start, start + bytes.length) === 0;
}
