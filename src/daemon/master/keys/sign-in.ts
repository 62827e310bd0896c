/**
 * Decides on sign-ins against the store, and makes the changes.
 */
import type { KeyObject } from 'node:crypto';
import { MAX_PUBLIC_PEM, cleanPem } from '../../../codec/rsa/pem.ts';
import { publish } from '../../../diagnostics.ts';
import { SaltbusError } from '../../../errors.ts';
import { isMinionId } from '../../../pki/index.ts';
import type { AutomaticRules, AutomaticVerdict } from './automatic.ts';
import { decideSignIn } from './decision.ts';
import type { SignInReply } from './decision.ts';
import type { KeyRate } from './key-rate.ts';
import type { AuthEventData } from './key-events.ts';
import { usableKey } from './key-scan.ts';
import type { KeyStore, KeyWrite, StandingKey } from './key-store.ts';

/** What a minion has sent, unchecked. */
export interface SignInRequest {
  readonly id: unknown;
  readonly pub: unknown;
  readonly autosignGrains?: unknown;
}

/** What came of it. */
export interface SignInOutcome {
  /** `later`: too many new keys come at a time; nothing was done, and the minion is to come again. */
  readonly reply: SignInReply | 'later';
  /** The minion's key, when the reply is `accept`: the answer is encrypted for it. */
  readonly key: KeyObject | undefined;
  /** Data of the event `salt/auth`; `undefined`: none is fired. */
  readonly event: AuthEventData | undefined;
  /** Why a change could not be made on disk; the reply is `refused` then. */
  readonly error: SaltbusError | undefined;
}

/** What sign-ins are decided with. */
export interface SignInContext {
  readonly store: KeyStore;
  readonly rules: AutomaticRules;
  /** Who is connected, for `max_minions`. */
  readonly connected: { readonly count: () => number; readonly has: (id: string) => boolean };
  readonly openMode?: boolean;
  /** @defaultValue 0, any number */
  readonly maxMinions?: number;
  /** Most keys that wait for a decision; a new id beyond them is told that the master is full. @defaultValue 10000 */
  readonly maxPending?: number;
  /** How many keys of strangers are written in a second. @defaultValue any number */
  readonly rate?: KeyRate;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

const MAX_PENDING = 10_000;
const REFUSED: SignInOutcome = { reply: 'refused', key: undefined, event: undefined, error: undefined };
const LATER: SignInOutcome = { ...REFUSED, reply: 'later' };
const NO_VERDICT: AutomaticVerdict = { kind: 'none' };

/** Decides on a sign-in and makes the changes that follow. Never throws; reads nothing from disk. */
export function signIn(request: SignInRequest, context: SignInContext): SignInOutcome {
  const { id } = request;
  if (!isMinionId(id)) return REFUSED;
  const { store, rules, connected } = context;
  const standing = store.find(id);
  const sent = typeof request.pub === 'string' && request.pub.length <= MAX_PUBLIC_PEM ? request.pub : '';
  const pem = cleanPem(sent);
  const key = keyOf(pem, standing);
  const undecided = standing === undefined || standing.state === 'pending';
  const verdict =
    undecided && key !== undefined && context.openMode !== true
      ? rules.verdict(id, grainsOf(request.autosignGrains), (context.now ?? Date.now)())
      : NO_VERDICT;
  const maxMinions = context.maxMinions ?? 0;
  const maxPending = context.maxPending ?? MAX_PENDING;
  // more keys than there may be minions need not wait
  const most = maxMinions > 0 ? Math.min(maxPending, maxMinions) : maxPending;
  const decision = decideSignIn({
    id,
    pem: key === undefined ? undefined : pem,
    standing,
    openMode: context.openMode === true,
    maxMinions,
    connected: { count: connected.count(), has: connected.has(id) },
    pending: { count: store.count('pending'), most },
    automatic: verdict.kind,
  });
  if (decision.overflow) publish('saltbus:keys:full', { id, pending: most });
  if (isOfStranger(decision.write) && context.rate?.take((context.now ?? Date.now)()) === false) {
    publish('saltbus:keys:full', { id, pending: store.count('pending') });
    return LATER;
  }
  if (decision.write !== undefined) {
    try {
      store.write(decision.write);
    } catch (error) {
      if (error instanceof SaltbusError) return { ...REFUSED, error };
      throw error;
    }
  }
  if (decision.signed && verdict.kind === 'sign' && verdict.by === 'stub') rules.useStub(id);
  return {
    reply: decision.reply,
    key: decision.reply === 'accept' ? key : undefined,
    event: decision.event === undefined ? undefined : { ...decision.event, id, pub: pem },
    error: undefined,
  };
}

/** Whether this is the accepted key of the id; it costs no parsing. */
export function isKnown({ id, pub }: SignInRequest, store: KeyStore): boolean {
  if (!isMinionId(id) || typeof pub !== 'string' || pub.length > MAX_PUBLIC_PEM) return false;
  const standing = store.find(id);
  return standing?.state === 'accepted' && standing.pem === cleanPem(pub);
}

// Written without anybody having decided so.
function isOfStranger(write: KeyWrite | undefined): boolean {
  return write?.type === 'store' && (write.state === 'pending' || write.state === 'denied');
}

// An accepted minion that signs in again, by far the most frequent case, costs no parsing.
function keyOf(pem: string, standing: StandingKey | undefined): KeyObject | undefined {
  if (pem === '') return undefined;
  if (standing?.state === 'accepted' && standing.pem === pem) return standing.key;
  return usableKey(pem);
}

function grainsOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value as ReadonlyMap<unknown, unknown>;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return new Map(Object.entries(value));
  }
  return undefined;
}
