/**
 * msgpack as it travels between minions and masters.
 *
 * Salt writes text and bytes alike, as raw strings, and reads each raw or bin that is valid UTF-8 as text and each other as
 * bytes (3006.30, 3007.17, 3008.5). So do these.
 */
import { isUtf8 } from 'node:buffer';
import { decodeExact } from '../msgpack/decode.ts';
import { Encoder } from '../msgpack/encode.ts';
import { RawText } from '../msgpack/values.ts';
import type { ExactValue } from '../msgpack/values.ts';

/** A map as it came, in the order of the wire. */
export type LoadMap = ReadonlyMap<ExactValue, ExactValue>;

const encoder = new Encoder({ rawOnly: true });

/**
 * Writes a value as Salt's network side does.
 * @throws SaltbusError `ERR_SALTBUS_DATA` or `ERR_SALTBUS_LIMIT` for what cannot be encoded
 */
export function packRaw(value: unknown): Buffer {
  encoder.reset();
  encoder.value(value);
  return encoder.copy();
}

/**
 * Reads a value as Salt's network side does: byte strings are text when they are valid UTF-8, and bytes when not.
 * @throws SaltbusError `ERR_SALTBUS_MSGPACK` or `ERR_SALTBUS_LIMIT`
 */
export function unpackRaw(bytes: Uint8Array): ExactValue {
  return settle(decodeExact(bytes));
}

function settle(value: ExactValue): ExactValue {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof RawText) return value.bytes;
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString('utf8') : value;
  if (value instanceof Map) return settleMap(value as Map<ExactValue, ExactValue>);
  if (Array.isArray(value)) {
    // built by the decoder a moment ago, and nobody else has it yet
    const list = value as ExactValue[];
    for (let index = 0; index < list.length; index += 1) list[index] = settle(list[index] ?? null);
  }
  return value;
}

function settleMap(map: Map<ExactValue, ExactValue>): Map<ExactValue, ExactValue> {
  let isKept = true;
  for (const [key, element] of map) {
    if (typeof key === 'object' && key !== null) isKept = false;
    else if (typeof element === 'object' && element !== null) map.set(key, settle(element));
  }
  if (isKept) return map;
  // a key that is no scalar may turn into text, and its pair keeps its place
  const settled = new Map<ExactValue, ExactValue>();
  for (const [key, element] of map) settled.set(settle(key), settle(element));
  return settled;
}

/** The bytes of a value that stands where bytes belong; those that happened to be valid UTF-8 were read as text. */
export function bytesOf(value: ExactValue | undefined): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length);
  return undefined;
}
