/**
 * The sign-in of a minion, as two pure functions: the request, and what its reply means.
 *
 * The checks and their order are those of real minions (3006.30, 3007.17, 3008.5). Nothing is read from or written to disk: the
 * pinned key comes in, and the key to pin goes out.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isKeyString, newNonce } from '../codec/crypticle.ts';
import type { RandomBytes } from '../codec/crypticle.ts';
import type { ExactValue } from '../codec/msgpack/values.ts';
import { bytesOf, unpackRaw } from '../codec/payload/raw-strings.ts';
import type { LoadMap } from '../codec/payload/raw-strings.ts';
import { parseReply } from '../codec/payload/reply.ts';
import { encodeClearRequest } from '../codec/payload/request.ts';
import { DEFAULT_ENCRYPTION, DEFAULT_SIGNING } from '../codec/rsa/algorithms.ts';
import type { EncryptionAlgorithm, SigningAlgorithm } from '../codec/rsa/algorithms.ts';
import { decryptOaep, encryptOaep } from '../codec/rsa/oaep.ts';
import { cleanPem, fingerprint, parsePublicKey } from '../codec/rsa/pem.ts';
import { verifyPkcs1 } from '../codec/rsa/pkcs1.ts';
import { recoverX931 } from '../codec/rsa/x931.ts';
import { SaltbusError } from '../errors.ts';
import type { MinionIdentity } from './identity.ts';

/** What a minion knows and wants before it signs in. */
export interface SignInOptions {
  /** The minion option `encryption_algorithm`. @defaultValue `OAEP-SHA1` */
  readonly encAlgorithm?: EncryptionAlgorithm;
  /** The minion option `signing_algorithm`. @defaultValue `PKCS1v15-SHA1` */
  readonly sigAlgorithm?: SigningAlgorithm;
  /** The pinned key of the master (`minion_master.pub`); absent at first contact. */
  readonly pinned?: string;
  /** With `verify_master_pubkey_sign`: the key (`master_sign.pub`) that vouches for a new key of the master. */
  readonly masterSignKey?: string;
  /** The minion option `master_finger`. */
  readonly masterFinger?: string;
  /** The hash of `masterFinger`. @defaultValue `sha256` */
  readonly hashType?: string;
  /** The minion option `open_mode`: a changed key of the master is taken. @defaultValue false */
  readonly openMode?: boolean;
  /** Grains by which the master may accept the key (`autosign_grains`). */
  readonly autosignGrains?: Readonly<Record<string, unknown>>;
}

/** A sign-in that was sent and is not answered. */
export interface SignInAttempt {
  /** The request. */
  readonly payload: Buffer;
  readonly nonce: string;
  readonly identity: MinionIdentity;
  readonly options: SignInOptions;
}

/** The check at which a reply was refused, in their order. */
export type SignInCheck =
  | 'reply'
  | 'load'
  | 'master-key'
  | 'master-signature'
  | 'aes'
  | 'digest'
  | 'token'
  | 'session'
  | 'signature'
  | 'nonce'
  | 'ret'
  | 'finger';

/** The master let the minion in. */
export interface SignedIn {
  readonly kind: 'accepted';
  /** Opens publications; shared by all minions of the master. */
  readonly publishKey: string;
  /** For requests and their replies; of this minion alone. */
  readonly sessionKey: string;
  readonly publishPort: number;
  readonly masterKey: KeyObject;
  /** To be kept as the key of the master; absent when that is pinned already. */
  readonly pin: string | undefined;
}

/** What the reply to a sign-in means. */
export type SignInResult =
  | SignedIn
  /** `isVerified`: signed with the pinned key; at first contact nothing can be verified, and anybody may have said so */
  | { readonly kind: 'pending' | 'rejected' | 'full'; readonly isVerified: boolean }
  /** nobody signs this */
  | { readonly kind: 'bad-algorithm'; readonly which: 'encryption' | 'signing' }
  /** a member of a cluster is not ready */
  | { readonly kind: 'retry-later' }
  /** what answered could not prove that it is the master */
  | { readonly kind: 'refused'; readonly check: SignInCheck; readonly why: string };

type Refused = Extract<SignInResult, { kind: 'refused' }>;

function refused(check: SignInCheck, why: string): Refused {
  return { kind: 'refused', check, why };
}

