/** The parts that a master is put together of: queue, presence, key changes, rotation, directory. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { createPublicKey, createHash, verify } from 'node:crypto';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { MasterSessions } from '../../../../src/channel/master-sessions.ts';
import { PublishKey } from '../../../../src/channel/publish-key.ts';
import { EventBodyEncoder } from '../../../../src/codec/event-body.ts';
import { decodePlain } from '../../../../src/codec/msgpack/decode.ts';
import { Broker } from '../../../../src/daemon/broker.ts';
import { SaltJobCache } from '../../../../src/daemon/master/jobs/salt-job-cache.ts';
import { JobRecords } from '../../../../src/daemon/master/jobs/job-records.ts';
import { KeyChanges } from '../../../../src/daemon/master/key-changes.ts';
import { KeyRotation } from '../../../../src/daemon/master/key-rotation.ts';
import type { KeyChange } from '../../../../src/daemon/master/keys/index.ts';
import { keySignature } from '../../../../src/daemon/master/keys/signing-key.ts';
import type { BusEvent } from '../../../../src/daemon/master/load.ts';
import { MasterBus } from '../../../../src/daemon/master/master-bus.ts';
import { MinionDirectory } from '../../../../src/daemon/master/minion-directory.ts';
import { MinionMaps } from '../../../../src/daemon/master/pillar/minion-maps.ts';
import { Presence, topicOf } from '../../../../src/daemon/master/presence.ts';
import { WorkQueue } from '../../../../src/daemon/master/work-queue.ts';
import { masterKeyNamed, publicKeyNamed } from '../../../helpers/channel.ts';
import { exact, load } from '../../../helpers/loads.ts';
import { temporaryFolder } from '../../../helpers/own-bus.ts';

suite('the queue', () => {
  test('so many at once, in order, so many waiting, and one more is turned away', async () => {
    const begun: number[] = [];
    const ends = new Map<number, () => void>();
    const queue = new WorkQueue<number>({ concurrency: 2, waiting: 2 }, (item) => {
      begun.push(item);
      return new Promise((resolve) => ends.set(item, resolve));
    });
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((item) => queue.add(item)),
      [true, true, true, true, false],
    );
    assert.deepEqual([begun, queue.running, queue.waiting], [[1, 2], 2, 2]);
    const end = async (item: number): Promise<void> => {
      ends.get(item)?.();
      await new Promise(setImmediate);
    };
    await end(2);
    assert.deepEqual([begun, queue.running, queue.waiting], [[1, 2, 3], 2, 1]);
    await end(1);
    await end(3);
    assert.deepEqual([begun, queue.running, queue.waiting], [[1, 2, 3, 4], 1, 0]);
    assert.equal(queue.add(6), true);
    await end(4);
    await end(6);
    assert.deepEqual([begun, queue.running, queue.waiting], [[1, 2, 3, 4, 6], 0, 0]);
  });
});

suite('presence', () => {
  const from = (address: string): { readonly address: { readonly address: string } } => ({
    address: { address },
  });

  test('a subscriber at the address, and a request connection now or at the last look', () => {
    const presence = new Presence(false);
    const [request, other] = [from('10.0.0.1'), from('10.0.0.2')];
    presence.seen(request, 'web1');
    assert.equal(presence.has('web1'), false, 'nobody is subscribed from there');
    presence.subscriber(from('10.0.0.1'), 1);
    presence.seen(other, 'web2');
    assert.deepEqual(presence.ids(), ['web1']);
    assert.deepEqual(presence.look(), [
      { tag: 'salt/presence/change', data: exact({ new: ['web1'], lost: [] }) },
      { tag: 'salt/presence/present', data: exact({ present: ['web1'] }) },
    ]);
    presence.left(request);
    assert.deepEqual(
      presence.look().map(({ tag }) => tag),
      ['salt/presence/present'],
      'a connection that was opened anew a moment later is nothing to tell',
    );
    assert.deepEqual(presence.look()[0], {
      tag: 'salt/presence/change',
      data: exact({ new: [], lost: ['web1'] }),
    });
    presence.seen(request, 'web1');
    presence.subscriber(from('10.0.0.1'), -1);
    assert.equal(presence.has('web1'), false, 'its subscriber is gone');
  });

  test('a connection that changes hands', () => {
    const presence = new Presence(false);
    const request = from('10.0.0.1');
    presence.subscriber(request, 1);
    presence.seen(request, 'web1');
    presence.seen(request, 'web2');
    presence.look();
    presence.look();
    assert.deepEqual(presence.ids(), ['web2']);
  });

  test('with topics, whoever is subscribed to that of the id', () => {
    const presence = new Presence(true);
    presence.subscription(Buffer.from(topicOf('web1')), true);
    presence.subscription(Buffer.from('broadcast'), true);
    assert.deepEqual([presence.has('web1'), presence.has('web2')], [true, false]);
    presence.subscription(Buffer.from(topicOf('web1')), false);
    assert.equal(presence.has('web1'), false);
  });
});

/** A bus whose events are gathered. */
function busOf(): { readonly bus: MasterBus; readonly fired: BusEvent[] } {
  const fired: BusEvent[] = [];
  const bus = new MasterBus(new Broker(), false);
  bus.fire = (event) => void fired.push(event);
  return { bus, fired };
}

