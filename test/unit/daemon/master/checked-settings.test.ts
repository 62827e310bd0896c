import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSaltConfig } from '../../../../src/config/index.ts';
import type { MasterSettings } from '../../../../src/config/index.ts';
import { checkedMasterSettings } from '../../../../src/daemon/master/checked-settings.ts';
import { fakeSystem } from '../../doctor/fake-system.ts';

function read(text: string): MasterSettings {
  const files = { '/etc/salt/master': `id: m\n${text}\n` };
  return checkedMasterSettings(loadSaltConfig({ node: 'master', system: fakeSystem({ files }) }));
}

test('patterns and targets that are none are told with file, line, option and as they are written', () => {
  const bad: readonly (readonly [string, string])[] = [
    ["file_ignore_regex: ['ok', '(swp$']", 'file_ignore_regex has "(swp$": '],
    ["publisher_acl:\n  ann: ['test.(']", 'publisher_acl of "ann": '],
    ["publisher_acl:\n  ann: [{'*': [7]}]", 'publisher_acl of "ann": a function is a regular expression'],
    ['nodegroups:\n  a: web* and', 'nodegroups has "a": "web* and": ")" stands where a test is expected'],
    [
      "nodegroups:\n  a: ['web*', 'or']",
      'nodegroups has "a": ["web*","or"]: ")" stands where a test is expected',
    ],
    ['nodegroups:\n  a: N@b\n  b: N@a', 'nodegroups has "a": "N@b": The node group "a" holds itself'],
    [
      'nodegroups:\n  a: web* or N@gone',
      'nodegroups has "a": "web* or N@gone": There is no node group "gone"',
    ],
    ["nodegroups:\n  a: 'E@('", 'nodegroups has "a": "E@(": '],
    ["nodegroups:\n  a: ''", 'nodegroups has "a": "": The node group "a" is empty'],
  ];
  for (const [text, message] of bad)
    assert.throws(
      () => read(text),
      ({ code, message: said }: { code: string; message: string }) => {
        assert.equal(code, 'ERR_SALTBUS_CONFIG', text);
        assert.equal(said.slice(0, 20 + message.length), `/etc/salt/master:2: ${message}`);
        return true;
      },
      text,
    );
});

test('what is well formed is taken, and so is what only a use of it can refuse', () => {
  const settings = read(
    [
      "file_ignore_regex: ['/\\.svn($|/)', '(?i)\\.SWP$']",
      "publisher_acl: {'*web': ['test.*', {'web*': [{pkg.install: {args: [nginx]}}]}]}",
      "nodegroups: {a: 'web* or R@%all', b: [web1, web2], c: 'G@os:Debian and not N@a', d: ['R@%all']}",
    ].join('\n'),
  );
  assert.deepEqual(Object.keys(settings.nodegroups), ['a', 'b', 'c', 'd']);
  assert.equal(settings.nodegroups['a'], 'web* or R@%all');
  assert.equal(settings.publisherAcl.size, 1);
});
