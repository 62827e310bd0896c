/** The four kinds of socket against scripted peers in memory. */
import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { encodePing, encodePong } from '../../../src/codec/zmtp/command.ts';
import { encodeMessage } from '../../../src/codec/zmtp/frame.ts';
import type { SaltbusError } from '../../../src/errors.ts';
import { onDiagnostics } from '../../../src/diagnostics.ts';
import { memoryPair } from '../../../src/transport/memory.ts';
import { PubSocket } from '../../../src/transport/zmtp/pub.ts';
import type { PubHandlers, PubOptions } from '../../../src/transport/zmtp/pub.ts';
import { ReqSocket } from '../../../src/transport/zmtp/req.ts';
import type { ReqOptions } from '../../../src/transport/zmtp/req.ts';
import { RouterSocket } from '../../../src/transport/zmtp/router.ts';
import type { Reply, RouterConnection, RouterOptions } from '../../../src/transport/zmtp/router.ts';
import { SubSocket } from '../../../src/transport/zmtp/sub.ts';
import { ZmtpScriptedPeer } from '../../helpers/zmtp-peer.ts';

const TARGET = { host: 'peer', port: 1 };
let ports = 0;

interface RouterRig {
  readonly router: RouterSocket;
  readonly asked: { readonly connection: RouterConnection; readonly text: string; readonly reply: Reply }[];
  readonly gone: (string | undefined)[];
  readonly connect: () => ZmtpScriptedPeer;
}

function routerRig(t: TestContext, options: RouterOptions = {}): RouterRig {
  const asked: RouterRig['asked'] = [];
  const gone: (string | undefined)[] = [];
  const router = new RouterSocket(
    {
      onRequest: (connection, payload, reply) => asked.push({ connection, text: payload.toString(), reply }),
      onDisconnect: (_connection, error) => gone.push(error?.code),
    },
    options,
  );
  t.after(() => {
    router.destroy();
  });
  return {
    router,
    asked,
    gone,
    connect: () => {
      const [ours, theirs] = memoryPair();
      ports += 1;
      router.attach(ours, { address: '192.0.2.1', port: ports });
      return new ZmtpScriptedPeer(theirs);
    },
  };
}

