/**
 * What a minion does after each outcome of a sign-in: a pure function over the options of a real minion's configuration.
 */
import { SaltbusError } from '../errors.ts';
import type { SignInResult } from './sign-in.ts';

/** Minion options, in milliseconds where they are times. */
export interface SignInPolicy {
  /** For one request. @defaultValue 5000 (`auth_timeout`) */
  readonly authTimeoutMs: number;
  /** Requests that may go unanswered in a row. @defaultValue 7 (`auth_tries`) */
  readonly authTries: number;
  /** Whether the minion goes on after that. @defaultValue false (`auth_safemode`) */
  readonly authSafemode: boolean;
  /** How often it may hear that its key is pending; 0: without end. @defaultValue 0 (`auth_retries`, 3006.27, 3008.2) */
  readonly authRetries: number;
  /** Whether a pending key ends it at once, instead of being asked for again. @defaultValue false */
  readonly failsWhenPending: boolean;
  /** Between sign-ins. @defaultValue 10 000 (`acceptance_wait_time`) */
  readonly acceptanceWaitMs: number;
  /** Up to this the wait grows by its base each time; 0: it does not. @defaultValue 0 (`acceptance_wait_time_max`) */
  readonly acceptanceWaitMaxMs: number;
  /** Whether a rejected minion goes on asking. @defaultValue false (`rejected_retry`) */
  readonly rejectedRetry: boolean;
}

/** The defaults of Salt. */
export const DEFAULT_POLICY: SignInPolicy = {
  authTimeoutMs: 5000,
  authTries: 7,
  authSafemode: false,
  authRetries: 0,
  failsWhenPending: false,
  acceptanceWaitMs: 10_000,
  acceptanceWaitMaxMs: 0,
  rejectedRetry: false,
};

/** How far a series of sign-ins has come. */
export interface SignInProgress {
  /** Unanswered requests in a row. */
  readonly unanswered: number;
  /** Times that the key was pending. */
  readonly pending: number;
  /** The wait that comes next. */
  readonly waitMs: number;
}

/** What can come of a request. */
export type SignInOutcome = SignInResult | { readonly kind: 'unanswered'; readonly error: SaltbusError };

/** What is to be done. */
export type SignInStep =
  | { readonly kind: 'done'; readonly signedIn: Extract<SignInResult, { kind: 'accepted' }> }
  | { readonly kind: 'again'; readonly waitMs: number; readonly progress: SignInProgress }
  | { readonly kind: 'failed'; readonly error: SaltbusError };

/** The beginning of a series. */
export function firstProgress(policy: SignInPolicy): SignInProgress {
  return { unanswered: 0, pending: 0, waitMs: policy.acceptanceWaitMs };
}

/** The step after an outcome. */
export function nextSignInStep(
  policy: SignInPolicy,
  progress: SignInProgress,
  outcome: SignInOutcome,
): SignInStep {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'done', signedIn: outcome };
    case 'unanswered':
      return afterSilence(policy, progress, outcome.error);
    case 'pending': {
      if (policy.failsWhenPending) {
        return failed('ERR_SALTBUS_PENDING', 'The master has not accepted the key of this minion yet');
      }
      const pending = progress.pending + 1;
      if (policy.authRetries > 0 && pending > policy.authRetries) {
        return failed('ERR_SALTBUS_PENDING', `The key is still pending after ${pending} sign-ins`);
      }
      return again(policy, { ...progress, pending });
    }
    case 'rejected':
      if (policy.rejectedRetry) return again(policy, progress);
      return failed(
        'ERR_SALTBUS_REJECTED',
        outcome.isVerified
          ? 'The master rejects the key of this minion'
          : 'Something that may be the master rejects the key of this minion',
      );
    case 'full':
      return failed('ERR_SALTBUS_MASTER_FULL', 'The master takes no more minions');
    case 'bad-algorithm':
      return failed(
        'ERR_SALTBUS_ALGORITHM',
        `The master does not speak the ${outcome.which} algorithm of this minion`,
      );
    case 'retry-later':
      return again(policy, progress);
    case 'refused': {
      const isOtherKey = outcome.check === 'master-key' || outcome.check === 'finger';
      return failed(isOtherKey ? 'ERR_SALTBUS_MASTER_CHANGED' : 'ERR_SALTBUS_SIGN_IN', outcome.why);
    }
  }
}

function afterSilence(policy: SignInPolicy, progress: SignInProgress, error: SaltbusError): SignInStep {
  const unanswered = progress.unanswered + 1;
  if (unanswered < policy.authTries)
    return { kind: 'again', waitMs: 0, progress: { ...progress, unanswered } };
  return policy.authSafemode ? again(policy, progress) : { kind: 'failed', error };
}

function again(policy: SignInPolicy, progress: SignInProgress): SignInStep {
  const { acceptanceWaitMs, acceptanceWaitMaxMs } = policy;
  const grown = Math.min(progress.waitMs + acceptanceWaitMs, acceptanceWaitMaxMs);
  const waitMs = acceptanceWaitMaxMs > acceptanceWaitMs ? grown : progress.waitMs;
  return { kind: 'again', waitMs: progress.waitMs, progress: { ...progress, unanswered: 0, waitMs } };
}

function failed(code: SaltbusError['code'], message: string): SignInStep {
  return { kind: 'failed', error: new SaltbusError(code, message) };
}
