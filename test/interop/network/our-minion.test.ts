/** Our minion beside a real one, under the same real master. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bus } from '../../../src/bus/bus.ts';
import { connect } from '../../../src/client/connect.ts';
import type { SaltEvent } from '../../../src/event.ts';
import { clientOfMinion, minionPlace, ownMinion } from '../../helpers/own-minion.ts';
import { listenTo, salt } from '../../helpers/salt-commands.ts';
import { takeEvents, withoutStamp } from '../../helpers/take.ts';
import { waitUntil } from '../../helpers/wait-until.ts';
import { interop, pythonFire } from '../helpers.ts';

const LIMIT = { timeout: 180_000 };

/** Without what differs by nature: who, and when. */
function comparable(event: SaltEvent): Record<string, unknown> {
  const rest = withoutStamp(event);
  delete rest['id'];
  delete rest['ts'];
  return rest;
}

/** Without what we do not do as real minions do, and the documentation of functions. */
function comparableReturn(event: SaltEvent): Record<string, unknown> {
  const rest = comparable(event);
  const value = rest['return'];
  // A real minion puts the stamp of the event that it fires into the arguments that it tells of.
  const [first] = rest['fun_args'] as readonly unknown[];
  if (typeof first === 'object' && first !== null) Reflect.deleteProperty(first, '_stamp');
  // 3008: of resources, which our minion has none of
  const keywords = (value as { readonly kwargs?: Record<string, unknown> } | null)?.kwargs ?? {};
  for (const name of ['minion_is_target', 'pure_resource_target', 'resource_targets'])
    Reflect.deleteProperty(keywords, `__pub_${name}`);
  if (typeof value === 'string')
    rest['return'] = value.replace(/^(Passed invalid arguments[^\n]*)\n[^]*$/, '$1');
  return rest;
}

const JOBS: readonly (readonly string[])[] = [
  ['test.ping'],
  ['test.echo', 'text'],
  ['test.echo', 'a=1'],
  ['test.echo'],
  ['test.echo', '1', '2'],
  ['test.echo', '[1, 2.5, {a: null}]'],
  ['test.arg', '1', 'two', 'three=[3]', 'metadata={"why": 1}'],
  ['no.such'],
  ['test.ping,test.echo', ',x'],
  ['grains.get', 'no-such-grain', 'a-default'],
  ['grains.get', 'os'],
  ['grains.get', 'ip_interfaces:lo'],
  ['grains.item', 'os', 'os_family', 'osrelease', 'osfinger', 'kernel', 'num_cpus'],
  ['pillar.get', 'nothing'],
  ['pillar.items'],
  ['pillar.item', 'nothing'],
  ['saltutil.find_job', '20200101000000000000'],
  ['event.fire', '{"a": 1}', 'interop/fired'],
  ['event.fire_master', '{"a": 1}', 'interop/fired'],
  ['event.send', 'interop/sent', 'a=1'],
  ['sys.list_functions', 'test.pin*'],
  ['sys.list_modules', 'test'],
];

test('jobs are returned as a real minion returns them, field for field', LIMIT, async (t) => {
  const { masterConfigDir, minionId, requestPort } = interop();
  const place = minionPlace(t, 'beside1', { master: '127.0.0.1', master_port: requestPort });
  const minion = await ownMinion(t, place);
  await minion.ready;
  const events = await listenTo(t, masterConfigDir, 'salt/job/');
  for (const job of JOBS) {
    const [fun = '', ...args] = job;
    await salt(masterConfigDir, 'salt', '--static', '-L', `${minionId},beside1`, fun, ...args);
    const returns = new Map<unknown, SaltEvent>();
    while (returns.size < 2) {
      const [event] = await takeEvents(events, 1);
      const funs: unknown = event?.data['fun'];
      if (event?.tag.includes('/ret/') !== true || String(funs) !== fun) continue;
      returns.set(event.data['id'], event);
    }
    const ours = returns.get('beside1') ?? assert.fail();
    const theirs = returns.get(minionId) ?? assert.fail();
    assert.equal(ours.data['jid'], theirs.data['jid'], job.join(' '));
    assert.deepEqual(comparableReturn(ours), comparableReturn(theirs), job.join(' '));
    assert.deepEqual(Object.keys(ours.data).sort(), Object.keys(theirs.data).sort(), job.join(' '));
  }
});

