/** The rig itself: real daemons run, Salt's own client talks over them, and their bytes are what we take them to be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { traitsOfRelease } from '../../src/dialect/releases.ts';
import { interop, pythonFire, pythonListen, seedScript } from './helpers.ts';

const LIMIT = { timeout: 60_000 };

test('what is fired on the minion bus as fire_master comes out of the master bus', LIMIT, async (t) => {
  const listener = pythonListen(t, { node: 'master', tag: 'saltbus/test/rig/', count: 1 });
  await listener.ready;
  const load = { tag: 'saltbus/test/rig/forward', data: { n: 1, text: 'drop' }, pretag: null, events: null };
  await pythonFire(t, { node: 'minion', events: [{ tag: 'fire_master', data: load }] });
  const [event] = await listener.collect(1);
  assert.equal(event?.tag, 'saltbus/test/rig/forward');
  assert.deepEqual(event.data['data'], { n: 1, text: 'drop' });
  assert.equal(event.data['id'], interop().minionId);
  assert.equal(event.data['cmd'], '_minion_event');
});

test('bytes pass through the Python client both ways', LIMIT, async (t) => {
  const listener = pythonListen(t, { node: 'minion', tag: 'saltbus/test/rig/bytes' });
  await listener.ready;
  const data = { raw: { __bytes__: '/wAB' }, text: 'é' };
  await pythonFire(t, { node: 'minion', events: [{ tag: 'saltbus/test/rig/bytes', data }] });
  const [event] = await listener.collect(1);
  assert.deepEqual(event?.data['raw'], { __bytes__: '/wAB' });
  assert.equal(event.data['text'], 'é');
});

// msgpack of {"head": {}, "body": <bin of "TAG\n\n\x80">}, written out: nothing of ours is used here
function frameOf(tag: string): Buffer {
  const body = Buffer.from(`${tag}\n\n\x80`, 'latin1');
  return Buffer.concat([Buffer.from('82a46865616480a4626f6479c4', 'hex'), Buffer.from([body.length]), body]);
}

function prefixed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

async function write(path: string, bytes: Buffer): Promise<void> {
  const socket = connect({ path });
  socket.end(bytes);
  await once(socket, 'finish');
  socket.destroy();
}

/** Reads a pub socket from its first byte on until a text was seen. */
async function readUntil(
  t: TestContext,
  path: string,
  text: string,
  fire: () => Promise<void>,
): Promise<Buffer> {
  const socket = connect({ path });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  let received: Buffer = Buffer.alloc(0);
  const seen = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.includes(text)) resolve();
    });
    socket.on('close', () => reject(new Error('The bus closed the connection')));
  });
  await fire();
  await seen;
  return received;
}

for (const node of ['master', 'minion'] as const) {
  test(`the ${node} bus frames events as the dialect of its release says`, LIMIT, async (t) => {
    const { release, masterBus, minionBus } = interop();
    const bus = node === 'master' ? masterBus : minionBus;
    const dialect = traitsOfRelease(release)?.dialect;
    assert.ok(dialect, `no dialect for ${release}`);
    // Subscribed before anything is written: what the Python client sees is what the pull socket took.
    const listener = pythonListen(t, { node, tag: 'saltbus/test/framing/' });
    await listener.ready;
    const right = frameOf('saltbus/test/framing/right');
    const wrong = frameOf('saltbus/test/framing/wrong');
    const first = await readUntil(t, bus.pub, 'saltbus/test/framing/right', async () => {
      await write(bus.pull, dialect.pull === 'prefixed' ? wrong : prefixed(wrong));
      await write(bus.pull, dialect.pull === 'prefixed' ? prefixed(right) : right);
    });
    assert.equal(first[0] === 0x82 ? 'bare' : 'prefixed', dialect.pub);
    if (dialect.pub === 'prefixed') {
      assert.equal(first[4], 0x82);
      assert.ok(first.readUInt32BE(0) <= first.length - 4);
    }
    // An event in the right framing goes behind it, so that the absence of the wrong one is known and not waited for.
    await pythonFire(t, { node, events: [{ tag: 'saltbus/test/framing/last', data: {} }] });
    const events = await listener.collect(2);
    assert.deepEqual(
      events.map((event) => event.tag),
      ['saltbus/test/framing/right', 'saltbus/test/framing/last'],
    );
  });
}

test('the scripts of the seed work on the minion bus', LIMIT, async (t) => {
  const listening = seedScript(t, 'listen_to_minion_bus');
  await listening.line('Listening for events');
  assert.equal(await seedScript(t, 'emit_to_minion_bus').ended, 0);
  assert.match(await listening.line('a drop in the bucket'), /'tag': 'mytag'/);
});

test('the scripts of the seed work on the master bus', LIMIT, async (t) => {
  const listening = seedScript(t, 'listen_to_master_bus');
  await listening.line('Listening for events');
  assert.equal(await seedScript(t, 'emit_to_master_bus').ended, 0);
  assert.match(await listening.line('this is a test'), /'example': 'this is the same test'/);
});

test('the script of the seed that its author was stuck with forwards five events', LIMIT, async (t) => {
  const listener = pythonListen(t, { node: 'master', tag: 'mytag', count: 5 });
  await listener.ready;
  assert.equal(await seedScript(t, 'emit_to_minion_bus_forward_to_master_bus').ended, 0);
  const events = await listener.collect(5);
  assert.deepEqual(
    events.map((event) => event.data['message']),
    ['drap', 'drep', 'drip', 'drop', 'drup'].map((drop) => `a ${drop} in the bucket`),
  );
});
