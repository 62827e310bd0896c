import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY, firstProgress, nextSignInStep } from '../../../src/channel/sign-in-policy.ts';
import type { SignInOutcome, SignInPolicy } from '../../../src/channel/sign-in-policy.ts';
import { SaltbusError } from '../../../src/errors.ts';

const SILENCE: SignInOutcome = {
  kind: 'unanswered',
  error: new SaltbusError('ERR_SALTBUS_TIMEOUT', 'silence'),
};
const PENDING: SignInOutcome = { kind: 'pending', isVerified: true };

/** What follows each of the outcomes: a wait in milliseconds, `done`, or the code of the error that ends it. */
function run(policy: Partial<SignInPolicy>, outcomes: readonly SignInOutcome[]): (number | string)[] {
  const whole = { ...DEFAULT_POLICY, ...policy };
  const seen: (number | string)[] = [];
  let progress = firstProgress(whole);
  for (const outcome of outcomes) {
    const step = nextSignInStep(whole, progress, outcome);
    if (step.kind === 'again') {
      seen.push(step.waitMs);
      progress = step.progress;
    } else {
      seen.push(step.kind === 'done' ? 'done' : step.error.code);
      break;
    }
  }
  return seen;
}

const times = (count: number, outcome: SignInOutcome): SignInOutcome[] =>
  Array.from({ length: count }, () => outcome);

test('each outcome has its step', () => {
  const table: readonly (readonly [
    Partial<SignInPolicy>,
    readonly SignInOutcome[],
    readonly (number | string)[],
  ])[] = [
    [{}, times(8, SILENCE), [0, 0, 0, 0, 0, 0, 'ERR_SALTBUS_TIMEOUT']],
    [{ authTries: 1 }, times(2, SILENCE), ['ERR_SALTBUS_TIMEOUT']],
    [{ authTries: 2, authSafemode: true }, times(5, SILENCE), [0, 10_000, 0, 10_000, 0]],
    [{}, times(4, PENDING), [10_000, 10_000, 10_000, 10_000]],
    [{ acceptanceWaitMs: 2000, acceptanceWaitMaxMs: 5000 }, times(4, PENDING), [2000, 4000, 5000, 5000]],
    [{ acceptanceWaitMs: 2000, acceptanceWaitMaxMs: 1000 }, times(3, PENDING), [2000, 2000, 2000]],
    [{ authRetries: 2 }, times(4, PENDING), [10_000, 10_000, 'ERR_SALTBUS_PENDING']],
    [{ authTries: 2 }, [SILENCE, PENDING, SILENCE, SILENCE], [0, 10_000, 0, 'ERR_SALTBUS_TIMEOUT']],
    [{}, [{ kind: 'rejected', isVerified: true }], ['ERR_SALTBUS_REJECTED']],
    [{}, [{ kind: 'rejected', isVerified: false }], ['ERR_SALTBUS_REJECTED']],
    [{ rejectedRetry: true }, times(2, { kind: 'rejected', isVerified: true }), [10_000, 10_000]],
    [{}, [{ kind: 'full', isVerified: true }], ['ERR_SALTBUS_MASTER_FULL']],
    [{}, [{ kind: 'bad-algorithm', which: 'signing' }], ['ERR_SALTBUS_ALGORITHM']],
    [{}, [{ kind: 'retry-later' }], [10_000]],
    [{}, [{ kind: 'refused', check: 'master-key', why: '' }], ['ERR_SALTBUS_MASTER_CHANGED']],
    [{}, [{ kind: 'refused', check: 'finger', why: '' }], ['ERR_SALTBUS_MASTER_CHANGED']],
    [{}, [{ kind: 'refused', check: 'signature', why: '' }], ['ERR_SALTBUS_SIGN_IN']],
    [{}, [{ kind: 'refused', check: 'reply', why: '' }], ['ERR_SALTBUS_SIGN_IN']],
  ];
  for (const [policy, outcomes, expected] of table) assert.deepEqual(run(policy, outcomes), expected);
});

test('that a rejection could not be verified is said', () => {
  const step = (isVerified: boolean): string => {
    const next = nextSignInStep(DEFAULT_POLICY, firstProgress(DEFAULT_POLICY), {
      kind: 'rejected',
      isVerified,
    });
    return next.kind === 'failed' ? next.error.message : next.kind;
  };
  assert.match(step(true), /^The master rejects/);
  assert.match(step(false), /may be the master/);
});
