/** From requests of minions to events on the bus of the master, and who may fire what. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { decodeExact } from '../../../../src/codec/msgpack/decode.ts';
import { EventBodyEncoder } from '../../../../src/codec/event-body.ts';
import { RawText } from '../../../../src/codec/msgpack/values.ts';
import { compileEventAcl } from '../../../../src/daemon/master/events/event-acl.ts';
import { jobEvents, presenceEvents } from '../../../../src/daemon/master/events/job-events.ts';
import { minionEvents } from '../../../../src/daemon/master/events/minion-event.ts';
import type { FiredEvents, MinionEventOptions } from '../../../../src/daemon/master/events/minion-event.ts';
import { RefusalEvents } from '../../../../src/daemon/master/events/refusal-events.ts';
import { returnEvents } from '../../../../src/daemon/master/events/return-event.ts';
import type { TakenReturn } from '../../../../src/daemon/master/events/return-event.ts';
import { isMap } from '../../../../src/daemon/master/load.ts';
import type { Load } from '../../../../src/daemon/master/load.ts';
import { DENIED_GLOBS } from '../../../../src/dialect/tag-rules.ts';
import { load } from '../../../helpers/loads.ts';
import type { Written } from '../../../helpers/loads.ts';

const acl = compileEventAcl();
const JID = '20261122145001719109';

function plain(value: unknown): unknown {
  if (isMap(value))
    return Object.fromEntries([...value].map(([key, inner]) => [key as string, plain(inner)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/** Tags and data as plain objects, and `reason subject` of what was refused. */
function show({ events, refused }: FiredEvents): { events: [string, unknown][]; refused: string[] } {
  return {
    events: events.map(({ tag, data }) => [tag, plain(data)]),
    refused: refused.map(({ reason, subject }) => `${reason} ${subject}`),
  };
}

function fired(
  fields: Record<string, Written>,
  options: Partial<MinionEventOptions> = {},
): ReturnType<typeof show> {
  const request = load({ id: 'web1', cmd: '_minion_event', ...fields });
  return show(minionEvents(request, 'web1', { acl, ...options }));
}

suite('the single form', () => {
  test('the whole load in its order, without nonce and token', () => {
    const request = load({
      id: 'web1',
      cmd: '_minion_event',
      pretag: null,
      tok: new Uint8Array(256),
      data: { k: 'v' },
      tag: 'single/tag',
      ts: 1732288801,
      nonce: '00112233445566778899aabbccddeeff',
    });
    const [event] = minionEvents(request, 'web1', { acl }).events;
    assert.ok(event !== undefined, 'an event');
    assert.equal(event.tag, 'single/tag');
    assert.deepEqual([...event.data.keys()], ['id', 'cmd', 'pretag', 'data', 'tag', 'ts']);
    assert.deepEqual(plain(event.data.get('data')), { k: 'v' });
    assert.equal(request.size, 8, 'the request stays as it is');
    const body = new EventBodyEncoder().encode('single/tag', event.data);
    assert.deepEqual(decodeExact(body, 'single/tag\n\n'.length), event.data);
  });

  test('events that are nil beside a tag', () => {
    assert.deepEqual(fired({ events: null, tag: 'a', data: 'text' }), {
      events: [['a', { id: 'web1', cmd: '_minion_event', events: null, tag: 'a', data: 'text' }]],
      refused: [],
    });
  });

  test('a start event', () => {
    for (const tag of ['minion_start', 'salt/minion/web1/start']) {
      const data = 'Minion web1 started at Mon Nov 23 10:00:00 2026';
      const got = fired({ tag, data, grains: { os: 'Debian' } });
      assert.deepEqual(got.events, [
        [tag, { id: 'web1', cmd: '_minion_event', tag, data, grains: { os: 'Debian' } }],
      ]);
    }
  });

  test('without tag or data nothing is fired', () => {
    for (const fields of [
      {},
      { tag: 'a' },
      { data: {} },
      { events: 'text' },
      { events: {} },
      { events: 7 },
    ]) {
      assert.deepEqual(fired(fields), { events: [], refused: ['shape '] });
    }
  });

  test('tags that are none', () => {
    for (const tag of ['', 'a\n\nb', 'a\n', '\ud800', 'x'.repeat(4097), 7, null, ['a'], new Uint8Array(1)]) {
      assert.deepEqual(fired({ tag, data: {} }).events, []);
    }
    const { refused } = minionEvents(load({ tag: new RawText(new Uint8Array([0xff])), data: {} }), 'web1', {
      acl,
    });
    assert.deepEqual(refused, [{ reason: 'tag', subject: '' }]);
  });
});

