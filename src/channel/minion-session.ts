/**
 * What a minion that is signed in says and hears: requests with a fresh nonce, and replies that prove to be to them.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Crypticle, isKeyString, newNonce } from '../codec/crypticle.ts';
import type { RandomBytes } from '../codec/crypticle.ts';
import type { ExactValue } from '../codec/msgpack/values.ts';
import { bytesOf, packRaw, unpackRaw } from '../codec/payload/raw-strings.ts';
import type { LoadMap } from '../codec/payload/raw-strings.ts';
import { parseReply } from '../codec/payload/reply.ts';
import type { Reply } from '../codec/payload/reply.ts';
import { encodeSealedRequest } from '../codec/payload/request.ts';
import { DEFAULT_ENCRYPTION, DEFAULT_SIGNING } from '../codec/rsa/algorithms.ts';
import type { EncryptionAlgorithm, SigningAlgorithm } from '../codec/rsa/algorithms.ts';
import { decryptOaep } from '../codec/rsa/oaep.ts';
import { verifyPkcs1 } from '../codec/rsa/pkcs1.ts';
import { SaltbusError } from '../errors.ts';
import type { MinionIdentity } from './identity.ts';
import type { SignedIn } from './sign-in.ts';

/** A load as a program gives it: `cmd` and the fields of the command. */
export type LoadToSend = Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;

/** A request to be sent, and the nonce by which its reply is known. */
export interface SealedRequest {
  readonly payload: Buffer;
  readonly nonce: string;
}

/** What a reply is worth. */
export type OpenedReply =
  | { readonly kind: 'value'; readonly value: ExactValue }
  /** not an authentic reply: sign in, and send the request once more */
  | { readonly kind: 'sign-in-again'; readonly why: string };

/** What a pillar reply is worth. */
export type OpenedPillar =
  | { readonly kind: 'pillar'; readonly pillar: ExactValue }
  /** it came encrypted for this minion, and does not hold: asking again does not help */
  | { readonly kind: 'refused'; readonly check: 'blob' | 'signature' | 'key' | 'nonce'; readonly why: string }
  /** the master said, authentically, that it has no pillar */
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'sign-in-again'; readonly why: string };

/** Options of a {@link MinionSession}. */
export interface MinionSessionOptions {
  readonly encAlgorithm?: EncryptionAlgorithm;
  readonly sigAlgorithm?: SigningAlgorithm;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
  readonly random?: RandomBytes;
}

/** The session of a minion with one master, from one sign-in to the next. */
export class MinionSession {
  readonly #identity: MinionIdentity;
  readonly #masterKey: KeyObject;
  readonly #crypticle: Crypticle;
  readonly #encAlgorithm: EncryptionAlgorithm;
  readonly #sigAlgorithm: SigningAlgorithm;
  readonly #now: () => number;
  readonly #random: RandomBytes;

  constructor(identity: MinionIdentity, signedIn: SignedIn, options: MinionSessionOptions = {}) {
    this.#identity = identity;
    this.#masterKey = signedIn.masterKey;
    this.#crypticle = new Crypticle(signedIn.sessionKey);
    this.#encAlgorithm = options.encAlgorithm ?? DEFAULT_ENCRYPTION;
    this.#sigAlgorithm = options.sigAlgorithm ?? DEFAULT_SIGNING;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? randomBytes;
  }

