import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idHash } from '../../../src/config/index.ts';
import { examine } from '../../../src/doctor/index.ts';
import type { Finding, Report } from '../../../src/doctor/index.ts';
import type { ExamineOptions } from '../../../src/doctor/examine.ts';
import { worstOf } from '../../../src/doctor/finding.ts';
import { SaltbusError } from '../../../src/errors.ts';
import { ALICE, GOOD, NOW, fakeSystem } from './fake-system.ts';
import type { FakeFile, FakeWorld } from './fake-system.ts';

const HASH = idHash('web01', 'sha256');
const DIRECTORY = '/var/run/salt/minion';
const PUB = `${DIRECTORY}/minion_event_${HASH}_pub.ipc`;
const PULL = `${DIRECTORY}/minion_event_${HASH}_pull.ipc`;
const MASTER = '/var/run/salt/master';
const MASTER_PUB = `${MASTER}/master_event_pub.ipc`;
const MASTER_PULL = `${MASTER}/master_event_pull.ipc`;
const SOCKET: FakeFile = { kind: 'socket', alive: true };
const CONFIG = { '/etc/salt/minion': 'id: web01\n' };
const MINION = { ...CONFIG, [PUB]: SOCKET, [PULL]: SOCKET };
const SYNCHRONISED = { '/run/systemd/timesync/synchronized': '' };

function examined(world: FakeWorld, options: Omit<ExamineOptions, 'system'> = {}): Promise<Report> {
  return examine({ ...options, system: fakeSystem(world) });
}

function found({ findings }: Report, id: string): Finding {
  const finding = findings.find((one) => one.id === id);
  assert.notEqual(finding, undefined, `${id} is among ${findings.map((one) => one.id).join(', ')}`);
  return finding as Finding;
}

function levels({ findings }: Report): Record<string, string> {
  return Object.fromEntries(findings.map(({ id, level }) => [id, level]));
}

test('the worst of levels: unknown is no fault, and more than ok', () => {
  assert.equal(worstOf([]), 'ok');
  assert.equal(worstOf(['ok', 'unknown']), 'unknown');
  assert.equal(worstOf(['warning', 'unknown', 'ok']), 'warning');
  assert.equal(worstOf(['warning', 'error', 'ok']), 'error');
});

test('a minion that is well: nothing worse than unknown, and every finding is there', async () => {
  const report = await examined({
    files: {
      ...MINION,
      ...SYNCHRONISED,
      '/proc/self/limits':
        'Limit  Soft Hard\nMax open files            1024                 4096                 files\n',
    },
    salt: { version: '3008.5', command: 'salt-minion', changedAt: NOW - 3_600_000 },
  });
  assert.deepEqual(levels(report), {
    'minion.configuration': 'ok',
    'minion.id': 'ok',
    'minion.path-length': 'ok',
    'minion.directory': 'ok',
    'minion.sockets': 'ok',
    'minion.leftovers': 'ok',
    'minion.listen': 'ok',
    'minion.fire': 'ok',
    'minion.dialect': 'ok',
    'minion.round-trip': 'ok',
    'minion.to-master': 'unknown',
    'master.configuration': 'ok',
    'master.directory': 'ok',
    buses: 'ok',
    'salt.version': 'ok',
    clock: 'ok',
    'clock.synchronised': 'ok',
    descriptors: 'ok',
  });
  assert.equal(report.worst, 'unknown');
  assert.match(found(report, 'minion.id').title, /web01 \(\/etc\/salt\/minion:1\)/);
  assert.match(found(report, 'minion.dialect').title, /prefixed-pull/);
  assert.match(found(report, 'minion.round-trip').title, /1\.5 ms/);
  assert.match(found(report, 'minion.sockets').detail, /owner root, group root, mode 0600: root only/);
});

test('nothing at all: no bus can be used, and nothing else is wrong', async () => {
  const report = await examined({ files: SYNCHRONISED });
  assert.equal(report.worst, 'error');
  assert.deepEqual(
    report.findings.filter(({ level }) => level === 'error').map(({ id }) => id),
    ['buses'],
  );
});

