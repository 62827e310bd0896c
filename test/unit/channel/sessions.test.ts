import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { MasterSessions } from '../../../src/channel/master-sessions.ts';
import { ReplayGuard } from '../../../src/channel/replay-guard.ts';
import { VerifiedTokens } from '../../../src/channel/verified-tokens.ts';
import { newNonce } from '../../../src/codec/crypticle.ts';
import { onDiagnostics } from '../../../src/diagnostics.ts';
import { VECTOR_KEY, identityNamed, publicKeyNamed } from '../../helpers/channel.ts';

function clocked(options: { readonly maxSessions?: number } = {}): {
  readonly sessions: MasterSessions;
  readonly made: string[];
  at: (ms: number) => void;
} {
  let clock = 0;
  const made: string[] = [];
  const sessions = new MasterSessions({
    lifetimeMs: 1000,
    graceMs: 100,
    now: () => clock,
    onNew: (id, key) => made.push(`${id} ${key.length}`),
    ...options,
  });
  return { sessions, made, at: (ms) => void (clock = ms) };
}

test('a session key is made on first need, kept for its life, and told to who stores it', () => {
  const { sessions, made, at } = clocked();
  assert.deepEqual(sessions.forRequest('a'), []);
  const first = sessions.forSignIn('a');
  at(999);
  assert.equal(sessions.forSignIn('a'), first);
  assert.deepEqual(sessions.forRequest('a'), [first]);
  assert.deepEqual(made, ['a 76']);
  at(1000);
  const second = sessions.forSignIn('a');
  assert.notEqual(second.key(), first.key());
  assert.deepEqual(sessions.forRequest('a'), [second, first]);
  at(1100);
  assert.deepEqual(sessions.forRequest('a'), [second]);
  assert.deepEqual(made, ['a 76', 'a 76']);
});

test('a key that is replaced at a request is understood for its grace, and only then', () => {
  const { sessions, at } = clocked();
  const first = sessions.forSignIn('a');
  at(5000);
  const [second, previous] = sessions.forRequest('a');
  assert.equal(previous, first);
  at(5099);
  assert.deepEqual(sessions.forRequest('a'), [second, first]);
  at(5100);
  assert.deepEqual(sessions.forRequest('a'), [second]);
});

test('an ended session is gone at once, one marked stale at the next sign-in', () => {
  const { sessions, at } = clocked();
  const first = sessions.forSignIn('a');
  sessions.markStale('a');
  sessions.markStale('nobody');
  assert.deepEqual(sessions.forRequest('a'), [first]);
  const second = sessions.forSignIn('a');
  assert.deepEqual(sessions.forRequest('a'), [second]);
  assert.equal(sessions.forSignIn('a'), second);
  sessions.end('a');
  assert.deepEqual(sessions.forRequest('a'), []);
  sessions.forSignIn('a');
  sessions.forSignIn('b');
  assert.equal(sessions.size, 2);
  sessions.endAll();
  assert.equal(sessions.size, 0);
  at(0);
});

test('a kept key is taken over, unless it has lived too long', () => {
  const { sessions, at, made } = clocked();
  at(2000);
  sessions.restore('a', VECTOR_KEY, 1500);
  sessions.restore('b', VECTOR_KEY, 1000);
  assert.deepEqual(sessions.forRequest('b'), []);
  assert.equal(sessions.forRequest('a')[0]?.key(), VECTOR_KEY);
  assert.deepEqual(made, []);
  assert.throws(() => sessions.restore('c', 'no key', 2000), { code: 'ERR_SALTBUS_KEY_INVALID' });
});

test('their number is bounded; who came first loses his, and that is told', () => {
  const { sessions } = clocked({ maxSessions: 2 });
  const dropped: string[] = [];
  const end = onDiagnostics('saltbus:channel:session-dropped', ({ id }) => dropped.push(id));
  for (const id of ['a', 'b', 'a', 'c']) sessions.forSignIn(id);
  end();
  assert.deepEqual(dropped, ['a']);
  assert.equal(sessions.size, 2);
  assert.deepEqual(sessions.forRequest('a'), []);
});

test('the key shows in no output', () => {
  const { sessions } = clocked();
  const session = sessions.forSignIn('a');
  const shown =
    inspect([sessions, session], { depth: 10, showHidden: true }) + JSON.stringify([sessions, session]);
  assert.equal(shown.includes(session.key()), false);
  const identity = identityNamed('web1');
  const all = inspect(identity, { depth: 10, showHidden: true }) + JSON.stringify(identity);
  assert.equal(all.includes(identity.token()) || all.includes('PRIVATE'), false);
});

test('replays: none is fresh twice, whatever came between, and no honest request is refused', () => {
  const guard = new ReplayGuard();
  const seen: (readonly [string, number])[] = [];
  for (let n = 0; n < 5000; n += 1) {
    const request = [newNonce(), 1000 + Math.floor(n / 50)] as const;
    seen.push(request);
    assert.equal(guard.check(...request), 'fresh');
  }
  let old = 0;
  for (const request of seen) {
    const verdict = guard.check(...request);
    assert.notEqual(verdict, 'fresh');
    if (verdict === 'too-old') old += 1;
  }
  assert.equal(old > 4000, true);
});

test('replays: a clock that goes back is refused once the memory has moved on, a slow minion never', () => {
  const guard = new ReplayGuard();
  for (let n = 0; n < 100; n += 1) assert.equal(guard.check(newNonce(), 1000 + n), 'fresh');
  assert.equal(guard.check(newNonce(), 500), 'fresh');
  for (let n = 0; n < 400; n += 1) assert.equal(guard.check(newNonce(), 2000 + n), 'fresh');
  assert.equal(guard.check(newNonce(), 500), 'too-old');
  assert.equal(guard.check(newNonce(), 2399), 'fresh');
});

test('replays: memory is bounded within one second too', () => {
  const guard = new ReplayGuard();
  const first = newNonce();
  guard.check(first, 1);
  for (let n = 0; n < 40_000; n += 1) guard.check(newNonce(), 1);
  // the price of the bound: exact no more within a second that had so many
  assert.equal(guard.check(first, 1), 'fresh');
  assert.equal(guard.check(first, 0), 'replay');
});

test('tokens: of the right key only, and remembered by the key object', () => {
  const tokens = new VerifiedTokens();
  const tok = identityNamed('web1').tok();
  const key = publicKeyNamed('web1');
  for (let n = 0; n < 3; n += 1) assert.equal(tokens.check(key, tok), true);
  assert.equal(tokens.check(publicKeyNamed('web2'), tok), false);
  assert.equal(tokens.check(key, Buffer.alloc(256)), false);
  assert.equal(tokens.check(key, tok.subarray(1)), false);
});
