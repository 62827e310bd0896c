/**
 * What a master answers on port 4506 (3006.30, 3007.17, 3008.5), as one union, and how each form is written.
 */
import { SaltbusError } from '../../errors.ts';
import type { ExactValue } from '../msgpack/values.ts';
import { bytesOf, packRaw, unpackRaw } from './raw-strings.ts';
import type { LoadMap } from './raw-strings.ts';

/** A reply before anything of it is trusted. */
export type Reply =
  /** a signed reply to a sign-in: `load` is msgpack, and `signature` is over exactly its bytes */
  | { readonly kind: 'signed'; readonly load: Buffer; readonly signature: Buffer }
  /** a sign-in named an algorithm that the master does not speak; nobody signs this */
  | { readonly kind: 'bad-algorithm'; readonly which: 'encryption' | 'signing' }
  /** a member of a cluster is not ready (3008) */
  | { readonly kind: 'retry-later' }
  /** an encrypted reply */
  | { readonly kind: 'sealed'; readonly blob: Buffer }
  /** a pillar: a key of its own for the minion, and what is encrypted with it */
  | { readonly kind: 'pillar'; readonly key: Buffer; readonly blob: Buffer }
  /** the reply to a clear command, such as `publish` */
  | { readonly kind: 'clear'; readonly load: LoadMap }
  /** a clear command failed, or a router has no worker */
  | { readonly kind: 'error'; readonly error: ExactValue }
  /** a plain string such as `bad load`; `bytes` because a blob could be valid UTF-8 by chance */
  | { readonly kind: 'text'; readonly text: string; readonly bytes: Buffer }
  /** any other map: the echo of a `ping`, `{}` for an unknown command, `{msg: "bad load"}` */
  | { readonly kind: 'map'; readonly map: LoadMap }
  /** nothing that a master sends */
  | { readonly kind: 'malformed'; readonly why: string };

/** Reads a reply. Never throws. */
export function parseReply(payload: Uint8Array): Reply {
  let value: ExactValue;
  try {
    value = unpackRaw(payload);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return { kind: 'malformed', why: error.message };
  }
  if (typeof value === 'string') return { kind: 'text', text: value, bytes: Buffer.from(value, 'utf8') };
  if (value instanceof Uint8Array) return { kind: 'sealed', blob: bytesOf(value) ?? Buffer.alloc(0) };
  if (value instanceof Map) return parseMap(value as LoadMap);
  return { kind: 'malformed', why: 'The reply is neither a map nor a byte string' };
}

function parseMap(map: LoadMap): Reply {
  if (map.has('pillar') && map.has('key')) return parsePillar(map);
  if (map.has('error')) return { kind: 'error', error: map.get('error') ?? null };
  if (map.get('enc') !== 'clear' || !map.has('load')) return { kind: 'map', map };
  const load = map.get('load');
  if (load instanceof Map) return parseClear(load as LoadMap);
  const bytes = bytesOf(load);
  const signature = bytesOf(map.get('sig'));
  if (bytes === undefined)
    return { kind: 'malformed', why: 'The load of the reply is neither a map nor bytes' };
  if (signature === undefined) return { kind: 'malformed', why: 'The reply is not signed' };
  return { kind: 'signed', load: bytes, signature };
}

function parsePillar(map: LoadMap): Reply {
  const key = bytesOf(map.get('key'));
  const blob = bytesOf(map.get('pillar'));
  if (key === undefined || blob === undefined) {
    return { kind: 'malformed', why: 'The key or the pillar of the reply is no byte string' };
  }
  return { kind: 'pillar', key, blob };
}

function parseClear(load: LoadMap): Reply {
  const ret = load.get('ret');
  if (ret === 'bad enc algo') return { kind: 'bad-algorithm', which: 'encryption' };
  if (ret === 'bad sig algo') return { kind: 'bad-algorithm', which: 'signing' };
  if (load.get('cluster_retry') === true) return { kind: 'retry-later' };
  return { kind: 'clear', load };
}

/** Writes a signed reply to a sign-in. */
export function encodeSignedReply(load: Uint8Array, signature: Uint8Array): Buffer {
  return packRaw({ enc: 'clear', load, sig: signature });
}

/** Writes the answer to a sign-in with an algorithm that is not spoken. */
export function encodeBadAlgorithm(which: 'encryption' | 'signing'): Buffer {
  return packRaw({ enc: 'clear', load: { ret: which === 'encryption' ? 'bad enc algo' : 'bad sig algo' } });
}

/** Writes an encrypted reply. */
export function encodeSealedReply(blob: Uint8Array): Buffer {
  return packRaw(blob);
}

/** Writes a pillar reply. */
export function encodePillarReply(key: Uint8Array, blob: Uint8Array): Buffer {
  return packRaw({ key, pillar: blob });
}

/** Writes a plain value: the strings for a refusal, the echo of a ping, the reply to a clear command. */
export function encodePlainReply(value: unknown): Buffer {
  return packRaw(value);
}

/** `bad load`: what makes a minion sign in again. */
export const BAD_LOAD: Buffer = packRaw('bad load');
