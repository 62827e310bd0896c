/**
 * The envelope of a request on port 4506, protocol version 3 (3006.12, 3007.4, 3008 and later).
 *
 *     {enc: "clear", load: map, version: 3}
 *     {enc: "aes", load: blob, version: 3, id, enc_algo, sig_algo}
 *
 * The keys and their types are an allow-list: whatever else stands in an envelope refuses it.
 */
import { SaltbusError } from '../../errors.ts';
import { MsgpackCursor } from '../msgpack/cursor.ts';
import {
  DEFAULT_ENCRYPTION,
  DEFAULT_SIGNING,
  isEncryptionAlgorithm,
  isSigningAlgorithm,
} from '../rsa/algorithms.ts';
import type { EncryptionAlgorithm, SigningAlgorithm } from '../rsa/algorithms.ts';
import { bytesOf, packRaw, unpackRaw } from './raw-strings.ts';
import type { LoadMap } from './raw-strings.ts';

/** The one version that is spoken. */
export const PROTOCOL_VERSION = 3;

/** A request before its load is looked at. */
export type RequestEnvelope =
  | { readonly enc: 'clear'; readonly load: LoadMap }
  | {
      readonly enc: 'aes';
      readonly load: Buffer;
      readonly id: string;
      readonly encAlgorithm: EncryptionAlgorithm;
      readonly sigAlgorithm: SigningAlgorithm;
    };

/** Why an envelope is refused. */
export type EnvelopeFault =
  /** no msgpack at all, or followed by more */
  | 'not-msgpack'
  /** no map, or without `enc` or `load`, or with a key or type that is not on the list */
  | 'shape'
  /** older than is spoken, or without a version */
  | 'version'
  /** an `enc` other than the two */
  | 'enc'
  /** more than {@link MAX_CLEAR_BYTES} that are no byte string: values would be made of them before anything is known of the sender */
  | 'too-large'
  /** a clear load that is no map */
  | 'load-not-a-map'
  /** an id that is no text, is missing, or has a NUL */
  | 'id';

/** A request envelope, or why there is none. */
export type ParsedRequest =
  | { readonly kind: 'envelope'; readonly envelope: RequestEnvelope }
  | { readonly kind: 'refused'; readonly fault: EnvelopeFault };

/**
 * Most bytes of a request that is not encrypted. A sign-in has some 2000; `publish` holds the arguments of a job, and `salt-cp` sends
 * files in pieces of 96 KiB (3006.30, 3007.17, 3008.5).
 */
export const MAX_CLEAR_BYTES: number = 1024 * 1024;

const KEYS: ReadonlySet<unknown> = new Set(['enc', 'load', 'version', 'id', 'enc_algo', 'sig_algo']);
// More keys than are known cannot all be known: refused before a value is built of what else there is.
const MOST_KEYS = KEYS.size;

function refused(fault: EnvelopeFault): ParsedRequest {
  return { kind: 'refused', fault };
}

/** Reads an envelope. Never throws: whatever came is an envelope or has a fault. */
export function parseRequest(payload: Buffer, minimumVersion: number = PROTOCOL_VERSION): ParsedRequest {
  let value;
  try {
    const cursor = new MsgpackCursor(payload, 0, payload.length);
    const pairs = cursor.mapHeader();
    if (pairs !== undefined && pairs > MOST_KEYS) {
      new MsgpackCursor(payload, 0, payload.length).skip();
      return refused('shape');
    }
    if (payload.length > MAX_CLEAR_BYTES && hasCollections(cursor, pairs ?? 0)) return refused('too-large');
    value = unpackRaw(payload);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return refused('not-msgpack');
  }
  if (!(value instanceof Map)) return refused('shape');
  const map = value as LoadMap;
  for (const key of map.keys()) if (!KEYS.has(key)) return refused('shape');
  const enc = map.get('enc');
  const load = map.get('load');
  if (enc === undefined || load === undefined) return refused('shape');
  const version = map.get('version');
  if (!Number.isSafeInteger(version) || (version as number) < Math.max(minimumVersion, PROTOCOL_VERSION))
    return refused('version');
  if (enc === 'clear') return clear(map, load);
  if (enc === 'aes') return sealed(map, load);
  return refused('enc');
}

// Values stand in a map or a list; an encrypted load is one byte string, of which nothing is made here.
function hasCollections(cursor: MsgpackCursor, pairs: number): boolean {
  for (let left = 2 * pairs; left > 0; left -= 1) {
    if (cursor.atMap() || cursor.atArray()) return true;
    cursor.skip();
  }
  return pairs === 0;
}

function clear(map: LoadMap, load: unknown): ParsedRequest {
  if (map.size > 3) return refused('shape');
  if (!(load instanceof Map)) return refused('load-not-a-map');
  return { kind: 'envelope', envelope: { enc: 'clear', load: load as LoadMap } };
}

function sealed(map: LoadMap, load: Parameters<typeof bytesOf>[0]): ParsedRequest {
  const blob = bytesOf(load);
  if (blob === undefined) return refused('shape');
  const id = map.get('id');
  if (typeof id !== 'string' || id.includes('\0')) return refused('id');
  const encAlgorithm = map.get('enc_algo') ?? DEFAULT_ENCRYPTION;
  const sigAlgorithm = map.get('sig_algo') ?? DEFAULT_SIGNING;
  if (!isEncryptionAlgorithm(encAlgorithm) || !isSigningAlgorithm(sigAlgorithm)) return refused('shape');
  return { kind: 'envelope', envelope: { enc: 'aes', load: blob, id, encAlgorithm, sigAlgorithm } };
}

/** Writes a clear request. */
export function encodeClearRequest(load: Readonly<Record<string, unknown>> | LoadMap): Buffer {
  return packRaw({ enc: 'clear', load, version: PROTOCOL_VERSION });
}

/** Writes an encrypted request around a blob. */
export function encodeSealedRequest(request: {
  readonly blob: Uint8Array;
  readonly id: string;
  readonly encAlgorithm: EncryptionAlgorithm;
  readonly sigAlgorithm: SigningAlgorithm;
}): Buffer {
  return packRaw({
    enc: 'aes',
    load: request.blob,
    version: PROTOCOL_VERSION,
    id: request.id,
    enc_algo: request.encAlgorithm,
    sig_algo: request.sigAlgorithm,
  });
}
