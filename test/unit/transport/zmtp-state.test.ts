import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextConnectionState } from '../../../src/transport/zmtp/connection-state.ts';
import type { ConnectionInput, ConnectionState } from '../../../src/transport/zmtp/connection-state.ts';

const STATES: readonly ConnectionState['name'][] = ['greeting', 'handshake', 'ready', 'ending', 'closed'];
const INPUTS: readonly ConnectionInput[] = [
  'greeting',
  'ready',
  'unfit',
  'frame',
  'ping',
  'pong',
  'subscription',
  'peer-error',
  'other',
  'fault',
  'overdue',
  'ended',
  'close',
  'destroy',
];

const OVER = 'closed: destroy tell-closed';
const BLAMED = 'closed: blame destroy tell-closed';
const ENDS = { fault: OVER, overdue: OVER, ended: OVER, destroy: OVER };

// state, input -> state and effects; what is not listed changes nothing.
const TABLE: Readonly<Record<string, Partial<Record<ConnectionInput, string>>>> = {
  greeting: { ...ENDS, greeting: 'handshake: send-ready', 'peer-error': BLAMED, close: OVER },
  handshake: {
    ...ENDS,
    ready: 'ready: tell-ready',
    unfit: BLAMED,
    frame: BLAMED,
    ping: BLAMED,
    pong: BLAMED,
    subscription: BLAMED,
    other: BLAMED,
    'peer-error': BLAMED,
    close: OVER,
  },
  ready: {
    ...ENDS,
    ready: BLAMED,
    unfit: BLAMED,
    frame: 'ready: deliver',
    subscription: 'ready: deliver',
    ping: 'ready: send-pong',
    'peer-error': BLAMED,
    close: 'ending: end',
  },
  ending: ENDS,
  closed: {},
};

for (const name of STATES) {
  test(`every input in state ${name}`, () => {
    for (const input of INPUTS) {
      const { state, effects } = nextConnectionState({ name }, input);
      const shown = `${state.name}:${effects.map((effect) => ` ${effect}`).join('')}`;
      assert.equal(shown, TABLE[name]?.[input] ?? `${name}:`, `${name} + ${input}`);
    }
  });
}
