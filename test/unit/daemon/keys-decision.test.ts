/** The decision table of a sign-in, every row; the numbers are those of the table in docs/decisions/0026-keys.md. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideSignIn } from '../../../src/daemon/master/keys/decision.ts';
import type { Decision, SignInFacts } from '../../../src/daemon/master/keys/decision.ts';

const A = 'key A';
const B = 'key B';

const FACTS: SignInFacts = {
  id: 'web1',
  pem: A,
  standing: undefined,
  openMode: false,
  maxMinions: 0,
  connected: { count: 0, has: false },
  pending: { count: 0, most: 10 },
  automatic: 'none',
};

const store = (state: 'accepted' | 'pending' | 'rejected' | 'denied'): Decision['write'] => ({
  type: 'store',
  state,
  id: 'web1',
  pem: A,
});
const move = (to: 'accepted' | 'rejected'): Decision['write'] => ({ type: 'move', id: 'web1', to });
const accepted = { state: 'accepted', pem: A } as const;
const pending = { state: 'pending', pem: A } as const;
const rejected = { state: 'rejected', pem: A } as const;
const full = { maxMinions: 2, connected: { count: 3, has: false } };

type Row = readonly [
  name: string,
  facts: Partial<SignInFacts>,
  reply: Decision['reply'],
  event: string | undefined,
  write: Decision['write'],
  flags?: 'signed' | 'overflow',
];

const ROWS: readonly Row[] = [
  ['1 the id is invalid', { id: '../x', standing: accepted }, 'refused', undefined, undefined],
  ['1 before 2', { id: 'a/b', ...full }, 'refused', undefined, undefined],
  ['2 full', full, 'full', 'false full', undefined],
  ['2 full, though accepted', { ...full, standing: accepted }, 'full', 'false full', undefined],
  ['2 full, before open mode', { ...full, openMode: true }, 'full', 'false full', undefined],
  [
    '2 not for one that is connected',
    { maxMinions: 2, connected: { count: 3, has: true }, standing: accepted },
    'accept',
    'true accept',
    undefined,
  ],
  [
    '2 not while only as many as allowed are there',
    { maxMinions: 2, connected: { count: 2, has: false }, standing: accepted },
    'accept',
    'true accept',
    undefined,
  ],
  ['no usable key', { pem: undefined }, 'refused', undefined, undefined],
  ['no usable key, accepted', { pem: undefined, standing: accepted }, 'refused', undefined, undefined],
  ['3 open mode, no usable key', { openMode: true, pem: undefined }, 'refused', undefined, undefined],
  ['3 open mode, unknown', { openMode: true }, 'accept', 'true accept', store('accepted')],
  ['3 open mode, same', { openMode: true, standing: accepted }, 'accept', 'true accept', undefined],
  [
    '3 open mode, differs',
    { openMode: true, standing: { state: 'accepted', pem: B } },
    'accept',
    'true accept',
    store('accepted'),
  ],
  [
    '3 open mode, rejected',
    { openMode: true, standing: rejected },
    'accept',
    'true accept',
    store('accepted'),
  ],
  ['4 rejected', { standing: rejected }, 'refused', 'false reject', undefined],
  ['4 rejected, autosign', { standing: rejected, automatic: 'sign' }, 'refused', 'false reject', undefined],
  [
    '5 accepted, key differs',
    { standing: { state: 'accepted', pem: B } },
    'refused',
    'false denied',
    store('denied'),
  ],
  [
    '5 accepted, key differs, autosign',
    { standing: { state: 'accepted', pem: B }, automatic: 'sign' },
    'refused',
    'false denied',
    store('denied'),
  ],
  ['6 accepted, same key', { standing: accepted }, 'accept', 'true accept', undefined],
  ['6 accepted, autoreject', { standing: accepted, automatic: 'reject' }, 'accept', 'true accept', undefined],
  ['7 unknown, autoreject', { automatic: 'reject' }, 'refused', 'false reject', store('rejected')],
  ['8 unknown', {}, 'pending', 'true pend', store('pending')],
  [
    '8 unknown, too many pending',
    { pending: { count: 10, most: 10 } },
    'full',
    undefined,
    undefined,
    'overflow',
  ],
  ['8 the last that is kept', { pending: { count: 9, most: 10 } }, 'pending', 'true pend', store('pending')],
  ['9 unknown, autosign', { automatic: 'sign' }, 'accept', 'true accept', store('accepted'), 'signed'],
  [
    '9 autosign is not bounded by what is pending',
    { automatic: 'sign', pending: { count: 10, most: 10 } },
    'accept',
    'true accept',
    store('accepted'),
    'signed',
  ],
  [
    '10 pending, autoreject',
    { standing: pending, automatic: 'reject' },
    'refused',
    'false reject',
    move('rejected'),
  ],
  [
    '10 pending, autoreject, whatever the key',
    { standing: { state: 'pending', pem: B }, automatic: 'reject' },
    'refused',
    'false reject',
    move('rejected'),
  ],
  [
    '11 pending, key differs',
    { standing: { state: 'pending', pem: B } },
    'refused',
    'false denied',
    store('denied'),
  ],
  ['12 pending, same key', { standing: pending }, 'pending', 'true pend', undefined],
  [
    '13 pending, autosign, key differs',
    { standing: { state: 'pending', pem: B }, automatic: 'sign' },
    'refused',
    'false denied',
    store('denied'),
  ],
  [
    '14 pending, autosign, same key',
    { standing: pending, automatic: 'sign' },
    'accept',
    'true accept',
    move('accepted'),
    'signed',
  ],
];

for (const [name, facts, reply, event, write, flag] of ROWS) {
  test(name, () => {
    const decision = decideSignIn({ ...FACTS, ...facts });
    assert.deepEqual(
      {
        reply: decision.reply,
        event: decision.event === undefined ? undefined : `${decision.event.result} ${decision.event.act}`,
        write: decision.write,
        signed: decision.signed,
        overflow: decision.overflow,
      },
      { reply, event, write, signed: flag === 'signed', overflow: flag === 'overflow' },
    );
  });
}

test('whatever the facts are, only a known key of an accepted or signed minion is let in', () => {
  const standings = [undefined, ...(['accepted', 'pending', 'rejected'] as const)].flatMap((state) =>
    state === undefined ? [undefined] : [A, B].map((pem) => ({ state, pem })),
  );
  let tried = 0;
  for (const standing of standings) {
    for (const automatic of ['none', 'sign', 'reject'] as const) {
      for (const pem of [A, undefined]) {
        tried += 1;
        const { reply } = decideSignIn({ ...FACTS, pem, standing, automatic });
        const isKnown = standing?.state === 'accepted' && standing.pem === pem;
        const isSigned =
          automatic === 'sign' &&
          pem === A &&
          (standing === undefined || (standing.state === 'pending' && standing.pem === A));
        assert.equal(reply === 'accept', isKnown || isSigned, JSON.stringify({ standing, automatic, pem }));
      }
    }
  }
  assert.equal(tried, 42);
});
