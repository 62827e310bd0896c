/** What is fired for the master, by way of the spool of our minion. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { MinionOptions } from '../../src/daemon/minion/minion.ts';
import type { MinionSpoolOptions } from '../../src/daemon/minion/minion-spools.ts';
import { SaltbusError } from '../../src/errors.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { ownMaster, watchMaster } from '../helpers/own-master.ts';
import type { OwnMaster } from '../helpers/own-master.ts';
import { clientOfMinion, minionPlace, ownMinion } from '../helpers/own-minion.ts';
import type { MinionPlace } from '../helpers/own-minion.ts';
import { scriptedMaster } from '../helpers/scripted-master.ts';
import type { ScriptedMaster } from '../helpers/scripted-master.ts';
import { takeEvents } from '../helpers/take.ts';
import { openAccepted } from '../../src/daemon/master/accepted.ts';
import type { AcceptedEvent } from '../../src/daemon/master/accepted.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 60_000 };

function spooling(
  { configDir }: MinionPlace,
  spool: Partial<MinionSpoolOptions> = {},
): Pick<MinionOptions, 'spool'> {
  return { spool: { directory: join(configDir, 'c/saltbus'), ...spool } };
}

function placeUnder(t: TestContext, master: ScriptedMaster, id = 'web1'): MinionPlace {
  return minionPlace(t, id, { master: `127.0.0.1:${master.port}`, auth_timeout: 0.5 });
}

function tagsAt(master: ScriptedMaster): unknown[] {
  return master
    .loads('_minion_event')
    .map((load) => load.get('tag'))
    .filter((tag) => tag !== 'minion_start' && tag !== 'salt/minion/web1/start');
}

const single = (tag: string, data: unknown = {}): Record<string, unknown> => ({
  tag,
  data,
  events: null,
  pretag: null,
});

test(
  'by either way it is spooled, sent in order, one request each to a master that is not ours',
  LIMIT,
  async (t) => {
    const master = await scriptedMaster(t);
    const place = placeUnder(t, master);
    const minion = await ownMinion(t, place, spooling(place));
    await minion.ready;
    const bus = await clientOfMinion(t, place);
    for (const n of [1, 2, 3]) await bus.fire('fire_master', single('salt-way', { n }));
    await waitUntil(() => tagsAt(master).length === 3);
    assert.equal(await bus.fireMaster('ours', { n: 1 }, { wait: 'accepted' }), 'accepted');
    assert.equal(await bus.fireMaster([{ tag: 'a', n: 1 }], { wait: 'accepted', pretag: 'p' }), 'accepted');
    assert.deepEqual(master.loads('_minion_event').slice(-5), [
      ...[1, 2, 3].map(
        (n) =>
          new Map<string, unknown>([
            ['cmd', '_minion_event'],
            ['pretag', null],
            ['data', new Map([['n', n]])],
            ['tag', 'salt-way'],
          ]),
      ),
      new Map<string, unknown>([
        ['cmd', '_minion_event'],
        ['pretag', null],
        ['data', new Map([['n', 1]])],
        ['tag', 'ours'],
      ]),
      new Map<string, unknown>([
        ['cmd', '_minion_event'],
        ['pretag', 'p'],
        [
          'events',
          [
            new Map<string, unknown>([
              ['tag', 'a'],
              ['n', 1],
            ]),
          ],
        ],
      ]),
    ]);
    assert.equal(master.loads('_saltbus_hello').length, 1, 'it is asked once in a session');
    assert.deepEqual([minion.status.spool?.['depth'], minion.status.spool?.['sent']], [0, 5]);
  },
);

test(
  'what is spooled outlives the minion and waits for the master; the answers are true',
  LIMIT,
  async (t) => {
    const master = await scriptedMaster(t);
    master.isAnswering = false;
    const place = placeUnder(t, master);
    const minion = await ownMinion(t, place, spooling(place));
    const bus = await clientOfMinion(t, place);
    for (const n of [1, 2, 3]) assert.equal(await bus.fireMaster(`away/${n}`), 'spooled');
    assert.equal(await bus.fireMaster('away/4', {}, { wait: 'accepted', timeoutMs: 200 }), 'spooled');
    await bus.fire('fire_master', single('away/5'));
    await waitUntil(() => minion.status.spool?.['depth'] === 5);
    await minion.close({ signal: AbortSignal.abort() });
    const figures = JSON.parse(
      readFileSync(join(place.configDir, 'c/saltbus/spool-status.json'), 'utf8'),
    ) as Record<string, number>;
    assert.deepEqual([figures['depth'], figures['spooled'], figures['sent']], [5, 5, 0]);
    master.isAnswering = true;
    const again = await ownMinion(t, place, spooling(place));
    assert.equal(await bus.fireMaster('last', {}, { wait: 'accepted' }), 'accepted');
    await waitUntil(() => again.status.spool?.['depth'] === 0);
    const tags = tagsAt(master);
    assert.deepEqual(
      tags.filter((tag) => tag !== 'last' && tag !== 'away/5'),
      ['away/1', 'away/2', 'away/3', 'away/4'],
    );
    assert.deepEqual([...tags].sort(), ['away/1', 'away/2', 'away/3', 'away/4', 'away/5', 'last']);
  },
);

test('without room it is refused, said, counted, and told on the bus', LIMIT, async (t) => {
  const master = await scriptedMaster(t);
  master.isAnswering = false;
  const place = placeUnder(t, master);
  await ownMinion(t, place, spooling(place, { limits: { count: 2 } }));
  const bus = await clientOfMinion(t, place);
  const subscription = bus.listen({ tag: 'saltbus/spool/' });
  await subscription.ready;
  const told = takeEvents(subscription, 1);
  for (const n of [1, 2]) await bus.fireMaster('x', { n });
  await assert.rejects(
    bus.fireMaster('x', { n: 3 }),
    (error) => error instanceof SaltbusError && error.code === 'ERR_SALTBUS_SPOOL_FULL',
  );
  const [event] = await told;
  const { refused, dropped, expired } = event?.data as Record<string, unknown>;
  assert.deepEqual([event?.tag, refused, dropped, expired], ['saltbus/spool/lost', 1, 0, 0]);
});

test('several masters: each has all of it, and the answer is that of the last', LIMIT, async (t) => {
  const masters = [await scriptedMaster(t), await scriptedMaster(t)];
  const [one, other] = masters;
  if (one === undefined || other === undefined) throw new Error('there are two');
  other.isAnswering = false;
  const place = minionPlace(t, 'web1', {
    master: masters.map(({ port }) => `127.0.0.1:${port}`),
    auth_timeout: 0.5,
  });
  const minion = await ownMinion(t, place, spooling(place));
  await minion.ready;
  const bus = await clientOfMinion(t, place);
  assert.equal(await bus.fireMaster('both', {}, { wait: 'accepted', timeoutMs: 300 }), 'spooled');
  const accepted = bus.fireMaster('both/2', {}, { wait: 'accepted' });
  await waitUntil(() => tagsAt(one).length === 2);
  await waitUntil(() => minion.status.spool?.['depth'] === 2);
  other.isAnswering = true;
  assert.equal(await accepted, 'accepted');
  assert.deepEqual(tagsAt(other), ['both', 'both/2']);
});

test('an id goes along to a master that is not ours where that is wanted', LIMIT, async (t) => {
  const master = await scriptedMaster(t);
  const place = placeUnder(t, master);
  await ownMinion(t, place, spooling(place, { tellsIds: true }));
  const bus = await clientOfMinion(t, place);
  const id = '01JDQ3V9K8R2MZT5X7W4';
  await bus.fireMaster('single', {}, { id, wait: 'accepted' });
  await bus.fireMaster([{ tag: 'a', data: { n: 1 } }, { tag: 'b' }], { id: `${id}2`, wait: 'accepted' });
  const [load, list] = master.loads('_minion_event').slice(-2);
  assert.deepEqual(load?.get('_saltbus'), new Map([['id', id]]));
  const metadata = (place: number): Map<string, unknown> =>
    new Map<string, unknown>([
      ['id', `${id}2`],
      ['place', place],
    ]);
  assert.deepEqual(list?.get('events'), [
    new Map<string, unknown>([
      ['tag', 'a'],
      [
        'data',
        new Map<string, unknown>([
          ['n', 1],
          ['_saltbus', metadata(0)],
        ]),
      ],
    ]),
    new Map<string, unknown>([
      ['tag', 'b'],
      ['_saltbus', metadata(1)],
    ]),
  ]);
});

interface OursRig {
  readonly master: OwnMaster;
  readonly place: MinionPlace;
  /** What is in the store of the master, which is stopped for it. */
  readonly kept: () => Promise<readonly AcceptedEvent[]>;
}

