import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  busAddress,
  loadSaltConfig,
  siblingSocket,
  typeSaltScalar,
  userCacheDir,
  userSockDir,
} from '../../../src/config/index.ts';
import type { BusAddress, SystemFacts } from '../../../src/config/index.ts';
import { idHash } from '../../../src/config/sockets.ts';
import { parseSaltYaml } from '../../../src/config/yaml.ts';

/** A system that holds just these files. */
function system(
  files: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv = {},
  hostname = 'host',
): SystemFacts {
  return {
    env,
    hostname,
    home: '/home/me',
    readFile: (path) => files[path],
    list: (directory) =>
      Object.keys(files)
        .filter((path) => path.startsWith(`${directory}/`))
        .map((path) => path.slice(directory.length + 1).split('/')[0] ?? ''),
  };
}

function minion(
  files: Readonly<Record<string, string>>,
  env?: NodeJS.ProcessEnv,
  hostname?: string,
): BusAddress {
  return busAddress(loadSaltConfig({ node: 'minion', system: system(files, env, hostname) }));
}

test('the hash of an id names its sockets', () => {
  assert.equal(idHash('minion1', 'sha256'), '1e9498c860');
  assert.equal(idHash('minion1', 'md5'), 'c5a7daa544');
  assert.equal(idHash('minion1', 'SHA1'), '3a6368820d');
  assert.equal(idHash('web01.example.com', 'sha512'), 'b95e8369bd');
  assert.equal(idHash('', 'sha256'), 'e3b0c44298');
  assert.throws(() => idHash('a', 'crc32'), { code: 'ERR_SALTBUS_CONFIG', message: /crc32/ });
});

test('without any file: Salt’s defaults', () => {
  const { address, id } = minion({});
  assert.deepEqual(address, {
    kind: 'unix',
    node: 'minion',
    pub: `/var/run/salt/minion/minion_event_${idHash('host', 'sha256')}_pub.ipc`,
    pull: `/var/run/salt/minion/minion_event_${idHash('host', 'sha256')}_pull.ipc`,
  });
  assert.equal(id?.value, 'host');
  const master = busAddress(loadSaltConfig({ node: 'master', system: system({}) }));
  assert.equal(
    master.address.kind === 'unix' && master.address.pub,
    '/var/run/salt/master/master_event_pub.ipc',
  );
});

test('the directory and the file come from the environment, and -c goes over both', () => {
  const files = { '/a/minion': 'id: a', '/b/minion': 'id: b', '/c/minion': 'id: c' };
  assert.equal(minion(files, { SALT_CONFIG_DIR: '/a' }).id?.value, 'a');
  assert.equal(minion(files, { SALT_CONFIG_DIR: '/a', SALT_MINION_CONFIG: '/b/minion' }).id?.value, 'b');
  assert.equal(minion(files, { SALT_MINION_CONFIG: '/gone' }).id?.value, 'host');
  const config = loadSaltConfig({
    node: 'minion',
    configDir: '/c',
    system: system(files, { SALT_CONFIG_DIR: '/a' }),
  });
  assert.equal(busAddress(config).id?.value, 'c');
});

test('each value knows the file and line that it comes from', () => {
  const config = loadSaltConfig({
    node: 'minion',
    system: system({
      '/etc/salt/minion': '# one\nid: a\n\nhash_type: md5\n',
      '/etc/salt/minion.d/x.conf': '\nsock_dir: /x\n',
    }),
  });
  const address = busAddress(config);
  assert.deepEqual(address.id?.origin, { kind: 'file', file: '/etc/salt/minion', line: 2 });
  assert.deepEqual(address.hashType.origin, { kind: 'file', file: '/etc/salt/minion', line: 4 });
  assert.deepEqual(address.sockDir.origin, { kind: 'file', file: '/etc/salt/minion.d/x.conf', line: 2 });
  assert.deepEqual(address.maxEventSize.origin, { kind: 'default' });
  assert.deepEqual(config.files, ['/etc/salt/minion', '/etc/salt/minion.d/x.conf']);
});