test('a bus that was asked for and is not there is an error; one that is configured is a warning', async () => {
  assert.equal(found(await examined({}, { node: 'master' }), 'master.directory').level, 'error');
  const report = await examined({ files: { ...MINION, '/etc/salt/master': 'user: salt\n' } });
  assert.equal(found(report, 'master.directory').level, 'warning');
  assert.match(found(report, 'master.configuration').detail, /run as salt \(\/etc\/salt\/master:1\)/);
  assert.equal(report.worst, 'warning');
});

test('a broken main file ends the examination of that node; a broken drop-in does not', async () => {
  const broken = await examined({ files: { '/etc/salt/minion': 'id: [\n' } });
  assert.equal(found(broken, 'minion.configuration').level, 'error');
  assert.match(found(broken, 'minion.configuration').detail, /\/etc\/salt\/minion:\d+: /);
  assert.equal(levels(broken)['minion.sockets'], undefined);
  const dropIn = await examined({ files: { ...MINION, '/etc/salt/minion.d/x.conf': 'a: [\n' } });
  assert.equal(found(dropIn, 'minion.configuration').level, 'warning');
  assert.equal(found(dropIn, 'minion.round-trip').level, 'ok');
  const denied = await examined({
    account: ALICE,
    files: { '/etc/salt/minion': { text: 'id: web01', mode: 0o600 } },
  });
  assert.match(found(denied, 'minion.configuration').detail, /cannot be read/);
});

test('no permission: on a directory and on the sockets, with the group that would help', async () => {
  const groups = { 450: { name: 'salt', members: [] as readonly string[] } };
  const shut = { [MASTER]: { kind: 'directory', uid: 450, gid: 450, mode: 0o750 } } as const;
  const files = {
    '/etc/salt/master': 'user: salt',
    [MASTER_PUB]: { ...SOCKET, uid: 450, gid: 450, mode: 0o660 },
    [MASTER_PULL]: { ...SOCKET, uid: 450, gid: 450, mode: 0o600 },
  };
  const directory = found(
    await examined({ account: ALICE, groups, files: { ...shut, ...files } }, { node: 'master' }),
    'master.directory',
  );
  assert.equal(directory.level, 'error');
  assert.match(directory.detail, /owner salt, group salt, mode 0750/);
  assert.match(directory.next ?? '', /sudo usermod -aG salt alice/);
  const sockets = await examined({ account: ALICE, groups, files }, { node: 'master' });
  assert.equal(found(sockets, 'master.listen').level, 'error');
  assert.match(found(sockets, 'master.listen').next ?? '', /usermod -aG salt alice/);
  assert.match(found(sockets, 'master.fire').next ?? '', /^Run as salt: sudo -u salt saltbus/);
  const joined = await examined(
    { account: ALICE, groups: { 450: { name: 'salt', members: ['alice'] } }, files },
    { node: 'master' },
  );
  assert.match(found(joined, 'master.listen').next ?? '', /log in again/);
  const member = await examined(
    { account: { ...ALICE, groups: [1000, 450] }, groups, files },
    { node: 'master' },
  );
  assert.equal(found(member, 'master.listen').level, 'ok');
  assert.equal(found(member, 'master.fire').level, 'warning', 'who may read is not meant to write');
  assert.equal(member.worst, 'warning');
});

test('sockets: half of them, a file in the place, everybody’s, left behind', async () => {
  const half = await examined({ files: { ...CONFIG, [PUB]: SOCKET } });
  assert.match(
    found(half, 'minion.sockets').title,
    /half of the minion bus is missing: there is no .*_pull\.ipc/,
  );
  const file = await examined({ files: { ...MINION, [PUB]: { kind: 'file' } } });
  assert.match(found(file, 'minion.sockets').title, /_pub\.ipc is no socket/);
  const open = await examined({ files: { ...MINION, [PULL]: { ...SOCKET, mode: 0o666 } } });
  assert.equal(found(open, 'minion.sockets').level, 'warning');
  assert.match(found(open, 'minion.sockets').title, /every user of this host may fire events/);
  const dead = { kind: 'socket', alive: false } as const;
  const stale = await examined({ files: { ...CONFIG, [PUB]: dead, [PULL]: dead } }, { node: 'minion' });
  assert.equal(found(stale, 'minion.connect').level, 'error');
  assert.match(found(stale, 'minion.connect').title, /left its sockets behind/);
  assert.equal(
    found(stale, 'minion.connect').next,
    'Start it (systemctl start salt-minion, or saltbus minion). It replaces them.',
  );
  const other = await examined({
    files: { ...MINION, [`${DIRECTORY}/minion_event_0000000000_pub.ipc`]: dead },
  });
  assert.equal(found(other, 'minion.leftovers').level, 'warning');
  assert.match(found(other, 'minion.leftovers').next ?? '', /rm .*minion_event_0000000000_pub\.ipc/);
});

