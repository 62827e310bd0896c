import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextLinkState } from '../../../src/transport/link-state.ts';
import type { LinkInput, LinkState } from '../../../src/transport/link-state.ts';

const STATES: Readonly<Record<string, LinkState>> = {
  idle: { name: 'idle' },
  connecting: { name: 'connecting', attempt: 2 },
  open: { name: 'open', attempt: 2 },
  waiting: { name: 'waiting', attempt: 2 },
  closed: { name: 'closed' },
};

const INPUTS: Readonly<Record<string, LinkInput>> = {
  want: { type: 'want' },
  release: { type: 'release' },
  opened: { type: 'opened' },
  failed: { type: 'failed', final: false },
  'failed-final': { type: 'failed', final: true },
  lost: { type: 'lost', soon: false },
  'lost-soon': { type: 'lost', soon: true },
  elapsed: { type: 'elapsed' },
  close: { type: 'close' },
};

// state, input -> state (with attempt), effects; what is not listed changes nothing.
const TABLE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  idle: { want: 'connecting 0: connect', close: 'closed:' },
  connecting: {
    release: 'idle: drop',
    opened: 'open 2: tell-open',
    failed: 'waiting 3: tell-failed wait 3',
    'failed-final': 'idle: tell-failed final',
    close: 'closed: drop',
  },
  open: {
    release: 'idle: drop',
    lost: 'waiting 0: tell-lost wait 0',
    'lost-soon': 'waiting 3: tell-lost wait 3',
    close: 'closed: drop',
  },
  waiting: { release: 'idle: stop-waiting', elapsed: 'connecting 2: connect', close: 'closed: stop-waiting' },
  closed: {},
};

function show(state: LinkState, input: LinkInput): string {
  const next = nextLinkState(state, input);
  const effects = next.effects.map((effect) => {
    if (effect.type === 'wait') return ` wait ${effect.attempt}`;
    return effect.type === 'tell-failed' && effect.final ? ' tell-failed final' : ` ${effect.type}`;
  });
  const attempt = 'attempt' in next.state ? ` ${next.state.attempt}` : '';
  return `${next.state.name}${attempt}:${effects.join('')}`;
}

for (const [stateName, state] of Object.entries(STATES)) {
  test(`every input in state ${stateName}`, () => {
    for (const [inputName, input] of Object.entries(INPUTS)) {
      const attempt = 'attempt' in state ? ` ${state.attempt}` : '';
      const expected = TABLE[stateName]?.[inputName] ?? `${stateName}${attempt}:`;
      assert.equal(show(state, input), expected, `${stateName} + ${inputName}`);
    }
  });
}