suite('changes of keys', () => {
  interface Rig {
    readonly changes: KeyChanges;
    readonly sessions: MasterSessions;
    readonly grains: MinionMaps;
    readonly fired: BusEvent[];
  }
  function rig(t: TestContext): Rig {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { bus, fired } = busOf();
    const sessions = new MasterSessions();
    sessions.forSignIn('web1');
    const grains = new MinionMaps();
    grains.set('web1', load({ os: 'x' }));
    const changes = new KeyChanges({ sessions, bus, kept: [grains] });
    t.after(() => changes.close());
    return { changes, sessions, grains, fired };
  }
  const change = (more: Partial<KeyChange>): KeyChange => ({
    id: 'web1',
    state: 'rejected',
    previous: 'accepted',
    replaced: false,
    source: 'disk',
    ...more,
  });
  const keyEvent = (act: string): BusEvent => ({
    tag: 'salt/key',
    data: exact({ result: true, act, id: 'web1' }) as BusEvent['data'],
  });

  test('rejected: the session ends, what is known stays, and it is told', (t) => {
    const { changes, sessions, grains, fired } = rig(t);
    changes.on(change({}));
    assert.deepEqual([sessions.size, grains.has('web1')], [0, true]);
    assert.deepEqual(fired, []);
    t.mock.timers.tick(700);
    assert.deepEqual(fired, [keyEvent('reject')]);
  });

  test('deleted: what is known goes too, unless it is to stay', (t) => {
    const { changes, grains } = rig(t);
    changes.keepCache('web1');
    changes.on(change({ state: 'deleted' }));
    assert.equal(grains.has('web1'), true);
    changes.on(change({ state: 'deleted' }));
    assert.equal(grains.has('web1'), false);
  });

  test('a key among the denied ones, and one that is accepted, end no session; another key does', (t) => {
    const { changes, sessions } = rig(t);
    changes.on(change({ state: 'denied', previous: undefined }));
    changes.on(change({ state: 'deleted', previous: 'denied' }));
    changes.on(change({ state: 'accepted', previous: 'pending' }));
    assert.equal(sessions.size, 1);
    changes.on(change({ state: 'accepted', replaced: true }));
    assert.equal(sessions.size, 0);
  });

  test('what salt-key has told, before or after, is not told again', (t) => {
    const { changes, fired } = rig(t);
    const encoder = new EventBodyEncoder();
    const told = (tag: string, data: Record<string, unknown>): void => {
      const body = Buffer.concat([Buffer.from('xx'), encoder.encode(tag, data)]);
      changes.observe(body, { start: 2, end: body.length });
    };
    told('salt/key', { result: true, act: 'reject', id: 'web1' });
    changes.on(change({}));
    changes.on(change({ state: 'accepted', previous: 'rejected' }));
    told('salt/key', { result: true, act: 'accept', id: 'web1' });
    told('salt/keys', { act: 'delete', id: 'web1' });
    told('salt/key', { act: 7 });
    changes.observe(Buffer.from('salt/key\n\n\xc1', 'latin1'), { start: 0, end: 11 });
    changes.on(change({ state: 'deleted' }));
    t.mock.timers.tick(700);
    assert.deepEqual(fired, [keyEvent('delete')]);
    changes.on(change({}));
    t.mock.timers.tick(700);
    assert.deepEqual(fired, [keyEvent('delete'), keyEvent('reject')], 'that was long ago');
  });
});

suite('new publish keys', () => {
  test('at once, and what comes soon after is one more', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { bus, fired } = busOf();
    const publishKey = await PublishKey.create({ masterKey: masterKeyNamed('master') });
    let pings = 0;
    const rotation = new KeyRotation({
      publishKey,
      bus,
      ping: () => {
        pings += 1;
        return Promise.resolve();
      },
    });
    const settled = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    };
    const before = publishKey.current().key;
    rotation.ask();
    await settled();
    assert.notEqual(publishKey.current().key, before);
    for (let more = 0; more < 5; more += 1) rotation.ask();
    await settled();
    assert.equal(rotation.count, 1);
    t.mock.timers.tick(10_000);
    await settled();
    assert.deepEqual([rotation.count, pings], [2, 2]);
    t.mock.timers.tick(10_000);
    await settled();
    assert.equal(rotation.count, 2, 'nobody has asked');
    rotation.ask();
    await settled();
    assert.deepEqual(
      fired,
      Array.from({ length: 3 }, () => ({ tag: 'key', data: exact({ rotate_aes_key: true }) })),
    );
    rotation.ask();
    rotation.close();
    t.mock.timers.tick(10_000);
    await settled();
    assert.equal(rotation.count, 3);
  });
});