test('a guessed id gives way to the only socket that is there; a configured one does not', () => {
  const socket = '/var/run/salt/minion/minion_event_0123456789_pub.ipc';
  const found = minion({ [socket]: '' });
  assert.equal(found.address.kind === 'unix' && found.address.pub, socket);
  assert.equal(found.id, undefined);
  assert.equal(minion({ [socket]: '', '/etc/salt/minion': 'id: a' }).id?.value, 'a');
  assert.equal(minion({ [socket]: '', '/var/run/salt/minion/minion_event_x_pub.ipc': '' }).id?.value, 'host');
});

test('the id: cached, lowered, without and with a domain, from the hosts file', () => {
  assert.equal(minion({ '/etc/salt/minion_id': 'cached\nmore' }).id?.value, 'cached');
  assert.equal(minion({ '/etc/salt/minion_id': 'localhost' }).id?.value, 'host');
  assert.equal(
    minion({ '/etc/salt/minion_id': 'cached', '/etc/salt/minion': 'minion_id_caching: no' }).id?.value,
    'host',
  );
  assert.equal(
    minion({ '/r/etc/salt/minion_id': 'below', '/etc/salt/minion': 'root_dir: /r' }).id?.value,
    'below',
  );
  assert.equal(minion({ '/etc/salt/minion': 'minion_id_lowercase: true' }, {}, 'HOST').id?.value, 'host');
  assert.equal(minion({ '/etc/salt/minion': 'minion_id_remove_domain: true' }, {}, 'a.b.c').id?.value, 'a');
  assert.equal(minion({ '/etc/salt/minion': 'minion_id_remove_domain: B.c' }, {}, 'a.b.c').id?.value, 'a');
  assert.equal(minion({ '/etc/salt/minion': 'append_domain: x.y' }).id?.value, 'host.x.y');
  assert.equal(minion({ '/etc/hosts': '127.0.1.1 host.example.com host\n' }).id?.value, 'host.example.com');
  assert.equal(
    minion({ '/etc/hosts': '127.0.0.1 localhost\n127.0.1.1 real # x\n' }, {}, 'localhost').id?.value,
    'real',
  );
  assert.throws(() => minion({ '/etc/salt/minion': 'a: 1\nid_function: x.y' }), {
    code: 'ERR_SALTBUS_CONFIG',
    message: /\/etc\/salt\/minion:2: id_function/,
  });
});

test('a broken main file is an error with file and line; a broken drop-in is a warning', () => {
  const fails = (text: string, message: RegExp): void => {
    assert.throws(() => minion({ '/etc/salt/minion': text }), { code: 'ERR_SALTBUS_CONFIG', message });
  };
  fails('a: 1\nb: [1\n', /\/etc\/salt\/minion:\d+: /);
  fails('a: 1\nb: 2\na: 3\n', /\/etc\/salt\/minion:3: the key 'a' stands twice/);
  fails('just text', /:1: the file holds no map/);
  fails('a: 1\nsock_dir: [x]\nid: b', /\/etc\/salt\/minion:2: sock_dir is \["x"\], and must be text/);
  fails('id: b\nmax_event_size: lots', /:2: max_event_size is "lots", and must be a whole number/);
  fails('id: b\nipc_mode: tcp\ntcp_pub_port: 70000', /:3: tcp_pub_port is 70000/);
  fails('a: *nowhere', /:1: /);
  const config = loadSaltConfig({
    node: 'minion',
    system: system({
      '/etc/salt/minion': 'id: a',
      '/etc/salt/minion.d/x.conf': 'id: [\n',
      '/etc/salt/minion.d/y.conf': 'hash_type: md5',
    }),
  });
  assert.equal(busAddress(config).hashType.value, 'md5');
  assert.match(config.warnings.join(), /x\.conf:\d+/);
});

