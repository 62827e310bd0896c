/**
 * One measurement of memory, in a process of its own: `node --expose-gc --import tsx memory-part.ts NAME`.
 *
 * Prints how many bytes went in and how far heap and external memory grew, after a collection.
 */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Bus } from '../../src/bus/bus.ts';
import { Broker } from '../../src/daemon/broker.ts';
import { FrameSplitter } from '../../src/codec/frame-splitter.ts';
import { encodeFrame } from '../../src/codec/framing.ts';
import { memoryPair } from '../../src/transport/memory.ts';
import { collectedBytes } from '../../bench/lib/memory.ts';
import { BAD_STREAMS, bodyOf, eventFrame, randomBytes } from './bad-streams.ts';

const MIB = 1024 * 1024;
const CHUNK = 64 * 1024;

/** Chunks of a socket: each with memory of its own. */
function chunksOf(frames: Buffer, total: number): Iterable<Buffer> {
  return {
    *[Symbol.iterator]() {
      let from = 0;
      for (let sent = 0; sent < total; sent += CHUNK) {
        const chunk = Buffer.allocUnsafeSlow(CHUNK);
        for (let at = 0; at < CHUNK;) {
          const copied = frames.copy(chunk, at, from);
          at += copied;
          from = (from + copied) % frames.length;
        }
        yield chunk;
      }
    },
  };
}

function client(chunks: Iterable<Buffer>): { readonly bus: Bus; readonly sent: Promise<void> } {
  let done: () => void = () => undefined;
  const sent = new Promise<void>((resolve) => {
    done = resolve;
  });
  let connections = 0;
  const bus = new Bus({
    node: 'minion',
    names: { pub: 'pub', pull: 'pull' },
    dialect: { pub: 'bare', pull: 'bare' },
    backoff: { initialMs: 0, maxMs: 0 },
    openPub: () => {
      const [ours, theirs] = memoryPair();
      theirs.on('error', () => undefined);
      connections += 1;
      if (connections > 1) return Promise.resolve(ours);
      void (async () => {
        for (const chunk of chunks) {
          if (!theirs.write(chunk)) await turn();
        }
        await turn();
        done();
      })();
      return Promise.resolve(ours);
    },
    openPull: () => Promise.resolve(memoryPair()[0]),
  });
  return { bus, sent };
}

async function neverRead(frames: Buffer, total: number): Promise<() => unknown> {
  const { bus, sent } = client(chunksOf(frames, total));
  const subscription = bus.listen();
  await sent;
  return () => subscription.counters;
}

const badEvents = BAD_STREAMS.filter(({ kind, bytes }) => kind === 'bad-event' && bytes.length < 1000);
const large = BAD_STREAMS.filter(({ kind, bytes }) => kind === 'bad-event' && bytes.length >= 1000);
const ordinary = encodeFrame(bodyOf('salt/job/1/ret/web', { return: 'x'.repeat(350) }), 'bare');
const small = encodeFrame(bodyOf('t', { _stamp: '2024-11-22T10:10:10.123456' }), 'bare');

/** Each puts in so many bytes, and returns what must stay alive until memory was measured. */
const PARTS: Readonly<Record<string, { readonly input: number; readonly run: () => Promise<unknown> }>> = {
  'a frame that does not end': {
    input: 32 * MIB,
    run: () => {
      const splitter = new FrameSplitter(() => undefined);
      const frame = encodeFrame(Buffer.alloc(40 * MIB), 'bare');
      for (const chunk of chunksOf(frame, 32 * MIB)) splitter.push(chunk);
      return Promise.resolve(splitter);
    },
  },
  'a frame that drips in': {
    input: 2 * MIB,
    run: () => {
      const splitter = new FrameSplitter(() => undefined);
      const frame = encodeFrame(Buffer.alloc(4 * MIB), 'bare');
      for (let at = 0; at < 2 * MIB; at += 1) splitter.push(Buffer.from(frame.subarray(at, at + 1)));
      return Promise.resolve(splitter);
    },
  },
  'a large frame, read': {
    input: 32 * MIB,
    run: async () =>
      neverRead(encodeFrame(bodyOf('large', { data: Buffer.alloc(32 * MIB - CHUNK) }), 'bare'), 32 * MIB),
  },
  'events that nobody takes': { input: 64 * MIB, run: () => neverRead(ordinary, 64 * MIB) },
  'small events that nobody takes': { input: 64 * MIB, run: () => neverRead(small, 64 * MIB) },
  'bad events that nobody takes': {
    input: 32 * MIB,
    run: () => neverRead(Buffer.concat(badEvents.map(({ bytes }) => bytes)), 32 * MIB),
  },
  'events nested 10^5 deep': {
    input: 32 * MIB,
    run: () => neverRead(Buffer.concat(large.map(({ bytes }) => bytes)), 32 * MIB),
  },
  'one event in a hundred': {
    input: 32 * MIB,
    run: async () => {
      const others = Buffer.concat(Array.from({ length: 99 }, () => ordinary));
      const { bus, sent } = client(chunksOf(Buffer.concat([others, eventFrame('wanted')]), 32 * MIB));
      const subscription = bus.listen({ tag: 'wanted' });
      await sent;
      return () => subscription.counters;
    },
  },
  'events that nobody carries': {
    input: 16 * MIB,
    run: () => {
      const { bus } = client([]);
      const fired: Promise<void>[] = [];
      for (let sent = 0; sent < 16 * MIB; sent += ordinary.length) {
        const one = bus.fire('salt/job/1/ret/web', { return: 'x'.repeat(350) });
        // One promise stands for a whole batch.
        if (fired.at(-1) !== one) fired.push(one);
      }
      for (const one of fired) one.catch(() => undefined);
      return Promise.resolve(bus);
    },
  },
  'a hundred writers of random bytes': {
    input: 32 * MIB,
    run: async () => {
      const broker = new Broker();
      const bytes = randomBytes(1, 328 * 1024);
      for (let count = 0; count < 100; count += 1) {
        const [ours, theirs] = memoryPair();
        ours.on('error', () => undefined).resume();
        broker.attachWriter(theirs, { principal: 'random' });
        ours.write(bytes.subarray(count));
        await turn();
      }
      return broker;
    },
  },
  'a subscriber that never reads': {
    input: 16 * MIB,
    run: async () => {
      const broker = new Broker();
      const [stalled, end] = memoryPair();
      stalled.on('error', () => undefined);
      broker.attachSubscriber(end, { principal: 'stalled', framing: 'bare' });
      const [line, theirs] = memoryPair();
      broker.attachWriter(theirs, { principal: 'writer' });
      // A second one that reads keeps the bus going.
      const [reads, other] = memoryPair();
      reads.resume();
      broker.attachSubscriber(other, { principal: 'reads', framing: 'bare' });
      for (const chunk of chunksOf(ordinary, 64 * MIB)) {
        // The broker may slow a firing program down; what such a program piles up of its own is not the broker's.
        if (!line.write(chunk)) await once(line, 'drain');
        await turn();
      }
      return { broker, stalled, reads };
    },
  },
};

const part = PARTS[process.argv[2] ?? ''];
if (part === undefined) {
  console.log(JSON.stringify(Object.keys(PARTS)));
} else {
  const before = collectedBytes();
  const kept = await part.run();
  const grown = collectedBytes() - before;
  const counters: unknown = typeof kept === 'function' ? (kept as () => unknown)() : null;
  console.log(JSON.stringify({ input: part.input, grown, counters }));
  process.exit(typeof kept === 'undefined' ? 1 : 0);
}
