import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PublisherAcl } from '../../../../src/daemon/master/publisher-acl.ts';
import { parseSaltYaml } from '../../../../src/config/index.ts';

function acl(text: string, refusedUsers: string[] = [], refusedFunctions: string[] = []): PublisherAcl {
  const rules = parseSaltYaml(text, { file: 'test' });
  const allowed = rules instanceof Map ? (rules as ReadonlyMap<string, readonly unknown[]>) : new Map();
  return new PublisherAcl({ allowed, refusedUsers, refusedFunctions });
}

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'web*': ['web1', 'web2'],
  'G@role:db': ['db1'],
};
const idsOf = (compound: string): ReadonlySet<string> => new Set(GROUPS[compound] ?? []);

const RULES = `
ann:
  - test.*
  - 'web*':
    - pkg.install:
        args: [nginx.*, null]
        kwargs: {refresh: 'True'}
    - service.restart
  - G@role:db: cmd.run
'op_.*':
  - '*': [grains.get]
bob?: ['.*']
'@x': [test.ping]
eve: []
`;

const kwargs = (pairs: object): Map<string, unknown> =>
  new Map<string, unknown>([['__kwarg__', true], ...Object.entries(pairs)]);

test('users, functions, minions and arguments', () => {
  const rules = acl(RULES);
  const table: readonly (readonly [
    user: string,
    fun: string | string[],
    ids: string[],
    may: boolean,
    arg?: unknown[],
  ])[] = [
    ['ann', 'test.ping', ['web1', 'db1'], true],
    ['ann', 'testing', ['web1'], true],
    ['ann', 'my.test.ping', ['web1'], false],
    ['ann', 'service.restart', ['web1', 'web2'], true],
    ['ann', 'service.restart', ['web1', 'db1'], false],
    ['ann', 'service.stop', ['web1'], false],
    ['ann', 'cmd.run', ['db1'], true],
    ['ann', 'cmd.run', ['web1'], false],
    ['ann', 'cmd.run', [], true],
    ['ann', ['test.ping', 'cmd.run'], ['db1'], true, [[], ['x']]],
    ['ann', ['test.ping', 'cmd.run'], ['web1'], false, [[], ['x']]],
    ['ann', 'pkg.install', ['web1'], true, ['nginx-full', 7, kwargs({ refresh: true })]],
    ['ann', 'pkg.install', ['web1'], false, ['apache', 7, kwargs({ refresh: true })]],
    ['ann', 'pkg.install', ['web1'], false, ['nginx', kwargs({ refresh: true })]],
    ['ann', 'pkg.install', ['web1'], false, ['nginx', 7, kwargs({ refresh: false })]],
    ['ann', 'pkg.install', ['web1'], false, ['nginx', 7]],
    ['ann', 'saltutil.find_job', ['db1', 'x'], true],
    ['eve', 'saltutil.find_job', ['db1'], false],
    ['eve', 'test.ping', ['db1'], false],
    ['op_1', 'grains.get', ['any'], true],
    ['op', 'grains.get', ['any'], false],
    ['xop_1', 'grains.get', ['any'], false],
    ['bob1', 'cmd.run', ['any'], true],
    ['bo', 'cmd.run', ['any'], true],
    ['bobby', 'cmd.run', ['any'], false],
    ['nobody', 'test.ping', ['web1'], false],
    ['root', 'test.ping', ['web1'], false],
    ['op_1\n', 'grains.get', ['any'], false],
  ];
  for (const [user, fun, ids, may, arg = []] of table) {
    const job = { fun, arg: arg as never[], ids };
    assert.equal(rules.allows(user, job, idsOf), may, `${user} ${String(fun)} ${ids.join()}`);
  }
});

test('nobody by default, and the blacklist is for everybody', () => {
  const none = acl('{}');
  assert.deepEqual([none.isEmpty, none.names('root'), none.refuses('root', 'cmd.run')], [true, false, false]);
  assert.equal(none.allows('root', { fun: 'test.ping', arg: [], ids: [] }, idsOf), false);
  const some = acl(RULES, ['root', 'sudo_.*'], ['cmd.*']);
  assert.deepEqual(
    [some.isEmpty, some.names('ann'), some.names('op_2'), some.names('zed')],
    [false, true, true, false],
  );
  assert.deepEqual(
    [
      some.refuses('root', 'test.ping'),
      some.refuses('sudo_x', 'test.ping'),
      some.refuses('ann', 'test.ping'),
    ],
    [true, true, false],
  );
  assert.deepEqual(
    [some.refuses('ann', 'cmd.run'), some.refuses('ann', ['test.ping', 'cmd.run'])],
    [true, true],
  );
});

test('rules that make no sense are errors', () => {
  for (const text of [
    'ann: [7]',
    'ann: [{a: [], b: []}]',
    "ann: [{'*': [7]}]",
    "ann: [{'*': [{f: 7}]}]",
    "ann: [{'*': [{f: {args: x}}]}]",
    "ann: [{'*': [{f: {kwargs: []}}]}]",
  ]) {
    assert.throws(() => acl(text), { code: 'ERR_SALTBUS_CONFIG' }, text);
  }
  assert.throws(() => acl("ann: ['(']"), { code: 'ERR_SALTBUS_PATTERN' });
});
