/** Our servers on real sockets, against peers that write bytes as Salt's three lines do, and against worse. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import * as zeromq from 'zeromq';
import { encodeMessage } from '../../../src/codec/zmtp/frame.ts';
import { encodeGreeting } from '../../../src/codec/zmtp/greeting.ts';
import { onDiagnostics } from '../../../src/diagnostics.ts';
import { PubSocket } from '../../../src/transport/zmtp/pub.ts';
import type { PubOptions } from '../../../src/transport/zmtp/pub.ts';
import { ReqSocket } from '../../../src/transport/zmtp/req.ts';
import { RouterSocket } from '../../../src/transport/zmtp/router.ts';
import type { RouterOptions } from '../../../src/transport/zmtp/router.ts';
import { ZmtpScriptedPeer } from '../../helpers/zmtp-peer.ts';
import { Growing, HOST, LIBZMQ, OURS } from './makes.ts';

async function dial(t: TestContext, port: number, host: string = HOST): Promise<Socket> {
  const socket = createConnection({ host, port, allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

async function echoRouter(
  t: TestContext,
  options: RouterOptions = {},
  host: string = HOST,
): Promise<{ readonly router: RouterSocket; readonly port: number; readonly identities: string[] }> {
  const identities: string[] = [];
  const router = new RouterSocket(
    {
      onRequest: (connection, payload, reply) => {
        identities.push(connection.identity.toString('latin1'));
        reply(payload);
      },
    },
    options,
  );
  t.after(() => {
    router.destroy();
  });
  return { router, port: (await router.listen(host, 0)).port, identities };
}

async function publisher(
  t: TestContext,
  options: PubOptions = {},
): Promise<{ readonly pub: PubSocket; readonly port: number; readonly changes: Growing<string> }> {
  const changes = new Growing<string>();
  const pub = new PubSocket(
    {
      onSubscription: (_subscriber, topic, on) => {
        changes.add(`${on ? '+' : '-'}${topic.toString()}`);
      },
    },
    options,
  );
  t.after(() => {
    pub.destroy();
  });
  return { pub, port: (await pub.listen(HOST, 0)).port, changes };
}

// The bytes of a minion's REQ, as they were seen; the request is cut where a slow network could cut it.
const REQ_OF_3006 =
  '04 3c 05 5245414459 0b 536f636b65742d54797065 00000003 524551 08 4964656e74697479 00000016 73616c742d7265712f6d696e696f6e2f776562312f30';
const REQ_OF_3008 =
  '04 26 05 5245414459 0b 536f636b65742d54797065 00000003 524551 08 4964656e74697479 00000000';

for (const [line, ready, identity] of [
  ['3006.27', REQ_OF_3006, 'salt-req/minion/web1/0'],
  ['3007 and 3008', REQ_OF_3008, ''],
] as const) {
  test(`the REQ of a minion of ${line}, byte by byte`, async (t) => {
    const { port, identities } = await echoRouter(t);
    const socket = await dial(t, port);
    socket.setNoDelay(true);
    const peer = new ZmtpScriptedPeer(socket);
    const bytes = Buffer.concat([
      encodeGreeting(identity.length),
      Buffer.from(ready.replaceAll(' ', ''), 'hex'),
      encodeMessage([Buffer.alloc(0), Buffer.from('request')]),
    ]);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    await peer.sees('last request');
    assert.deepEqual(identities, [identity]);
  });
}

test('the SUB of a minion has no identity, and reads one frame at a time', async (t) => {
  const { pub, port, changes } = await publisher(t);
  const peer = new ZmtpScriptedPeer(await dial(t, port));
  await peer.shakeHands('SUB');
  peer.write('040a09535542534352494245');
  await changes.reach(1);
  assert.equal(pub.publish([Buffer.from('broadcast'), Buffer.from('payload')]), 1);
  await peer.sees('last payload');
  assert.deepEqual(peer.seen.slice(2), ['more broadcast', 'last payload']);
  const [subscriber] = pub.subscribers;
  assert.equal(subscriber?.address.address, HOST);
});

test('a forked minion: the identity is presented again while the first connection is half-open', async (t) => {
  const { router, port } = await echoRouter(t);
  const first = new ZmtpScriptedPeer(await dial(t, port));
  await first.shakeHands('REQ', 'salt-req/minion/web1/0');
  const second = new ZmtpScriptedPeer(await dial(t, port));
  await second.shakeHands('REQ', 'salt-req/minion/web1/0');
  second.message('', 'from the second');
  await second.sees('last from the second');
  first.message('', 'from the first');
  await first.sees('last from the first');
  assert.equal(first.seen.includes('last from the second'), false);
  assert.equal(router.counters.handovers, 1);
});

test('a DEALER of libzmq with the envelope of a REQ; without it, its messages are dropped', async (t) => {
  const { router, port } = await echoRouter(t);
  const dealer = new zeromq.Dealer({ linger: 0 });
  t.after(() => {
    dealer.close();
  });
  dealer.connect(`tcp://${HOST}:${port}`);
  await dealer.send('bare');
  for (let index = 0; index < 200; index += 1) await dealer.send(['', String(index)]);
  for (let index = 0; index < 200; index += 1)
    assert.deepEqual((await dealer.receive()).map(String), ['', String(index)]);
  assert.equal(router.counters.malformed, 1);
});

test('a ROUTER of libzmq that presents itself to ours is refused', async (t) => {
  const faults = new Growing<string>();
  t.after(
    onDiagnostics('saltbus:zmtp:fault', ({ error }) => {
      faults.add(error.message);
    }),
  );
  const { port } = await echoRouter(t);
  const other = new zeromq.Router({ linger: 0 });
  t.after(() => {
    other.close();
  });
  other.connect(`tcp://${HOST}:${port}`);
  assert.match((await faults.reach(1))[0] ?? '', /is a ROUTER socket, and this is a ROUTER/);
});

test('silence and a drip are cut when the time for the handshake is over', async (t) => {
  const { router, port } = await echoRouter(t, { handshakeMs: 100 });
  const silent = new ZmtpScriptedPeer(await dial(t, port));
  const drips = new ZmtpScriptedPeer(await dial(t, port));
  const greeting = encodeGreeting();
  let at = 0;
  const drip = setInterval(() => {
    drips.write(greeting.subarray(at, at + 1));
    at += 1;
  }, 10);
  t.after(() => {
    clearInterval(drip);
  });
  await silent.end();
  await drips.end();
  assert.equal(router.counters.timeouts, 2);
  assert.equal(router.counters.open, 0);
});

test('a subscriber that never reads is no burden to the others, and is cut when told so', async (t) => {
  const { pub, port, changes } = await publisher(t, {
    maxOutboxBytes: 2_000_000,
    drainTimeoutMs: 300,
  });
  const stuck = await dial(t, port);
  stuck.pause();
  stuck.write(encodeGreeting());
  stuck.write(Buffer.from('04190552454144590b536f636b65742d5479706500000003535542', 'hex'));
  stuck.write(Buffer.from('040a09535542534352494245', 'hex'));
  const fast = OURS.sub(t, port);
  fast.subscribe('');
  await changes.reach(2);
  const payload = 'x'.repeat(100_000);
  for (let index = 0; index < 200; index += 1) {
    pub.publish([Buffer.from(payload)]);
    assert.equal((await fast.next())[0]?.length, payload.length);
  }
  assert.equal(pub.counters.dropped > 0, true);
  assert.equal(pub.counters.sent + pub.counters.dropped, 400);
  await changes.reach(3);
  assert.equal(pub.counters.cut, 1);
  pub.publish([Buffer.from('still')]);
  assert.deepEqual(await fast.next(), ['still']);
});

test('a SUB of libzmq that stops reading loses what does not fit, and goes on', async (t) => {
  const { pub, port, changes } = await publisher(t, { maxOutboxMessages: 10 });
  const sub = new zeromq.Subscriber({ linger: 0, receiveHighWaterMark: 10 });
  t.after(() => {
    sub.close();
  });
  sub.connect(`tcp://${HOST}:${port}`);
  sub.subscribe();
  await changes.reach(1);
  const payload = Buffer.alloc(500_000, 'x');
  while (pub.counters.dropped === 0) {
    pub.publish([payload]);
    await new Promise(setImmediate);
  }
  const { sent } = pub.counters;
  for (let index = 0; index < sent; index += 1)
    assert.equal((await sub.receive())[0]?.length, payload.length);
  assert.equal(pub.publish([Buffer.from('again')]), 1);
  assert.equal(String((await sub.receive())[0]), 'again');
});

test('five hundred connections, opened and gone, leave nothing behind', async (t) => {
  const { router, port } = await echoRouter(t);
  for (let round = 0; round < 5; round += 1) {
    const peers = await Promise.all(Array.from({ length: 100 }, () => dial(t, port)));
    await Promise.all(
      peers.map(async (socket, index) => {
        const peer = new ZmtpScriptedPeer(socket);
        await peer.shakeHands('REQ', `id-${index}`);
        peer.message('', 'x');
        await peer.sees('last x');
        socket.resetAndDestroy();
      }),
    );
  }
  while (router.counters.open > 0) await new Promise(setImmediate);
  assert.equal(router.counters.accepted, 500);
  assert.equal(router.connectionOf(Buffer.from('id-1')), undefined);
});

test('IPv6, and both families on one socket', async (t) => {
  const { port } = await echoRouter(t, {}, '::');
  for (const host of ['::1', HOST]) {
    const req = new ReqSocket({ host, port });
    t.after(() => {
      req.destroy();
    });
    assert.equal(req.remote, host === '::1' ? `[::1]:${port}` : `${HOST}:${port}`);
    assert.equal((await req.request(Buffer.from(host))).toString(), host);
  }
});

test('a source address and port are bound', async (t) => {
  const seen: number[] = [];
  const router = new RouterSocket({
    onRequest: (connection, payload, reply) => {
      seen.push(connection.address.port);
      reply(payload);
    },
  });
  t.after(() => {
    router.destroy();
  });
  const { port } = await router.listen(HOST, 0);
  const spare = await OURS.router(t, ({ payload }) => payload);
  await spare.close();
  const req = new ReqSocket({ host: HOST, port, localAddress: HOST, localPort: spare.port });
  t.after(() => {
    req.destroy();
  });
  await req.request(Buffer.from('a'));
  assert.deepEqual(seen, [spare.port]);
});

test('an address in use, and a peer that is no ZeroMQ at all', async (t) => {
  const { port } = await echoRouter(t);
  const second = new RouterSocket({ onRequest: () => undefined });
  await assert.rejects(second.listen(HOST, port), { code: 'ERR_SALTBUS_BUS_IN_USE' });
  const pub = await LIBZMQ.pub(t);
  const req = new ReqSocket({ host: HOST, port: pub.port });
  t.after(() => {
    req.destroy();
  });
  await assert.rejects(req.request(Buffer.from('a'), { timeoutMs: 200 }), (error: Error) => {
    assert.match(error.message, /not sent/);
    assert.match((error.cause as Error).message, /is a XPUB socket, and this is a REQ/);
    return true;
  });
});