async function ours(t: TestContext): Promise<OursRig> {
  const folder = temporaryFolder(t);
  const path = join(folder, 'c/saltbus/accepted.db');
  const master = await ownMaster(t, { folder, options: { accepted: { path } } });
  const place = minionPlace(t, 'web1', {
    master: `127.0.0.1:${master.requestPort}`,
    publish_port: master.publishPort,
    auth_timeout: 0.5,
  });
  return {
    master,
    place,
    kept: async () => {
      await master.stop();
      await using store = await openAccepted({ path });
      return await store.after(0, 10_000);
    },
  };
}

/** The same event, as the bus of the master has it. */
function plainly(data: unknown): Record<string, unknown> {
  const { _stamp: stamp, ts, ...rest } = data as Record<string, unknown>;
  assert.equal(typeof stamp, 'string');
  assert.equal(ts === undefined || typeof ts === 'number', true);
  return rest;
}

test(
  'our master has it in its store before it is called accepted, in the shape of ever',
  LIMIT,
  async (t) => {
    const { master, place, kept } = await ours(t);
    const seen = await watchMaster(t, master.sockDir);
    const minion = await ownMinion(t, place, spooling(place));
    const bus = await clientOfMinion(t, place);
    const ids = ['01JDQ3V9K8R2MZT5X7W1', '01JDQ3V9K8R2MZT5X7W2'];
    const outcomes = await Promise.all([
      bus.fireMaster('one', { n: 1 }, { id: ids[0] ?? '', wait: 'accepted' }),
      bus.fireMaster(
        [
          { tag: 'a', data: { n: 1 } },
          { tag: 'b', n: 2 },
        ],
        {
          id: ids[1] ?? '',
          wait: 'accepted',
        },
      ),
      ...Array.from({ length: 200 }, (_, n) => bus.fireMaster('many', { n }, { wait: 'accepted' })),
    ]);
    assert.deepEqual(new Set(outcomes), new Set(['accepted']));
    await bus.fire('fire_master', single('salt-way', { n: 1 }));
    const last = await seen.until('salt-way');
    assert.equal(typeof (last.data as { _saltbus: { id: unknown } })._saltbus.id, 'string');
    const events = seen.events.filter(({ tag }) => ['one', 'a', 'b'].includes(tag));
    assert.deepEqual(
      events.map(({ tag, data }) => [tag, plainly(data)]),
      [
        [
          'one',
          {
            cmd: '_minion_event',
            pretag: null,
            data: { n: 1 },
            tag: 'one',
            id: 'web1',
            _saltbus: { minion: 'web1', id: ids[0] },
          },
        ],
        ['a', { n: 1, _saltbus: { minion: 'web1', id: ids[1] } }],
        ['b', { tag: 'b', n: 2, _saltbus: { minion: 'web1', id: ids[1] } }],
      ],
    );
    const many = seen.events.filter(({ tag }) => tag === 'many');
    assert.deepEqual(
      many.map(({ data }) => (data as { data: { n: number } }).data.n),
      Array.from({ length: 200 }, (_, n) => n),
    );
    assert.deepEqual(master.daemon.counters.accepted, { accepted: 204, copies: 0, forgotten: 0 });
    assert.ok((minion.status.masters[0]?.counters.answered ?? 0) < 150, 'many go in one request');
    await waitUntil(() => minion.status.spool?.['depth'] === 0);
    const stored = await kept();
    assert.equal(new Set(stored.map(({ id }) => id)).size, 204);
    assert.deepEqual(
      stored.slice(0, 3).map(({ id, minion: sender, tag }) => [id, sender, tag]),
      [
        [ids[0], 'web1', 'one'],
        [`${ids[1] ?? ''}.0`, 'web1', 'a'],
        [`${ids[1] ?? ''}.1`, 'web1', 'b'],
      ],
    );
  },
);

