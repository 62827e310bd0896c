import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressGrains, collectGrains } from '../../../../src/daemon/minion/grains.ts';
import type { AddressesOf } from '../../../../src/daemon/minion/grains.ts';
import { describeOs } from '../../../../src/daemon/minion/os-grains.ts';
import { ascTime } from '../../../../src/daemon/minion/start-up.ts';
import { onDiagnostics } from '../../../../src/diagnostics.ts';

interface Case {
  readonly file: string;
  readonly grains: Readonly<Record<string, unknown>>;
}

// What real minions of 3006 to 3008 say on these systems.
const SYSTEMS: Readonly<Record<string, Case>> = {
  'Debian 12': {
    file: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
    grains: {
      os: 'Debian',
      os_family: 'Debian',
      osfullname: 'Debian GNU/Linux',
      osrelease: '12',
      osrelease_info: [12],
      oscodename: 'bookworm',
      osarch: 'amd64',
      osfinger: 'Debian-12',
      osmajorrelease: 12,
    },
  },
  'Ubuntu 22.04': {
    file: 'NAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\n',
    grains: {
      os: 'Ubuntu',
      os_family: 'Debian',
      osfullname: 'Ubuntu',
      osrelease: '22.04',
      osrelease_info: [22, 4],
      oscodename: 'jammy',
      osarch: 'amd64',
      osfinger: 'Ubuntu-22.04',
      osmajorrelease: 22,
    },
  },
  'Rocky 9': {
    file: 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.3"\nPRETTY_NAME="Rocky Linux 9.3 (Blue Onyx)"\n',
    grains: {
      os: 'Rocky',
      os_family: 'RedHat',
      osfullname: 'Rocky Linux',
      osrelease: '9.3',
      osrelease_info: [9, 3],
      oscodename: 'Rocky Linux 9.3 (Blue Onyx)',
      osarch: 'x86_64',
      osfinger: 'Rocky Linux-9',
      osmajorrelease: 9,
    },
  },
  'one that is like another': {
    file: "NAME='My \"OS\"'\nID=constructor\nID_LIKE='nothing fedora'\nVERSION_ID=7\n",
    grains: {
      os: 'My "OS"',
      os_family: 'RedHat',
      osfullname: 'My "OS"',
      osrelease: '7',
      osrelease_info: [7],
      oscodename: '',
      osarch: 'x86_64',
      osfinger: 'My "OS"-7',
      osmajorrelease: 7,
    },
  },
  'one that says nothing': {
    file: '',
    grains: {
      os: 'Linux',
      os_family: 'Linux',
      osfullname: 'Linux',
      osrelease: '',
      osrelease_info: [],
      oscodename: '',
      osarch: 'x86_64',
      osfinger: 'Linux-',
    },
  },
};

test('the operating system by its os-release', () => {
  for (const [name, { file, grains }] of Object.entries(SYSTEMS))
    assert.deepEqual(Object.fromEntries(describeOs(file, 'x86_64')), grains, name);
});

test('interfaces, those without an address too', () => {
  const grains = Object.fromEntries(
    addressGrains(
      {
        lo: [{ address: '127.0.0.1', family: 'IPv4', mac: '00:00:00:00:00:00' }],
        eth0: [
          { address: '192.0.2.2', family: 'IPv4', mac: '02:00:00:00:00:01' },
          { address: 'fd00::2', family: 'IPv6', mac: '02:00:00:00:00:01' },
        ],
      },
      new Map([
        ['ifb0', '96:e2:32:12:28:aa'],
        ['odd', ''],
      ]),
    ),
  );
  assert.deepEqual(grains, {
    ipv4: ['127.0.0.1', '192.0.2.2'],
    ipv6: ['fd00::2'],
    ip_interfaces: new Map([
      ['ifb0', []],
      ['odd', []],
      ['lo', ['127.0.0.1']],
      ['eth0', ['192.0.2.2', 'fd00::2']],
    ]),
    ip4_interfaces: new Map([
      ['ifb0', []],
      ['odd', []],
      ['lo', ['127.0.0.1']],
      ['eth0', ['192.0.2.2']],
    ]),
    ip6_interfaces: new Map<string, string[]>([
      ['ifb0', []],
      ['odd', []],
      ['lo', []],
      ['eth0', ['fd00::2']],
    ]),
    hwaddr_interfaces: new Map([
      ['ifb0', '96:e2:32:12:28:aa'],
      ['lo', '00:00:00:00:00:00'],
      ['eth0', '02:00:00:00:00:01'],
    ]),
  });
});

const SOURCE = { id: 'web1', master: 'salt', release: '3008.5', version: '1.2.3', file: '/etc/salt/grains' };

const nobody: AddressesOf = () => Promise.resolve([]);

test('what an operator has added is laid over: the file, and the configuration over that', async () => {
  const files: Readonly<Record<string, string>> = {
    '/etc/salt/grains': 'role: file\nrack: 7\n',
    '/proc/meminfo': 'MemTotal: 2048 kB\n',
  };
  const grains = await collectGrains(
    { ...SOURCE, configured: new Map([['role', 'config']]) },
    (path) => files[path],
    nobody,
  );
  assert.deepEqual(
    ['id', 'saltversioninfo', 'saltbus', 'role', 'rack', 'mem_total', 'master'].map((name) =>
      grains.get(name),
    ),
    ['web1', [3008, 5], '1.2.3', 'config', 7, 2, 'salt'],
  );
});

test('a file of grains that makes no sense is left out, and told', async (t) => {
  const told: string[] = [];
  t.after(onDiagnostics('saltbus:minion:facts', ({ what, error }) => told.push(`${what}: ${error.message}`)));
  for (const text of ['- a list\n', 'a: [\n', '']) {
    const grains = await collectGrains(
      { ...SOURCE, configured: new Map() },
      (path) => (path === SOURCE.file ? text : undefined),
      nobody,
    );
    assert.equal(grains.get('id'), 'web1');
  }
  assert.equal(told.length, 2);
  assert.match(told[0] ?? '', /^the grains in \/etc\/salt\/grains: .*holds no map of grains/);
});

test('asctime', () => {
  assert.equal(ascTime(new Date(2026, 10, 5, 3, 4, 9)), 'Thu Nov  5 03:04:09 2026');
});
