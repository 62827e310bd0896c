/**
 * What a minion makes of the publications of its master, in the order of real minions (3006.30, 3007.17, 3008.5).
 */
import type { KeyObject } from 'node:crypto';
import { Crypticle } from '../codec/crypticle.ts';
import { readLoad } from '../codec/load/fields.ts';
import { jobShape } from '../codec/load/job.ts';
import type { JobFields } from '../codec/load/job.ts';
import type { ExactValue } from '../codec/msgpack/values.ts';
import { parsePublication } from '../codec/payload/publication.ts';
import { unpackRaw } from '../codec/payload/raw-strings.ts';
import type { LoadMap } from '../codec/payload/raw-strings.ts';
import { verifyPkcs1 } from '../codec/rsa/pkcs1.ts';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import { RecentJids } from './recent-jids.ts';

/** A job for this minion. */
export interface Job extends JobFields {
  /** All that came, without the serial. */
  readonly whole: LoadMap;
}

/** Why a publication was dropped. */
export type PublicationDrop =
  | 'malformed'
  | 'unsigned'
  | 'signature'
  | 'undecipherable'
  | 'serial'
  | 'fields'
  | 'not-for-us'
  | 'duplicate';

/** What a publication is. */
export type ReadPublication =
  | { readonly kind: 'job'; readonly job: Job }
  /** it was encrypted with another key: sign in once, {@link PublicationReader.renew}, and read the same message again */
  | { readonly kind: 'sign-in-again' }
  | { readonly kind: 'dropped'; readonly reason: PublicationDrop };

/** Options of a {@link PublicationReader}. */
export interface PublicationReaderOptions {
  /** Of the sign-in. */
  readonly publishKey: string;
  /** Of the sign-in. */
  readonly masterKey: KeyObject;
  /** The minion option `sign_pub_messages`: what is not signed by the master is dropped. @defaultValue false, as in Salt */
  readonly isSignatureRequired?: boolean;
  /** Whether this minion is meant; jobs for others are not remembered. @defaultValue all are */
  readonly isForUs?: (job: Job) => boolean;
  /** @defaultValue a memory of 100 */
  readonly recentJids?: RecentJids;
}

/** Reads the publications of one master. */
export class PublicationReader {
  readonly #isSignatureRequired: boolean;
  readonly #isForUs: (job: Job) => boolean;
  readonly #recentJids: RecentJids;
  #masterKey: KeyObject;
  #publishKey: string;
  #crypticle: Crypticle;
  #serial = -1;

  constructor(options: PublicationReaderOptions) {
    this.#isSignatureRequired = options.isSignatureRequired ?? false;
    this.#isForUs = options.isForUs ?? (() => true);
    this.#recentJids = options.recentJids ?? new RecentJids();
    this.#masterKey = options.masterKey;
    this.#publishKey = options.publishKey;
    this.#crypticle = new Crypticle(options.publishKey);
  }

  /** Takes the keys of a new sign-in. The highest serial is forgotten only when the publish key is another. */
  renew(keys: { readonly publishKey: string; readonly masterKey: KeyObject }): void {
    this.#masterKey = keys.masterKey;
    if (keys.publishKey === this.#publishKey) return;
    this.#publishKey = keys.publishKey;
    this.#crypticle = new Crypticle(keys.publishKey);
    this.#serial = -1;
  }

  /**
   * Reads one publication. Never throws.
   * @param isSecondTry - after a sign-in: what still cannot be deciphered is dropped
   */
  read(payload: Uint8Array, isSecondTry = false): ReadPublication {
    const result = this.#read(payload, isSecondTry);
    if (result.kind === 'dropped') publish('saltbus:channel:publication-dropped', { reason: result.reason });
    return result;
  }

  #read(payload: Uint8Array, isSecondTry: boolean): ReadPublication {
    const publication = parsePublication(payload);
    if (publication === undefined) return dropped('malformed');
    if (this.#isSignatureRequired) {
      const { signature, sigAlgorithm, blob } = publication;
      if (signature === undefined) return dropped('unsigned');
      if (!verifyPkcs1(this.#masterKey, sigAlgorithm, blob, signature)) return dropped('signature');
    }
    const opened = this.#crypticle.decrypt(publication.blob);
    if (opened.kind === 'refused') {
      const isOtherKey = opened.reason === 'hmac';
      return isOtherKey && !isSecondTry ? { kind: 'sign-in-again' } : dropped('undecipherable');
    }
    return this.#readLoad(opened.bytes);
  }

  #readLoad(bytes: Buffer): ReadPublication {
    let value: ExactValue;
    try {
      value = unpackRaw(bytes);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      return dropped('malformed');
    }
    if (!(value instanceof Map)) return dropped('malformed');
    const whole = value as Map<ExactValue, ExactValue>;
    const serial = whole.get('serial');
    // a master of a cluster sends none
    if (serial !== undefined) {
      if (typeof serial !== 'number' || serial <= this.#serial) return dropped('serial');
      this.#serial = serial;
      whole.delete('serial');
    }
    const parsed = readLoad(jobShape, whole);
    if (parsed.kind === 'refused') return dropped('fields');
    const job: Job = { ...parsed.load, whole };
    if (!this.#isForUs(job)) return dropped('not-for-us');
    if (!this.#recentJids.add(job.jid)) return dropped('duplicate');
    return { kind: 'job', job };
  }
}

function dropped(reason: PublicationDrop): ReadPublication {
  return { kind: 'dropped', reason };
}
