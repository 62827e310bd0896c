/**
 * One process of the figure with a stalled subscriber: the broker, the firing program, or four listeners (and, where it
 * is asked for, a fifth that never reads).
 *
 * The broker measures its own memory, after a collection, while events pass: it is started with `--expose-gc`.
 */
import { createConnection } from 'node:net';
import { serveBus } from '../../src/daemon/bus-server.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import { collectedBytes } from './memory.ts';
import { clientIn, socketsOf } from './own-bus.ts';
import { JOB_RETURN, JOB_RETURN_TAG } from './payloads.ts';

const LISTENERS = 4;
const [role = '', folder = '', countText = '0', stalled = ''] = process.argv.slice(2);
const count = Number(countText);
const { pub, pull } = socketsOf(folder);

async function broker(): Promise<void> {
  const server = await serveBus({ pairs: [{ pub, pull, dialect: DIALECTS.bare }] });
  const before = collectedBytes();
  let most = 0;
  setInterval(() => {
    most = Math.max(most, collectedBytes() - before);
  }, 250);
  process.on('message', () => {
    process.send?.({
      type: 'told',
      most: Math.max(most, collectedBytes() - before),
      counters: server.broker.counters,
    });
  });
  process.send?.({ type: 'up' });
}

async function listenOne(): Promise<() => Promise<number>> {
  const subscription = clientIn(folder).listen({
    tag: 'salt/job/',
    limit: count * 2,
    limitBytes: 4 * 1024 ** 3,
  });
  await subscription.ready;
  return async () => {
    let seen = 0;
    for await (const items of subscription.batches()) {
      for (const item of items) {
        if (item.kind !== 'event') throw new Error(`Events were lost: ${JSON.stringify(item)}`);
        seen += 1;
      }
      if (seen >= count) break;
    }
    return seen;
  };
}

async function listen(): Promise<void> {
  if (stalled !== '') {
    const socket = createConnection(pub.path).pause();
    await new Promise((resolve) => socket.once('connect', resolve));
  }
  const runs = await Promise.all(Array.from({ length: LISTENERS }, listenOne));
  process.send?.({ type: 'up' });
  const begun = performance.now();
  const seen = await Promise.all(runs.map((run) => run()));
  process.send?.({ type: 'done', seen, rate: (count / (performance.now() - begun)) * 1000 });
}

async function fire(): Promise<void> {
  const bus = clientIn(folder);
  for (let index = 0; index < count; index += 1) {
    const fired = bus.fire(JOB_RETURN_TAG, JOB_RETURN);
    if (index % 256 === 255) await fired;
  }
  await bus.close();
}

if (role === 'broker') await broker();
else if (role === 'listen') await listen();
else await fire();
