/**
 * A publication on port 4505 (3006.9, 3007.2 and later).
 *
 *     {enc: "aes", load: blob, sig_algo, sig}
 *
 * `sig` is over the encrypted bytes. Masters older than 3006.9 send no `sig_algo`, and SHA-1 was meant.
 */
import { SaltbusError } from '../../errors.ts';
import { DEFAULT_SIGNING, isSigningAlgorithm } from '../rsa/algorithms.ts';
import type { SigningAlgorithm } from '../rsa/algorithms.ts';
import { bytesOf, packRaw, unpackRaw } from './raw-strings.ts';
import type { LoadMap } from './raw-strings.ts';

/** A publication before anything of it is trusted. */
export interface Publication {
  readonly blob: Buffer;
  /** `undefined` when the master does not sign. */
  readonly signature: Buffer | undefined;
  readonly sigAlgorithm: SigningAlgorithm;
}

const KEYS: ReadonlySet<unknown> = new Set(['enc', 'load', 'sig_algo', 'sig']);

/** Reads a publication; `undefined` for what is none, or whose `enc` is not `aes`. Never throws. */
export function parsePublication(payload: Uint8Array): Publication | undefined {
  let value;
  try {
    value = unpackRaw(payload);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return undefined;
  }
  if (!(value instanceof Map)) return undefined;
  const map = value as LoadMap;
  for (const key of map.keys()) if (!KEYS.has(key)) return undefined;
  const blob = bytesOf(map.get('load'));
  const sigAlgorithm = map.get('sig_algo') ?? DEFAULT_SIGNING;
  if (map.get('enc') !== 'aes' || blob === undefined || !isSigningAlgorithm(sigAlgorithm)) return undefined;
  const signature = map.has('sig') ? (bytesOf(map.get('sig')) ?? Buffer.alloc(0)) : undefined;
  return { blob, signature, sigAlgorithm };
}

/** Writes a publication. */
export function encodePublication(publication: Publication): Buffer {
  const { blob, signature, sigAlgorithm } = publication;
  return packRaw({
    enc: 'aes',
    load: blob,
    ...(signature === undefined ? {} : { sig_algo: sigAlgorithm, sig: signature }),
  });
}
