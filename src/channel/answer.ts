/**
 * What a master answers: to sign-ins, to requests, and to requests for a pillar.
 */
import { randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Crypticle, newKeyString } from '../codec/crypticle.ts';
import type { RandomBytes } from '../codec/crypticle.ts';
import { packRaw } from '../codec/payload/raw-strings.ts';
import { encodePillarReply, encodeSealedReply, encodeSignedReply } from '../codec/payload/reply.ts';
import { encryptOaep } from '../codec/rsa/oaep.ts';
import type { MasterKey } from './master-key.ts';
import type { MasterSessions } from './master-sessions.ts';
import type { AuthenticRequest, SignInRequest } from './open-request.ts';
import type { PublishKey } from './publish-key.ts';

/** What the master decided on a sign-in. */
export type AuthVerdict =
  /** `minionKey`: the key in the request, parsed; it is the accepted one of the id from now on */
  | { readonly kind: 'accepted'; readonly minionKey: KeyObject }
  /** the key waits for an operator */
  | { readonly kind: 'pending' }
  /** rejected, denied, an invalid id, a key that cannot be used */
  | { readonly kind: 'rejected' }
  /** `max_minions` */
  | { readonly kind: 'full' };

/** What a sign-in is answered from. */
export interface AuthDesk {
  readonly masterKey: MasterKey;
  readonly publishKey: PublishKey;
  readonly sessions: MasterSessions;
  readonly publishPort: number;
  /** With `master_sign_pubkey`: the signature of the signing key over the cleaned public key, in base64 with a final line feed. */
  readonly pubSignature?: string;
}

/** Answers a sign-in: always signed, with the algorithms of the request. One private operation, and one more for a token. */
export async function answerAuth(
  desk: AuthDesk,
  request: SignInRequest,
  verdict: AuthVerdict,
): Promise<Buffer> {
  const load =
    verdict.kind === 'accepted'
      ? await accepted(desk, request, verdict.minionKey)
      : notAccepted(request, verdict);
  const bytes = packRaw(load);
  return encodeSignedReply(bytes, await desk.masterKey.sign(request.sigAlgorithm, bytes));
}

function notAccepted(request: SignInRequest, verdict: Exclude<AuthVerdict, { kind: 'accepted' }>): object {
  const ret = { pending: true, rejected: false, full: 'full' }[verdict.kind];
  return { ret, nonce: request.load.nonce };
}

async function accepted(desk: AuthDesk, request: SignInRequest, minionKey: KeyObject): Promise<object> {
  const { masterKey, sessions, publishPort, pubSignature } = desk;
  const { load, encAlgorithm } = request;
  const seal = (bytes: Uint8Array): Buffer => encryptOaep(minionKey, encAlgorithm, bytes);
  // a token that cannot be opened was made for another master; the minion notices that it is not echoed
  const token = load.token && (await masterKey.decrypt(encAlgorithm, load.token));
  const isEchoed = token !== undefined && token.length <= MOST_TOKEN;
  // Both keys are read after the last wait, so that they are those of the moment of the answer.
  const publishKey = desk.publishKey.current();
  const session = sessions.forSignIn(load.id);
  return {
    enc: 'pub',
    pub_key: masterKey.publicPem,
    publish_port: publishPort,
    pub_sig: pubSignature,
    token: isEchoed ? seal(token) : undefined,
    aes: seal(Buffer.from(publishKey.key, 'latin1')),
    session: seal(Buffer.from(session.key(), 'latin1')),
    sig: publishKey.digestSignature,
    nonce: load.nonce,
  };
}

// Real tokens have 76 characters. The key of the minion may be smaller than the master's, and what is too long for it cannot be sealed.
const MOST_TOKEN = 128;

/** Encrypts the reply to a request, with the key that it came under. */
export function sealReply(request: AuthenticRequest, value: unknown): Buffer {
  return encodeSealedReply(request.session.crypticle.encrypt(packRaw(value), request.nonce));
}

/** Encrypts and signs a pillar for the minion that asked: one private operation. */
export async function sealPillar(
  masterKey: MasterKey,
  request: AuthenticRequest,
  pillar: unknown,
  random: RandomBytes = randomBytes,
): Promise<Buffer> {
  const keyString = newKeyString(random);
  const key = encryptOaep(request.minionKey, request.encAlgorithm, Buffer.from(keyString, 'latin1'));
  const data = packRaw({ key, pillar, nonce: request.nonce });
  const sig = await masterKey.sign(request.sigAlgorithm, data);
  const blob = new Crypticle(keyString).encrypt(packRaw({ data, sig }), '', random(16));
  return encodePillarReply(key, blob);
}