/**
 * Builds the request.
 * @throws SaltbusError `ERR_SALTBUS_KEY_INVALID` when the pinned or the signing key cannot be used, `ERR_SALTBUS_CONFIG` for a
 * hash of the fingerprint that is not known
 */
export function beginSignIn(
  identity: MinionIdentity,
  options: SignInOptions = {},
  random: RandomBytes = randomBytes,
): SignInAttempt {
  const {
    encAlgorithm = DEFAULT_ENCRYPTION,
    sigAlgorithm = DEFAULT_SIGNING,
    pinned,
    autosignGrains,
  } = options;
  // What reading the reply leans on is tried here, so that a reply cannot bring out a fault of the configuration.
  if (options.masterSignKey !== undefined) parsePublicKey(options.masterSignKey);
  fingerprint(identity.publicPem, options.hashType);
  const nonce = newNonce(random);
  const token =
    pinned === undefined
      ? undefined
      : encryptOaep(parsePublicKey(pinned), encAlgorithm, Buffer.from(identity.token(), 'latin1'));
  const payload = encodeClearRequest({
    cmd: '_auth',
    id: identity.id,
    nonce,
    enc_algo: encAlgorithm,
    sig_algo: sigAlgorithm,
    autosign_grains: autosignGrains,
    token,
    pub: identity.publicPem,
  });
  return { payload, nonce, identity, options };
}

/** Reads the reply. Never throws: whatever came is a result. */
export function readSignInReply(attempt: SignInAttempt, payload: Uint8Array): SignInResult {
  const reply = parseReply(payload);
  switch (reply.kind) {
    case 'bad-algorithm':
    case 'retry-later':
      return reply;
    case 'signed':
      return readSigned(attempt, reply.load, reply.signature);
    case 'text':
      return refused('reply', `The master answered ${JSON.stringify(reply.text.slice(0, 64))}`);
    case 'malformed':
      return refused('reply', reply.why);
    default:
      return refused('reply', 'The reply is no signed reply to a sign-in');
  }
}

function readSigned(attempt: SignInAttempt, load: Buffer, signature: Buffer): SignInResult {
  let value: ExactValue;
  try {
    value = unpackRaw(load);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return refused('load', error.message);
  }
  if (!(value instanceof Map)) return refused('load', 'The signed load is no map');
  const map = value as LoadMap;
  const outer = { load, signature };
  return map.has('pub_key') ? readAccepted(attempt, map, outer) : readVerdict(attempt, map, outer);
}

interface Outer {
  readonly load: Buffer;
  readonly signature: Buffer;
}

function checkOuter(attempt: SignInAttempt, map: LoadMap, outer: Outer, key: KeyObject): Refused | undefined {
  const { sigAlgorithm = DEFAULT_SIGNING } = attempt.options;
  if (!verifyPkcs1(key, sigAlgorithm, outer.load, outer.signature)) {
    return refused('signature', 'The signature of the reply is not that of the master');
  }
  return checkNonce(attempt, map);
}

function checkNonce(attempt: SignInAttempt, map: LoadMap): Refused | undefined {
  return map.get('nonce') === attempt.nonce ? undefined : refused('nonce', 'The reply is to another request');
}

// Nothing in these tells the key of the master: at first contact only the nonce ties the reply to the request.
function readVerdict(attempt: SignInAttempt, map: LoadMap, outer: Outer): SignInResult {
  const { pinned } = attempt.options;
  const failed =
    pinned === undefined ? checkNonce(attempt, map) : checkOuter(attempt, map, outer, parsePublicKey(pinned));
  if (failed !== undefined) return failed;
  const isVerified = pinned !== undefined;
  const ret = map.get('ret');
  if (ret === true) return { kind: 'pending', isVerified };
  if (ret === false) return { kind: 'rejected', isVerified };
  if (ret === 'full') return { kind: 'full', isVerified };
  return refused('ret', 'The verdict is none that is known');
}

interface MasterKeyShown {
  readonly key: KeyObject;
  readonly pem: string;
  readonly isNew: boolean;
}

