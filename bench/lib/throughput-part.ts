/** One process of the throughput benchmark: the broker, the firing program, or the listening one. */
import { join } from 'node:path';
import { Bus } from '../../src/bus/bus.ts';
import { serveBus } from '../../src/daemon/bus-server.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import { connectSocket } from '../../src/transport/connect.ts';
import type { Endpoint } from '../../src/transport/endpoint.ts';
import { JOB_RETURN, JOB_RETURN_TAG } from './job-return.ts';

const [role = '', folder = '', countText = '0'] = process.argv.slice(2);
const count = Number(countText);
const pub: Endpoint = { kind: 'unix', path: join(folder, 'master_event_pub.ipc') };
const pull: Endpoint = { kind: 'unix', path: join(folder, 'master_event_pull.ipc') };

function client(): Bus {
  return new Bus({
    node: 'master',
    names: { pub: 'pub', pull: 'pull' },
    openPub: (signal) => connectSocket(pub, { signal }),
    openPull: (signal) => connectSocket(pull, { signal }),
    dialect: DIALECTS.bare,
  });
}

async function listen(): Promise<void> {
  const subscription = client().listen({ tag: 'salt/job/', limit: count * 2, limitBytes: 4 * 1024 ** 3 });
  await subscription.ready;
  process.send?.({ type: 'up' });
  let seen = 0;
  let begun = 0;
  for await (const items of subscription.batches()) {
    if (begun === 0) begun = performance.now();
    for (const item of items) {
      if (item.kind !== 'event') throw new Error(`Events were lost: ${JSON.stringify(item)}`);
      if (item.data['retcode'] !== 0) throw new Error('An event was not decoded');
      seen += 1;
    }
    if (seen >= count) break;
  }
  process.send?.({ type: 'done', rate: (seen / (performance.now() - begun)) * 1000 });
}

async function fire(): Promise<void> {
  const bus = client();
  for (let index = 0; index < count; index += 1) {
    const fired = bus.fire(JOB_RETURN_TAG, JOB_RETURN);
    if (index % 256 === 255) await fired;
  }
  await bus.close();
}

if (role === 'broker') {
  await serveBus({ pairs: [{ pub, pull, dialect: DIALECTS.bare }] });
  process.send?.({ type: 'up' });
} else if (role === 'listen') await listen();
else await fire();