// Everything that was written before has been read when the answer to a PING is there.
let pings = 0;
async function settled(peer: ZmtpScriptedPeer): Promise<void> {
  pings += 1;
  const context = `settled ${pings}`;
  peer.write(encodePing(0, Buffer.from(context)));
  await peer.sees(`command PONG${context}`);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

test('ROUTER: odd messages are dropped and counted, and the connection goes on', async (t) => {
  const { router, asked, connect } = routerRig(t);
  const peer = connect();
  await peer.shakeHands('DEALER');
  peer.message('no delimiter');
  peer.message('', 'one', 'two');
  peer.message('', '', 'three');
  peer.message('');
  peer.message('id', '', 'four');
  peer.message('', '');
  peer.message('', 'good');
  await settled(peer);
  assert.deepEqual(
    asked.map(({ text }) => text),
    ['', 'good'],
  );
  assert.equal(router.counters.malformed, 5);
  assert.equal(router.counters.requests, 2);
  for (const { reply } of asked) reply(Buffer.from('ok'));
  await peer.until(() => peer.seen.filter((line) => line === 'last ok').length === 2);
});

test('ROUTER: two connections with one identity each get their own replies; the new one has the id', async (t) => {
  const { router, asked, connect } = routerRig(t);
  const old = connect();
  await old.shakeHands('REQ', 'salt-req/minion/web1/0');
  old.message('', 'from old');
  await settled(old);
  const young = connect();
  await young.shakeHands('REQ', 'salt-req/minion/web1/0');
  young.message('', 'from new');
  await settled(young);
  assert.equal(router.connectionOf(Buffer.from('salt-req/minion/web1/0')), asked[1]?.connection);
  for (const { text, reply } of asked) reply(Buffer.from(`reply ${text}`));
  await old.sees('last reply from old');
  await young.sees('last reply from new');
  assert.equal(router.counters.handovers, 1);
  old.duplex.destroy();
  await until(() => router.counters.open === 1);
  assert.equal(router.connectionOf(Buffer.from('salt-req/minion/web1/0')), asked[1]?.connection);
});

test('ROUTER: the old connection can be dropped instead', async (t) => {
  const { router, asked, gone, connect } = routerRig(t, { onSameIdentity: 'drop' });
  const old = connect();
  await old.shakeHands('REQ', 'web1');
  old.message('', 'a');
  await settled(old);
  const young = connect();
  await young.shakeHands('REQ', 'web1');
  await old.end();
  assert.deepEqual(gone, ['ERR_SALTBUS_DISCONNECTED']);
  assert.equal(asked[0]?.connection.closed, true);
  asked[0].reply(Buffer.from('late'));
  assert.equal(router.counters.late, 1);
  assert.equal(router.counters.protocolErrors, 0);
});

test('ROUTER: requests over the limit in flight wait, more than may wait are dropped, and all is answered in order', async (t) => {
  const { router, asked, connect } = routerRig(t, { maxInFlight: 2, maxQueued: 3 });
  const peer = connect();
  await peer.shakeHands('DEALER');
  peer.write(
    Buffer.concat(
      ['0', '1', '2', '3', '4', '5', '6'].map((text) => encodeMessage([Buffer.alloc(0), Buffer.from(text)])),
    ),
  );
  peer.message('', 'behind');
  for (let next = 0; next < 6; next += 1) {
    await until(() => asked.length > next);
    assert.equal(asked.length <= next + 2, true);
    const request = asked[next];
    request?.reply(Buffer.from(`re ${request.text}`));
  }
  await peer.sees('last re behind');
  assert.deepEqual(
    asked.map(({ text }) => text),
    ['0', '1', '2', '3', '4', 'behind'],
  );
  assert.equal(router.counters.dropped, 2);
});

test('ROUTER: a reply that is given at once, for a full queue, does not go deeper and deeper', async (t) => {
  let count = 0;
  const held: Reply[] = [];
  const router = new RouterSocket(
    {
      onRequest: (_connection, payload, reply) => {
        count += 1;
        if (payload.toString() === 'hold') held.push(reply);
        else reply(undefined);
      },
    },
    { maxInFlight: 1, maxQueued: 100_000 },
  );
  t.after(() => {
    router.destroy();
  });
  const [ours, theirs] = memoryPair();
  router.attach(ours, { address: '192.0.2.1', port: 1 });
  const peer = new ZmtpScriptedPeer(theirs);
  await peer.shakeHands('DEALER');
  const one = Buffer.from('0100000161', 'hex');
  peer.write(
    Buffer.concat([
      Buffer.from('0100000468' + '6f6c64', 'hex'),
      ...Array.from({ length: 50_000 }, () => one),
    ]),
  );
  await until(() => held.length === 1);
  held[0]?.(undefined);
  await until(() => count === 50_001);
});

test('ROUTER: a reply is sent once', async (t) => {
  const { router, asked, connect } = routerRig(t);
  const peer = connect();
  await peer.shakeHands('REQ');
  peer.message('', 'a');
  await settled(peer);
  asked[0]?.reply(Buffer.from('first'));
  asked[0]?.reply(Buffer.from('second'));
  await settled(peer);
  assert.equal(peer.seen.includes('last second'), false);
  assert.equal(router.counters.unasked, 1);
  assert.equal(router.counters.replies, 1);
});

test('ROUTER: who does not take its replies is cut', async (t) => {
  const cuts: string[] = [];
  t.after(onDiagnostics('saltbus:zmtp:cut', ({ reason }) => cuts.push(reason)));
  const { router, asked, gone, connect } = routerRig(t, { maxOutboxBytes: 300_000 });
  const peer = connect();
  await peer.shakeHands('DEALER');
  for (let index = 0; index < 4; index += 1) peer.message('', 'a');
  await settled(peer);
  peer.duplex.pause();
  for (const { reply } of asked) {
    reply(Buffer.alloc(200_000));
    await new Promise(setImmediate);
  }
  await until(() => gone.length === 1);
  assert.deepEqual(gone, [undefined]);
  assert.equal(router.counters.cut, 1);
  assert.deepEqual(cuts, ['the peer does not take its replies']);
});

test('ROUTER: more connections than may be are refused', async (t) => {
  const { router, connect } = routerRig(t, { maxConnections: 1 });
  const first = connect();
  await first.shakeHands('REQ');
  const second = connect();
  await second.end();
  assert.deepEqual(second.seen, []);
  assert.equal(router.counters.refused, 1);
  assert.equal(router.counters.accepted, 1);
  assert.equal(router.counters.open, 1);
});

test('ROUTER: who asks without waiting has a turn as the others', async (t) => {
  const order: string[] = [];
  const router = new RouterSocket({
    onRequest: (_connection, payload, reply) => {
      order.push(payload.toString());
      reply(Buffer.from('ok'));
    },
  });
  t.after(() => {
    router.destroy();
  });
  const connect = async (socketType: string, port: number): Promise<ZmtpScriptedPeer> => {
    const [ours, theirs] = memoryPair();
    router.attach(ours, { address: '192.0.2.1', port });
    const peer = new ZmtpScriptedPeer(theirs);
    await peer.shakeHands(socketType);
    return peer;
  };
  const flood = await connect('DEALER', 1);
  const honest = await connect('REQ', 2);
  const one = encodeMessage([Buffer.alloc(0), Buffer.from('flood')]);
  flood.write(Buffer.concat(Array.from({ length: 3000 }, () => one)));
  for (let asked = 1; asked <= 20; asked += 1) {
    honest.message('', 'honest');
    await honest.until(() => honest.seen.filter((line) => line === 'last ok').length === asked);
  }
  const before = order.lastIndexOf('honest');
  assert.equal(order.slice(0, before).filter((text) => text === 'honest').length, 19);
  // two reads while nobody else had asked, and then a few for each of the others
  assert.equal(before < 500, true, `${before} came before`);
  await until(() => order.length === 3020);
  assert.equal(router.counters.dropped, 0);
});

test('ROUTER: one address cannot have all connections', async (t) => {
  const { router, connect } = routerRig(t, { maxPerAddress: 1 });
  const first = connect();
  await first.shakeHands('REQ');
  const second = connect();
  await second.end();
  assert.equal(router.counters.refused, 1);
  const [ours, theirs] = memoryPair();
  router.attach(ours, { address: '192.0.2.2', port: 1 });
  await new ZmtpScriptedPeer(theirs).shakeHands('REQ');
  first.duplex.destroy();
  await until(() => router.counters.open === 1);
  const third = connect();
  await third.shakeHands('REQ');
  assert.equal(router.counters.accepted, 3);
});

test('ROUTER: what all peers together hold of unfinished messages is bounded', async (t) => {
  const { router, connect, gone } = routerRig(t, { maxHeldBytes: 1000 });
  const peers = [connect(), connect(), connect()];
  for (const peer of peers) {
    await peer.shakeHands('REQ');
    peer.write('0100' + '020000000000010000', Buffer.alloc(400));
  }
  await peers[2]?.end();
  assert.equal(router.counters.open, 2);
  assert.deepEqual(gone, ['ERR_SALTBUS_LIMIT']);
  assert.equal(router.counters.protocolErrors, 1);
});

test('ROUTER: strangers are counted', async (t) => {
  const faults: (string | undefined)[] = [];
  t.after(onDiagnostics('saltbus:zmtp:fault', ({ error }) => faults.push(error.code)));
  const { router, connect } = routerRig(t);
  const http = connect();
  http.write(Buffer.from('GET / HTTP/1.1\r\n'));
  await http.end();
  assert.equal(router.counters.protocolErrors, 1);
  assert.deepEqual(faults, ['ERR_SALTBUS_ZMTP']);
});

test('ROUTER: close lets replies through, ends all, and a second close resolves too', async (t) => {
  const { router, asked, connect } = routerRig(t);
  const peer = connect();
  await peer.shakeHands('REQ');
  peer.message('', 'a');
  await settled(peer);
  asked[0]?.reply(Buffer.from('bye'));
  peer.duplex.on('end', () => peer.duplex.end());
  await router.close();
  await router.close();
  assert.equal(peer.seen.at(-1), 'last bye');
  assert.equal(router.counters.open, 0);
  await assert.rejects(router.listen('127.0.0.1', 0), { code: 'ERR_SALTBUS_CLOSED' });
});

interface PubRig {
  readonly pub: PubSocket;
  readonly changes: string[];
  readonly connect: (minor?: number) => Promise<ZmtpScriptedPeer>;
}

function pubRig(t: TestContext, options: PubOptions = {}, handlers: PubHandlers = {}): PubRig {
  const changes: string[] = [];
  const pub = new PubSocket(
    {
      ...handlers,
      onSubscription: (_subscriber, topic, on) => changes.push(`${on ? '+' : '-'}${topic.toString()}`),
    },
    options,
  );
  t.after(() => {
    pub.destroy();
  });
  return {
    pub,
    changes,
    connect: async (minor = 1) => {
      const [ours, theirs] = memoryPair();
      ports += 1;
      pub.attach(ours, { address: '192.0.2.1', port: ports });
      const peer = new ZmtpScriptedPeer(theirs);
      await peer.shakeHands('SUB', undefined, minor);
      return peer;
    },
  };
}

test('PUB: subscriptions as commands and as messages, joins and leaves', async (t) => {
  const told: string[] = [];
  const { pub, changes, connect } = pubRig(
    t,
    {},
    {
      onJoin: ({ address }) => told.push(`join ${address.address}`),
      onLeave: ({ address }, error) => told.push(`leave ${address.address} ${error?.code ?? 'in order'}`),
    },
  );
  const peer = await connect();
  peer.write('040b0953554253435249424561');
  peer.message('\x01bc');
  peer.message('\x01a');
  peer.message('\x00a');
  peer.message('\x02what');
  peer.message('\x01two', 'frames');
  await settled(peer);
  assert.deepEqual(changes, ['+a', '+bc', '-a']);
  assert.equal(pub.counters.ignored, 3);
  assert.equal(pub.publish([Buffer.from('abc')]), 0);
  assert.equal(pub.publish([Buffer.from('bcd'), Buffer.from('payload')]), 1);
  await peer.sees('last payload');
  assert.deepEqual(
    peer.seen.filter((line) => /^(more|last)/.test(line)),
    ['more bcd', 'last payload'],
  );
  peer.duplex.end();
  await until(() => told.length === 2);
  assert.deepEqual(told, ['join 192.0.2.1', 'leave 192.0.2.1 in order']);
  assert.equal(pub.publish([Buffer.from('bcd')]), 0);
  assert.deepEqual(changes, ['+a', '+bc', '-a', '-bc']);
});

test('PUB: each gets what it is subscribed to, in order, over slabs and large publications', async (t) => {
  const { pub, changes, connect } = pubRig(t);
  const all = await connect();
  const some = await connect();
  all.message('\x01');
  some.message('\x01even');
  await until(() => changes.length === 2);
  const expected: string[] = [];
  for (let index = 0; index < 900; index += 1) {
    const topic = index % 2 === 0 ? 'even' : 'odd';
    const body = index % 100 === 50 ? 'x'.repeat(40_000) : 'y'.repeat(index);
    assert.equal(pub.publish([Buffer.from(topic), Buffer.from(`${index} ${body}`)]), index % 2 === 0 ? 2 : 1);
    expected.push(`more ${topic}`, `last ${index} ${body}`);
  }
  await all.sees((line) => line.startsWith('last 899 '));
  await some.sees((line) => line.startsWith('last 898 '));
  const messages = (peer: ZmtpScriptedPeer): string[] =>
    peer.seen.filter((line) => /^(more|last)/.test(line));
  assert.deepEqual(messages(all), expected);
  assert.deepEqual(
    messages(some),
    expected.filter((_line, index) => index % 4 < 2),
  );
});

test('PUB: who takes nothing gets no more than its outbox holds; the others get all', async (t) => {
  const dropping: string[] = [];
  t.after(onDiagnostics('saltbus:zmtp:dropping', ({ remote }) => dropping.push(remote)));
  const { pub, changes, connect } = pubRig(t, { maxOutboxMessages: 50, maxOutboxBytes: 100_000 });
  const slow = await connect();
  const fast = await connect();
  slow.message('\x01');
  fast.message('\x01');
  await until(() => changes.length === 2);
  slow.duplex.pause();
  for (let index = 0; index < 500; index += 1) {
    pub.publish([Buffer.alloc(10_000, 'x')]);
    await new Promise(setImmediate);
  }
  const { length } = fast.seen.filter((line) => line.startsWith('last'));
  assert.equal(length, 500);
  const [subscriber] = pub.subscribers;
  assert.ok(subscriber);
  assert.equal(subscriber.dropped, pub.counters.dropped);
  assert.equal(pub.counters.dropped + pub.counters.sent, 1000);
  assert.equal(pub.counters.dropped > 400, true);
  assert.equal(subscriber.outboxBytes <= 100_000 + 10_009, true);
  assert.deepEqual(dropping, [subscriber.remote]);
  slow.duplex.resume();
  await until(
    () => slow.seen.filter((line) => line.startsWith('last')).length === 1000 - 500 - pub.counters.dropped,
  );
  assert.equal(pub.publish([Buffer.from('again')]), 2);
});

test('PUB: a burst over the limit in one tick is not dropped for who takes it', async (t) => {
  const { pub, changes, connect } = pubRig(t, { maxOutboxMessages: 10 });
  const peer = await connect();
  peer.message('\x01');
  await until(() => changes.length === 1);
  for (let index = 0; index < 1000; index += 1) assert.equal(pub.publish([Buffer.from(String(index))]), 1);
  await peer.sees('last 999');
  assert.equal(pub.counters.dropped, 0);
});

test('PUB: too many topics, or one that is too long, end the connection', async (t) => {
  const { pub, connect } = pubRig(t, { maxSubscriptions: 2, maxTopicBytes: 10 });
  const many = await connect();
  for (const topic of ['a', 'b', 'a', 'c']) many.message(`\x01${topic}`);
  await many.end();
  const long = await connect();
  long.message(`\x01${'x'.repeat(11)}`);
  await long.end();
  assert.equal(pub.counters.protocolErrors, 2);
  assert.equal(pub.publish([Buffer.from('a')]), 0);
});

test('PUB: a message without a frame is refused', (t) => {
  const { pub } = pubRig(t);
  assert.throws(() => pub.publish([]), { code: 'ERR_SALTBUS_USAGE' });
});

interface ClientRig {
  /** The peers of the connections that were opened, in order. */
  readonly peers: ZmtpScriptedPeer[];
  readonly open: () => Promise<Duplex>;
}

function clientRig(): ClientRig {
  const peers: ZmtpScriptedPeer[] = [];
  return {
    peers,
    open: () => {
      const [ours, theirs] = memoryPair();
      peers.push(new ZmtpScriptedPeer(theirs));
      return Promise.resolve(ours);
    },
  };
}

const QUICK = { backoff: { initialMs: 1, maxMs: 1 } };

function reqRig(t: TestContext, options: ReqOptions = {}): ClientRig & { readonly req: ReqSocket } {
  const rig = clientRig();
  const req = new ReqSocket(TARGET, { open: rig.open, ...QUICK, ...options });
  t.after(() => {
    req.destroy();
  });
  return { ...rig, req };
}

async function peerOf(rig: ClientRig, index: number, socketType = 'ROUTER'): Promise<ZmtpScriptedPeer> {
  await until(() => rig.peers.length > index);
  const peer = rig.peers[index];
  assert.ok(peer);
  await peer.shakeHands(socketType);
  return peer;
}

test('REQ: one request is in flight, the others wait', async (t) => {
  const rig = reqRig(t);
  const replies = ['a', 'b', 'c'].map((text) => rig.req.request(Buffer.from(text)));
  assert.equal(rig.req.waiting, 3);
  const peer = await peerOf(rig, 0);
  await peer.sees('last a');
  peer.write(encodePing(0));
  await peer.sees('command PONG');
  assert.equal(peer.seen.includes('last b'), false);
  assert.equal(rig.req.waiting, 2);
  for (const text of ['a', 'b', 'c']) {
    await peer.sees(`last ${text}`);
    peer.message('', `re ${text}`);
  }
  assert.deepEqual((await Promise.all(replies)).map(String), ['re a', 're b', 're c']);
});

test('REQ: an aborted request in flight takes its connection with it; one that waits is never sent', async (t) => {
  const rig = reqRig(t);
  const [first, second] = [new AbortController(), new AbortController()];
  const replies = [
    rig.req.request(Buffer.from('a'), { signal: first.signal }),
    rig.req.request(Buffer.from('b'), { signal: second.signal }),
    rig.req.request(Buffer.from('c')),
  ] as const;
  const peer = await peerOf(rig, 0);
  await peer.sees('last a');
  second.abort();
  first.abort();
  peer.message('', 'late');
  await assert.rejects(replies[0], { code: 'ERR_SALTBUS_ABORTED' });
  await assert.rejects(replies[1], { code: 'ERR_SALTBUS_ABORTED' });
  await peer.end();
  const next = await peerOf(rig, 1);
  await next.sees('last c');
  next.message('', 'right');
  assert.equal((await replies[2]).toString(), 'right');
  assert.equal(next.seen.includes('last b'), false);
});

test('REQ: what cannot be the reply to the request ends the connection', async (t) => {
  const rig = reqRig(t);
  const spoil = async (index: number, ...frames: string[]): Promise<void> => {
    const reply = rig.req.request(Buffer.from('a'));
    const peer = await peerOf(rig, index);
    await peer.sees('last a');
    const rejected = assert.rejects(reply, { code: 'ERR_SALTBUS_ZMTP' });
    peer.message(...frames);
    await rejected;
    await peer.end();
  };
  await spoil(0, 'no delimiter');
  await spoil(1, '', 'two', 'payloads');
  const peer = await peerOf(rig, 2);
  peer.message('', 'nobody asked');
  await peer.end();
  const last = await peerOf(rig, 3);
  const reply = rig.req.request(Buffer.from('b'));
  await last.sees('last b');
  last.message('', 'fine');
  assert.equal((await reply).toString(), 'fine');
});

test('REQ: a lost connection rejects what is in flight, and keeps what waits', async (t) => {
  const rig = reqRig(t);
  const lost = rig.req.request(Buffer.from('a'));
  const kept = rig.req.request(Buffer.from('b'));
  const peer = await peerOf(rig, 0);
  await peer.sees('last a');
  peer.duplex.end(Buffer.from('0100' + '0005' + '6c61', 'hex'));
  await assert.rejects(lost, { code: 'ERR_SALTBUS_NO_REPLY' });
  const next = await peerOf(rig, 1);
  await next.sees('last b');
  next.message('', 'whole');
  assert.equal((await kept).toString(), 'whole');
});

test('REQ: a request that times out says why it could not be sent', async (t) => {
  const req = new ReqSocket(TARGET, {
    ...QUICK,
    open: () => Promise.reject(Object.assign(new Error('refused'), { code: 'X' })),
  });
  t.after(() => {
    req.destroy();
  });
  await assert.rejects(req.request(Buffer.from('a'), { timeoutMs: 20 }), (error: SaltbusError) => {
    assert.equal(error.code, 'ERR_SALTBUS_TIMEOUT');
    assert.match(error.message, /not sent/);
    assert.equal((error.cause as SaltbusError).code, 'ERR_SALTBUS_NO_PEER');
    return true;
  });
});

test('REQ: limits, closed, and settings that make no sense', async (t) => {
  const rig = reqRig(t, { maxWaiting: 1 });
  const waits = assert.rejects(rig.req.request(Buffer.from('a')), { code: 'ERR_SALTBUS_CLOSED' });
  await assert.rejects(rig.req.request(Buffer.from('b')), { code: 'ERR_SALTBUS_OUTBOX_FULL' });
  await assert.rejects(rig.req.request(Buffer.from('b'), { signal: AbortSignal.abort() }), {
    code: 'ERR_SALTBUS_ABORTED',
  });
  await assert.rejects(rig.req.request(Buffer.from('b'), { timeoutMs: 0 }), { code: 'ERR_SALTBUS_USAGE' });
  rig.req.destroy();
  rig.req.destroy();
  await waits;
  await assert.rejects(rig.req.request(Buffer.from('c')), { code: 'ERR_SALTBUS_CLOSED' });
  const usage = { code: 'ERR_SALTBUS_USAGE' };
  assert.throws(() => new ReqSocket(TARGET, { identity: Buffer.alloc(256, 'x') }), usage);
  assert.throws(() => new ReqSocket(TARGET, { identity: Buffer.alloc(5) }), usage);
  assert.throws(() => new ReqSocket(TARGET, { heartbeat: { intervalMs: 0, timeoutMs: 1 } }), usage);
  assert.throws(() => new RouterSocket({ onRequest: () => undefined }, { maxInFlight: 0 }), usage);
});

test('REQ: close waits for the reply', async (t) => {
  const rig = reqRig(t);
  const reply = rig.req.request(Buffer.from('a'));
  const peer = await peerOf(rig, 0);
  await peer.sees('last a');
  const closed = rig.req.close();
  await assert.rejects(rig.req.request(Buffer.from('b')), { code: 'ERR_SALTBUS_CLOSED' });
  peer.message('', 'done');
  assert.equal((await reply).toString(), 'done');
  peer.duplex.on('end', () => peer.duplex.end());
  await closed;
  assert.equal(rig.peers.length, 1);
});

test('REQ: its identity is presented', async (t) => {
  const rig = reqRig(t, { identity: Buffer.from('salt-req/minion/web1/4711/0') });
  rig.req.open();
  const peer = await peerOf(rig, 0);
  assert.equal(
    peer.seen[1],
    'command READY\x0bSocket-Type\0\0\0\x03REQ\x08Identity\0\0\0\x1bsalt-req/minion/web1/4711/0',
  );
});

test('SUB: subscribes as the version of the peer has it, again after a loss, and tells of both', async (t) => {
  const rig = clientRig();
  const told: string[] = [];
  const sub = new SubSocket(
    TARGET,
    {
      onMessage: (frames) => told.push(frames.map(String).join('|')),
      onConnected: ({ minor }) => told.push(`connected ${minor}`),
      onDisconnected: ({ code }) => told.push(`lost ${code}`),
      onFailed: ({ code }) => told.push(`failed ${code}`),
    },
    { open: rig.open, ...QUICK },
  );
  t.after(() => {
    sub.destroy();
  });
  sub.subscribe('a');
  sub.subscribe('a');
  sub.open();
  await until(() => rig.peers.length === 1);
  const [old] = rig.peers;
  assert.ok(old);
  await old.shakeHands('PUB', undefined, 0);
  await old.sees('last \x01a');
  sub.subscribe('b');
  sub.unsubscribe('a');
  await old.sees('last \x00a');
  old.message('b', 'wanted');
  old.message('a', 'unwanted');
  old.message('bc');
  old.duplex.end(Buffer.from('0101' + '62', 'hex'));
  const next = await peerOf(rig, 1, 'XPUB');
  await next.sees('command SUBSCRIBEb');
  next.message('b', 'again');
  await until(() => told.length >= 6);
  assert.deepEqual(told, [
    'connected 0',
    'b|wanted',
    'bc',
    'lost ERR_SALTBUS_DISCONNECTED',
    'connected 1',
    'b|again',
  ]);
  assert.deepEqual({ ...sub.counters }, { received: 3, unwanted: 1, connections: 2 });
  next.write(Buffer.from('ff'), encodePong(Buffer.alloc(0)));
  await next.end();
  await until(() => told.length === 7);
  assert.equal(told[6], 'lost ERR_SALTBUS_ZMTP');
});

test('SUB: a publisher of the wrong kind is told as a failure', async (t) => {
  const rig = clientRig();
  const failed: string[] = [];
  const sub = new SubSocket(
    TARGET,
    { onMessage: () => undefined, onFailed: ({ message }) => failed.push(message) },
    { open: rig.open, ...QUICK },
  );
  t.after(() => {
    sub.destroy();
  });
  sub.open();
  await until(() => rig.peers.length === 1);
  rig.peers[0]?.introduce('ROUTER');
  await rig.peers[0]?.end();
  assert.match(failed[0] ?? '', /ROUTER socket, and this is a SUB/);
});