test('include that includes itself ends', () => {
  const config = loadSaltConfig({
    node: 'minion',
    system: system({
      '/etc/salt/minion': 'id: a\ninclude: x.conf',
      '/etc/salt/x.conf': 'include: x.conf\nhash_type: md5',
    }),
  });
  assert.equal(busAddress(config).hashType.value, 'md5');
  assert.match(config.warnings.join(), /include goes deeper/);
});

test('drop-ins are merged into each other before they replace', () => {
  const { values } = loadSaltConfig({
    node: 'minion',
    system: system({
      '/etc/salt/minion': 'm: {a: 0, z: 0}\nl: [0]',
      '/etc/salt/minion.d/1.conf': 'm: {a: 1, b: {c: 1}}\nl: [1, 2]',
      '/etc/salt/minion.d/2.conf': 'm: {b: {d: 2}}\nl: [2, 3]',
    }),
  });
  assert.deepEqual(
    values.get('m')?.value,
    new Map<string, unknown>([
      ['a', 1],
      [
        'b',
        new Map([
          ['c', 1],
          ['d', 2],
        ]),
      ],
    ]),
  );
  assert.deepEqual(values.get('l')?.value, [1, 2, 3]);
});

test('the socket beside a socket', () => {
  assert.deepEqual(siblingSocket('/r/master_event_pull.ipc'), {
    node: 'master',
    pub: '/r/master_event_pub.ipc',
    pull: '/r/master_event_pull.ipc',
  });
  assert.deepEqual(
    siblingSocket('/r/minion_event_1e9498c860_pub.ipc').pull,
    '/r/minion_event_1e9498c860_pull.ipc',
  );
  assert.throws(() => siblingSocket('/r/publish_pull.ipc'), { code: 'ERR_SALTBUS_USAGE' });
});

test('our own directories follow XDG', () => {
  assert.equal(userSockDir('minion', { XDG_RUNTIME_DIR: '/run/user/5' }), '/run/user/5/saltbus/minion');
  assert.equal(
    userSockDir('master', { HOME: '/h', XDG_RUNTIME_DIR: 'relative' }),
    '/h/.local/state/saltbus/run/master',
  );
  assert.equal(userCacheDir({ HOME: '/h' }), '/h/.cache/saltbus');
  assert.equal(userCacheDir({ HOME: '/h', XDG_CACHE_HOME: '/c' }), '/c/saltbus');
});

test('YAML means what PyYAML makes of it', () => {
  const read = (text: string): unknown => parseSaltYaml(text, { file: 'f' });
  assert.deepEqual(read('[y, yes, on, 1e3, 010, 08, 1:30, 0x1f, 2024-01-02, ~, "1", 1.5]'), [
    'y',
    true,
    true,
    '1e3',
    10,
    '08',
    90,
    31,
    '2024-01-02',
    null,
    '1',
    1.5,
  ]);
  assert.equal(read(''), null);
  assert.deepEqual(
    read('a: &x [1]\nb: *x'),
    new Map([
      ['a', [1]],
      ['b', [1]],
    ]),
  );
  assert.equal(typeSaltScalar('18446744073709551615'), 18446744073709551615n);
  assert.equal(typeSaltScalar('a #b'), 'a #b');
});

test('an alias that contains itself is an error with its place', () => {
  for (const text of ['a: &a [*a]', 'a: &a {b: *a}', 'a: &a [1, [2, *a]]']) {
    assert.throws(() => parseSaltYaml(text, { file: 'f' }), {
      code: 'ERR_SALTBUS_CONFIG',
      message: /^f:1: the alias \*a contains itself/,
    });
  }
  assert.deepEqual(
    parseSaltYaml('a: &a [1]\nb: [*a, *a]', { file: 'f' }),
    new Map([
      ['a', [1]],
      ['b', [[1], [1]]],
    ] as [string, unknown][]),
  );
});