suite('the list form', () => {
  test('inner data, or the whole element; nothing of the request', () => {
    const events = [
      { tag: 'myco/a', data: { n: 1 }, other: 1 },
      { tag: 'myco/c', foo: 'bar' },
    ];
    assert.deepEqual(fired({ events, pretag: null, tag: null, data: null }), {
      events: [
        ['myco/a', { n: 1 }],
        ['myco/c', { tag: 'myco/c', foo: 'bar' }],
      ],
      refused: [],
    });
  });

  test('a pretag: each once more, the plain one first', () => {
    const events = [
      { tag: 'myco/a', data: { n: 1 } },
      { tag: 'b', data: {} },
    ];
    assert.deepEqual(
      fired({ events, pretag: 'salt/beacon/web1' }).events.map(([tag]) => tag),
      ['myco/a', 'salt/beacon/web1/myco/a', 'b', 'salt/beacon/web1/b'],
    );
    assert.deepEqual(fired({ events: [{ tag: 'b', data: {} }], pretag: 7 }), {
      events: [['b', {}]],
      refused: ['tag '],
    });
  });

  test('a bad element does no harm to the others', () => {
    const events = [
      'text',
      { data: {} },
      { tag: 'a', data: 'text' },
      { tag: 'b', data: null },
      { tag: 'salt/key', data: {} },
      { tag: 'good', data: { n: 1 } },
    ];
    assert.deepEqual(fired({ events }), {
      events: [['good', { n: 1 }]],
      refused: ['shape ', 'tag ', 'data a', 'data b', 'denied salt/key'],
    });
  });

  test('what is over the most is refused and counted', () => {
    const events = Array.from({ length: 5 }, (_, index) => ({ tag: `t${index}`, data: {} }));
    const got = fired({ events }, { maxEvents: 3 });
    assert.equal(got.events.length, 3);
    assert.deepEqual(got.refused, ['limit ', 'limit ']);
  });
});

suite('the deny-list, on every form (CVE-2025-22239)', () => {
  for (const glob of DENIED_GLOBS) {
    const tag = glob.replaceAll('*', 'x/y');
    test(tag, () => {
      const refused = [`denied ${tag}`];
      assert.deepEqual(fired({ tag, data: {} }), { events: [], refused });
      assert.deepEqual(fired({ events: [{ tag, data: {} }] }), { events: [], refused });
      const cut = tag.indexOf('/');
      const pretagged = fired({
        events: [{ tag: tag.slice(cut + 1), data: { n: 1 } }],
        pretag: tag.slice(0, cut),
      });
      assert.ok(pretagged.refused.includes(`denied ${tag}`), 'refused as a whole');
      assert.equal(
        pretagged.events.some(([final]) => final === tag),
        false,
      );
    });
  }

  test('each final tag by itself: what a syndic passes on is fired below its own name only', () => {
    const tag = `salt/job/${JID}/new`;
    assert.deepEqual(fired({ events: [{ tag, data: {} }], pretag: 'syndic/web1' }), {
      events: [[`syndic/web1/${tag}`, {}]],
      refused: [`denied ${tag}`],
    });
    assert.deepEqual(fired({ events: [{ tag, data: {} }], pretag: 'syndic/web2' }).events, []);
  });
});

