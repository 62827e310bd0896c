/**
 * Who a minion is: its id and its key pair, with what depends on them alone computed once.
 */
import { randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { newKeyString } from '../codec/crypticle.ts';
import type { RandomBytes } from '../codec/crypticle.ts';
import { isMinionId } from '../codec/load/names.ts';
import { parsePrivateKey, publicPem } from '../codec/rsa/private-key.ts';
import { signX931 } from '../codec/rsa/x931.ts';
import { SaltbusError } from '../errors.ts';

// What a minion signs to show with each request that it holds its key (all releases of protocol 3).
const SIGNED_WITH_EACH_REQUEST = Buffer.from('salt');

/** Id and keys of a minion, for as long as its process lives. */
export class MinionIdentity {
  readonly id: string;
  /** Cleaned, as it is sent. */
  readonly publicPem: string;
  readonly #privateKey: KeyObject;
  readonly #tok: Buffer;
  readonly #token: string;

  /**
   * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID` for a key that cannot be used, `ERR_SALTBUS_USAGE` for what can be no id
   */
  constructor(id: string, privatePem: string, random: RandomBytes = randomBytes) {
    if (!isMinionId(id)) {
      throw new SaltbusError(
        'ERR_SALTBUS_USAGE',
        `${JSON.stringify(String(id).slice(0, 64))} can be no id of a minion`,
        {
          next: 'An id has no slash, backslash or control character, does not begin with a dot, and has at most 255 bytes.',
        },
      );
    }
    this.id = id;
    this.#privateKey = parsePrivateKey(privatePem);
    this.publicPem = publicPem(this.#privateKey);
    this.#tok = signX931(this.#privateKey, SIGNED_WITH_EACH_REQUEST);
    this.#token = newKeyString(random);
  }

  /** Sent with each encrypted request; a secret. */
  tok(): Buffer {
    return this.#tok;
  }

  /** What a master whose key is known has to echo at a sign-in; constant for the life of the process. */
  token(): string {
    return this.#token;
  }

  /** For what was encrypted with the public key of this minion. */
  privateKey(): KeyObject {
    return this.#privateKey;
  }
}