test('two minions in one directory', async () => {
  const report = await examined({
    files: {
      ...MINION,
      [`${DIRECTORY}/minion_event_0000000000_pub.ipc`]: SOCKET,
      [`${DIRECTORY}/minion_event_0000000000_pull.ipc`]: SOCKET,
    },
  });
  const { level, title, detail } = found(report, 'minion.leftovers');
  assert.equal(level, 'warning');
  assert.match(title, /^2 minions have their sockets/);
  assert.match(detail, /0000000000/);
});

test('sockets under the name of another hash are recognised', async () => {
  const report = await examined({
    files: { ...CONFIG, [`${DIRECTORY}/minion_event_${idHash('web01', 'md5')}_pub.ipc`]: SOCKET },
  });
  assert.match(found(report, 'minion.sockets').detail, /hash_type md5, and the configuration says sha256/);
});

test('a directory that everybody may write to, a file among the directories, and a path that is too long', async () => {
  const loose = await examined({ files: { [DIRECTORY]: { kind: 'directory', mode: 0o777 }, ...MINION } });
  assert.equal(found(loose, 'minion.directory').level, 'warning');
  assert.equal(found(loose, 'minion.directory').next, `Take that right away: chmod o-w ${DIRECTORY}`);
  const sticky = await examined({ files: { [DIRECTORY]: { kind: 'directory', mode: 0o1777 }, ...MINION } });
  assert.equal(found(sticky, 'minion.directory').level, 'ok');
  const blocked = await examined({ files: { ...CONFIG, '/var/run/salt': 'text' } });
  assert.match(found(blocked, 'minion.directory').title, /\/var\/run\/salt is no directory/);
  const long = `/${'x'.repeat(90)}`;
  const report = await examined({
    files: { '/etc/salt/minion': `id: web01\nsock_dir: ${long}\ncachedir: ${long}`, [`${long}/f`]: '' },
  });
  assert.match(found(report, 'minion.path-length').title, /bytes, and the system allows 107/);
});

test('a sock_dir that Salt moves is said to be moved', async () => {
  const report = await examined({
    files: {
      '/etc/salt/minion': `id: web01\ncachedir: /c\nsock_dir: /${'x'.repeat(40)}`,
      [`/c/.salt-unix/minion_event_${HASH}_pub.ipc`]: SOCKET,
      [`/c/.salt-unix/minion_event_${HASH}_pull.ipc`]: SOCKET,
    },
  });
  assert.equal(found(report, 'minion.round-trip').level, 'ok');
  assert.match(found(report, 'minion.directory').detail, /uses \.salt-unix below cachedir/);
});

test('a bus on TCP: no access control, and that is said', async () => {
  const report = await examined(
    { files: { '/etc/salt/minion': 'id: web01\nipc_mode: tcp' } },
    { node: 'minion' },
  );
  assert.equal(found(report, 'minion.sockets').level, 'warning');
  assert.match(found(report, 'minion.connect').title, /nobody listens on its ports/);
});

test('the dialect: unknown, wrong, forced wrongly, and an event that does not come back', async () => {
  const silent = new SaltbusError('ERR_SALTBUS_DIALECT', 'No probe event came back');
  const lost = await examined({
    files: MINION,
    exchange: { pubSeen: undefined, pull: undefined, roundTripMs: undefined, error: silent },
  });
  assert.equal(found(lost, 'minion.dialect').level, 'unknown');
  assert.equal(found(lost, 'minion.round-trip').level, 'error');
  assert.match(found(lost, 'minion.round-trip').detail, /No probe event came back/);
  const forced = await examined({ files: MINION }, { dialect: 'prefixed' });
  assert.match(
    found(forced, 'minion.dialect').title,
    /speaks bare to listeners, and --dialect says prefixed/,
  );
  const neither = await examined({ files: MINION, exchange: { ...GOOD, pubSeen: 'neither' } });
  assert.equal(found(neither, 'minion.dialect').level, 'error');
  const slow = await examined({ files: MINION, exchange: { ...GOOD, roundTripMs: 900 } });
  assert.equal(found(slow, 'minion.round-trip').level, 'warning');
});