test('grains that a real minion has too say the same', LIMIT, async (t) => {
  const { masterConfigDir, minionId, requestPort } = interop();
  const minion = await ownMinion(
    t,
    minionPlace(t, 'beside2', { master: '127.0.0.1', master_port: requestPort }),
  );
  await minion.ready;
  const all = (await salt(
    masterConfigDir,
    'salt',
    '-L',
    `${minionId},beside2`,
    'grains.items',
    '--static',
  )) as Record<string, Record<string, unknown>>;
  const theirs = all[minionId] ?? assert.fail();
  const ours = all['beside2'] ?? assert.fail();
  const other = [
    'id',
    'pid',
    'saltversion',
    'saltversioninfo',
    'path',
    'shell',
    'kernelversion',
    'cpu_model',
  ];
  const names = Object.keys(ours).filter((name) => Object.hasOwn(theirs, name) && !other.includes(name));
  const pick = (from: Record<string, unknown>): unknown =>
    Object.fromEntries(names.map((name) => [name, from[name]]));
  assert.deepEqual(pick(ours), pick(theirs));
  assert.ok(names.length > 25, `only ${names.join(' ')}`);
});

for (const [id, isSpooling] of [
  ['beside3', false],
  ['beside4', true],
] as const) {
  test(
    `what is fired for the master arrives as from a real minion, in both forms (${isSpooling ? 'spool' : 'memory'})`,
    LIMIT,
    async (t) => {
      const { masterConfigDir, minionConfigDir, requestPort } = interop();
      const place = minionPlace(t, id, { master: '127.0.0.1', master_port: requestPort });
      const minion = await ownMinion(
        t,
        place,
        isSpooling ? { spool: { directory: join(place.configDir, 'c/saltbus') } } : {},
      );
      await minion.ready;
      const events = await listenTo(t, masterConfigDir, 'interop/forward/');
      const [theirs, ours] = [
        await connect({ node: 'minion', configDir: minionConfigDir }),
        await clientOfMinion(t, place),
      ];
      t.after(() => {
        theirs.destroy();
      });
      const fireAll = async (bus: Bus): Promise<SaltEvent[]> => {
        const data = {
          text: 'é',
          bytes: Buffer.from([0, 255]),
          n: 2 ** 40,
          list: [1.5, null, true],
          map: { 1: 'x' },
        };
        const outcome = await bus.fireMaster('interop/forward/single', data);
        assert.equal(outcome, bus === ours && isSpooling ? 'spooled' : 'handed');
        await bus.fireMaster('interop/forward/empty', {});
        await bus.fireMaster('interop/forward/text', 'text');
        await bus.fireMaster([
          { tag: 'interop/forward/list', data },
          { tag: 'interop/forward/whole', foo: 'bar' },
        ]);
        await bus.fireMaster([{ tag: 'pretagged', data: { n: 1 } }], { pretag: 'interop/forward' });
        return await takeEvents(events, 6);
      };
      const tell = (found: readonly SaltEvent[]): unknown =>
        found.map((event) => [event.tag, comparable(event)]);
      const fromTheirs = await fireAll(theirs);
      const fromOurs = await fireAll(ours);
      assert.deepEqual(tell(fromOurs), tell(fromTheirs));
      assert.deepEqual(
        fromOurs.map(({ data }) => data['id']),
        [id, id, id, undefined, undefined, undefined],
      );
      await waitUntil(() => minion.status.forwarding[0]?.sent === 5);
      // refused where it comes from the bus: a real master would drop it in silence
      const denied = { tag: 'salt/key', data: {}, events: null, pretag: null };
      const sockDir = join(place.configDir, 's');
      await pythonFire(t, {
        node: 'minion',
        sockDir,
        id,
        events: [{ tag: 'fire_master', data: denied }],
      });
      await waitUntil(() => minion.status.forwarding[0]?.refused === 1);
    },
  );
}

test('a key of the files that others can read is refused', LIMIT, async (t) => {
  const place = minionPlace(t, 'unsafe', { master: '127.0.0.1', master_port: interop().requestPort });
  await (await ownMinion(t, place)).close();
  const path = join(place.configDir, 'pki', 'minion.pem');
  assert.match(readFileSync(path, 'utf8'), /^-----BEGIN RSA PRIVATE KEY-----/);
  chmodSync(path, 0o644);
  await assert.rejects(ownMinion(t, place), { code: 'ERR_SALTBUS_KEY_UNSAFE' });
  chmodSync(path, 0o600);
  writeFileSync(path, 'no key');
  await assert.rejects(ownMinion(t, place), { code: 'ERR_SALTBUS_KEY_INVALID' });
});
