import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boolOption,
  checkOwnSettings,
  effectiveConfig,
  enumOption,
  integerOption,
  isConfigured,
  listOption,
  loadSaltConfig,
  mapOption,
  optionalInteger,
  optionalText,
  optionValue,
  pathOption,
  secondsOption,
  textOption,
} from '../../../src/config/index.ts';
import type { SaltConfig } from '../../../src/config/index.ts';
import { OPTIONS, optionDefault, optionsOf } from '../../../src/config/options/table.ts';
import { isSecretName } from '../../../src/config/secrets.ts';
import { fakeSystem } from '../doctor/fake-system.ts';

type Files = Readonly<Record<string, string>>;

function config(text = '', node: 'minion' | 'master' = 'minion', more: Files = {}): SaltConfig {
  return loadSaltConfig({ node, system: fakeSystem({ files: { [`/etc/salt/${node}`]: text, ...more } }) });
}

function fails(read: (from: SaltConfig) => unknown, text: string, message: string, node?: 'master'): void {
  assert.throws(() => read(config(text, node)), { code: 'ERR_SALTBUS_CONFIG', message });
}

test('every default fits its own kind, has a sentence, and is shown', () => {
  for (const node of ['minion', 'master'] as const) {
    const names = optionsOf(node).map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)], 'a name stands once for a node');
    for (const { name } of optionsOf(node)) assert.doesNotThrow(() => optionValue(config('', node), name));
  }
  for (const { name, doc } of OPTIONS) {
    assert.match(doc, /^\S.*\.$/s, name);
    assert.equal(
      isSecretName(name) &&
        optionDefault(name, OPTIONS.find((o) => o.name === name)?.only ?? 'minion') !== true,
      false,
      name,
    );
  }
});

test('defaults are those of Salt 3008.5, which differ by node where Salt’s do', () => {
  const minion = config();
  const master = config('', 'master');
  assert.equal(integerOption(minion, 'publish_port').value, 4506);
  assert.equal(integerOption(master, 'publish_port').value, 4505);
  assert.equal(boolOption(minion, 'sign_pub_messages').value, false);
  assert.equal(boolOption(master, 'sign_pub_messages').value, true);
  assert.deepEqual(listOption(minion, 'master').value, ['salt']);
  assert.equal(secondsOption(minion, 'acceptance_wait_time').value, 10);
  assert.equal(integerOption(minion, 'master_tries').value, -1);
  assert.equal(boolOption(minion, 'ipv6').value, false, 'not set is no');
  assert.equal(optionalInteger(minion, 'retry_dns_count'), undefined);
  assert.equal(optionalText(master, 'autosign_file'), undefined);
  assert.equal(textOption(minion, 'master_finger').value, '');
  assert.deepEqual(
    optionValue(master, 'file_roots').value,
    new Map([['base', ['/srv/salt', '/srv/spm/salt']]]),
  );
  assert.equal(pathOption(minion, 'pki_dir').value, '/etc/salt/pki/minion');
});

test('values of each kind as configured', () => {
  const minion = config(
    [
      'master: [a, "b:4510"]',
      'auth_timeout: 0.5',
      "auth_tries: '3'",
      'tcp_keepalive_cnt: -1',
      'log_level: WARNING',
      'autosign_grains: uuid',
      'grains: {role: web}',
      'pki_dir: keys',
      'root_dir: /r',
      'source_address: ""',
      'saltbus: {max_jobs: 3}',
    ].join('\n'),
  );
  assert.deepEqual(listOption(minion, 'master').value, ['a', 'b:4510']);
  assert.equal(secondsOption(minion, 'auth_timeout').value, 0.5);
  assert.equal(integerOption(minion, 'auth_tries').value, 3);
  assert.equal(integerOption(minion, 'tcp_keepalive_cnt').value, -1);
  assert.equal(enumOption(minion, 'log_level', ['warning', 'error']).value, 'warning');
  assert.deepEqual(listOption(minion, 'autosign_grains').value, ['uuid']);
  assert.deepEqual(mapOption(minion, 'grains').value, new Map([['role', 'web']]));
  assert.deepEqual(pathOption(minion, 'pki_dir'), {
    value: '/r/keys',
    origin: { kind: 'file', file: '/etc/salt/minion', line: 8 },
    note: 'root_dir /r was put before keys',
  });
  assert.equal(textOption(minion, 'source_address').value, '');
  assert.equal(isConfigured(minion, 'source_address'), false);
  assert.equal(isConfigured(minion, 'saltbus.max_jobs'), true);
  assert.equal(integerOption(minion, 'saltbus.max_jobs').value, 3);
});

