/**
 * What a master answers to a sign-in: Salt's decision table (3006.30, 3007.17, 3008.5) as a pure function.
 */
import { isMinionId } from '../../../pki/index.ts';
import type { KeyWrite, StandingState } from './key-store.ts';

/** All that the decision depends on. */
export interface SignInFacts {
  readonly id: string;
  /** The key of the minion, cleaned; `undefined` for none, or one that is no usable RSA key. */
  readonly pem: string | undefined;
  /** Where the id stands, and with which key. */
  readonly standing: { readonly state: StandingState; readonly pem: string } | undefined;
  readonly openMode: boolean;
  /** 0: any number. */
  readonly maxMinions: number;
  readonly connected: { readonly count: number; readonly has: boolean };
  /** How many keys are pending, and how many may be. */
  readonly pending: { readonly count: number; readonly most: number };
  /** What the files of automatic decisions say of the id. */
  readonly automatic: 'reject' | 'sign' | 'none';
}

/** What the minion is told. */
export type SignInReply = 'accept' | 'pending' | 'refused' | 'full';

/** The `act` of an event about a sign-in. */
export type AuthAct = 'accept' | 'pend' | 'reject' | 'denied' | 'full';

/** What is done about a sign-in. */
export interface Decision {
  readonly reply: SignInReply;
  /** To be made before the reply is sent. */
  readonly write: KeyWrite | undefined;
  /** What is told on the bus; `undefined`: nothing. */
  readonly event: { readonly result: boolean; readonly act: AuthAct } | undefined;
  /** Whether it was the automatic signing that accepted the key, which uses up a stub. */
  readonly signed: boolean;
  /** Whether the key was not kept because too many are pending. */
  readonly overflow: boolean;
}

function decision(
  reply: SignInReply,
  act: AuthAct | undefined,
  write?: KeyWrite,
  more: { readonly signed?: boolean; readonly overflow?: boolean } = {},
): Decision {
  const result = reply === 'accept' || reply === 'pending';
  return {
    reply,
    write,
    event: act === undefined ? undefined : { result, act },
    signed: more.signed === true,
    overflow: more.overflow === true,
  };
}

/** Decides. The first row that fits counts; the numbers are those of the table in docs/decisions/0026-keys.md. */
export function decideSignIn(facts: SignInFacts): Decision {
  const { id, pem, standing, connected, maxMinions } = facts;
  if (!isMinionId(id)) return decision('refused', undefined); // 1
  if (maxMinions > 0 && connected.count > maxMinions && !connected.has) return decision('full', 'full'); // 2
  // Salt would store any text that comes; nobody could ever be let in with it.
  if (pem === undefined) return decision('refused', undefined);
  if (facts.openMode) {
    const same = standing?.state === 'accepted' && standing.pem === pem;
    return decision('accept', 'accept', same ? undefined : { type: 'store', state: 'accepted', id, pem }); // 3
  }
  switch (standing?.state) {
    case 'rejected':
      return decision('refused', 'reject'); // 4
    case 'accepted':
      if (standing.pem !== pem) return deny(id, pem); // 5
      return decision('accept', 'accept'); // 6
    case 'pending':
      return decidePending(facts, pem, standing.pem);
    case undefined:
      return decideUnknown(facts, pem);
  }
}

function decideUnknown(facts: SignInFacts, pem: string): Decision {
  const { id, automatic, pending } = facts;
  if (automatic === 'sign') {
    return decision('accept', 'accept', { type: 'store', state: 'accepted', id, pem }, { signed: true }); // 9
  }
  if (automatic === 'reject') {
    return decision('refused', 'reject', { type: 'store', state: 'rejected', id, pem }); // 7
  }
  // No event: a flood of new ids must not become a flood of events.
  if (pending.count >= pending.most) return decision('full', undefined, undefined, { overflow: true });
  return decision('pending', 'pend', { type: 'store', state: 'pending', id, pem }); // 8
}

function decidePending(facts: SignInFacts, pem: string, stored: string): Decision {
  const { id, automatic } = facts;
  if (automatic === 'reject') return decision('refused', 'reject', { type: 'move', id, to: 'rejected' }); // 10
  if (stored !== pem) return deny(id, pem); // 11, 13
  if (automatic === 'none') return decision('pending', 'pend'); // 12
  return decision('accept', 'accept', { type: 'move', id, to: 'accepted' }, { signed: true }); // 14
}

function deny(id: string, pem: string): Decision {
  return decision('refused', 'denied', { type: 'store', state: 'denied', id, pem });
}
