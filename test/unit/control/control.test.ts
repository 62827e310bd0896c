/** The control socket over pairs in memory: what is asked and answered, and what is refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Duplex } from 'node:stream';
import { encode } from '../../../src/codec/msgpack/encode.ts';
import { decodePlain } from '../../../src/codec/msgpack/decode.ts';
import { ControlClient } from '../../../src/control/client.ts';
import { FrameReader } from '../../../src/control/frames.ts';
import type { ControlHandlers, ControlLimits, FireReply } from '../../../src/control/handlers.ts';
import type { FireRequest } from '../../../src/control/messages.ts';
import { ControlServer } from '../../../src/control/server.ts';
import { SaltbusError } from '../../../src/errors.ts';
import { memoryPair } from '../../../src/transport/memory.ts';

const PACKAGE = encode({ tag: 'a', data: {}, events: null, pretag: null });

interface Scene {
  readonly server: ControlServer;
  readonly fired: { readonly request: FireRequest; readonly reply: FireReply }[];
  readonly client: (lane?: string) => Promise<ControlClient>;
  readonly raw: () => Raw;
}

function scene(t: TestContext, limits: ControlLimits = {}, onFire?: (reply: FireReply) => void): Scene {
  const fired: { request: FireRequest; reply: FireReply }[] = [];
  const handlers: ControlHandlers = {
    fire: (request, reply) => {
      fired.push({ request, reply });
      onFire?.(reply);
    },
    'spool.list': ({ most }) => ({ items: [], depth: most }),
    'spool.show': ({ ids }) => Promise.reject(new SaltbusError('ERR_SALTBUS_NOT_SPOOLED', ids.join())),
    'spool.drop': ({ ids }) => ({ dropped: ids === 'all' ? ['all'] : ids }),
    'spool.flush': () => ({ waiting: 3 }),
    'spool.stats': () => ({ depth: 1 }),
    status: () => ({ up: true }),
  };
  const server = new ControlServer(handlers, limits);
  t.after(() => server.close());
  const connection = (): Duplex => {
    const [ours, theirs] = memoryPair();
    server.attach(theirs);
    return ours;
  };
  return {
    server,
    fired,
    client: async (lane) => {
      const client = new ControlClient(connection(), 'test', {
        program: 'test',
        ...(lane === undefined ? {} : { lane }),
      });
      t.after(() => {
        client.destroy();
      });
      await client.greeted;
      return client;
    },
    raw: () => new Raw(connection()),
  };
}

/** A peer that can say anything. */
class Raw {
  readonly duplex: Duplex;
  readonly #messages: unknown[] = [];
  #wake: () => void = () => undefined;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    const reader = new FrameReader(1 << 20, (body) => {
      this.#messages.push(decodePlain(body));
      this.#wake();
    });
    duplex.on('data', (chunk: Buffer) => {
      reader.push(chunk);
    });
    duplex.on('error', () => undefined);
  }

  say(value: unknown): void {
    this.bytes(frame(encode(value)));
  }

  bytes(bytes: Uint8Array): void {
    this.duplex.write(bytes);
  }

  hello(fields: Readonly<Record<string, unknown>> = { version: 1, program: 'raw' }): void {
    this.say([0, 'hello', fields]);
  }

  async next(): Promise<readonly [number, string, Readonly<Record<string, unknown>>]> {
    while (this.#messages.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#messages.shift() as [number, string, Readonly<Record<string, unknown>>];
  }
}

