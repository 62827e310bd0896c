/**
 * The one domain type: an event as it came from a bus.
 */
import { dataStart } from './codec/event-body.ts';
import { MsgpackCursor } from './codec/msgpack/cursor.ts';
import { decodeExact, decodePlain } from './codec/msgpack/decode.ts';
import type { DecodeNotes } from './codec/msgpack/decode.ts';
import type { ExactValue } from './codec/msgpack/values.ts';
import { SaltbusError, withoutStack } from './errors.ts';

/**
 * The data of an event as programs want it.
 *
 * Where a map has a key that is no text (job returns can have integer keys) it is a `Map`; see {@link SaltEvent.exact}
 * for the view in which every type is told apart.
 */
export type EventData = Readonly<Record<string, unknown>>;

/** Sums over the events of one bus. */
export interface EventTally {
  /** Values that Salt had trimmed, in events that were decoded. */
  trimmed: number;
}

// Filled by each decoding and read right after it: no event needs one of its own.
const NOTES: DecodeNotes = { trimmed: 0 };

/** An event: tag, data (decoded on first use), the exact view, the bytes, and when it was received. */
export class SaltEvent {
  /** Tells it apart from the other items of a subscription. */
  readonly kind = 'event';
  readonly tag: string;
  /** When this process read it, in milliseconds since 1970, with microseconds behind the point. */
  readonly receivedAt: number;
  #body: Buffer;
  readonly #dataStart: number;
  #data: EventData | undefined;
  #exact: ExactValue | undefined;
  #trimmed = -1;
  readonly #tally: EventTally | undefined;

  /** Use {@link readEvent}, which checks the bytes first: the getters rely on it. */
  constructor(tag: string, body: Buffer, dataStart: number, receivedAt: number, tally?: EventTally) {
    this.tag = tag;
    this.receivedAt = receivedAt;
    this.#body = body;
    this.#dataStart = dataStart;
    this.#tally = tally;
  }

  /** The data, decoded on first use and kept. */
  get data(): EventData {
    return this.#data ?? this.#decode();
  }

  #decode(): EventData {
    this.#data = decodePlain(this.#body, this.#dataStart, NOTES) as EventData;
    this.#note(NOTES.trimmed);
    return this.#data;
  }

  /** The data with nothing lost: floats stay floats, maps are `Map`s with keys of any type, datetimes and bytes keep their type. */
  get exact(): ReadonlyMap<ExactValue, ExactValue> {
    if (this.#exact === undefined) {
      this.#exact = decodeExact(this.#body, this.#dataStart, NOTES);
      this.#note(NOTES.trimmed);
    }
    return this.#exact as ReadonlyMap<ExactValue, ExactValue>;
  }

  /**
   * Values of the data that Salt's firing client has cut out because the event was too large: the text `VALUE_TRIMMED`
   * stands in their place. Known by decoding; a program that fires this text itself cannot be told apart.
   */
  get trimmed(): number {
    if (this.#trimmed === -1) this.#decode();
    return this.#trimmed;
  }

  #note(trimmed: number): void {
    if (this.#trimmed !== -1) return;
    this.#trimmed = trimmed;
    if (trimmed > 0 && this.#tally !== undefined) this.#tally.trimmed += trimmed;
  }

  /** The body as it came: tag, two line feeds, msgpack. */
  get raw(): Uint8Array {
    return this.#body;
  }

  /** Bytes of the body. */
  get size(): number {
    return this.#body.length;
  }

  /** Bytes of the memory that this event keeps alive. */
  get retainedBytes(): number {
    return this.#body.buffer.byteLength;
  }

  /** Gives the event bytes of its own, so that it no longer keeps the chunk alive in which it came. */
  detach(): void {
    this.#body = Buffer.from(this.#body);
  }
}

/** Bytes that came as an event and are none: no tag end, malformed msgpack, data that is no map. */
export interface BadEvent {
  readonly kind: 'bad-event';
  /** The tag, where one could be read. */
  readonly tag: string | undefined;
  readonly error: SaltbusError;
  /** The bytes as they came. */
  readonly raw: Uint8Array;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/** The text of a tag that stands in a buffer; bytes that are no UTF-8 become replacement characters. */
export function tagText(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('utf8', start, end);
}

/**
 * Checks a body and makes an event of it, without decoding the data.
 * @param dataAt - where the data begins in `body`, when that is known already
 * @param tally - is added to when the event is decoded
 */
export function readEvent(
  body: Buffer,
  receivedAt: number,
  tag?: string,
  dataAt: number = dataStart(body, 0, body.length),
  tally?: EventTally,
): SaltEvent | BadEvent {
  if (dataAt === -1) {
    return { kind: 'bad-event', tag: undefined, error: noTagEnd(), raw: body, receivedAt };
  }
  const text = tag ?? tagText(body, 0, dataAt - 2);
  const error = problemOfData(body, dataAt, body.length);
  if (error !== undefined) return { kind: 'bad-event', tag: text, error, raw: body, receivedAt };
  return new SaltEvent(text, body, dataAt, receivedAt, tally);
}

/** What is wrong with the body of an event that stands in a buffer; `undefined` when nothing is. */
export function problemOfBody(buffer: Buffer, start: number, end: number): SaltbusError | undefined {
  const dataAt = dataStart(buffer, start, end);
  return dataAt === -1 ? noTagEnd() : problemOfData(buffer, dataAt, end);
}

function noTagEnd(): SaltbusError {
  return withoutStack(
    () => new SaltbusError('ERR_SALTBUS_FRAME', 'The event has no end of its tag (two line feeds)'),
  );
}

function problemOfData(buffer: Buffer, start: number, end: number): SaltbusError | undefined {
  // As withoutStack(), in place: this is done for each event.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const cursor = new MsgpackCursor(buffer, start, end);
    if (!cursor.atMap()) return new SaltbusError('ERR_SALTBUS_DATA', 'The data of the event is no map');
    cursor.skip();
    if (cursor.position === end) return undefined;
    return new SaltbusError(
      'ERR_SALTBUS_MSGPACK',
      `${end - cursor.position} bytes follow the data of the event`,
    );
  } catch (error) {
    if (error instanceof SaltbusError) return error;
    throw error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}
