/**
 * The door of a master: what a request is worth, before anything acts on it.
 *
 * The checks and their order: shape, version, decrypt, map, id, ttl, envelope id equals load id, id valid, token, replay, and at
 * last the fields of the command. Nothing of it touches a disk, and a token that was seen before costs no RSA.
 */
import type { KeyObject } from 'node:crypto';
import { isNonce } from '../codec/crypticle.ts';
import { readClearLoad, readMinionLoad } from '../codec/load/commands.ts';
import type { ClearLoad, MinionLoad } from '../codec/load/commands.ts';
import type { AuthLoad } from '../codec/load/auth.ts';
import { isMinionId } from '../codec/load/names.ts';
import type { ExactValue } from '../codec/msgpack/values.ts';
import { bytesOf, packRaw, unpackRaw } from '../codec/payload/raw-strings.ts';
import type { LoadMap } from '../codec/payload/raw-strings.ts';
import { encodeBadAlgorithm, encodePlainReply, encodeSealedReply } from '../codec/payload/reply.ts';
import { PROTOCOL_VERSION, parseRequest } from '../codec/payload/request.ts';
import type { RequestEnvelope } from '../codec/payload/request.ts';
import {
  DEFAULT_ENCRYPTION,
  DEFAULT_SIGNING,
  isEncryptionAlgorithm,
  isSigningAlgorithm,
} from '../codec/rsa/algorithms.ts';
import type { EncryptionAlgorithm, SigningAlgorithm } from '../codec/rsa/algorithms.ts';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import type { MasterSession, MasterSessions } from './master-sessions.ts';
import { HANDLER_FAILED, NO_SUCH_COMMAND, refuse } from './refusals.ts';
import type { RefusedRequest } from './refusals.ts';
import type { VerifiedTokens } from './verified-tokens.ts';

