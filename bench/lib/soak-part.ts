/**
 * One process of the soak: the broker, which samples its own memory; the firing program, at a steady rate; a listener
 * that reads everything; or one that never reads, and comes back each time the broker has cut it.
 *
 * The broker is started with `--expose-gc`: it measures what stays after a collection.
 */
import { readdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { serveBus } from '../../src/daemon/bus-server.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import { collectedBytes } from './memory.ts';
import { clientIn, socketsOf } from './own-bus.ts';
import { JOB_RETURN, JOB_RETURN_TAG } from './payloads.ts';

const TICK_MS = 5;
const [role = '', folder = '', numberText = '0'] = process.argv.slice(2);
const { pub, pull } = socketsOf(folder);

async function broker(sampleMs: number): Promise<void> {
  const server = await serveBus({ pairs: [{ pub, pull, dialect: DIALECTS.bare }] });
  const sample = (): void => {
    process.send?.({
      type: 'sample',
      at: performance.now(),
      bytes: collectedBytes(),
      resident: process.memoryUsage.rss(),
      descriptors: readdirSync('/proc/self/fd').length,
      counters: server.broker.counters,
    });
  };
  sample();
  setInterval(sample, sampleMs);
  process.send?.({ type: 'up' });
}

// More than this is not fired in one go: after a turn that took long, what is due would not fit into the outbox.
const MOST_AT_ONCE = 1000;

// Fires what is due by the clock, so that a slow turn is made up for; ends when it is told to.
async function fire(rate: number): Promise<void> {
  const bus = clientIn(folder);
  const begun = performance.now();
  let fired = 0;
  let isOver = false;
  process.on('message', () => {
    isOver = true;
  });
  while (!isOver) {
    const due = Math.floor(((performance.now() - begun) / 1000) * rate);
    const end = Math.min(due, fired + MOST_AT_ONCE);
    let last: Promise<unknown> | undefined;
    for (; fired < end; fired += 1) last = bus.fire(JOB_RETURN_TAG, JOB_RETURN);
    await last;
    if (fired === due) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await bus.close();
  process.send?.({ type: 'fired', count: fired });
  process.disconnect();
}

async function listen(): Promise<void> {
  const subscription = clientIn(folder).listen({ tag: 'salt/job/', limit: 1_000_000, limitBytes: 1024 ** 3 });
  await subscription.ready;
  let seen = 0;
  let lost = 0;
  process.on('message', () => process.send?.({ type: 'seen', count: seen, lost }));
  process.send?.({ type: 'up' });
  for await (const items of subscription.batches()) {
    for (const item of items) {
      if (item.kind === 'event') seen += 1;
      else lost += 1;
    }
  }
}

function neverRead(): void {
  const socket = createConnection(pub.path).pause();
  socket.on('connect', () => process.send?.({ type: 'up' }));
  socket.on('error', () => undefined);
  // A socket that is paused hears of its end only by writing.
  const probe = setInterval(() => {
    if (!socket.destroyed) socket.write('\0');
  }, 250);
  socket.on('close', () => {
    clearInterval(probe);
    neverRead();
  });
}

if (role === 'broker') await broker(Number(numberText));
else if (role === 'fire') await fire(Number(numberText));
else if (role === 'listen') await listen();
else neverRead();