function frame(body: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

test('commands are answered, in any order and many at once; an error of the daemon is one here', async (t) => {
  const { client } = scene(t);
  const daemon = await client();
  const [list, drop, all, flush, stats, status] = await Promise.all([
    daemon.request('spool.list', { most: 7 }),
    daemon.request('spool.drop', { ids: ['x', 'y'] }),
    daemon.request('spool.drop', { ids: 'all' }),
    daemon.request('spool.flush', {}),
    daemon.request('spool.stats', {}),
    daemon.request('status', {}),
  ]);
  assert.deepEqual(
    [list, drop, all, flush, stats, status],
    [
      { items: [], depth: 7 },
      { dropped: ['x', 'y'] },
      { dropped: ['all'] },
      { waiting: 3 },
      { depth: 1 },
      { up: true },
    ],
  );
  await assert.rejects(daemon.request('spool.show', { ids: ['gone'] }), {
    code: 'ERR_SALTBUS_NOT_SPOOLED',
    message: 'gone',
  });
});

test('fire: each outcome is told as it is', async (t) => {
  const { client, fired } = scene(t);
  const daemon = await client('mine');
  const answers = [
    daemon.fire({ id: 'a', package: PACKAGE }),
    daemon.fire({ id: 'b', package: PACKAGE, wait: 'accepted', priority: 0, ttlMs: 5 }),
    daemon.fire({ id: 'c', package: PACKAGE }),
    daemon.fire({ id: 'd', package: PACKAGE, wait: 'accepted' }),
  ];
  while (fired.length < 4) await new Promise(setImmediate);
  const [a, b, c, d] = fired.map(({ reply }) => reply);
  assert.equal(a?.lane, 'program/mine');
  assert.deepEqual(fired[1]?.request, {
    id: 'b',
    package: new Uint8Array(PACKAGE),
    wait: 'accepted',
    priority: 0,
    ttlMs: 5,
  });
  b?.spooled();
  b?.left('sent');
  a.spooled();
  a.left('expired'); // said after the answer: nobody hears it
  c?.refused(new SaltbusError('ERR_SALTBUS_SPOOL_FULL', 'no room'));
  d?.spooled();
  d?.left('expired');
  assert.deepEqual(await Promise.all(answers), [
    { state: 'spooled' },
    { state: 'accepted' },
    { state: 'refused', reason: 'full', code: 'ERR_SALTBUS_SPOOL_FULL', message: 'no room' },
    {
      state: 'refused',
      reason: 'expired',
      code: 'ERR_SALTBUS_NOT_SPOOLED',
      message: 'The event became too old before the master could be reached',
    },
  ]);
});

test('waiting for the master ends in time with what is true then', async (t) => {
  const { client, fired, server } = scene(t);
  const daemon = await client();
  const answer = daemon.fire({ id: 'a', package: PACKAGE, wait: 'accepted', timeoutMs: 50 });
  while (fired.length === 0) await new Promise(setImmediate);
  server.sweep(performance.now() + 100);
  fired[0]?.reply.spooled();
  server.sweep(performance.now() + 100);
  assert.deepEqual(await answer, { state: 'spooled' });
});

test('a program that is gone has its requests fail; close() waits for what is owed', async (t) => {
  const { client, fired } = scene(t);
  const one = await client();
  const lost = one.fire({ id: 'a', package: PACKAGE });
  while (fired.length === 0) await new Promise(setImmediate);
  one.destroy();
  await assert.rejects(lost, { code: 'ERR_SALTBUS_CLOSED' });
  fired[0]?.reply.spooled();

  const two = await client();
  const owed = two.fire({ id: 'b', package: PACKAGE });
  const closed = two.close();
  await assert.rejects(two.fire({ id: 'c', package: PACKAGE }), { code: 'ERR_SALTBUS_CLOSED' });
  while (fired.length < 2) await new Promise(setImmediate);
  fired[1]?.reply.spooled();
  assert.deepEqual(await owed, { state: 'spooled' });
  await closed;
});

test('requests that make no sense are answered with an error, and the connection goes on', async (t) => {
  const { raw, server } = scene(t);
  const peer = raw();
  peer.hello();
  assert.deepEqual(await peer.next(), [0, 'welcome', { version: 1 }]);
  const fire = { id: 'a', package: PACKAGE, wait: 'spooled' };
  const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['no.such', {}],
    ['constructor', {}],
    ['spool.list', {}],
    ['spool.list', { most: 0 }],
    ['spool.list', { most: 1e9 }],
    ['spool.list', { most: 1, priority: 5 }],
    ['spool.list', { most: 1, other: 1 }],
    ['spool.show', { ids: 'all' }],
    ['spool.show', { ids: [1] }],
    ['spool.show', { ids: Array.from({ length: 10_001 }, () => 'x') }],
    ['spool.drop', { ids: ['x'.repeat(129)] }],
    ['spool.stats', { x: 1 }],
    ['fire', {}],
    ['fire', { ...fire, package: 'text' }],
    ['fire', { ...fire, wait: 'forever' }],
    ['fire', { ...fire, priority: -1 }],
    ['fire', { ...fire, priority: 1.5 }],
    ['fire', { ...fire, ttlMs: 0 }],
    ['fire', { ...fire, id: '' }],
    ['fire', { ...fire, __proto__x: 1 }],
  ];
  for (const [at, [command, fields]] of wrong.entries()) {
    peer.say([at + 1, command, fields]);
    const [number, kind, error] = await peer.next();
    assert.deepEqual([number, kind, error['code']], [at + 1, 'error', 'ERR_SALTBUS_USAGE'], command);
  }
  peer.say([99, 'spool.flush', {}]);
  assert.deepEqual(await peer.next(), [99, 'result', { waiting: 3 }]);
  assert.equal(server.counters.wrong, wrong.length);
  assert.equal(server.counters.cut, 0);
});

