/** REQ and ROUTER: ours and libzmq's, in each pair that has one of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Growing, LIBZMQ, OURS, PAIRS } from './makes.ts';
import type { Answer } from './makes.ts';
import { tap } from './tap.ts';

const echo: Answer = ({ payload }) => payload;

for (const [server, client] of PAIRS) {
  const pair = `${server.name} ROUTER, ${client.name} REQ`;

  test(`${pair}: payloads of every size come back`, async (t) => {
    const { port } = await server.router(t, echo);
    const req = client.req(t, port);
    for (const size of [0, 1, 255, 256, 16_384, 16_385, 65_536, 5_000_000]) {
      const payload = Buffer.alloc(size, 'x');
      assert.equal((await req.request(payload)).equals(payload), true, `${size} bytes`);
    }
  });

  test(`${pair}: 32 clients, each gets its own replies`, async (t) => {
    const { port } = await server.router(t, echo);
    await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const req = client.req(t, port);
        for (let round = 0; round < 50; round += 1) {
          const asked = `${index}/${round}`;
          assert.equal((await req.request(Buffer.from(asked))).toString(), asked);
        }
      }),
    );
  });

  test(`${pair}: the identity is told; without one, libzmq makes five bytes and we have none`, async (t) => {
    const asked = new Growing<Buffer>();
    const { port } = await server.router(t, ({ identity, payload }) => {
      asked.add(Buffer.from(identity));
      return payload;
    });
    await client.req(t, port, { identity: 'salt-req/minion/web1/0' }).request(Buffer.from('a'));
    await client.req(t, port).request(Buffer.from('b'));
    assert.equal(asked.items[0]?.toString(), 'salt-req/minion/web1/0');
    assert.equal(asked.items[1]?.length, server === OURS ? 0 : 5);
  });

  test(`${pair}: a new connection takes over an identity in use`, async (t) => {
    const { port } = await server.router(t, echo);
    const first = client.req(t, port, { identity: 'salt-req/minion/web1/0' });
    assert.equal((await first.request(Buffer.from('one'))).toString(), 'one');
    const second = client.req(t, port, { identity: 'salt-req/minion/web1/0' });
    assert.equal((await second.request(Buffer.from('two'))).toString(), 'two');
    assert.equal((await second.request(Buffer.from('three'))).toString(), 'three');
  });

  test(`${pair}: after a restart of the server the next request is served`, async (t) => {
    const before = await server.router(t, echo);
    const wire = await tap(t, before.port);
    const req = client.req(t, wire.port);
    assert.equal((await req.request(Buffer.from('before'))).toString(), 'before');
    await before.close();
    assert.equal((await wire.connections.reach(2))[1], 'server closed');
    await server.router(t, ({ payload }) => Buffer.from(`${payload.toString()}!`), { port: before.port });
    assert.equal((await req.request(Buffer.from('after'))).toString(), 'after!');
  });

  test(`${pair}: a client may be there before the server`, async (t) => {
    const before = await server.router(t, echo);
    const { port } = before;
    await before.close();
    const req = client.req(t, port);
    const reply = req.request(Buffer.from('early'));
    await server.router(t, echo, { port });
    assert.equal((await reply).toString(), 'early');
  });

  test(`${pair}: the server's PINGs are answered, also while a request is in flight`, async (t) => {
    let answer: (reply: Buffer) => void = () => undefined;
    const { port } = await server.router(
      t,
      () =>
        new Promise<Buffer>((resolve) => {
          answer = resolve;
        }),
      { heartbeat: [20, 5000] },
    );
    const wire = await tap(t, port);
    const reply = client.req(t, wire.port).request(Buffer.from('slow'));
    const pongs = (): number => wire.commands.items.filter((line) => line === 'client PONG').length;
    for (let count = 1; pongs() < 5; count += 1) await wire.commands.reach(count);
    answer(Buffer.from('at last'));
    assert.equal((await reply).toString(), 'at last');
    assert.deepEqual(wire.connections.items, ['open']);
  });

  test(`${pair}: the client's PINGs are answered`, async (t) => {
    const { port } = await server.router(t, echo);
    const wire = await tap(t, port);
    const req = client.req(t, wire.port, { heartbeat: [20, 5000] });
    assert.equal((await req.request(Buffer.from('a'))).toString(), 'a');
    const pongs = (): number => wire.commands.items.filter((line) => line === 'server PONG').length;
    for (let count = 1; pongs() < 5; count += 1) await wire.commands.reach(count);
    assert.equal((await req.request(Buffer.from('b'))).toString(), 'b');
    assert.deepEqual(wire.connections.items, ['open']);
  });

  test(`${pair}: a half-open connection is given up by whoever sends PINGs`, async (t) => {
    const { port } = await server.router(t, echo, { heartbeat: [50, 200] });
    const wire = await tap(t, port);
    const req = client.req(t, wire.port, { heartbeat: [50, 200] });
    assert.equal((await req.request(Buffer.from('a'))).toString(), 'a');
    wire.freeze();
    const closings = async (): Promise<readonly string[]> => {
      for (let count = 1; ; count += 1) {
        const seen = (await wire.connections.reach(count)).filter((line) => line !== 'open');
        if (seen.length === 2) return seen;
      }
    };
    assert.deepEqual([...(await closings())].sort(), ['client closed', 'server closed']);
    assert.equal((await req.request(Buffer.from('b'))).toString(), 'b');
  });
}

test('our REQ: the late reply to a request that timed out is not taken for the next', async (t) => {
  for (const server of [OURS, LIBZMQ]) {
    const held: (() => void)[] = [];
    const { port } = await server.router(t, ({ payload }) =>
      payload.toString() === 'slow'
        ? new Promise<Buffer>((resolve) => {
            held.push(() => {
              resolve(Buffer.from('late'));
            });
          })
        : payload,
    );
    const { ReqSocket } = await import('../../../src/transport/zmtp/req.ts');
    const req = new ReqSocket({ host: '127.0.0.1', port }, { identity: Buffer.from('same') });
    t.after(() => {
      req.destroy();
    });
    assert.equal((await req.request(Buffer.from('first'))).toString(), 'first');
    await assert.rejects(req.request(Buffer.from('slow'), { timeoutMs: 300 }), {
      code: 'ERR_SALTBUS_TIMEOUT',
    });
    const next = req.request(Buffer.from('next'));
    for (const release of held) release();
    assert.equal((await next).toString(), 'next');
    assert.equal(held.length, 1, server.name);
  }
});

test('our REQ: a connection that is reset in flight rejects, and the next request is served', async (t) => {
  for (const server of [OURS, LIBZMQ]) {
    const asked = new Growing<string>();
    const { port } = await server.router(t, ({ payload }) => {
      asked.add(payload.toString());
      return payload.toString() === 'never' ? new Promise<Buffer>(() => undefined) : payload;
    });
    const wire = await tap(t, port);
    const req = OURS.req(t, wire.port);
    const reply = req.request(Buffer.from('never'));
    const rejected = assert.rejects(reply, { code: 'ERR_SALTBUS_NO_REPLY' });
    await asked.reach(1);
    wire.cut();
    await rejected;
    assert.equal((await req.request(Buffer.from('next'))).toString(), 'next');
  }
});