suite('minion_event_acl', () => {
  const table: [tag: string, verdict: ReturnType<typeof acl>][] = [
    // its own
    ['salt/minion/web1/start', undefined],
    ['salt/minion/web1/anything/else', undefined],
    ['salt/beacon/web1/load/', undefined],
    ['salt/beacon/web1/inotify//etc/passwd', undefined],
    [`salt/job/${JID}/ret/web1`, undefined],
    [`salt/job/${JID}/prog/web1/3`, undefined],
    [`salt/job/${JID}/start/web1`, undefined],
    [`salt/state_result/${JID}/web1/nginx/running`, undefined],
    ['salt/engines/hook/x', undefined],
    ['salt/engine/logstash', undefined],
    ['syndic/web1/any', undefined],
    // not Salt's
    ['myco/deploy', undefined],
    ['minion_start', undefined],
    ['minion_ping', undefined],
    ['_salt_error', undefined],
    ['saltfoo', undefined],
    ['saltbusiness/x', undefined],
    ['minion/refreshing', undefined],
    // of another
    ['salt/minion/web2/start', 'foreign-id'],
    ['salt/minion/WEB1/start', 'foreign-id'],
    ['salt/minion//start', 'foreign-id'],
    ['salt/beacon/web2/load/', 'foreign-id'],
    [`salt/job/${JID}/ret/web2`, 'foreign-id'],
    [`salt/job/${JID}/prog/web2/3`, 'foreign-id'],
    [`salt/job/${JID}/start/web2`, 'foreign-id'],
    [`salt/state_result/${JID}/web2/nginx`, 'foreign-id'],
    ['syndic/web2/salt/key', 'foreign-id'],
    // no minion fires these
    ['salt', 'acl'],
    ['salt/', 'acl'],
    ['salt/minion/web1', 'acl'],
    ['salt/auth', 'acl'],
    ['salt/auth/creds', 'acl'],
    ['salt/key/', 'acl'],
    ['salt/presence/present', 'acl'],
    ['salt/presence/change', 'acl'],
    ['salt/stats/worker', 'acl'],
    [`salt/job/${JID}/error`, 'acl'],
    [`salt/job/${JID}/ret/web1/x`, 'acl'],
    [`salt/job/${JID}/x/ret/web1`, 'acl'],
    [`salt/job/${JID}/sub/web1/error/state.sls`, 'acl'],
    ['salt/job/error', 'acl'],
    ['salt/netapi/hook/x', 'acl'],
    ['salt/reactors/manage/add', 'acl'],
    ['salt/batch/x/new', 'acl'],
    ['salt/syndic/web1/start', 'acl'],
    ['salt/custom/update', 'acl'],
    ['salt//minion/web1/start', 'acl'],
    // a master's own words
    ['key', 'acl'],
    [JID, 'acl'],
    [`${JID}_123`, 'acl'],
    ['new_job', 'acl'],
    ['syndic_start', 'acl'],
    ['minion/refresh/web1', 'acl'],
    ['resource/refresh/web1', 'acl'],
    ['cluster/event/x/y', 'acl'],
    ['saltbus/refused', 'acl'],
    ['saltbus/probe/x', 'acl'],
    // Salt's deny-list
    ['salt/key', 'denied'],
    ['salt/run/x/ret', 'denied'],
    [`salt/job/${JID}/new`, 'denied'],
    [`salt/job/${JID}/ret/web1/new`, 'denied'],
  ];
  for (const [tag, verdict] of table) {
    test(`${tag}: ${verdict ?? 'fired'}`, () => assert.equal(acl('web1', tag), verdict));
  }

  test('rules: the first that fits decides; {id} is the id, and no pattern; the deny-list stays', () => {
    const ruled = compileEventAcl([
      { minions: ['web*'], tags: ['salt/custom/{id}/*'], may: 'fire' },
      { minions: ['web1'], tags: ['myco/*', 'salt/minion/*'], may: 'not-fire' },
      { minions: ['*'], tags: ['salt/key', 'salt/custom/all'], may: 'fire' },
    ]);
    assert.equal(ruled('web1', 'salt/custom/web1/x'), undefined);
    assert.equal(ruled('web1', 'salt/custom/web2/x'), 'acl');
    assert.equal(ruled('web*', 'salt/custom/web2/x'), 'acl');
    assert.equal(ruled('web*', 'salt/custom/web*/x'), undefined);
    assert.equal(ruled('web[1]', 'salt/custom/web1/x'), 'acl');
    assert.equal(ruled('web$&', 'salt/custom/web$&/x'), undefined);
    assert.equal(ruled('web1', 'myco/x'), 'acl');
    assert.equal(ruled('web2', 'myco/x'), undefined);
    assert.equal(ruled('web1', 'salt/minion/web1/start'), 'acl');
    assert.equal(ruled('db1', 'salt/custom/all'), undefined);
    assert.equal(ruled('db1', 'salt/key'), 'denied');
  });

  test('whatever the tag, nothing below the areas of another id gets through', () => {
    const part = fc.constantFrom(
      'salt',
      'minion',
      'beacon',
      'job',
      'ret',
      'prog',
      'web1',
      'web2',
      JID,
      '',
      'x',
    );
    const tags = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/'));
    let refusals = 0;
    fc.assert(
      fc.property(tags, (tag) => {
        const isForeign =
          /^salt\/(?:minion|beacon)\/(?!web1\/)/.test(tag) || /^salt\/job\/.*\/ret\/(?!web1$)/.test(tag);
        if (!isForeign) return;
        refusals += 1;
        assert.notEqual(acl('web1', tag), undefined);
      }),
      { numRuns: 5000 },
    );
    assert.ok(refusals > 20, 'some were foreign');
  });
});