const GARBAGE: Readonly<Record<string, (peer: Raw) => void>> = {
  'a length of 0': (peer) => {
    peer.bytes(Buffer.alloc(4));
  },
  'a length over the limit': (peer) => {
    peer.bytes(Buffer.from([0xff, 0xff, 0xff, 0xff, 1]));
  },
  'no msgpack': (peer) => {
    peer.bytes(frame(Buffer.from([0xc1])));
  },
  'no list': (peer) => {
    peer.say({ hello: 1 });
  },
  'a list that is too short': (peer) => {
    peer.say([1, 'status']);
  },
  'a number that is none': (peer) => {
    peer.say(['1', 'status', {}]);
  },
  'fields that are none': (peer) => {
    peer.say([1, 'status', []]);
  },
  'a second hello': (peer) => {
    peer.hello();
  },
  'an event of Salt': (peer) => {
    peer.bytes(encode({ head: {}, body: Buffer.from('tag\n\n\x80') }));
  },
};

for (const [name, say] of Object.entries(GARBAGE)) {
  for (const greeted of [true, false]) {
    if (!greeted && name === 'a second hello') continue;
    test(`${name}, ${greeted ? 'after' : 'instead of'} the hello, ends the connection and is counted`, async (t) => {
      const { raw, server, client } = scene(t);
      const good = await client();
      const peer = raw();
      if (greeted) {
        peer.hello();
        await peer.next();
      }
      say(peer);
      const [number, kind] = await peer.next();
      assert.deepEqual([number, kind], [0, 'error']);
      if (!peer.duplex.readableEnded) await once(peer.duplex, 'end');
      assert.equal(server.counters.cut, 1);
      assert.deepEqual(await good.request('spool.flush', {}), { waiting: 3 });
    });
  }
}

test('a program of another version hears so', async (t) => {
  const { raw } = scene(t);
  const peer = raw();
  peer.hello({ version: 2, program: 'later', something: 'new' });
  const [, kind, error] = await peer.next();
  assert.equal(kind, 'error');
  assert.equal(error['code'], 'ERR_SALTBUS_CONTROL');
});

test('the hello in single bytes, and three requests in one piece', async (t) => {
  const { raw } = scene(t);
  const peer = raw();
  for (const byte of frame(encode([0, 'hello', { version: 1, program: 'slow' }])))
    peer.bytes(Buffer.from([byte]));
  assert.equal((await peer.next())[1], 'welcome');
  const request = (number: number): Buffer => frame(encode([number, 'spool.flush', {}]));
  peer.bytes(Buffer.concat([request(1), request(2), request(3)]));
  assert.deepEqual([(await peer.next())[0], (await peer.next())[0], (await peer.next())[0]], [1, 2, 3]);
});

test('limits on time: no hello, half a frame, answers that are not taken', async (t) => {
  const { raw, server } = scene(t);
  const later = (): number => performance.now() + 31_000;
  const silent = raw();
  server.sweep(performance.now() + 11_000);
  assert.equal((await silent.next())[2]['code'], 'ERR_SALTBUS_TIMEOUT');

  const half = raw();
  half.hello();
  await half.next();
  half.bytes(Buffer.from([0, 0]));
  await new Promise(setImmediate);
  server.sweep(later());
  assert.match(String((await half.next())[2]['message']), /stopped in the middle/);
  assert.equal(server.counters.cut, 2);

  const idle = raw();
  idle.hello();
  await idle.next();
  server.sweep(later());
  idle.say([1, 'spool.flush', {}]);
  assert.equal((await idle.next())[1], 'result');
});

test('one connection too many is told so', async (t) => {
  const { client, raw, server } = scene(t, { maxConnections: 1 });
  await client();
  const [number, kind, error] = await raw().next();
  assert.deepEqual([number, kind, error['code']], [0, 'error', 'ERR_SALTBUS_OVERLOADED']);
  assert.equal(server.counters.refused, 1);
});

test('a program that asks for too much at once is not read until answers go out; nothing is lost', async (t) => {
  const { client, fired } = scene(t, { maxUnderWay: 10 });
  const daemon = await client();
  const answers = Array.from({ length: 5000 }, (_, n) => daemon.fire({ id: `n${n}`, package: PACKAGE }));
  let most = 0;
  for (let answered = 0; answered < answers.length;) {
    await new Promise(setImmediate);
    most = Math.max(most, fired.length - answered);
    while (answered < fired.length) {
      fired[answered]?.reply.spooled();
      answered += 1;
    }
  }
  assert.deepEqual(new Set((await Promise.all(answers)).map(({ state }) => state)), new Set(['spooled']));
  assert.deepEqual(
    fired.map(({ request }) => request.id),
    answers.map((_, n) => `n${n}`),
  );
});

test('a program that has closed its direction still hears the answers', async (t) => {
  const { raw, fired } = scene(t);
  const peer = raw();
  peer.hello();
  await peer.next();
  peer.say([1, 'fire', { id: 'a', package: PACKAGE, wait: 'spooled' }]);
  peer.duplex.end();
  while (fired.length === 0) await new Promise(setImmediate);
  fired[0]?.reply.spooled();
  assert.deepEqual(await peer.next(), [1, 'spooled', {}]);
  if (!peer.duplex.readableEnded) await once(peer.duplex, 'end');
});
