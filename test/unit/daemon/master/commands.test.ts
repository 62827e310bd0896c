/** The mine, jobs, options, and the table of commands. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { ExactValue } from '../../../../src/codec/msgpack/values.ts';
import { answerCommand, minionCommands } from '../../../../src/daemon/master/commands.ts';
import type { Answer, MasterParts } from '../../../../src/daemon/master/commands.ts';
import { compileEventAcl } from '../../../../src/daemon/master/events/event-acl.ts';
import { FileServer } from '../../../../src/daemon/master/files/file-server.ts';
import { isJid, jidMaker } from '../../../../src/daemon/master/jobs/jid.ts';
import { JobRecords } from '../../../../src/daemon/master/jobs/job-records.ts';
import { byCodePoint } from '../../../../src/daemon/master/load.ts';
import { masterOpts } from '../../../../src/daemon/master/master-opts.ts';
import { Mine } from '../../../../src/daemon/master/mine/mine.ts';
import type { MineOptions } from '../../../../src/daemon/master/mine/mine.ts';
import { MinionMaps } from '../../../../src/daemon/master/pillar/minion-maps.ts';
import { exact, load } from '../../../helpers/loads.ts';
import type { Written } from '../../../helpers/loads.ts';
import { temporaryFolder } from '../../../helpers/own-bus.ts';

const JID = '20261122145001719109';

suite('the mine', () => {
  const asked: [ExactValue, string][] = [];
  const known: Record<string, string[]> = {
    '*': ['web1', 'web2', 'db1'],
    'web*': ['web1', 'web2'],
    none: [],
  };
  function mine(options: Partial<MineOptions> = {}): Mine {
    const resolve = (target: ExactValue, type: string): string[] => {
      asked.push([target, type]);
      return typeof target === 'string' ? (known[target] ?? []) : [];
    };
    const made = new Mine({ store: new MinionMaps({ perMinionBytes: 1000 }), resolve, ...options });
    made.update(load({ data: { ip: '10.0.0.1', name: 'one' } }), 'web1');
    made.update(load({ data: { ip: '10.0.0.2' } }), 'web2');
    return made;
  }
  const get = (from: Mine, fields: Record<string, Written>): ExactValue => from.get(load(fields), 'db1');

  test('one function, several, and a list of one', () => {
    const ips = { web1: '10.0.0.1', web2: '10.0.0.2' };
    assert.deepEqual(get(mine(), { tgt: '*', fun: 'ip' }), exact(ips));
    const both = exact({ ip: ips, name: { web1: 'one' } });
    assert.deepEqual(get(mine(), { tgt: '*', fun: 'ip,name' }), both);
    assert.deepEqual(get(mine(), { tgt: '*', fun: ['ip', 'name', 7] }), both);
    assert.deepEqual(get(mine(), { tgt: '*', fun: ['ip'] }), exact({ ip: ips }));
    assert.deepEqual(get(mine(), { tgt: '*', fun: 'unknown' }), new Map());
    assert.deepEqual(get(mine(), { tgt: 'none', fun: 'ip' }), new Map());
  });

  test('what is asked for without target or function', () => {
    for (const fields of [{ tgt: '*' }, { fun: 'ip' }, { tgt: '*', fun: null }, { tgt: '*', fun: {} }]) {
      assert.deepEqual(get(mine(), fields), new Map());
    }
    const many = Array.from({ length: 1001 }, (_, index) => `f${index}`);
    assert.deepEqual(get(mine(), { tgt: '*', fun: many }), new Map());
  });

  test('pillar is matched exactly', () => {
    asked.length = 0;
    for (const tgt_type of ['pillar', 'Compound', 'grain', undefined])
      get(mine(), { tgt: '*', fun: 'ip', tgt_type });
    get(mine(), { tgt: '*', fun: 'ip', expr_form: 'pillar' });
    assert.deepEqual(
      asked.map(([, type]) => type),
      ['pillar_exact', 'compound_pillar_exact', 'grain', 'glob', 'pillar_exact'],
    );
  });

  test('new values lie over the old ones, or stand in their place', () => {
    const store = new MinionMaps({ perMinionBytes: 1000 });
    const made = mine({ store });
    assert.equal(made.update(load({ data: { name: 'new' } }), 'web1'), true);
    assert.deepEqual(store.get('web1'), exact({ ip: '10.0.0.1', name: 'new' }));
    assert.equal(made.update(load({ data: { only: 1 }, clear: true }), 'web1'), true);
    assert.deepEqual(store.get('web1'), exact({ only: 1 }));
    assert.equal(made.update(load({ data: { much: 'x'.repeat(1000) } }), 'web1'), false);
    assert.deepEqual(store.get('web1'), exact({ only: 1 }));
    for (const data of [null, 'text', [], undefined])
      assert.equal(made.update(load({ data }), 'web1'), false);
  });

  test('removing', () => {
    const store = new MinionMaps();
    const made = mine({ store });
    assert.equal(made.deleteFunction(load({ fun: 'ip' }), 'web1'), true);
    assert.equal(made.deleteFunction(load({ fun: 'ip' }), 'db1'), true);
    assert.equal(made.deleteFunction(load({}), 'web1'), false);
    assert.deepEqual(store.get('web1'), exact({ name: 'one' }));
    assert.equal(made.flush('web1'), true);
    assert.equal(made.flush('web1'), false);
    assert.equal(store.has('web1'), false);
    assert.deepEqual([...store.ids()], ['web2']);
  });

  test('who may read: as the master says', () => {
    const access = new Map([
      ['db', ['ip']],
      ['web1|x', ['.*']],
    ]);
    const made = mine({ access });
    assert.deepEqual(
      get(made, { tgt: '*', fun: ['ip', 'name'] }),
      exact({ ip: { web1: '10.0.0.1', web2: '10.0.0.2' } }),
    );
    assert.deepEqual(made.get(load({ tgt: '*', fun: 'name' }), 'web1'), exact({ web1: 'one' }));
    // each branch of an expression begins at the start
    assert.deepEqual(made.get(load({ tgt: '*', fun: 'name' }), 'ax'), new Map());
  });

  test('who may read: as the minion says', () => {
    const made = mine();
    const secret = (more: Record<string, Written>): Written => ({
      __saltmine_acl__: 1,
      __data__: 's',
      ...more,
    });
    made.update(
      load({
        data: {
          all: secret({}),
          webs: secret({ allow_tgt: 'web*' }),
          dbs: secret({ allow_tgt: '*', allow_tgt_type: 'glob' }),
          nobody: secret({ allow_tgt: 'none' }),
          empty: { __saltmine_acl__: 1 },
        },
      }),
      'web1',
    );
    const fun = ['all', 'webs', 'dbs', 'nobody', 'empty'];
    assert.deepEqual(
      get(made, { tgt: '*', fun }),
      exact({ all: { web1: 's' }, dbs: { web1: 's' }, empty: { web1: null } }),
    );
  });
});

suite('job ids', () => {
  test('the time in UTC down to microseconds, never twice, also when the clock stands or goes back', () => {
    const times = [1_763_823_001_719_109, 1_763_823_001_719_109, 1_000_000, 1_763_823_001_999_999, 0];
    const next = jidMaker(() => times.shift() ?? 0);
    assert.deepEqual(Array.from({ length: 6 }, next), [
      '20251122145001719109',
      '20251122145001719110',
      '20251122145001719111',
      '20251122145001999999',
      '20251122145002000000',
      '20251122145002000001',
    ]);
  });

  test('with the real clock', () => {
    const next = jidMaker();
    const made = Array.from({ length: 1000 }, next);
    assert.equal(new Set(made).size, 1000);
    assert.deepEqual([...made].sort(), made);
    assert.ok(made.every(isJid), 'each is one');
  });

  test('what is one', () => {
    const table: [unknown, boolean][] = [
      [JID, true],
      [`${JID}_4711`, true],
      [`${JID}_`, false],
      [`${JID}_../x`, false],
      [JID.slice(1), false],
      [`${JID}1`, false],
      ['req', false],
      [`${JID}\n`, false],
      [Number(JID), false],
      [null, false],
    ];
    for (const [value, is] of table) assert.equal(isJid(value), is, String(value));
  });
});

suite('records of jobs', () => {
  const job = (jid: string, minions: string[]): Parameters<JobRecords['add']>[0] => ({
    jid,
    minions,
    load: load({ fun: 'test.ping' }),
  });
  const back = load({ return: true, retcode: 0 });

  test('who was asked, who answered', () => {
    const jobs = new JobRecords({}, () => 1234);
    assert.equal(jobs.add(job('1', ['a', 'b'])), true);
    assert.equal(jobs.add(job('1', ['c'])), false);
    assert.equal(jobs.addReturn('1', 'a', back, 10), 'expected');
    assert.equal(jobs.addReturn('1', 'a', back, 10), 'repeated');
    assert.equal(jobs.addReturn('1', 'z', back, 10), 'unexpected');
    assert.equal(jobs.addReturn('2', 'z', back, 10), 'own-job');
    assert.equal(jobs.addReturn('2', 'y', back, 10), 'own-job');
    assert.deepEqual(jobs.waitingFor('1'), ['b']);
    assert.deepEqual(jobs.waitingFor('2'), []);
    assert.equal(jobs.waitingFor('3'), undefined);
    assert.deepEqual([...(jobs.get('1')?.returns.keys() ?? [])], ['a', 'z']);
    assert.equal(jobs.get('1')?.returns.get('a'), back);
    assert.deepEqual(jobs.get('2')?.load, load({ retcode: 0 }));
    assert.equal(jobs.get('2')?.startedAt, 1234);
    assert.deepEqual(jobs.counters, { jobs: 2, bytes: 40, evicted: 0, dropped: 1 });
  });

  test('bounded in jobs, bytes and returns', () => {
    const jobs = new JobRecords({ jobs: 2, bytes: 100, returnsPerJob: 2 });
    for (const jid of ['1', '2', '3']) jobs.add(job(jid, []));
    assert.deepEqual(
      [...jobs.all()].map(({ jid }) => jid),
      ['2', '3'],
    );
    jobs.addReturn('2', 'a', back, 60);
    jobs.addReturn('3', 'a', back, 60);
    assert.deepEqual(
      [...jobs.all()].map(({ jid }) => jid),
      ['3'],
    );
    jobs.addReturn('3', 'b', back, 60);
    assert.equal(jobs.get('3')?.returns.has('b'), true);
    assert.equal(jobs.get('3')?.returns.get('b'), undefined);
    jobs.addReturn('3', 'c', back, 1);
    assert.equal(jobs.get('3')?.returns.has('c'), false);
    assert.deepEqual(jobs.counters, { jobs: 1, bytes: 60, evicted: 2, dropped: 2 });
  });
});

suite('the table of commands', () => {
  interface Setup {
    readonly parts: MasterParts;
    readonly send: (fields: Record<string, Written>, sender?: string) => Promise<Answer>;
  }
  function setup(t: TestContext, more: Partial<MasterParts> = {}): Setup {
    const root = join(temporaryFolder(t), 'root');
    mkdirSync(join(root, '_returners'), { recursive: true });
    writeFileSync(join(root, '_returners/bus.py'), 'x');
    const parts: MasterParts = {
      files: new FileServer({ roots: new Map([['base', [root]]]) }),
      mine: new Mine({ store: new MinionMaps(), resolve: () => ['web1'] }),
      jobs: new JobRecords(),
      newJid: () => JID,
      events: { acl: compileEventAcl() },
      grains: new MinionMaps(),
      ...more,
    };
    const commands = minionCommands(parts);
    const send = async (fields: Record<string, Written>, sender = 'web1'): Promise<Answer> =>
      answerCommand(commands, { sender, load: load({ id: sender, ...fields }), bytes: 100 });
    return { parts, send };
  }

  test('what a stock minion sends at its start', async (t) => {
    const { parts, send } = setup(t);
    const pillar = await send({ cmd: '_pillar', grains: { os: 'Debian' }, saltenv: 'base', ver: '2' });
    assert.deepEqual([pillar.form, pillar.reply, pillar.events.length], ['pillar', new Map(), 1]);
    const start = await send({ cmd: '_minion_event', tag: 'minion_start', data: 'x', pretag: null });
    assert.deepEqual([start.form, start.reply, start.events.length], ['plain', null, 1]);
    const resources = await send({ cmd: '_register_resources', resources: {}, resource_grains: {} });
    assert.deepEqual([resources.reply, resources.events[0]?.tag], [true, 'resource/refresh/web1']);
    const returned = await send({ cmd: '_return', jid: 'req', return: 1, fun: 'test.ping' });
    assert.deepEqual([returned.reply, returned.events[0]?.tag], [null, `salt/job/${JID}/ret/web1`]);
    assert.equal(parts.jobs.get(JID)?.returns.size, 1);
    await send({ cmd: '_return', jid: 'nocache', return: 1 });
    assert.equal(parts.jobs.counters.jobs, 1);
  });

  const replies: [Record<string, Written>, Written][] = [
    [{ cmd: '_file_envs' }, ['base']],
    [{ cmd: '_file_list', saltenv: 'base' }, ['_returners/bus.py']],
    [{ cmd: '_file_list_emptydirs', saltenv: 'base' }, []],
    [{ cmd: '_dir_list', saltenv: 'base' }, ['_returners']],
    [{ cmd: '_symlink_list', saltenv: 'base' }, {}],
    [
      { cmd: '_file_find', path: 'none', saltenv: 'base' },
      { path: '', rel: '' },
    ],
    [{ cmd: '_file_hash', path: 'none', saltenv: 'base' }, ''],
    [{ cmd: '_file_hash_and_stat', path: 'none', saltenv: 'base' }, ['', null]],
    [
      { cmd: '_serve_file', path: 'none', saltenv: 'base', loc: 0 },
      { data: '', dest: '' },
    ],
    [{ cmd: '_mine', data: { f: 1 } }, true],
    [{ cmd: '_mine_get', tgt: '*', fun: 'f' }, {}],
    [{ cmd: '_mine_delete', fun: 'f' }, true],
    [{ cmd: '_mine_flush' }, false],
    [{ cmd: '_master_tops', opts: {} }, {}],
    [{ cmd: '_ext_nodes', opts: {} }, {}],
    [{ cmd: '_pillar' }, false],
    [{ cmd: 'revoke_auth' }, false],
  ];
  for (const [fields, reply] of replies) {
    test(`${JSON.stringify(fields['cmd'])} answers ${JSON.stringify(reply)}`, async (t) => {
      const answer = await setup(t).send(fields);
      assert.deepEqual(answer.reply, exact(reply));
      assert.equal(answer.form, 'plain');
    });
  }

  // CVE-2024-38824; 2025-22236; a master without `peer`
  const refused: [Record<string, Written>, Written][] = [
    [{ cmd: '_file_recv', path: ['..', 'x'], loc: 0, data: 'x', size: 1 }, false],
    [{ cmd: 'minion_pub', fun: 'test.ping', arg: [], tgt: '*' }, {}],
    [{ cmd: 'minion_publish', fun: 'cmd.run', arg: ['id'], tgt: '*' }, {}],
    [{ cmd: 'minion_runner', fun: 'state.orch', arg: [] }, {}],
    [{ cmd: 'pub_ret', jid: '../../x' }, {}],
    [{ cmd: '_syndic_return', load: [{ id: '../x', jid: JID, return: { web2: {} } }] }, {}],
    // CVE-2020-11651: not in the table
    [{ cmd: '_prep_auth_info' }, {}],
    [{ cmd: 'publish', fun: 'test.ping' }, {}],
    [{ cmd: '__proto__' }, {}],
    [{ cmd: 'constructor' }, {}],
    [{ cmd: '_auth' }, {}],
    [{ cmd: null }, {}],
    [{ cmd: ['_return'] }, {}],
    [{}, {}],
  ];
  for (const [fields, reply] of refused) {
    test(`${JSON.stringify(fields['cmd'])} is not done`, async (t) => {
      const answer = await setup(t).send(fields);
      assert.deepEqual(answer.reply, exact(reply));
      assert.deepEqual(answer.events, []);
      assert.deepEqual(
        answer.refused.map(({ reason }) => reason),
        ['not-served'],
      );
    });
  }

  test('a minion acts for itself only', async (t) => {
    const revoked: unknown[] = [];
    const store = new MinionMaps();
    const { parts, send } = setup(t, {
      mine: new Mine({ store, resolve: () => ['web2'] }),
      revokeKey: (id, options) => {
        revoked.push(id, options);
        return true;
      },
    });
    await send({ cmd: '_mine', id: 'web2', data: { f: 1 } });
    await send({ cmd: '_pillar', id: 'web2', grains: {} });
    assert.deepEqual([[...store.ids()], [...(parts.grains?.ids() ?? [])]], [['web1'], ['web1']]);
    assert.deepEqual((await send({ cmd: '_return', id: 'web2', jid: JID, return: 1 })).events, []);
    assert.equal((await send({ cmd: 'revoke_auth', id: 'web2', preserve_minion_cache: true })).reply, true);
    assert.deepEqual(revoked, ['web1', { keepCache: true }]);
  });

  test('what fails is answered, and told apart', async (t) => {
    const failure = new Error('no disk');
    const { send } = setup(t, { pillarOf: () => Promise.reject(failure) });
    const answer = await send({ cmd: '_pillar', grains: {} });
    assert.equal(answer.reply, '');
    assert.equal(answer.error, failure);
    assert.deepEqual(answer.refused, [{ reason: 'failed', subject: '_pillar' }]);
    const resolve = (): never => {
      throw failure;
    };
    const other = setup(t, { mine: new Mine({ store: new MinionMaps(), resolve }) });
    assert.equal((await other.send({ cmd: '_mine_get', tgt: '*', fun: 'f' })).error, failure);
    const root = temporaryFolder(t);
    writeFileSync(join(root, 'a'), '');
    const files = new FileServer({ roots: new Map([['base', [root]]]), maxEntries: 0 });
    const large = await setup(t, { files }).send({ cmd: '_file_list', saltenv: 'base' });
    assert.deepEqual([large.reply, large.refused], ['', [{ reason: 'limit', subject: '_file_list' }]]);
  });

  test('whatever the fields, there is an answer', async (t) => {
    const { parts, send } = setup(t);
    const names = [...minionCommands(parts).keys()];
    const value = fc.oneof(
      fc.constantFrom<Written>(null, true, '', 'base', '../x', -1, 2 ** 60, 1n << 62n, [], {}, [[]], '*'),
      fc.string(),
      fc.integer(),
    );
    const keys = [
      'path',
      'saltenv',
      'loc',
      'data',
      'tag',
      'events',
      'pretag',
      'jid',
      'return',
      'retcode',
      'fun',
    ];
    const fields = fc.dictionary(
      fc.constantFrom(...keys, 'tgt', 'tgt_type', 'grains', 'prefix', 'gzip', 'clear', 'pillar_override'),
      value,
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fields, async (cmd, rest) => {
        const answer = await send({ ...rest, cmd });
        assert.equal(answer.error, undefined);
        assert.notEqual(answer.reply, undefined);
      }),
      { numRuns: 1500 },
    );
  });
});

suite('_master_opts', () => {
  const all = [
    'file_roots',
    'top_file_merging_strategy',
    'env_order',
    'default_top',
    'renderer',
    'failhard',
    'state_top',
    'state_top_saltenv',
    'nodegroups',
    'state_auto_order',
    'state_events',
    'state_aggregate',
    'jinja_env',
    'jinja_sls_env',
    'jinja_lstrip_blocks',
    'jinja_trim_blocks',
  ];

  test('environments without their folders; options of the master over the defaults', () => {
    const opts = masterOpts(load({}), ['base', 'dev'], new Map<string, ExactValue>([['failhard', true]]));
    assert.deepEqual([...opts.keys()], all);
    assert.deepEqual(opts.get('file_roots'), exact({ base: [], dev: [] }));
    assert.equal(opts.get('failhard'), true);
    assert.equal(opts.get('renderer'), 'jinja|yaml');
    assert.equal(opts.get('state_top_saltenv'), null);
  });

  test('environments only', () => {
    assert.deepEqual([...masterOpts(load({ env_only: true }), ['base']).keys()], all.slice(0, 4));
  });
});

suite('small rules', () => {
  test('text is sorted by code points', () => {
    const sorted = ['', 'A', 'a', 'aa', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}'];
    assert.deepEqual([...sorted].reverse().sort(byCodePoint), sorted);
  });
});
