/** A daemon that restarts in the middle: our listener comes back by itself and says what it may have missed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/client/connect.ts';
import { take, takeEvents } from '../helpers/take.ts';
import { pythonFire, startOwnPair } from './helpers.ts';

test('the minion restarts', { timeout: 180_000 }, async (t) => {
  const salt = await startOwnPair(t, { minion: { id: 'restarting' } });
  const bus = await connect({ node: 'minion', configDir: salt.minionConfigDir });
  t.after(() => {
    bus.destroy();
  });
  const subscription = bus.listen({ tag: 'interop/restart' });
  await subscription.ready;
  await bus.fire('interop/restart', { before: true });
  assert.equal((await takeEvents(subscription, 1))[0]?.data['before'], true);
  await salt.restartMinion();
  const [gap] = await take(subscription, 1);
  assert.equal(gap?.kind, 'gap');
  assert.equal(gap.reason, 'reconnect');
  await bus.fire('interop/restart', { after: 'ours' });
  assert.equal((await takeEvents(subscription, 1))[0]?.data['after'], 'ours');
  await pythonFire(t, {
    node: 'minion',
    sockDir: salt.minionSockDir,
    id: salt.minionId,
    events: [{ tag: 'interop/restart', data: { after: 'theirs' } }],
  });
  assert.equal((await takeEvents(subscription, 1))[0]?.data['after'], 'theirs');
  assert.equal(bus.counters.reconnects, 1);
});