test('a copy is in the store once; on the bus again only after a restart, and marked', LIMIT, async (t) => {
  const { master, place, kept } = await ours(t);
  const id = '01JDQ3V9K8R2MZT5X7W4';
  // the minion forgets what it has sent, as one does that is started anew
  const fire = async (): Promise<void> => {
    const minion = await ownMinion(t, place, spooling(place));
    await using bus = await clientOfMinion(t, place);
    assert.equal(await bus.fireMaster('x', { n: 1 }, { id, wait: 'accepted' }), 'accepted');
    await minion.close();
  };
  const before = await watchMaster(t, master.sockDir);
  await fire();
  await fire();
  assert.deepEqual(master.daemon.counters.accepted, { accepted: 1, copies: 1, forgotten: 0 });
  const metadata = (events: typeof before.events): unknown[] =>
    events.filter(({ tag }) => tag === 'x').map(({ data }) => (data as { _saltbus: unknown })._saltbus);
  assert.deepEqual(metadata(before.events), [{ minion: 'web1', id }]);
  await master.restart();
  const after = await watchMaster(t, master.sockDir);
  await fire();
  await after.until('x');
  assert.deepEqual(metadata(after.events), [{ minion: 'web1', id, redelivered: true }]);
  assert.deepEqual(master.daemon.counters.accepted, { accepted: 0, copies: 1, forgotten: 0 });
  assert.equal((await kept()).length, 1);
});

