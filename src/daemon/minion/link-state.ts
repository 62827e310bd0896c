/**
 * The link of a minion to one master: what comes after what, as one pure function.
 *
 *     idle -> signing-in -> subscribing -> announcing -> up
 *                 ^                                     |
 *                 +---- waiting <---- a failure --------+      and straight back to signing-in when the publish connection is lost
 */
import type { SaltbusError } from '../../errors.ts';

/** Where a link stands. */
export type LinkPhase =
  | 'idle'
  | 'signing-in'
  /** signed in; the publish connection is not there */
  | 'subscribing'
  /** pillar and start events are on their way */
  | 'announcing'
  | 'up'
  /** a failure: the next attempt follows */
  | 'waiting'
  /** for good */
  | 'failed'
  | 'closed';

/** The state of a link. */
export interface LinkState {
  readonly phase: LinkPhase;
  /** Whether there is a publish connection. */
  readonly isSubscribed: boolean;
  /** Of a failed link. */
  readonly error?: SaltbusError;
}

/** What happens to a link. */
export type LinkInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'signed-in' }
  | { readonly kind: 'subscribed' }
  | { readonly kind: 'unsubscribed'; readonly error: SaltbusError }
  | { readonly kind: 'announced' }
  | { readonly kind: 'failed'; readonly error: SaltbusError }
  | { readonly kind: 'retry' }
  | { readonly kind: 'close' };

/** What is to be done. */
export type LinkEffect =
  | { readonly kind: 'sign-in' }
  | { readonly kind: 'subscribe' }
  | { readonly kind: 'announce' }
  | { readonly kind: 'tell-up' }
  /** The link was up, or on its way up, and is not any more. */
  | { readonly kind: 'tell-down'; readonly error: SaltbusError }
  | { readonly kind: 'wait'; readonly error: SaltbusError }
  | { readonly kind: 'give-up'; readonly error: SaltbusError };

/** How a link takes failures. */
export interface LinkRules {
  /** Whether a failure that may pass ends the link all the same, so that the next master is tried. */
  readonly isOneOfMany: boolean;
}

/** The beginning. */
export const IDLE: LinkState = { phase: 'idle', isSubscribed: false };

/** Whether trying again can help: what the master has decided and what an operator has to mend stay as they are. */
export function isFatal(error: SaltbusError): boolean {
  // A pending key is waited for by the sign-in itself; the error means that it is not to be waited for any longer.
  return !error.retryable || error.code === 'ERR_SALTBUS_PENDING';
}

type Step = readonly [LinkState, readonly LinkEffect[]];

/** The state after an input, and what is to be done. */
export function nextLinkState(state: LinkState, input: LinkInput, rules: LinkRules): Step {
  const { phase, isSubscribed } = state;
  if (phase === 'failed' || phase === 'closed') return [state, []];
  switch (input.kind) {
    case 'start':
      return phase === 'idle' ? signIn(isSubscribed) : [state, []];
    case 'retry':
      return phase === 'waiting' ? signIn(isSubscribed) : [state, []];
    case 'signed-in':
      if (phase !== 'signing-in') return [state, []];
      return isSubscribed
        ? [{ phase: 'announcing', isSubscribed }, [{ kind: 'subscribe' }, { kind: 'announce' }]]
        : [{ phase: 'subscribing', isSubscribed }, [{ kind: 'subscribe' }]];
    case 'subscribed':
      return phase === 'subscribing'
        ? [{ phase: 'announcing', isSubscribed: true }, [{ kind: 'announce' }]]
        : [{ phase, isSubscribed: true }, []];
    case 'unsubscribed':
      return lost(state, input.error, rules);
    case 'announced':
      return phase === 'announcing' ? [{ phase: 'up', isSubscribed }, [{ kind: 'tell-up' }]] : [state, []];
    case 'failed':
      return phase === 'idle' ? [state, []] : failed(state, input.error, rules);
    case 'close':
      return [{ phase: 'closed', isSubscribed: false }, []];
  }
}

function signIn(isSubscribed: boolean): Step {
  return [{ phase: 'signing-in', isSubscribed }, [{ kind: 'sign-in' }]];
}

// As 3007.15 and 3008.3: a lost publish connection means that the master may have restarted, with other keys.
function lost(state: LinkState, error: SaltbusError, rules: LinkRules): Step {
  const { phase } = state;
  if (phase !== 'up' && phase !== 'announcing') return [{ phase, isSubscribed: false }, []];
  if (rules.isOneOfMany) return failed({ ...state, isSubscribed: false }, error, rules);
  return [{ phase: 'signing-in', isSubscribed: false }, [{ kind: 'tell-down', error }, { kind: 'sign-in' }]];
}

function failed(state: LinkState, error: SaltbusError, rules: LinkRules): Step {
  const { phase, isSubscribed } = state;
  const down: readonly LinkEffect[] =
    phase === 'up' || phase === 'announcing' ? [{ kind: 'tell-down', error }] : [];
  if (isFatal(error) || rules.isOneOfMany)
    return [{ phase: 'failed', isSubscribed, error }, [...down, { kind: 'give-up', error }]];
  return [{ phase: 'waiting', isSubscribed }, [...down, { kind: 'wait', error }]];
}
