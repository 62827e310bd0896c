/**
 * Whether the token in a request was made with the private key of the minion, without an RSA operation for each request.
 */
import { timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { recoverX931 } from '../codec/rsa/x931.ts';

const SIGNED = Buffer.from('salt');
// Of one key there are two signatures of one message: s and n - s.
const MOST = 2;

/** Remembers which token belongs to which accepted key, for as long as the key itself is held. */
export class VerifiedTokens {
  readonly #known = new WeakMap<KeyObject, Buffer[]>();

  /** Whether the token is that of the holder of the key. */
  check(key: KeyObject, token: Buffer): boolean {
    const known = this.#known.get(key) ?? [];
    for (const good of known) if (good.length === token.length && timingSafeEqual(good, token)) return true;
    const message = recoverX931(key, token);
    if (message?.length !== SIGNED.length || !timingSafeEqual(message, SIGNED)) return false;
    if (known.length < MOST) this.#known.set(key, [...known, Buffer.from(token)]);
    return true;
  }
}