test('what our master does not let through is told to who fired it, and kept by nobody', LIMIT, async (t) => {
  const { master, place, kept } = await ours(t);
  await ownMinion(t, place, spooling(place));
  const bus = await clientOfMinion(t, place);
  await assert.rejects(
    bus.fireMaster('salt/minion/web2/start', {}, { wait: 'accepted' }),
    (error) => error instanceof SaltbusError && error.code === 'ERR_SALTBUS_NOT_SPOOLED',
  );
  assert.equal(await bus.fireMaster('fine', {}, { wait: 'accepted' }), 'accepted');
  assert.equal(master.daemon.counters.requests.declined.get('foreign-id'), 1);
  assert.deepEqual(
    (await kept()).map(({ tag }) => tag),
    ['fine'],
  );
});

test('a master of ours without a store is sent to as a real one', LIMIT, async (t) => {
  const master = await ownMaster(t);
  const place = minionPlace(t, 'web1', { master: `127.0.0.1:${master.requestPort}` });
  const seen = await watchMaster(t, master.sockDir);
  await ownMinion(t, place, spooling(place));
  const bus = await clientOfMinion(t, place);
  assert.equal(await bus.fireMaster('x', { n: 1 }, { wait: 'accepted' }), 'accepted');
  const { data } = await seen.until('x');
  assert.deepEqual(plainly(data), {
    cmd: '_minion_event',
    pretag: null,
    data: { n: 1 },
    tag: 'x',
    id: 'web1',
    _saltbus: { minion: 'web1' },
  });
});