test('what does not fit is an error with file, line, key, and what would be right', () => {
  const at = '/etc/salt/minion:2: ';
  fails(
    (c) => boolOption(c, 'rejected_retry'),
    'a: 1\nrejected_retry: maybe',
    `${at}rejected_retry is "maybe", and must be True or False`,
  );
  fails(
    (c) => secondsOption(c, 'auth_timeout'),
    'a: 1\nauth_timeout: -1',
    `${at}auth_timeout is -1, and must be a number of seconds from 0 to 2147483`,
  );
  fails(
    (c) => integerOption(c, 'auth_tries'),
    'a: 1\nauth_tries: 1.5',
    `${at}auth_tries is 1.5, and must be a whole number from 0 to 9007199254740991`,
  );
  fails(
    (c) => integerOption(c, 'master_port'),
    'a: 1\nmaster_port: 70000',
    `${at}master_port is 70000, and must be a whole number from 1 to 65535`,
  );
  fails(
    (c) => listOption(c, 'master'),
    'a: 1\nmaster: [1]',
    `${at}master is [1], and must be text, or a list of texts`,
  );
  fails(
    (c) => enumOption(c, 'master_type', ['str', 'failover']),
    'a: 1\nmaster_type: func',
    `${at}master_type is "func", and must be str or failover`,
  );
  fails(
    (c) => optionValue(c, 'master_type'),
    'a: 1\nmaster_type: x',
    `${at}master_type is "x", and must be str, failover, distributed, func or disable`,
  );
  fails(
    (c) => mapOption(c, 'grains'),
    'a: 1\ngrains: [{a: 1}]',
    `${at}grains is [{"a":1}], and must be a map`,
  );
  fails((c) => textOption(c, 'hash_type'), 'a: 1\nhash_type: ""', `${at}hash_type is "", and must be text`);
  fails(
    (c) => integerOption(c, 'ret_port'),
    `ret_port: ${'9'.repeat(200)}`,
    `/etc/salt/master:1: ret_port is "${'9'.repeat(99)}…, and must be a whole number from 1 to 65535`,
    'master',
  );
});

test('asking for what is not in the table, or is of another kind, is a mistake of ours', () => {
  assert.throws(() => optionValue(config(), 'worker_threads'), TypeError);
  assert.throws(() => boolOption(config(), 'hash_type'), TypeError);
  assert.throws(() => integerOption(config(), 'retry_dns_count'), TypeError);
});

test('our settings know their lines, one by one, and a drop-in sets one without the others', () => {
  const minion = config('id: a\nsaltbus:\n  max_jobs: 5\n  drain_timeout: 2\n', 'minion', {
    '/etc/salt/minion.d/x.conf': 'saltbus:\n  max_jobs: 7\n',
  });
  assert.deepEqual(integerOption(minion, 'saltbus.max_jobs'), {
    value: 7,
    origin: { kind: 'file', file: '/etc/salt/minion.d/x.conf', line: 2 },
  });
  assert.deepEqual(secondsOption(minion, 'saltbus.drain_timeout').origin, {
    kind: 'file',
    file: '/etc/salt/minion',
    line: 4,
  });
  checkOwnSettings(minion);
});

test('a setting of ours that is not known is refused with the nearest that is', () => {
  const refused = (text: string): unknown => {
    try {
      checkOwnSettings(config(text));
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const misspelt = refused('saltbus:\n  a: 1\n'.replace('a: 1', 'max_job: 1'));
  assert.match(String(misspelt), /\/etc\/salt\/minion:2: saltbus\.max_job is no setting of saltbus/);
  assert.match((misspelt as { next: string }).next, /Did you mean saltbus\.max_jobs\?/);
  assert.match(
    String(refused('saltbus: {pillar_folder: /p}')),
    /:1: saltbus\.pillar_folder is a setting of a master/,
  );
  assert.match(String(refused('saltbus: 5')), /:1: saltbus is 5, and must be a map/);
  assert.equal(refused('saltbus:\n'), undefined);
  const { errors } = effectiveConfig(config('saltbus: {nonsense: 1}'));
  assert.deepEqual(
    errors.map(({ message }) => message),
    ['/etc/salt/minion:1: saltbus.nonsense is no setting of saltbus'],
  );
});
