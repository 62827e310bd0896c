/**
 * Keys, identities and whole messages for tests of the encrypted channel.
 */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { MinionIdentity } from '../../src/channel/identity.ts';
import { answerAuth } from '../../src/channel/answer.ts';
import type { AuthDesk, AuthVerdict } from '../../src/channel/answer.ts';
import { masterKeyOf } from '../../src/channel/master-key.ts';
import type { MasterKey } from '../../src/channel/master-key.ts';
import { MasterSessions } from '../../src/channel/master-sessions.ts';
import { openRequest } from '../../src/channel/open-request.ts';
import type { Door, OpenedRequest } from '../../src/channel/open-request.ts';
import { PublishKey } from '../../src/channel/publish-key.ts';
import { VerifiedTokens } from '../../src/channel/verified-tokens.ts';
import { parsePublicKey } from '../../src/codec/rsa/pem.ts';

/** The key string of the protocol's test vectors. */
export const VECTOR_KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc=';
export const VECTOR_IV: Buffer = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex');
export const VECTOR_NONCE = '00112233445566778899aabbccddeeff';

/** Bytes of hexadecimal text with white space in it. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

const pems = new Map<string, string>();

/** A private key in PEM, as Salt writes it; made once for each name in a process. */
export function privatePemOf(name: string, modulusLength = 2048): string {
  let pem = pems.get(name);
  if (pem === undefined) {
    pem = generateKeyPairSync('rsa', { modulusLength })
      .privateKey.export({ type: 'pkcs1', format: 'pem' })
      .toString();
    pems.set(name, pem);
  }
  return pem;
}

const masterKeys = new Map<string, MasterKey>();

export function masterKeyNamed(name: string): MasterKey {
  let key = masterKeys.get(name);
  if (key === undefined) {
    key = masterKeyOf(privatePemOf(name));
    masterKeys.set(name, key);
  }
  return key;
}

export function publicKeyNamed(name: string): KeyObject {
  return createPublicKey(privatePemOf(name));
}

/** A master in memory that accepts whoever is in `accepted`. */
export interface TestMaster {
  readonly desk: AuthDesk;
  readonly door: Door;
  readonly accepted: Map<string, KeyObject>;
  /** Milliseconds since 1970, as all of it sees them. */
  clock: number;
  verdict: AuthVerdict['kind'];
  /** What a request comes to; sign-ins are answered by `verdict`, and an accepted key is remembered. */
  open(payload: Buffer, remote?: string): OpenedRequest;
  answerSignIn(payload: Buffer): Promise<Buffer>;
}

/** Builds a master; its key is that of the name. */
export async function testMaster(
  options: { readonly key?: string; readonly ttlSeconds?: number; readonly pubSignature?: string } = {},
): Promise<TestMaster> {
  const masterKey = masterKeyNamed(options.key ?? 'master');
  const accepted = new Map<string, KeyObject>();
  const now = (): number => master.clock;
  const sessions = new MasterSessions({ now, lifetimeMs: 1000_000, graceMs: 10_000 });
  const desk: AuthDesk = {
    masterKey,
    publishKey: await PublishKey.create({ masterKey }),
    sessions,
    publishPort: 4505,
    ...(options.pubSignature === undefined ? {} : { pubSignature: options.pubSignature }),
  };
  const door: Door = {
    sessions,
    acceptedKey: (id) => accepted.get(id),
    tokens: new VerifiedTokens(),
    now,
    ...(options.ttlSeconds === undefined ? {} : { ttlSeconds: options.ttlSeconds }),
  };
  const master: TestMaster = {
    desk,
    door,
    accepted,
    clock: 1_800_000_000_000,
    verdict: 'accepted',
    open: (payload, remote) => openRequest(door, payload, remote),
    answerSignIn: async (payload) => {
      const request = master.open(payload);
      if (request.kind === 'refused') return request.answer;
      if (request.kind !== 'sign-in') throw new Error(`no sign-in but ${request.kind}`);
      if (master.verdict !== 'accepted') return await answerAuth(desk, request, { kind: master.verdict });
      const minionKey = parsePublicKey(request.load.pub);
      const known = accepted.get(request.load.id);
      if (known?.equals(minionKey) !== true) accepted.set(request.load.id, minionKey);
      return await answerAuth(desk, request, { kind: 'accepted', minionKey });
    },
  };
  return master;
}

export function identityNamed(id: string): MinionIdentity {
  return new MinionIdentity(id, privatePemOf(id));
}

/** A copy with one bit of one byte the other way. */
export function flipped(bytes: Uint8Array, at: number, bit = 0): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
}