  /**
   * Encrypts a request. `nonce`, `ts`, `tok` and `id` are put in, over what the load has there.
   * @throws SaltbusError `ERR_SALTBUS_DATA` for a load with a key `serial`, which Salt would take out, or that cannot be encoded
   */
  seal(load: LoadToSend): SealedRequest {
    const nonce = newNonce(this.#random);
    const whole = new Map<unknown, unknown>(load instanceof Map ? load : Object.entries(load));
    if (whole.has('serial')) {
      throw new SaltbusError(
        'ERR_SALTBUS_DATA',
        "A load cannot have a key 'serial': Salt takes it for its own",
      );
    }
    whole.set('nonce', nonce);
    whole.set('ts', Math.floor(this.#now() / 1000));
    whole.set('tok', this.#identity.tok());
    whole.set('id', this.#identity.id);
    const payload = encodeSealedRequest({
      blob: this.#crypticle.encrypt(packRaw(whole), '', this.#random(16)),
      id: this.#identity.id,
      encAlgorithm: this.#encAlgorithm,
      sigAlgorithm: this.#sigAlgorithm,
    });
    return { payload, nonce };
  }

  /** Opens the reply to the request with this nonce. */
  open(payload: Uint8Array, nonce: string): OpenedReply {
    return this.#open(parseReply(payload), nonce);
  }

  #open(reply: Reply, nonce: string): OpenedReply {
    const blob = reply.kind === 'sealed' ? reply.blob : reply.kind === 'text' ? reply.bytes : undefined;
    if (blob === undefined)
      return { kind: 'sign-in-again', why: `The reply is not encrypted (${reply.kind})` };
    const opened = this.#crypticle.decrypt(blob, nonce);
    if (opened.kind === 'plain') {
      const value = unpackOrNothing(opened.bytes);
      if (value !== undefined) return { kind: 'value', value };
      return { kind: 'sign-in-again', why: 'The reply holds no msgpack' };
    }
    const why =
      reply.kind === 'text'
        ? `The master answered ${JSON.stringify(reply.text.slice(0, 64))}`
        : `The reply is not authentic (${opened.reason})`;
    return { kind: 'sign-in-again', why };
  }

  /** Opens the reply to a `_pillar` request with this nonce. */
  openPillar(payload: Uint8Array, nonce: string): OpenedPillar {
    const reply = parseReply(payload);
    if (reply.kind !== 'pillar') {
      // 3008 answers an encrypted empty map when it cannot make the pillar; 3006 an `error` that anybody could have sent
      const opened = this.#open(reply, nonce);
      return opened.kind === 'value'
        ? { kind: 'failed', why: 'The master could not make the pillar' }
        : opened;
    }
    const key = decryptOaep(this.#identity.privateKey(), this.#encAlgorithm, reply.key)?.toString('latin1');
    if (key === undefined || !isKeyString(key)) {
      return { kind: 'sign-in-again', why: 'The pillar was not encrypted for this minion' };
    }
    const opened = new Crypticle(key).decrypt(reply.blob);
    const signed = opened.kind === 'plain' ? mapOrNothing(opened.bytes) : undefined;
    const data = bytesOf(signed?.get('data'));
    const signature = bytesOf(signed?.get('sig'));
    if (data === undefined || signature === undefined) {
      return { kind: 'refused', check: 'blob', why: 'The pillar is not what its key encrypts' };
    }
    if (!verifyPkcs1(this.#masterKey, this.#sigAlgorithm, data, signature)) {
      return { kind: 'refused', check: 'signature', why: 'The pillar is not signed by the master' };
    }
    const inner = mapOrNothing(data);
    const innerKey = bytesOf(inner?.get('key'));
    if (innerKey?.length !== reply.key.length || !timingSafeEqual(innerKey, reply.key)) {
      return { kind: 'refused', check: 'key', why: 'The pillar was signed with another key around it' };
    }
    if (inner?.get('nonce') !== nonce) {
      return { kind: 'refused', check: 'nonce', why: 'The pillar is the reply to another request' };
    }
    return { kind: 'pillar', pillar: inner.get('pillar') ?? null };
  }
}

function unpackOrNothing(bytes: Uint8Array): ExactValue | undefined {
  try {
    return unpackRaw(bytes);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return undefined;
  }
}

function mapOrNothing(bytes: Uint8Array): LoadMap | undefined {
  const value = unpackOrNothing(bytes);
  return value instanceof Map ? (value as LoadMap) : undefined;
}