suite('refusals on the bus', () => {
  test('one a second for each minion, ten in all, and how many were left out', () => {
    let now = 0;
    const events = new RefusalEvents(() => now);
    const told = (id: string): unknown =>
      plain(events.of(id, { reason: 'acl', subject: 'salt/x' })?.data ?? null);
    assert.deepEqual(told('web1'), { id: 'web1', reason: 'acl', subject: 'salt/x', not_told: 0 });
    for (let n = 0; n < 50; n += 1) assert.equal(told('web1'), null);
    assert.deepEqual(told('web2'), { id: 'web2', reason: 'acl', subject: 'salt/x', not_told: 50 });
    const others = Array.from({ length: 100 }, (_, n) => told(`db${n}`)).filter((one) => one !== null);
    assert.equal(others.length, 8);
    now = 999;
    assert.equal(told('web3'), null);
    now = 1000;
    assert.deepEqual(told('web1'), { id: 'web1', reason: 'acl', subject: 'salt/x', not_told: 93 });
  });
});

suite('our own key', () => {
  test('what a minion puts there is removed, at the top and inside', () => {
    const forged = { id: 'web2' };
    const single = fired({ tag: 'a', data: { k: 1, _saltbus: forged }, _saltbus: forged });
    assert.deepEqual(single.events, [['a', { id: 'web1', cmd: '_minion_event', tag: 'a', data: { k: 1 } }]]);
    const list = fired({
      events: [
        { tag: 'a', data: { k: 1, _saltbus: forged } },
        { tag: 'b', _saltbus: forged },
      ],
    });
    assert.deepEqual(list.events, [
      ['a', { k: 1 }],
      ['b', { tag: 'b' }],
    ]);
  });

  test('the verified sender stands there where that is wanted', () => {
    const got = fired(
      { events: [{ tag: 'a', data: { _saltbus: { id: 'web2' }, k: 1 } }] },
      { stampSender: true },
    );
    assert.deepEqual(got.events, [['a', { k: 1, _saltbus: { minion: 'web1' } }]]);
    const request = load({ id: 'web1', jid: JID, return: true, _saltbus: 'x' });
    const returned = returnEvents(request, 'web1', { acl, stampSender: true, newJid: () => JID });
    assert.deepEqual(plain(returned.events[0]?.data.get('_saltbus')), { minion: 'web1' });
  });
});