/** What the door of a master needs to know. */
export interface Door {
  readonly sessions: MasterSessions;
  /** The accepted key of a minion, from memory; the same object each time, as long as it is the same key. */
  readonly acceptedKey: (id: string) => KeyObject | undefined;
  readonly tokens: VerifiedTokens;
  /** The master option `minimum_auth_version`; less than 3 changes nothing. @defaultValue 3 */
  readonly minimumVersion?: number;
  /** The master option `request_server_ttl` in seconds: how far `ts` may be from the clock of the master, either way; 0: any. @defaultValue 0 */
  readonly ttlSeconds?: number;
  /** Longest request that is read, in bytes. @defaultValue 100 MiB */
  readonly maxBytes?: number;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

/** A sign-in whose algorithms are spoken. The id and the key in it are not looked at yet. */
export interface SignInRequest {
  readonly kind: 'sign-in';
  readonly load: AuthLoad;
  readonly encAlgorithm: EncryptionAlgorithm;
  readonly sigAlgorithm: SigningAlgorithm;
}

/** A clear request; that its sender may ask for it is for the command to find out. */
export interface ClearRequest {
  readonly kind: 'clear';
  readonly load: Exclude<ClearLoad, AuthLoad>;
  /** All that came. */
  readonly whole: LoadMap;
}

/** A request of an accepted minion, not seen before. */
export interface AuthenticRequest {
  readonly kind: 'authentic';
  /** Verified. */
  readonly id: string;
  readonly load: MinionLoad;
  /** All that came, in its order, without `nonce`, `tok` and `sig`; `cmd`, `ts` and `id` are in it, as in the events of real masters. */
  readonly whole: LoadMap;
  readonly nonce: string;
  readonly encAlgorithm: EncryptionAlgorithm;
  readonly sigAlgorithm: SigningAlgorithm;
  /** The key that the request came under, and its reply goes under. */
  readonly session: MasterSession;
  /** The accepted key of the minion. */
  readonly minionKey: KeyObject;
}

/** What a request is worth. */
export type OpenedRequest = SignInRequest | ClearRequest | AuthenticRequest | RefusedRequest;

type SealedEnvelope = Extract<RequestEnvelope, { enc: 'aes' }>;

/**
 * Opens a request, and says a refusal to whoever listens. Never throws: whatever came is one of the four, and each has to be
 * answered exactly once.
 * @param remote - where it came from, for what is said
 */
export function openRequest(door: Door, payload: Buffer, remote?: string): OpenedRequest {
  const opened = opening(door, payload);
  if (opened.kind === 'refused') {
    const { reason, detail, id } = opened;
    publish('saltbus:channel:refused', { reason, detail, id, remote });
  }
  return opened;
}

function opening(door: Door, payload: Buffer): OpenedRequest {
  const { maxBytes = 100 * 1024 * 1024, minimumVersion = PROTOCOL_VERSION } = door;
  if (payload.length > maxBytes) return refuse('too-large', { detail: `${payload.length} bytes` });
  const parsed = parseRequest(payload, minimumVersion);
  if (parsed.kind === 'refused') return refuse(parsed.fault);
  const { envelope } = parsed;
  return envelope.enc === 'clear' ? openClear(envelope.load) : openSealed(door, envelope);
}

function openClear(whole: LoadMap): OpenedRequest {
  const read = readClearLoad(whole);
  if (read.kind === 'unknown-command')
    return refuse('command', { answer: NO_SUCH_COMMAND, detail: nameOf(whole) });
  if (read.kind === 'refused') return refuse('field', { detail: read.why });
  return read.load.cmd === '_auth' ? openSignIn(read.load) : { kind: 'clear', load: read.load, whole };
}

function openSignIn(load: AuthLoad): OpenedRequest {
  const encAlgorithm = load.enc_algo ?? DEFAULT_ENCRYPTION;
  const sigAlgorithm = load.sig_algo ?? DEFAULT_SIGNING;
  if (!isEncryptionAlgorithm(encAlgorithm))
    return refuse('algorithm', { answer: encodeBadAlgorithm('encryption') });
  if (!isSigningAlgorithm(sigAlgorithm))
    return refuse('algorithm', { answer: encodeBadAlgorithm('signing') });
  if (!isNonce(load.nonce)) return refuse('nonce');
  return { kind: 'sign-in', load, encAlgorithm, sigAlgorithm };
}

interface Decrypted {
  readonly session: MasterSession;
  readonly bytes: Buffer;
}

function decrypt(door: Door, envelope: SealedEnvelope): Decrypted | undefined {
  for (const session of door.sessions.forRequest(envelope.id)) {
    const opened = session.crypticle.decrypt(envelope.load);
    if (opened.kind === 'plain') return { session, bytes: opened.bytes };
  }
  return undefined;
}

function openSealed(door: Door, envelope: SealedEnvelope): OpenedRequest {
  const { id } = envelope;
  const decrypted = decrypt(door, envelope);
  if (decrypted === undefined) return refuse('session', { id: shortened(id) });
  const { session, bytes } = decrypted;
  const value = unpackOrNothing(bytes);
  if (value === undefined) return refuse('content', { id });
  if (!(value instanceof Map)) return refuse('load-not-a-map', { id });
  const whole = value as Map<ExactValue, ExactValue>;
  const fault = checkSender(door, id, whole);
  if (fault !== undefined) return fault;
  const minionKey = door.acceptedKey(id);
  const token = bytesOf(whole.get('tok'));
  if (minionKey === undefined || token === undefined || !door.tokens.check(minionKey, token))
    return refuse('token', { id });
  const nonce = whole.get('nonce');
  if (typeof nonce !== 'string' || !isNonce(nonce)) return refuse('nonce', { id });
  const verdict = session.replay.check(nonce, whole.get('ts') as number);
  if (verdict === 'too-old') door.sessions.markStale(id);
  if (verdict !== 'fresh') return refuse(verdict, { id });
  if (whole.has('serial')) return refuse('serial', { id });
  const { encAlgorithm, sigAlgorithm } = envelope;
  return readTyped(whole, { kind: 'authentic', id, nonce, encAlgorithm, sigAlgorithm, session, minionKey });
}

function checkSender(door: Door, id: string, whole: LoadMap): RefusedRequest | undefined {
  const inner = whole.get('id');
  if (typeof inner !== 'string') return refuse('id', { id, answer: ID_IS_NO_STRING });
  if (inner.includes('\0')) return refuse('id', { id, answer: ID_HAS_NUL });
  const ts = whole.get('ts');
  if (typeof ts !== 'number' || !Number.isSafeInteger(ts))
    return refuse('ttl', { id, detail: 'ts is no integer' });
  const { ttlSeconds = 0, now = Date.now } = door;
  const age = Math.floor(now() / 1000) - ts;
  if (ttlSeconds > 0 && Math.abs(age) > ttlSeconds) return refuse('ttl', { id, detail: `${age} s old` });
  if (inner !== id) return refuse('id-mismatch', { id, detail: `the load is of ${shortened(inner)}` });
  if (!isMinionId(id)) return refuse('id-invalid', { id: shortened(id) });
  return undefined;
}

const ID_IS_NO_STRING = encodePlainReply('bad load: id is not a string');
const ID_HAS_NUL = encodePlainReply('bad load: id contains a null byte');

function readTyped(
  whole: Map<ExactValue, ExactValue>,
  request: Omit<AuthenticRequest, 'load' | 'whole'>,
): AuthenticRequest | RefusedRequest {
  const { id, nonce, session } = request;
  const sealed = (value: unknown): Buffer =>
    encodeSealedReply(session.crypticle.encrypt(packRaw(value), nonce));
  if (!whole.has('cmd')) return refuse('no-command', { id, answer: HANDLER_FAILED });
  const read = readMinionLoad(whole);
  if (read.kind === 'unknown-command')
    return refuse('command', { id, answer: sealed({}), detail: nameOf(whole) });
  // what a real master answers when the function behind a command fails
  if (read.kind === 'refused') return refuse('field', { id, answer: sealed(''), detail: read.why });
  whole.delete('nonce');
  whole.delete('tok');
  whole.delete('sig');
  return { ...request, load: read.load, whole };
}

function unpackOrNothing(bytes: Buffer): ExactValue | undefined {
  try {
    return unpackRaw(bytes);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return undefined;
  }
}

function nameOf(whole: LoadMap): string {
  const cmd = whole.get('cmd');
  return typeof cmd === 'string' ? JSON.stringify(shortened(cmd)) : 'cmd is no text';
}

function shortened(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}...` : text;
}
