/** What a minion, or somebody who would like to be one, sends to a master of ours: whole requests over raw sockets. */
import assert from 'node:assert/strict';
import { MinionSession } from '../../src/channel/minion-session.ts';
import { beginSignIn, readSignInReply } from '../../src/channel/sign-in.ts';
import type { SignedIn } from '../../src/channel/sign-in.ts';
import { Crypticle } from '../../src/codec/crypticle.ts';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';
import { packRaw, unpackRaw } from '../../src/codec/payload/raw-strings.ts';
import { identityNamed } from './channel.ts';
import { rawRequest } from './raw-req.ts';

/** A master that listens. */
interface Listening {
  readonly requestPort: number;
}

export const NONCE = '00112233445566778899aabbccddeeff';
export const EVENT = { cmd: '_minion_event', pretag: null, data: { n: 1 }, tag: 'a/b' };

/** Sends a request on a connection of its own. */
export function ask(master: Listening, payload: Buffer): Promise<Buffer> {
  return rawRequest(master.requestPort, payload, { timeoutMs: 10_000 });
}

export async function answerOf(master: Listening, payload: Buffer): Promise<ExactValue> {
  return unpackRaw(await ask(master, payload));
}

export function signIn(master: Listening, id: string): Promise<Buffer> {
  return ask(master, beginSignIn(identityNamed(id)).payload);
}

/** A minion with a session. */
export interface SignedInMinion {
  readonly session: MinionSession;
  readonly result: SignedIn;
}

export async function signedIn(master: Listening, id: string): Promise<SignedInMinion> {
  const attempt = beginSignIn(identityNamed(id));
  const result = readSignInReply(attempt, await ask(master, attempt.payload));
  if (result.kind !== 'accepted') return assert.fail(result.kind);
  return { session: new MinionSession(identityNamed(id), result), result };
}

/** A request with anything in it, under a key; in an envelope of web1 unless said otherwise. */
export function crafted(key: string, load: object, envelope: object = {}): Buffer {
  return packRaw({
    enc: 'aes',
    load: new Crypticle(key).encrypt(packRaw(load)),
    version: 3,
    id: 'web1',
    enc_algo: 'OAEP-SHA1',
    sig_algo: 'PKCS1v15-SHA1',
    ...envelope,
  });
}

/** What stands in such a request. */
export function loadOf(id: string, more: object = {}): object {
  const ts = Math.floor(Date.now() / 1000);
  return { ...EVENT, nonce: NONCE, ts, tok: identityNamed(id).tok(), id, ...more };
}
