/**
 * The publish key of a master: shared by all its minions, and what each publication is encrypted with.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Crypticle, newKeyString } from '../codec/crypticle.ts';
import type { RandomBytes } from '../codec/crypticle.ts';
import { encodePublication } from '../codec/payload/publication.ts';
import { packRaw } from '../codec/payload/raw-strings.ts';
import { DEFAULT_SIGNING } from '../codec/rsa/algorithms.ts';
import type { SigningAlgorithm } from '../codec/rsa/algorithms.ts';
import type { MasterKey } from './master-key.ts';
import type { LoadToSend } from './minion-session.ts';

/** Options of a {@link PublishKey}. */
export interface PublishKeyOptions {
  /** Signs the digest of the key, and publications. */
  readonly masterKey: MasterKey;
  /** The master option `sign_pub_messages`. @defaultValue true */
  readonly isSigning?: boolean;
  /** The master option `publish_signing_algorithm`. @defaultValue `PKCS1v15-SHA1` */
  readonly sigAlgorithm?: SigningAlgorithm;
  readonly random?: RandomBytes;
}

interface Generation {
  readonly key: string;
  readonly crypticle: Crypticle;
  /** X9.31 over the hexadecimal SHA-256 of the key: what a minion compares the key with. */
  readonly digestSignature: Buffer;
  serial: number;
}

async function generate(masterKey: MasterKey, random: RandomBytes): Promise<Generation> {
  const key = newKeyString(random);
  const digest = createHash('sha256').update(key).digest('hex');
  const digestSignature = await masterKey.signX931(Buffer.from(digest, 'latin1'));
  return { key, crypticle: new Crypticle(key), digestSignature, serial: 0 };
}

/** The publish key now, and the serial of the publications under it. */
export class PublishKey {
  readonly #options: PublishKeyOptions;
  readonly #random: RandomBytes;
  #generation: Generation;
  #last: Promise<unknown> = Promise.resolve();
  #rotation: Promise<void> | undefined;

  private constructor(options: PublishKeyOptions, random: RandomBytes, generation: Generation) {
    this.#options = options;
    this.#random = random;
    this.#generation = generation;
  }

  /** Makes a key and has its digest signed. */
  static async create(options: PublishKeyOptions): Promise<PublishKey> {
    const random = options.random ?? randomBytes;
    return new PublishKey(options, random, await generate(options.masterKey, random));
  }

  /** What a minion gets at its sign-in: the key, and the signature of its digest. */
  current(): { readonly key: string; readonly digestSignature: Buffer } {
    const { key, digestSignature } = this.#generation;
    return { key, digestSignature };
  }

  /**
   * Makes a new key. Minions are not told: they find out at the next publication, all at once. Called again meanwhile it is the
   * same rotation.
   */
  rotate(): Promise<void> {
    this.#rotation ??= (async () => {
      try {
        this.#generation = await generate(this.#options.masterKey, this.#random);
      } finally {
        this.#rotation = undefined;
      }
    })();
    return this.#rotation;
  }

  /**
   * Encrypts and signs a job. The promises resolve in the order of the calls, which is that of the serials: minions drop what
   * comes out of order.
   * @throws SaltbusError `ERR_SALTBUS_DATA` or `ERR_SALTBUS_LIMIT` for what cannot be encoded
   */
  async seal(job: LoadToSend): Promise<Buffer> {
    const generation = this.#generation;
    const serial = generation.serial + 1;
    const whole = new Map<unknown, unknown>(job instanceof Map ? job : Object.entries(job));
    whole.delete('serial');
    whole.set('serial', serial);
    const blob = generation.crypticle.encrypt(packRaw(whole), '', this.#random(16));
    generation.serial = serial;
    const before = this.#last;
    const sealed = this.#sign(blob);
    this.#last = Promise.allSettled([before, sealed]);
    await before;
    return await sealed;
  }

  async #sign(blob: Buffer): Promise<Buffer> {
    const { masterKey, isSigning = true, sigAlgorithm = DEFAULT_SIGNING } = this.#options;
    const signature = isSigning ? await masterKey.sign(sigAlgorithm, blob) : undefined;
    return encodePublication({ blob, signature, sigAlgorithm });
  }
}
