/** `saltbus doctor` and `config show` beside a real master and minion. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { traitsOfRelease } from '../../src/dialect/releases.ts';
import type { Finding } from '../../src/doctor/index.ts';
import { runSaltbus } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { interop, pythonListen } from './helpers.ts';

const LIMIT = { timeout: 90_000 };

for (const node of ['minion', 'master'] as const) {
  test(`the ${node} is well, and the installed release fits`, LIMIT, async (t) => {
    const { release, venv, masterConfigDir, minionConfigDir } = interop();
    const configDir = node === 'master' ? masterConfigDir : minionConfigDir;
    const env = {
      PATH: `${join(venv, 'bin')}:${process.env['PATH'] ?? ''}`,
      PYTHONWARNINGS: 'ignore',
      // nothing is remembered: the dialect is found out by a probe
      XDG_CACHE_HOME: temporaryFolder(t),
    };
    const { code, stdout, stderr } = await runSaltbus(
      t,
      ['doctor', '--json', '--node', node, '-c', configDir],
      { env },
    );
    assert.equal(stderr, '');
    const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] };
    assert.deepEqual(
      findings.filter(({ level }) => level === 'warning' || level === 'error'),
      [],
    );
    assert.equal(code, 0);
    const one = (id: string): Finding | undefined => findings.find((finding) => finding.id === id);
    const dialect = traitsOfRelease(release)?.dialect;
    assert.match(one(`${node}.dialect`)?.detail ?? '', new RegExp(`listeners read ${dialect?.pub ?? '?'} `));
    assert.match(one(`${node}.dialect`)?.detail ?? '', new RegExp(`programs write ${dialect?.pull ?? '?'} `));
    assert.match(one(`${node}.round-trip`)?.title ?? '', /made the round trip .* in [\d.]+ ms/);
    assert.equal(
      one('salt.version')?.title,
      `Salt ${release} is installed, and what was seen on the bus fits`,
    );
  });
}

test('what others see of it are probes, and nothing else', LIMIT, async (t) => {
  const { minionConfigDir } = interop();
  const listener = pythonListen(t, { node: 'minion', tag: 'saltbus/' });
  await listener.ready;
  const { code } = await runSaltbus(t, ['doctor', '--node', 'minion', '-c', minionConfigDir], {
    env: { XDG_CACHE_HOME: temporaryFolder(t) },
  });
  assert.equal(code, 0);
  const [first, second] = await listener.collect(2);
  for (const event of [first, second]) assert.match(event?.tag ?? '', /^saltbus\/probe\/[0-9a-f]{16}$/);
});

test('config show tells the sockets that the daemons serve', LIMIT, async (t) => {
  const { masterConfigDir, minionConfigDir, masterBus, minionBus } = interop();
  const show = async (node: string, configDir: string): Promise<string> =>
    (await runSaltbus(t, ['config', 'show', '--node', node, '-c', configDir, 'pub_socket', 'pull_socket']))
      .stdout;
  assert.equal(
    await show('minion', minionConfigDir),
    `pub_socket: ${minionBus.pub}\npull_socket: ${minionBus.pull}\n`,
  );
  assert.equal(
    await show('master', masterConfigDir),
    `pub_socket: ${masterBus.pub}\npull_socket: ${masterBus.pull}\n`,
  );
});
