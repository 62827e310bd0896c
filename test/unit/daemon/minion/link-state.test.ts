import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFatal, nextLinkState } from '../../../../src/daemon/minion/link-state.ts';
import type { LinkInput, LinkPhase } from '../../../../src/daemon/minion/link-state.ts';
import { SaltbusError } from '../../../../src/errors.ts';

const passing = new SaltbusError('ERR_SALTBUS_NO_PEER', 'away');
const fatal = new SaltbusError('ERR_SALTBUS_REJECTED', 'rejected');

const INPUTS: Readonly<Record<string, LinkInput>> = {
  start: { kind: 'start' },
  'signed-in': { kind: 'signed-in' },
  subscribed: { kind: 'subscribed' },
  unsubscribed: { kind: 'unsubscribed', error: passing },
  announced: { kind: 'announced' },
  failed: { kind: 'failed', error: passing },
  fatal: { kind: 'failed', error: fatal },
  retry: { kind: 'retry' },
  close: { kind: 'close' },
};

const PHASES: readonly LinkPhase[] = [
  'idle',
  'signing-in',
  'subscribing',
  'announcing',
  'up',
  'waiting',
  'failed',
  'closed',
];

type Table = Readonly<Partial<Record<LinkPhase, Readonly<Record<string, string>>>>>;

const HAS_CONNECTION: ReadonlySet<LinkPhase> = new Set(['announcing', 'up']);

// phase, input -> phase: effects; what is not listed changes nothing but whether there is a publish connection.
const ALONE: Table = {
  idle: { start: 'signing-in: sign-in', close: 'closed:' },
  'signing-in': {
    'signed-in': 'subscribing: subscribe',
    failed: 'waiting: wait',
    fatal: 'failed: give-up',
    close: 'closed:',
  },
  subscribing: {
    subscribed: 'announcing: announce',
    failed: 'waiting: wait',
    fatal: 'failed: give-up',
    close: 'closed:',
  },
  announcing: {
    unsubscribed: 'signing-in: tell-down sign-in',
    announced: 'up: tell-up',
    failed: 'waiting: tell-down wait',
    fatal: 'failed: tell-down give-up',
    close: 'closed:',
  },
  up: {
    unsubscribed: 'signing-in: tell-down sign-in',
    failed: 'waiting: tell-down wait',
    fatal: 'failed: tell-down give-up',
    close: 'closed:',
  },
  waiting: {
    failed: 'waiting: wait',
    fatal: 'failed: give-up',
    retry: 'signing-in: sign-in',
    close: 'closed:',
  },
};

// With others to turn to, each failure is the end.
const ONE_OF_MANY: Table = {
  ...ALONE,
  'signing-in': { ...ALONE['signing-in'], failed: 'failed: give-up' },
  subscribing: { ...ALONE.subscribing, failed: 'failed: give-up' },
  announcing: {
    ...ALONE.announcing,
    unsubscribed: 'failed: tell-down give-up',
    failed: 'failed: tell-down give-up',
  },
  up: { ...ALONE.up, unsubscribed: 'failed: tell-down give-up', failed: 'failed: tell-down give-up' },
  waiting: { ...ALONE.waiting, failed: 'failed: give-up' },
};

for (const [name, table, isOneOfMany] of [
  ['alone', ALONE, false],
  ['one of many', ONE_OF_MANY, true],
] as const) {
  test(`every phase and input of a link that is ${name}`, () => {
    for (const phase of PHASES) {
      const state = { phase, isSubscribed: HAS_CONNECTION.has(phase) };
      for (const [label, input] of Object.entries(INPUTS)) {
        const [next, effects] = nextLinkState(state, input, { isOneOfMany });
        const said = `${next.phase}: ${effects.map(({ kind }) => kind).join(' ')}`.trim();
        assert.equal(said, table[phase]?.[label] ?? `${phase}:`, `${phase}, ${label}`);
      }
    }
  });
}

test('a publication connection that came back during the sign-in needs no second one', () => {
  const rules = { isOneOfMany: false };
  const [back] = nextLinkState({ phase: 'signing-in', isSubscribed: false }, { kind: 'subscribed' }, rules);
  const [next, effects] = nextLinkState(back, { kind: 'signed-in' }, rules);
  assert.deepEqual([next.phase, effects.map(({ kind }) => kind)], ['announcing', ['subscribe', 'announce']]);
  const [lost] = nextLinkState(back, { kind: 'unsubscribed', error: passing }, rules);
  assert.equal(lost.isSubscribed, false);
});

test('what trying again cannot mend', () => {
  assert.equal(isFatal(passing), false);
  assert.equal(isFatal(fatal), true);
  assert.equal(isFatal(new SaltbusError('ERR_SALTBUS_PENDING', 'too often')), true);
  assert.equal(isFatal(new SaltbusError('ERR_SALTBUS_MASTER_CHANGED', 'changed')), true);
  assert.equal(isFatal(new SaltbusError('ERR_SALTBUS_MASTER_FULL', 'full')), false);
});
