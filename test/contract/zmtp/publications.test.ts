/** PUB and SUB: ours and libzmq's, in each pair that has one of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAIRS } from './makes.ts';
import { tap } from './tap.ts';

// sha1('web1'), as a minion subscribes to it with zmq_filtering
const WEB1 = '977588a87e10582032716712ccf5d85d18a5fccf';

for (const [server, client] of PAIRS) {
  const pair = `${server.name} PUB, ${client.name} SUB`;

  test(`${pair}: everything, of one frame and of two, of every size`, async (t) => {
    const pub = await server.pub(t);
    const sub = client.sub(t, pub.port);
    sub.subscribe('');
    await pub.changes(1);
    for (const size of [0, 1, 255, 256, 16_384, 16_385, 70_000, 5_000_000]) {
      await pub.publish('x'.repeat(size));
      const [frame, ...more] = await sub.next();
      assert.equal(frame?.length, size);
      assert.deepEqual(more, []);
    }
    await pub.publish('broadcast', 'payload');
    assert.deepEqual(await sub.next(), ['broadcast', 'payload']);
  });

  test(`${pair}: subscriptions made before and after the connection, by prefix, and ended`, async (t) => {
    const pub = await server.pub(t);
    const sub = client.sub(t, pub.port);
    sub.subscribe(WEB1);
    assert.deepEqual(await pub.changes(1), [`+${WEB1}`]);
    sub.subscribe('broadcast');
    assert.deepEqual(await pub.changes(2), [`+${WEB1}`, '+broadcast']);
    await pub.publish('syndic', '1');
    await pub.publish(WEB1.slice(0, 39), '2');
    await pub.publish(WEB1, '3');
    await pub.publish('broadcast and more', '4');
    assert.deepEqual(await sub.next(), [WEB1, '3']);
    assert.deepEqual(await sub.next(), ['broadcast and more', '4']);
    sub.unsubscribe('broadcast');
    assert.deepEqual(await pub.changes(3), [`+${WEB1}`, '+broadcast', '-broadcast']);
    await pub.publish('broadcast', '5');
    await pub.publish(WEB1, '6');
    assert.deepEqual(await sub.next(), [WEB1, '6']);
  });

  test(`${pair}: topics that overlap give a publication once`, async (t) => {
    const pub = await server.pub(t);
    const sub = client.sub(t, pub.port);
    for (const topic of ['', 'a', 'ab']) sub.subscribe(topic);
    await pub.changes(3);
    await pub.publish('abc', '1');
    await pub.publish('end', '2');
    assert.deepEqual(await sub.next(), ['abc', '1']);
    assert.deepEqual(await sub.next(), ['end', '2']);
  });

  test(`${pair}: 20 000 publications to three subscribers, in order and complete`, async (t) => {
    const pub = await server.pub(t);
    const subs = [client.sub(t, pub.port), client.sub(t, pub.port), client.sub(t, pub.port)];
    for (const [index, sub] of subs.entries()) {
      sub.subscribe(`topic${index}`);
      sub.subscribe('all');
    }
    await pub.changes(6);
    for (let index = 0; index < 20_000; index += 1) {
      await pub.publish('all', String(index));
      if (index % 200 === 199) await new Promise(setImmediate);
    }
    for (const sub of subs)
      for (let index = 0; index < 20_000; index += 1)
        assert.equal((await sub.next())[1], String(index), `publication ${index}`);
  });

  test(`${pair}: after a restart of the publisher what was subscribed is subscribed again`, async (t) => {
    const before = await server.pub(t);
    const sub = client.sub(t, before.port);
    sub.subscribe('broadcast');
    await before.changes(1);
    await before.publish('broadcast', 'before');
    assert.deepEqual(await sub.next(), ['broadcast', 'before']);
    await before.close();
    const after = await server.pub(t, { port: before.port });
    assert.deepEqual(await after.changes(1), ['+broadcast']);
    await after.publish('broadcast', 'after');
    assert.deepEqual(await sub.next(), ['broadcast', 'after']);
  });

  test(`${pair}: PINGs of both ends are answered`, async (t) => {
    const pub = await server.pub(t, { heartbeat: [20, 5000] });
    const wire = await tap(t, pub.port);
    const sub = client.sub(t, wire.port, { heartbeat: [20, 5000] });
    sub.subscribe('');
    await pub.changes(1);
    const pongs = (who: string): number =>
      wire.commands.items.filter((line) => line === `${who} PONG`).length;
    for (let count = 1; pongs('client') < 3 || pongs('server') < 3; count += 1)
      await wire.commands.reach(count);
    await pub.publish('still there');
    assert.deepEqual(await sub.next(), ['still there']);
    assert.deepEqual(wire.connections.items, ['open']);
  });

  test(`${pair}: a half-open connection is given up, and another one made`, async (t) => {
    const pub = await server.pub(t, { heartbeat: [50, 200] });
    const wire = await tap(t, pub.port);
    const sub = client.sub(t, wire.port, { heartbeat: [50, 200] });
    sub.subscribe('topic');
    await pub.changes(1);
    wire.freeze();
    for (
      let count = 1;
      wire.connections.items.filter((line) => line.endsWith('closed')).length < 2;
      count += 1
    )
      await wire.connections.reach(count);
    const subscribed = (changes: readonly string[]): number =>
      changes.filter((change) => change === '+topic').length;
    for (let count = 1; subscribed(await pub.changes(count)) < 2; count += 1);
    await pub.publish('topic', 'again');
    assert.deepEqual(await sub.next(), ['topic', 'again']);
  });
}
