/** Salt's own Python clients, unchanged, on a bus of ours that speaks as their release does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../src/bus/bus.ts';
import { connect } from '../../src/client/connect.ts';
import { saltbus } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { takeEvents, withoutStamp } from '../helpers/take.ts';
import { interop, pythonFire, pythonListen, seedScript } from './helpers.ts';

const LIMIT = { timeout: 60_000 };
const ID = 'own-bus-minion';

interface OwnBus {
  readonly node: Node;
  readonly sockDir: string;
  readonly configDir: string;
}

/** Our broker as a process of its own, found through a configuration that Salt reads too. */
async function ownBus(t: TestContext, node: Node): Promise<OwnBus> {
  const folder = temporaryFolder(t);
  const sockDir = join(folder, 's');
  mkdirSync(join(folder, 'c'));
  const config = {
    root_dir: folder,
    sock_dir: '/s',
    cachedir: '/var/cache/some/where/long/enough',
    pki_dir: '/p',
    log_file: '/l',
    id: ID,
  };
  writeFileSync(join(folder, 'c', node), JSON.stringify(config));
  const daemon = saltbus(t, ['bus', '--node', node, '-c', join(folder, 'c'), '--dialect', interop().release]);
  await daemon.line('serving', 'stderr');
  return { node, sockDir, configDir: join(folder, 'c') };
}

for (const node of ['minion', 'master'] as const) {
  test(`${node}: Salt's clients talk to each other and to ours`, LIMIT, async (t) => {
    const { sockDir, configDir } = await ownBus(t, node);
    const bus = await connect({ node, configDir });
    t.after(() => {
      bus.destroy();
    });
    const theirs = pythonListen(t, { node, sockDir, id: ID, tag: 'own/' });
    const ours = bus.listen({ tag: 'own/' });
    await Promise.all([theirs.ready, ours.ready]);
    const events = Array.from({ length: 50 }, (_, n) => ({
      tag: `own/theirs/${n}`,
      data: { n, raw: { __bytes__: 'AP8=' } },
    }));
    await pythonFire(t, { node, sockDir, id: ID, events });
    for (let n = 0; n < 50; n += 1) await bus.fire(`own/ours/${n}`, { n });
    const seenByThem = await theirs.collect(100);
    const seenByUs = await takeEvents(ours, 100);
    const tags = [
      ...events.map((event) => event.tag),
      ...Array.from({ length: 50 }, (_, n) => `own/ours/${n}`),
    ];
    assert.deepEqual(
      seenByThem.map((event) => event.tag),
      tags,
    );
    assert.deepEqual(
      seenByUs.map((event) => event.tag),
      tags,
    );
    assert.deepEqual(seenByThem[3]?.data['raw'], { __bytes__: 'AP8=' });
    assert.deepEqual(withoutStamp(seenByUs[3] ?? assert.fail()), { n: 3, raw: new Uint8Array([0, 255]) });
  });

  test(`${node}: the scripts of the seed, with our clients on the other side`, LIMIT, async (t) => {
    const place = await ownBus(t, node);
    const bus = await connect({ node, configDir: place.configDir });
    t.after(() => {
      bus.destroy();
    });
    const subscription = bus.listen({ tag: 'mytag' });
    await subscription.ready;
    const listening = seedScript(
      t,
      node === 'minion' ? 'listen_to_minion_bus' : 'listen_to_master_bus',
      place,
    );
    await listening.line('Listening for events');
    assert.equal(
      await seedScript(t, node === 'minion' ? 'emit_to_minion_bus' : 'emit_to_master_bus', place).ended,
      0,
    );
    const [event] = await takeEvents(subscription, 1);
    const expected =
      node === 'minion'
        ? { id: ID, tag: 'mytag', data: { message: 'a drop in the bucket' } }
        : { 'sample-msg': 'this is a test', example: 'this is the same test' };
    assert.deepEqual(withoutStamp(event ?? assert.fail()), expected);
    await listening.line(node === 'minion' ? 'a drop in the bucket' : 'this is a test');
    await bus.fire('mytag', { from: 'typescript' });
    assert.match(await listening.line('typescript'), /'from': 'typescript'/);
  });
}
