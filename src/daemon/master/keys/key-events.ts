/**
 * The events that tell of keys and sign-ins, as values; firing them is the daemon's work.
 */
import type { AuthAct } from './decision.ts';
import type { KeyChange } from './key-store.ts';

/** The tag of an event about a sign-in. */
export const AUTH_TAG = 'salt/auth';
/** The tag of an event about the administration of keys. */
export const KEY_TAG = 'salt/key';

/** Data of an event `salt/auth`, without `_stamp`. */
export interface AuthEventData {
  readonly result: boolean;
  readonly act: AuthAct;
  readonly id: string;
  readonly pub: string;
}

/** Data of an event `salt/key`, without `_stamp`. */
export interface KeyEventData {
  readonly result: true;
  readonly act: 'accept' | 'reject' | 'delete';
  readonly id: string;
}

const ACTS: Readonly<Partial<Record<KeyChange['state'], KeyEventData['act']>>> = {
  accepted: 'accept',
  rejected: 'reject',
  deleted: 'delete',
};

/**
 * The event for a change that somebody made on disk; `undefined` for a change that is told by `salt/auth`, and for one that Salt has no
 * event for.
 *
 * A real `salt-key` fires the same event on the master's bus by itself: who fires this one has to leave out what came from there.
 */
export function keyEventOf(change: KeyChange): KeyEventData | undefined {
  const act = ACTS[change.state];
  if (change.source !== 'disk' || act === undefined) return undefined;
  return { result: true, act, id: change.id };
}
