/** Pillar from a folder, and what the master keeps of minions. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { decodeExact } from '../../../../src/codec/msgpack/decode.ts';
import { ExactFloat } from '../../../../src/codec/msgpack/values.ts';
import type { Load } from '../../../../src/daemon/master/load.ts';
import { deepMerge } from '../../../../src/daemon/master/pillar/merge.ts';
import { MinionMaps } from '../../../../src/daemon/master/pillar/minion-maps.ts';
import { PillarFolder } from '../../../../src/daemon/master/pillar/pillar-folder.ts';
import { answerPillar } from '../../../../src/daemon/master/pillar/pillar-request.ts';
import { SaltCache } from '../../../../src/daemon/master/pillar/salt-cache.ts';
import { SaltbusError } from '../../../../src/errors.ts';
import { exact, load } from '../../../helpers/loads.ts';
import type { Written } from '../../../helpers/loads.ts';
import { temporaryFolder } from '../../../helpers/own-bus.ts';

function isConfigError(part: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof SaltbusError && error.code === 'ERR_SALTBUS_CONFIG' && error.message.includes(part);
}

suite('merging', () => {
  const cases: [Written, Written, Written][] = [
    [{}, { a: 1 }, { a: 1 }],
    [{ a: { b: 1, c: 2 } }, { a: { c: 3, d: 4 } }, { a: { b: 1, c: 3, d: 4 } }],
    [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
    [{ a: { b: 1 } }, { a: null }, { a: null }],
    [{ a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
  ];
  for (const [below, above, merged] of cases) {
    test(`${JSON.stringify(below)} below ${JSON.stringify(above)}`, () => {
      const under = exact(below) as Load;
      assert.deepEqual(deepMerge(under, exact(above) as Load), exact(merged));
      assert.deepEqual(under, exact(below), 'the arguments stay as they are');
    });
  }
});

suite('a folder of pillar', () => {
  test('the more exact a name, the later it comes', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, '*.yml'), 'who: all\nfrom: {all: 1}\n');
    writeFileSync(join(folder, 'web*.yaml'), 'who: web\nfrom: {web: 1.0}\n');
    writeFileSync(join(folder, 'web?.example.yml'), 'who: example\n');
    writeFileSync(join(folder, 'web1.example.yml'), 'who: me\nlist: [010, yes]\n');
    writeFileSync(join(folder, '.*.yml.swp'), ': no yaml [');
    writeFileSync(join(folder, 'README.md'), ': no yaml [');
    const pillar = await PillarFolder.open({ folder });
    assert.deepEqual(
      await pillar.of('web1.example'),
      exact({ who: 'me', from: { all: 1, web: new ExactFloat(1) }, list: [10, true] }),
    );
    assert.deepEqual(
      await pillar.of('web2.example'),
      exact({ who: 'example', from: { all: 1, web: new ExactFloat(1) } }),
    );
    assert.deepEqual(await pillar.of('db'), exact({ who: 'all', from: { all: 1 } }));
  });

  test('nothing for whom no file is', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'web1.yml'), '');
    const pillar = await PillarFolder.open({ folder });
    for (const id of ['db', 'web1', '../web1', 'web1.yml']) assert.deepEqual(await pillar.of(id), new Map());
  });

  test('changes are seen when the time is over', async (t) => {
    const folder = temporaryFolder(t);
    let now = 0;
    writeFileSync(join(folder, 'a.yml'), 'n: 1');
    const pillar = await PillarFolder.open({ folder, checkMs: 100, now: () => now });
    writeFileSync(join(folder, 'a.yml'), 'n: 22');
    writeFileSync(join(folder, '*.yml'), 'm: 1');
    now = 99;
    assert.deepEqual(await pillar.of('a'), exact({ n: 1 }));
    now = 100;
    assert.deepEqual(await pillar.of('a'), exact({ m: 1, n: 22 }));
    rmSync(join(folder, 'a.yml'));
    now = 200;
    assert.deepEqual(await pillar.of('a'), exact({ m: 1 }));
  });

  test('a file that is spoilt stays as it was, and that is said once', async (t) => {
    const folder = temporaryFolder(t);
    let now = 0;
    const problems: string[] = [];
    writeFileSync(join(folder, 'a.yml'), 'n: 1');
    const pillar = await PillarFolder.open({
      folder,
      checkMs: 1,
      now: () => now,
      onProblem: ({ message }) => problems.push(message),
    });
    writeFileSync(join(folder, 'a.yml'), 'n: [1');
    writeFileSync(join(folder, 'b.yml'), '- a list');
    for (now = 1; now < 4; now += 1) assert.deepEqual(await pillar.of('a'), exact({ n: 1 }));
    assert.equal(problems.length, 2);
    assert.ok(problems[0]?.startsWith(join(folder, 'a.yml')), 'names the file');
    assert.equal(problems[1], `${join(folder, 'b.yml')}: pillar is a map at its top`);
    writeFileSync(join(folder, 'a.yml'), 'n: 333');
    now = 5;
    assert.deepEqual(await pillar.of('a'), exact({ n: 333 }));
    rmSync(folder, { recursive: true });
    now = 6;
    assert.deepEqual(await pillar.of('a'), exact({ n: 333 }), 'the folder is away');
    assert.equal(problems.length, 3);
  });

  test('what is wrong at the start is an error', async (t) => {
    const folder = temporaryFolder(t);
    await assert.rejects(
      PillarFolder.open({ folder: join(folder, 'none') }),
      isConfigError('cannot be read'),
    );
    writeFileSync(join(folder, 'a.yml'), 'a: 1\na: 2\n');
    await assert.rejects(PillarFolder.open({ folder }), isConfigError('a.yml:2'));
  });
});

suite('maps of minions', () => {
  test('bounded: too large is refused, those written longest ago make room', () => {
    const maps = new MinionMaps({ perMinionBytes: 200, bytes: 400 });
    const hundred = load({ x: 'x'.repeat(60) });
    assert.equal(maps.set('a', hundred), true);
    assert.equal(maps.set('b', hundred), true);
    assert.equal(maps.set('a', hundred), true);
    assert.equal(maps.set('c', load({ x: 'x'.repeat(300) })), false);
    assert.equal(maps.set('c', new Map([['f', (() => 1) as never]])), false);
    assert.deepEqual(maps.counters, { minions: 2, bytes: 258, refused: 2, evicted: 0 });
    maps.set('d', hundred);
    maps.set('e', hundred);
    assert.deepEqual([...maps.ids()], ['a', 'd', 'e']);
    assert.equal(maps.counters.evicted, 1);
    assert.equal(maps.has('b'), false);
    assert.equal(maps.delete('a'), true);
    assert.equal(maps.delete('a'), false);
    assert.equal(maps.counters.bytes, 258);
  });

  for (const [layout, files] of [
    ['minions', ['minions/web1/data.p', 'minions/web1/mine.p']],
    ['banks', ['grains/web1.p', 'mine/web1.p']],
  ] as const) {
    test(`files in the layout ${layout}, and a restart`, async (t) => {
      const folder = temporaryFolder(t);
      const cache = new SaltCache(folder, [layout]);
      const onProblem = (error: unknown): void => assert.ifError(error);
      const grains = new MinionMaps({}, { cache, bank: 'grains', onProblem });
      const mine = new MinionMaps({}, { cache, bank: 'mine', onProblem });
      const data = load({ id: 'web1', os: 'Debian', n: 1 });
      for (let n = 0; n < 10; n += 1) grains.set('web1', load({ n }));
      grains.set('web1', data);
      grains.set('web2', data);
      mine.set('web1', load({ f: 1 }));
      grains.delete('web2');
      await grains.flushed();
      await mine.flushed();
      const [first, second] = files.map((file) => decodeExact(readFileSync(join(folder, file))));
      assert.deepEqual(
        first,
        layout === 'minions'
          ? new Map<string, Load>([
              ['grains', data],
              ['pillar', new Map()],
            ])
          : data,
      );
      assert.deepEqual(second, load({ f: 1 }));
      assert.equal(statSync(join(folder, files[0])).mode & 0o777, 0o600);
      const again = new MinionMaps({}, { cache, bank: 'grains', onProblem });
      writeFileSync(join(folder, files[0], '..', 'other.p'), 'no msgpack');
      await again.restore();
      assert.deepEqual([...again.ids()], ['web1']);
      assert.deepEqual(again.get('web1'), data);
    });
  }

  // CVE-2020-11652, CVE-2024-22231
  test('an id that is a path writes nothing', async (t) => {
    const folder = temporaryFolder(t);
    const below = join(folder, 'cache');
    mkdirSync(below);
    const cache = new SaltCache(below, ['minions', 'banks']);
    for (const id of ['../x', 'a/b', '..', '.', '', 'a\0', 'a\\b', '/etc/x', 'x'.repeat(254)]) {
      await assert.rejects(cache.store('grains', id, new Map()), SaltbusError);
      await assert.rejects(cache.remove('grains', id), SaltbusError);
    }
    assert.deepEqual(readdirSync(below), []);
    assert.deepEqual(readdirSync(folder), ['cache']);
  });

  test('a file that cannot be written is told, and the memory holds', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'grains'), 'no folder');
    const problems: unknown[] = [];
    const cache = new SaltCache(folder, ['banks']);
    const maps = new MinionMaps({}, { cache, bank: 'grains', onProblem: (error) => problems.push(error) });
    maps.set('a', load({ n: 1 }));
    await maps.flushed();
    assert.equal(problems.length, 1);
    assert.deepEqual(maps.get('a'), load({ n: 1 }));
  });
});

suite('_pillar', () => {
  test('grains are kept under the verified id, and refreshed ones are told', async () => {
    const grains = new MinionMaps();
    const request = load({ id: 'web1', grains: { id: 'web2', os: 'Debian' }, ver: '2' });
    assert.deepEqual(await answerPillar(request, 'web1', { grains }), {
      pillar: new Map(),
      events: [{ tag: 'minion/refresh/web1', data: exact({ 'Minion data cache refresh': 'web1' }) }],
    });
    assert.deepEqual(grains.get('web1'), exact({ id: 'web1', os: 'Debian' }));
    assert.deepEqual([...grains.ids()], ['web1']);
    const silent = await answerPillar(request, 'web1', { grains, refreshEvents: false });
    assert.deepEqual(silent?.events, []);
    assert.deepEqual((await answerPillar(request, 'web1', { grains: undefined }))?.events, []);
  });

  test('without grains there is no pillar', async () => {
    for (const grains of [undefined, null, 'text', []]) {
      const request = load({ id: 'web1', grains });
      assert.equal(await answerPillar(request, 'web1', { grains: new MinionMaps() }), undefined);
    }
  });

  test('pillar of the sender, whatever the load says; the override comes back', async () => {
    const asked: string[] = [];
    const parts = {
      grains: new MinionMaps(),
      pillarOf: (id: string): Load => {
        asked.push(id);
        return load({ a: { b: 1 }, secret: id });
      },
    };
    // CVE-2025-22237: `ext` names a source of pillar
    const request = load({
      id: 'web2',
      grains: {},
      pillar_override: { a: { c: 2 } },
      ext: { git: '--upload-pack=x' },
      pillarenv: '../x',
    });
    const answer = await answerPillar(request, 'web1', parts);
    assert.deepEqual(answer?.pillar, exact({ a: { b: 1, c: 2 }, secret: 'web1' }));
    assert.deepEqual(asked, ['web1']);
  });
});