suite('who is meant', () => {
  const grains = new MinionMaps();
  const pillars = new MinionMaps();
  grains.set('web1', load({ os: 'x' }));
  pillars.set('web1', load({ secret: 'abc' }));
  const accepted = ['web1', 'web2', 'broken'];
  const store = {
    ids: () => accepted.values(),
    acceptedKey: (id: string) => (id === 'broken' ? undefined : publicKeyNamed('web1')),
  };
  const directory = new MinionDirectory({ store, grains, pillars }, { all: 'web*' });

  test('accepted minions, by what is known of them', () => {
    const ids = (tgt: string, tgtType: string): readonly string[] => directory.resolve({ tgt, tgtType }).ids;
    assert.deepEqual(ids('*', 'glob'), ['web1', 'web2']);
    assert.deepEqual(ids('os:x', 'grain'), ['web1']);
    assert.deepEqual(ids('all', 'nodegroup'), ['web1', 'web2']);
    assert.throws(() => ids('x', 'no-such'), { code: 'ERR_SALTBUS_TARGET' });
    directory.setNodegroups({});
    assert.throws(() => ids('all', 'nodegroup'), { code: 'ERR_SALTBUS_TARGET' });
  });

  test('for the mine of others, pillar cannot be guessed at', () => {
    assert.deepEqual(directory.forMine('web*', 'glob'), ['web1', 'web2']);
    assert.deepEqual(directory.forMine('secret:abc', 'pillar_exact'), ['web1']);
    assert.deepEqual(directory.forMine('secret:a*', 'pillar_exact'), []);
    assert.deepEqual(directory.forMine('web1 or I@secret:a*', 'compound_pillar_exact'), []);
    assert.deepEqual(directory.forMine('G@os:x', 'compound_pillar_exact'), ['web1']);
    assert.deepEqual(directory.forMine('(', 'compound_pillar_exact'), []);
  });
});

suite('jobs', () => {
  test('old ones are forgotten, the oldest first', () => {
    let now = 1000;
    const jobs = new JobRecords({}, () => now);
    for (const jid of ['1', '2', '3']) {
      jobs.add({ jid, load: load({}), minions: ['a'] });
      jobs.addReturn(jid, 'a', load({}), 10);
      now += 1000;
    }
    jobs.forgetBefore(3000);
    assert.deepEqual(
      [...jobs.all()].map(({ jid }) => jid),
      ['3'],
    );
    assert.equal(jobs.counters.bytes, 10);
  });

  test('on disk, where the command line looks; removed when they are old', async (t) => {
    const cachedir = temporaryFolder(t);
    const cache = new SaltJobCache({ cachedir, hashType: 'sha256' });
    const folderOf = (jid: string): string => {
      const hash = createHash('sha256').update(jid).digest('hex');
      return join(cachedir, 'jobs', hash.slice(0, 2), hash.slice(2));
    };
    for (const jid of ['1', '2']) await cache.store(jid, load({ fun: 'test.ping' }), ['a', 'b']);
    assert.deepEqual(decodePlain(readFileSync(join(folderOf('1'), '.load.p'))), { fun: 'test.ping' });
    assert.deepEqual(decodePlain(readFileSync(join(folderOf('1'), '.minions.p'))), ['a', 'b']);
    utimesSync(join(folderOf('1'), 'jid'), 1, 1);
    await cache.removeBefore(5000, 1_000_000);
    assert.deepEqual([existsSync(folderOf('1')), existsSync(folderOf('2'))], [false, true]);
    utimesSync(join(folderOf('2'), 'jid'), 1, 1);
    await cache.removeBefore(5000, 1_000_001);
    assert.equal(existsSync(folderOf('2')), true, 'a moment later it is not looked again');
    await cache.removeBefore(5000, 2_000_000);
    assert.equal(existsSync(folderOf('2')), false);
  });
});

test('the signature of the master’s key: made with the signing key, or taken from a file', async (t) => {
  const pkiDir = temporaryFolder(t);
  const publicPem = masterKeyNamed('master').publicPem;
  const options = { pkiDir, publicPem, keyName: 'master_sign' };
  const signature = await keySignature(options);
  assert.match(signature, /^[A-Za-z0-9+/]{342}==\n$/);
  const signing = createPublicKey(readFileSync(join(pkiDir, 'master_sign.pub')));
  assert.equal(verify('sha1', Buffer.from(publicPem), signing, Buffer.from(signature, 'base64')), true);
  assert.equal(await keySignature(options), signature, 'with the key that is there');
  await assert.rejects(keySignature({ ...options, signatureName: 'none' }), {
    code: 'ERR_SALTBUS_KEY_INVALID',
    message: /none cannot be used: it is not there/,
  });
  await assert.rejects(keySignature({ ...options, signatureName: 'master_sign.pub' }), {
    code: 'ERR_SALTBUS_KEY_INVALID',
  });
});
