/** `ipc_mode: tcp`: the bus is found and spoken to over loopback. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/client/connect.ts';
import { freePort } from '../../src/testing/real-salt/ports.ts';
import { takeEvents } from '../helpers/take.ts';
import { startOwnPair } from './helpers.ts';

test('a master on TCP', { timeout: 120_000 }, async (t) => {
  const ports = [await freePort()];
  for (let more = 0; more < 3; more += 1) ports.push(await freePort(...ports));
  const [pub = 0, pull = 0, publish = 0, workers = 0] = ports;
  const salt = await startOwnPair(t, {
    minion: false,
    extraMasterConfig: {
      ipc_mode: 'tcp',
      tcp_master_pub_port: pub,
      tcp_master_pull_port: pull,
      tcp_master_publish_pull: publish,
      tcp_master_workers: workers,
    },
  });
  const bus = await connect({ node: 'master', configDir: salt.masterConfigDir });
  t.after(() => {
    bus.destroy();
  });
  const subscription = bus.listen({ tag: 'tcp/' });
  await subscription.ready;
  for (let n = 0; n < 100; n += 1) void bus.fire(`tcp/${n}`, { n });
  const events = await takeEvents(subscription, 100);
  assert.deepEqual(
    events.map((event) => event.data['n']),
    Array.from({ length: 100 }, (_, n) => n),
  );
});
