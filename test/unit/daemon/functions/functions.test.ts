import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExactValue } from '../../../../src/codec/msgpack/values.ts';
import { ExactFloat } from '../../../../src/codec/msgpack/values.ts';
import type { FunctionHost, MinionFunction } from '../../../../src/daemon/functions/function.ts';
import { runFunction } from '../../../../src/daemon/functions/run.ts';
import type { FunctionResult } from '../../../../src/daemon/functions/run.ts';
import { MINION_FUNCTIONS } from '../../../../src/daemon/functions/table.ts';
import { SaltbusError } from '../../../../src/errors.ts';

interface Rig {
  readonly fired: unknown[];
  readonly run: (name: string, ...args: readonly ExactValue[]) => Promise<FunctionResult>;
  readonly value: (name: string, ...args: readonly ExactValue[]) => Promise<unknown>;
}

const GRAINS = new Map<string, unknown>([
  ['os', 'Debian'],
  ['ip_interfaces', new Map([['eth0', ['192.0.2.1', 'fd00::1']]])],
  ['disks', [new Map([['name', 'sda']]), new Map([['name', 'sdb']])]],
]);
const PILLAR = new Map<ExactValue, ExactValue>([['a', new Map([[1, 'one']])]]);

function rig(changes: Partial<FunctionHost> = {}): Rig {
  const fired: unknown[] = [];
  const killed = new Set(['2']);
  const host: FunctionHost = {
    id: 'web1',
    release: '3008.5',
    functions: MINION_FUNCTIONS,
    saltenv: null,
    pillarenv: 'dev',
    grains: () => GRAINS,
    pillar: () => PILLAR,
    freshPillar: () => Promise.resolve(new Map([...PILLAR, ['fresh', true]])),
    refreshGrains: () => Promise.resolve(),
    runningJobs: () => [
      new Map<ExactValue, unknown>([
        ['jid', '1'],
        ['fun', 'test.sleep'],
        ['pid', 7],
      ]),
    ],
    killJob: (jid) => killed.has(jid),
    fire: (tag, data) => fired.push([tag, data]),
    ...changes,
  };
  const job = new Map<ExactValue, ExactValue>([
    ['jid', '20261125000000000000'],
    ['user', 'root'],
  ]);
  const run: Rig['run'] = (name, ...args) => runFunction(host, name, args, job, new AbortController().signal);
  return { fired, run, value: async (name, ...args) => (await run(name, ...args)).return };
}

const keyword = (values: Readonly<Record<string, ExactValue>>): ExactValue =>
  new Map<ExactValue, ExactValue>([['__kwarg__', true], ...Object.entries(values)]);

test('each function has a name of two parts and says what it does', () => {
  for (const { name, doc } of MINION_FUNCTIONS.values()) {
    assert.match(name, /^[a-z]+\.[a-z_]+$/);
    assert.match(doc, /^.+\n\nCLI Example:\n\n( {4}salt '\*' .+\n)+$/, name);
    assert.ok(doc.includes(name), name);
  }
});

test('test.*', async () => {
  const { run, value } = rig();
  assert.deepEqual(await run('test.ping'), { return: true, retcode: 0, success: true });
  assert.equal(await value('test.echo', 'x'), 'x');
  assert.equal(await value('test.version'), '3008.5');
  assert.equal(await value('test.sleep', new ExactFloat(0)), true);
  assert.match(
    String(await value('test.sleep', 'long')),
    /^ERROR executing 'test.sleep': length is no number/,
  );
});

test('grains.*: values in maps and lists, defaults, another delimiter', async () => {
  const { value, run } = rig();
  assert.equal(await value('grains.get', 'os'), 'Debian');
  assert.equal(await value('grains.get', 'none'), '');
  assert.equal(await value('grains.get', 'none', 7), 7);
  assert.equal(await value('grains.get', 'ip_interfaces:eth0:1'), 'fd00::1');
  assert.equal(await value('grains.get', 'ip_interfaces|eth0|-1', keyword({ delimiter: '|' })), 'fd00::1');
  assert.equal(await value('grains.get', 'disks:name'), 'sda');
  assert.deepEqual(
    await value('grains.item', 'os', 'none'),
    new Map([
      ['os', 'Debian'],
      ['none', ''],
    ]),
  );
  assert.deepEqual(await value('grains.ls'), ['disks', 'ip_interfaces', 'os']);
  assert.equal((await run('grains.items')).out, 'nested');
});

test('pillar.*: the one in memory, and the fresh one', async () => {
  const { value } = rig();
  assert.equal(await value('pillar.get', 'a:1'), 'one');
  assert.equal(await value('pillar.get', 'fresh'), '');
  assert.deepEqual(await value('pillar.items', 'fresh', 'none'), new Map([['fresh', true]]));
});