test('the installed Salt: fits, is newer than what runs, is unknown, does not answer', async () => {
  const salt = { version: '3006.30', command: 'salt-minion', changedAt: NOW - 3_600_000 };
  const other = await examined({ files: MINION, salt });
  assert.equal(found(other, 'salt.version').level, 'warning');
  assert.match(
    found(other, 'salt.version').detail,
    /has listeners read prefixed and takes prefixed; seen: read bare, takes prefixed/,
  );
  const fits = { version: '3007.17', command: 'salt-minion', changedAt: NOW - 3_600_000 };
  assert.equal(found(await examined({ files: MINION, salt: fits }), 'salt.version').level, 'ok');
  const upgraded = await examined({ files: MINION, salt: { ...fits, changedAt: NOW } });
  assert.match(found(upgraded, 'salt.version').title, /was installed after the minion was started/);
  assert.equal(found(await examined({ files: MINION, salt: 'silent' }), 'salt.version').level, 'unknown');
  const old = await examined({ files: MINION, salt: { ...salt, version: '2019.2' } });
  assert.match(found(old, 'salt.version').title, /2019\.2 is installed, and is not known/);
  // what was said by --dialect is no evidence
  const said = await examined({
    files: MINION,
    salt: fits,
    exchange: { ...GOOD, pull: { framing: 'bare', how: 'option' } },
  });
  assert.equal(found(said, 'salt.version').level, 'ok');
});

test('the clock: a jump, a time before Salt, and sockets from the future', async () => {
  const jump = await examined({ files: MINION, wall: [NOW, NOW + 10_000], monotonic: [0, 1000] });
  assert.match(found(jump, 'clock').title, /set by 9000 ms/);
  const early = await examined({ wall: [0], monotonic: [0] });
  assert.equal(found(early, 'clock').level, 'error');
  const future = await examined({ files: { ...MINION, [PUB]: { ...SOCKET, changedAt: NOW + 86_400_000 } } });
  assert.match(found(future, 'clock').title, /was made in the future/);
  assert.match(found(future, 'clock').detail, /Europe\/Berlin/);
});

test('both buses, and one of this user’s own: which is taken is said', async () => {
  const own = '/run/user/1000/saltbus/minion';
  const report = await examined({
    files: {
      ...MINION,
      [MASTER_PUB]: SOCKET,
      [MASTER_PULL]: SOCKET,
      [`${own}/minion_event_${HASH}_pub.ipc`]: SOCKET,
      [`${own}/minion_event_${HASH}_pull.ipc`]: SOCKET,
    },
  });
  const { title, detail } = found(report, 'buses');
  assert.equal(title, "3 buses are there: minion, master, this user's own minion");
  assert.match(detail, /commands take the minion \(\/var\/run\/salt\/minion\//);
  assert.equal(found(report, 'user-minion.round-trip').level, 'ok');
  assert.equal(found(report, 'master.round-trip').level, 'ok');
  assert.equal(levels(report)['master.to-master'], undefined);
});

test('a socket by its path: the configuration is not asked', async () => {
  const report = await examined({ files: MINION }, { path: PULL });
  assert.equal(levels(report)['minion.configuration'], undefined);
  assert.equal(found(report, 'minion.round-trip').level, 'ok');
  await assert.rejects(examined({}, { path: '/x/y.ipc' }), { code: 'ERR_SALTBUS_USAGE' });
  await assert.rejects(examined({}, { dialect: 'klingon' }), { code: 'ERR_SALTBUS_USAGE' });
});

test('descriptors: few, and unknown', async () => {
  const few = await examined({ files: { '/proc/self/limits': 'Max open files   64   64   files\n' } });
  assert.equal(found(few, 'descriptors').level, 'warning');
  assert.equal(found(await examined({}), 'descriptors').level, 'unknown');
});

test('no finding shows an internal value', async () => {
  for (const files of [MINION, {}, { ...CONFIG, [PUB]: SOCKET }]) {
    const text = JSON.stringify(await examined({ files }));
    assert.doesNotMatch(text, /undefined|\[object|NaN/);
  }
});