function readAccepted(attempt: SignInAttempt, map: LoadMap, outer: Outer): SignInResult {
  const { options } = attempt;
  const master = checkMasterKey(options, map);
  if ('kind' in master) return master;
  const keys = openKeys(attempt, map, master);
  if ('kind' in keys) return keys;
  const failed = checkOuter(attempt, map, outer, master.key);
  if (failed !== undefined) return failed;
  const publishPort = map.get('publish_port');
  if (
    typeof publishPort !== 'number' ||
    publishPort < 1 ||
    publishPort > 65_535 ||
    !Number.isInteger(publishPort)
  ) {
    return refused('ret', 'The publish port is no port');
  }
  const { masterFinger = '', hashType = 'sha256' } = options;
  if (masterFinger !== '' && fingerprint(master.pem, hashType) !== masterFinger.toLowerCase()) {
    return refused(
      'finger',
      `The fingerprint of the master is ${fingerprint(master.pem, hashType)}, not master_finger`,
    );
  }
  return {
    kind: 'accepted',
    ...keys,
    publishPort,
    masterKey: master.key,
    pin: master.isNew ? master.pem : undefined,
  };
}

function checkMasterKey(options: SignInOptions, map: LoadMap): MasterKeyShown | Refused {
  const shown = map.get('pub_key');
  if (typeof shown !== 'string') return refused('master-key', 'The key of the master is no text');
  const pem = cleanPem(shown);
  let key: KeyObject;
  try {
    key = parsePublicKey(pem);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return refused('master-key', error.message);
  }
  const { pinned, masterSignKey, openMode = false } = options;
  const signature = map.get('pub_sig');
  if (masterSignKey === undefined && signature !== undefined) {
    return refused(
      'master-signature',
      'The master signs its key, and this minion is not told to verify that',
    );
  }
  if (masterSignKey !== undefined && signature === undefined) {
    return refused(
      'master-signature',
      'The master does not sign its key, and this minion is told to verify that',
    );
  }
  if (pinned !== undefined && cleanPem(pinned) === pem) return { key, pem, isNew: false };
  if (masterSignKey !== undefined) {
    return isVouchedFor(pem, signature, masterSignKey, options.sigAlgorithm ?? DEFAULT_SIGNING)
      ? { key, pem, isNew: true }
      : refused('master-signature', 'The signature of the key of the master is not that of the signing key');
  }
  if (pinned !== undefined && !openMode)
    return refused('master-key', 'The master shows another key than the pinned one');
  return { key, pem, isNew: true };
}

function isVouchedFor(
  pem: string,
  signature: ExactValue | undefined,
  signPem: string,
  algorithm: SigningAlgorithm,
): boolean {
  if (typeof signature !== 'string') return false;
  const bytes = Buffer.from(signature, 'base64');
  return verifyPkcs1(parsePublicKey(signPem), algorithm, Buffer.from(pem, 'utf8'), bytes);
}

function openKeys(
  attempt: SignInAttempt,
  map: LoadMap,
  master: MasterKeyShown,
): { readonly publishKey: string; readonly sessionKey: string } | Refused {
  const { identity, options } = attempt;
  const open = (name: string): Buffer | undefined => {
    const sealed = bytesOf(map.get(name));
    return sealed && decryptOaep(identity.privateKey(), options.encAlgorithm ?? DEFAULT_ENCRYPTION, sealed);
  };
  const publishKey = open('aes')?.toString('latin1');
  if (publishKey === undefined || !isKeyString(publishKey)) {
    return refused('aes', 'The publish key was not encrypted for this minion');
  }
  const signature = bytesOf(map.get('sig'));
  const digest = signature && recoverX931(master.key, signature);
  if (digest === undefined || !isSame(digest, createHash('sha256').update(publishKey).digest('hex'))) {
    return refused('digest', 'The digest of the publish key is not signed by the master');
  }
  // a master whose new key was vouched for cannot open a token that was made for the old one
  if (options.pinned !== undefined && !master.isNew) {
    const echo = open('token');
    if (echo === undefined || !isSame(echo, identity.token())) {
      return refused('token', 'The master did not echo the token, so it does not hold the pinned key');
    }
  }
  const sessionKey = open('session')?.toString('latin1');
  if (sessionKey === undefined || !isKeyString(sessionKey)) {
    return refused(
      'session',
      'There is no session key for this minion: the master is older than 3006.12 and 3007.4',
    );
  }
  return { publishKey, sessionKey };
}

function isSame(bytes: Buffer, text: string): boolean {
  const wanted = Buffer.from(text, 'latin1');
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}