test('saltutil.*', async () => {
  const { value } = rig();
  assert.deepEqual(
    await value('saltutil.find_job', '1'),
    new Map<string, unknown>([
      ['jid', '1'],
      ['fun', 'test.sleep'],
      ['pid', 7],
    ]),
  );
  assert.deepEqual(await value('saltutil.find_job', '2'), new Map());
  assert.equal(((await value('saltutil.is_running', 'test.*')) as unknown[]).length, 1);
  assert.deepEqual(await value('saltutil.is_running', 'state.*'), []);
  assert.equal(await value('saltutil.kill_job', '1'), '');
  assert.equal(await value('saltutil.term_job', '2'), `Signal 15 sent to job 2 at pid ${process.pid}`);
  assert.equal(await value('saltutil.refresh_grains'), true);
  assert.deepEqual(await value('saltutil.sync_all'), new Map());
});

test('event.*: on the own bus, and as a package for the master', async () => {
  const { value, run, fired } = rig();
  const data = new Map<ExactValue, ExactValue>([['a', 1]]);
  assert.equal(await value('event.fire', data, 'x'), true);
  assert.equal(await value('event.fire_master', data, 'y'), true);
  assert.equal(
    await value('event.send', 'z', keyword({ foo: 'Foo', with_grains: ['os'], with_env_opts: true })),
    true,
  );
  const packageOf = (tag: string, inner: unknown): unknown => [
    'fire_master',
    { tag, data: inner, events: null, pretag: null },
  ];
  assert.deepEqual(fired, [
    ['x', data],
    packageOf('y', data),
    packageOf(
      'z',
      new Map<string, unknown>([
        ['grains', new Map([['os', 'Debian']])],
        ['saltenv', null],
        ['pillarenv', 'dev'],
        ['foo', 'Foo'],
        ['__pub_jid', '20261125000000000000'],
        ['__pub_user', 'root'],
      ]),
    ),
  ]);
  assert.equal((await run('event.send', 'salt/key')).success, false);
  assert.match(
    String(await value('event.fire_master', data, 'salt/key')),
    /^ERROR: The tag, "salt\/key", matches/,
  );
  assert.match(String(await value('event.fire', 'text', 'x')), /data is no map/);
  assert.match(
    String(await value('event.send', 'x', keyword({ preload: data }))),
    /preload is not supported/,
  );
  assert.equal(fired.length, 3);
});

test('sys.*', async () => {
  const { value } = rig();
  assert.deepEqual(await value('sys.list_functions', 'pillar'), [
    'pillar.get',
    'pillar.item',
    'pillar.items',
  ]);
  assert.deepEqual(await value('sys.list_functions', 'test.p*', 'test.echo'), ['test.echo', 'test.ping']);
  assert.deepEqual(await value('sys.list_modules'), ['event', 'grains', 'pillar', 'saltutil', 'sys', 'test']);
  assert.deepEqual([...((await value('sys.doc', 'test.ping')) as Map<string, string>).keys()], ['test.ping']);
});

test('a function that is not there, and one whose name begins like others', async () => {
  const { run, value } = rig();
  assert.deepEqual(await run('no.such'), {
    return: "'no.such' is not available.",
    retcode: 1,
    success: false,
    out: 'nested',
  });
  const docs = (await value('test.pin')) as Map<string, string>;
  assert.deepEqual([...docs.keys()], ['test.ping', 'test.pin']);
  assert.equal(docs.get('test.pin'), "'test.pin' is not available.");
  assert.match(String(await value('constructor')), /not available/);
});

function withFunction(run: MinionFunction['run']): Rig {
  const one: MinionFunction = { name: 'my.fun', doc: 'doc', parameters: {}, run };
  return rig({ functions: new Map([...MINION_FUNCTIONS, ['my.fun', one]]) });
}

test('what a function throws, and what it says of itself', async () => {
  const failing = (error: Error): Promise<unknown> =>
    withFunction(() => {
      throw error;
    }).value('my.fun');
  assert.equal(
    await failing(new SaltbusError('ERR_SALTBUS_USAGE', 'wrong')),
    "ERROR executing 'my.fun': wrong",
  );
  assert.equal(await failing(new SaltbusError('ERR_SALTBUS_TIMEOUT', 'late')), 'ERROR: late');
  assert.equal(await failing(new Error('oops')), 'The minion function caused an exception: oops');
  const said = await withFunction(() => new Map<string, unknown>([['result', false]])).run('my.fun');
  assert.deepEqual([said.retcode, said.success], [1, false]);
  assert.deepEqual(await withFunction(() => undefined).run('my.fun'), {
    return: null,
    retcode: 0,
    success: true,
  });
});

test('in blackout nothing runs but what the list allows', async () => {
  const grains = new Map<string, unknown>([
    ...GRAINS,
    ['minion_blackout', true],
    ['minion_blackout_whitelist', ['test.echo']],
  ]);
  const { run, value } = rig({ grains: () => grains });
  assert.match(
    String((await run('test.ping')).return),
    /^ERROR executing 'test.ping': Minion in blackout mode\./,
  );
  assert.equal(await value('test.echo', 'x'), 'x');
  assert.equal(await value('saltutil.refresh_pillar'), true);
});
