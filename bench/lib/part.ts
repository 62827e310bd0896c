/** One process of a benchmark: the broker, a firing program, or a listening one. Its job is the first argument, as JSON. */
import { connect as connectNats } from '@nats-io/transport-node';
import type { Subscription } from '../../src/bus/subscription.ts';
import { decodePlain } from '../../src/codec/msgpack/decode.ts';
import { Encoder } from '../../src/codec/msgpack/encode.ts';
import { serveBus } from '../../src/daemon/bus-server.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import type { MatchMode } from '../../src/match/index.ts';
import { clientIn, socketsOf } from './own-bus.ts';
import { JOB_RETURN, JOB_RETURN_TAG, STATE_RETURN } from './payloads.ts';
import type { PartJob } from './run-parts.ts';

const job = JSON.parse(process.argv[2] ?? '{}') as PartJob;
const { folder, count } = job;
const { pub, pull } = socketsOf(folder);
const data = job.payload === 'state' ? STATE_RETURN : JOB_RETURN;

function say(message: Readonly<Record<string, unknown>>): void {
  process.send?.(message);
}

const LIMITS = { limit: 2 ** 31, limitBytes: 8 * 1024 ** 3 };

/** Counts the items that come, and throws when one is missing or cannot be decoded. */
async function drain(subscription: Subscription, wanted: number, onFirst: () => void): Promise<void> {
  let seen = 0;
  for await (const items of subscription.batches()) {
    if (seen === 0) onFirst();
    for (const item of items) {
      if (item.kind !== 'event') throw new Error(`Events were lost: ${JSON.stringify(item)}`);
      if (job.decode && item.data['retcode'] !== 0) throw new Error('An event was not decoded');
    }
    seen += items.length;
    if (seen >= wanted) return;
  }
}

async function listen(): Promise<void> {
  const bus = clientIn(folder);
  const patterns: readonly { readonly tag: string; readonly match?: MatchMode }[] = job.patterns ?? [
    { tag: 'salt/job/' },
  ];
  const subscriptions = patterns.map((pattern) => bus.listen({ ...pattern, ...LIMITS }));
  await subscriptions[0]?.ready;
  say({ type: 'up' });
  let begun = 0;
  await Promise.all(
    subscriptions.map((subscription) =>
      drain(subscription, job.expected ?? count, () => {
        if (begun === 0) begun = performance.now();
      }),
    ),
  );
  const ended = performance.now();
  say({ type: 'done', rate: (count / (ended - begun)) * 1000, endedAt: performance.timeOrigin + ended });
}

async function fire(): Promise<void> {
  const bus = clientIn(folder);
  for (let index = 0; index < count; index += 1) {
    const tag = job.spread === undefined ? JOB_RETURN_TAG : `salt/job/${index % job.spread}/ret/web01`;
    const fired = bus.fire(tag, data);
    if (index % 256 === 255) await fired;
  }
  await bus.close();
  say({ type: 'fired', endedAt: performance.timeOrigin + performance.now() });
}

/** Fires so many a second, one after the other, and measures how long each takes to come back. */
async function echo(): Promise<void> {
  const bus = clientIn(folder);
  const subscription = bus.listen({ tag: 'bench/echo' });
  await subscription.ready;
  const times: number[] = [];
  let due = performance.now();
  for (let n = 0; n < count; n += 1) {
    due += 1000 / (job.rate ?? 1000);
    while (performance.now() < due) await new Promise((resolve) => setImmediate(resolve));
    const begun = performance.now();
    void bus.fire('bench/echo', { n });
    await subscription.next();
    times.push((performance.now() - begun) * 1000);
  }
  bus.destroy();
  say({ type: 'times', times });
}

async function natsListen(): Promise<void> {
  const connection = await connectNats({ servers: job.nats ?? '' });
  const subscription = connection.subscribe('bench.>');
  await connection.flush();
  say({ type: 'up' });
  let begun = 0;
  let seen = 0;
  for await (const message of subscription) {
    if (seen === 0) begun = performance.now();
    const value = decodePlain(message.data) as { readonly retcode?: unknown };
    if (value.retcode !== 0) throw new Error('An event was not decoded');
    seen += 1;
    if (seen === count) break;
  }
  say({ type: 'done', rate: (count / (performance.now() - begun)) * 1000 });
  await connection.close();
}

async function natsFire(): Promise<void> {
  const connection = await connectNats({ servers: job.nats ?? '' });
  const encoder = new Encoder();
  for (let index = 0; index < count; index += 1) {
    encoder.reset();
    encoder.value({ ...data, _stamp: '2024-11-22T10:10:10.123456' });
    connection.publish('bench.return', encoder.copy());
    if (index % 256 === 255) await connection.flush();
  }
  await connection.drain();
}

async function broker(): Promise<void> {
  const server = await serveBus({ pairs: [{ pub, pull, dialect: DIALECTS.bare }] });
  process.on('message', () => {
    say({ type: 'state', ...server.broker.counters, ...process.memoryUsage() });
  });
  say({ type: 'up' });
}

const ROLES: Readonly<Record<PartJob['role'], () => Promise<void>>> = {
  broker,
  listen,
  fire,
  echo,
  'nats-listen': natsListen,
  'nats-fire': natsFire,
};
await ROLES[job.role]();