suite('returns', () => {
  const newJid = (): string => '20270101000000000000';
  const take = (fields: Record<string, Written>, more: { maxSubEvents?: number } = {}): TakenReturn =>
    returnEvents(load({ cmd: '_return', id: 'web1', ...fields }), 'web1', { acl, newJid, ...more });

  test('the whole load under the tag of the job', () => {
    const taken = take({ jid: JID, return: true, retcode: 0, fun: 'test.ping', tok: 'x', nonce: 'y', ts: 1 });
    assert.deepEqual(show(taken), {
      events: [
        [
          `salt/job/${JID}/ret/web1`,
          { cmd: '_return', id: 'web1', jid: JID, return: true, retcode: 0, fun: 'test.ping', ts: 1 },
        ],
      ],
      refused: [],
    });
    assert.deepEqual([taken.job?.jid, taken.job?.isCached], [JID, true]);
  });

  test('req: the master makes the id and says whom the job was for', () => {
    const taken = take({ jid: 'req', return: 1, fun: 'test.echo', fun_args: ['a'] });
    assert.deepEqual(show(taken).events, [
      [
        `salt/job/${newJid()}/ret/web1`,
        {
          cmd: '_return',
          id: 'web1',
          jid: newJid(),
          return: 1,
          fun: 'test.echo',
          fun_args: ['a'],
          arg: ['a'],
          tgt_type: 'glob',
          tgt: 'web1',
        },
      ],
    ]);
    const own = take({ jid: 'req', return: 1, arg: ['b'], tgt: '*', tgt_type: 'list' });
    assert.deepEqual(
      ['arg', 'tgt', 'tgt_type'].map((key) => plain(own.job?.load.get(key))),
      [['b'], 'web1', 'glob'],
    );
  });

  test('nocache: an event and nothing kept', () => {
    const taken = take({ jid: 'nocache', return: 1 });
    assert.equal(taken.events[0]?.tag, 'salt/job/nocache/ret/web1');
    assert.equal(taken.job?.isCached, false);
  });

  const bad: [string, Record<string, Written>, string][] = [
    ['no return', { jid: JID }, 'shape '],
    ['no jid', { return: 1 }, 'shape '],
    ['another id', { jid: JID, return: 1, id: 'web2' }, 'shape '],
    ['an id that is no text', { jid: JID, return: 1, id: 7 }, 'shape '],
    ['the id of a resource', { jid: JID, return: 1, resource_id: 'web2' }, 'foreign-id web2'],
    // CVE-2025-22242
    ['a jid with a path', { jid: '../../../etc/passwd', return: 1 }, 'jid ../../../etc/passwd'],
    ['a jid with a tag', { jid: `${JID}/new`, return: 1 }, `jid ${JID}/new`],
    ['a jid with a line feed', { jid: `${JID}\n`, return: 1 }, `jid ${JID}\n`],
    ['a short jid', { jid: '2026', return: 1 }, 'jid 2026'],
    ['other digits', { jid: '２'.repeat(20), return: 1 }, `jid ${'２'.repeat(20)}`],
    ['a jid that is a number', { jid: 20261122, return: 1 }, 'jid '],
    ['a jid that is nil', { jid: null, return: 1 }, 'jid '],
  ];
  for (const [name, fields, refused] of bad) {
    test(`${name} is refused`, () => {
      const taken = take(fields);
      assert.deepEqual(show(taken), { events: [], refused: [refused] });
      assert.equal(taken.job, undefined);
    });
  }

  const failed = { result: false, comment: 'no', changes: {} };
  const KEY = 'cmd_|-make it_|-false_|-run';

  test('failed states are told one by one, in the old form and the new', () => {
    const states = { [KEY]: failed, 'pkg_|-ok_|-ok_|-installed': { result: true }, odd: 'text' };
    const taken = take({ jid: JID, return: states, retcode: 2, fun: 'state.sls', user: 'root' });
    const old = { ...failed, retcode: 2 };
    assert.deepEqual(show(taken).events.slice(1), [
      ['cmd.run', old],
      [
        `salt/job/${JID}/sub/web1/error/state.sls`,
        {
          ...old,
          jid: JID,
          id: 'web1',
          success: false,
          return: 'Error: cmd.run',
          fun: 'state.sls',
          user: 'root',
        },
      ],
    ]);
    const inMain = taken.job?.load.get('return') as Load;
    assert.deepEqual(plain(inMain.get(KEY)), failed, 'the return itself stays as it is');
  });

  test('only for two functions, and only with a retcode', () => {
    for (const [fun, retcode] of [
      ['state.apply', 2],
      ['state.highstate', 0],
      [null, 2],
      [7, 2],
    ] as const) {
      assert.equal(take({ jid: JID, return: { [KEY]: failed }, retcode, fun }).events.length, 1);
    }
    assert.equal(take({ jid: JID, return: ['error'], retcode: 2, fun: 'state.sls' }).events.length, 1);
  });

  test('several functions, by name or in their order', () => {
    const fun = ['test.ping', 'state.sls'];
    const byName = take({
      jid: JID,
      fun,
      retcode: { 'test.ping': 0, 'state.sls': 2 },
      return: { 'test.ping': true, 'state.sls': { [KEY]: failed } },
    });
    const inOrder = take({ jid: JID, fun, retcode: [0, 2], return: [true, { [KEY]: failed }] });
    for (const { events } of [byName, inOrder]) {
      assert.deepEqual(
        events.map(({ tag }) => tag),
        [`salt/job/${JID}/ret/web1`, 'cmd.run', `salt/job/${JID}/sub/web1/error/state.sls`],
      );
    }
  });

  test('the name of a state is no way to fire what may not be fired', () => {
    for (const tag of ['salt/run/x_|-.ret', 'salt/minion/web2/start_|-y', 'syndic/web2/a_|-y']) {
      const { events, refused } = take({ jid: JID, return: { [tag]: failed }, retcode: 2, fun: 'state.sls' });
      assert.deepEqual(
        events.map((event) => event.tag),
        [`salt/job/${JID}/ret/web1`, `salt/job/${JID}/sub/web1/error/state.sls`],
      );
      assert.equal(refused.length, 1);
    }
  });

  test('error events are bounded', () => {
    const states = Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`cmd_|-${n}_|-x_|-run`, failed]));
    const taken = take({ jid: JID, return: states, retcode: 2, fun: 'state.sls' }, { maxSubEvents: 2 });
    assert.equal(taken.events.length, 1 + 2 * 2);
    assert.equal(taken.refused.length, 3);
  });
});

suite('events of the master', () => {
  const job = load({
    fun: 'test.ping',
    arg: [],
    tgt: '*',
    jid: JID,
    ret: '',
    tgt_type: 'glob',
    user: 'root',
  });

  test('a job that is published', () => {
    const events = jobEvents({ jid: JID, load: job, minions: ['a', 'b'], missing: ['c'] });
    assert.deepEqual(
      events.map(({ tag }) => tag),
      [JID, `salt/job/${JID}/new`, `salt/job/${JID}/publish`],
    );
    assert.deepEqual(plain(events[0]?.data), { minions: ['a', 'b'] });
    assert.deepEqual(
      [...(events[1]?.data.entries() ?? [])],
      [
        ['jid', JID],
        ['tgt_type', 'glob'],
        ['tgt', '*'],
        ['user', 'root'],
        ['fun', 'test.ping'],
        ['arg', []],
        ['minions', ['a', 'b']],
        ['missing', ['c']],
      ],
    );
    assert.equal(events[2]?.data, job);
  });

  test('as 3008 and as 3006', () => {
    const published = { jid: JID, load: job, minions: [] };
    const tags = (options: Parameters<typeof jobEvents>[1]): string[] =>
      jobEvents(published, options).map(({ tag }) => tag);
    assert.deepEqual(tags({ bareJid: false }), [`salt/job/${JID}/new`, `salt/job/${JID}/publish`]);
    assert.deepEqual(tags({ publish: false }), [JID, `salt/job/${JID}/new`]);
  });

  test('presence', () => {
    const changed = presenceEvents(new Set(['a', 'b']), new Set(['b', 'd', 'c']));
    assert.deepEqual(
      changed.map(({ tag, data }) => [tag, plain(data)]),
      [
        ['salt/presence/change', { new: ['c', 'd'], lost: ['a'] }],
        ['salt/presence/present', { present: ['b', 'c', 'd'] }],
      ],
    );
    assert.deepEqual(
      presenceEvents(new Set(['a']), new Set(['a'])).map(({ tag }) => tag),
      ['salt/presence/present'],
    );
  });
});
