/**
 * Captures what each pinned Salt release puts on the wire, into `test/fixtures/wire/<release>/`:
 * `master-pub.bin`, `minion-pub.bin` (what its daemons send) and `pull.bin` (what its own client writes).
 *
 *     npx tsx scripts/capture-fixtures.ts [RELEASE...]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busAddress, loadSaltConfig } from '../src/config/index.ts';
import { startSalt } from '../src/testing/real-salt.ts';
import type { RealSalt } from '../src/testing/real-salt.ts';
import { FIXTURE_EVENTS, LAST_TAG } from '../test/helpers/wire-fixtures.ts';
import { installSalt } from './salt/install.ts';
import { chooseReleases, readMatrix } from './salt/releases.ts';

const CLIENT = 'test/interop/python/salt_client.py';

async function pythonFire(salt: RealSalt, node: string, sockDir: string): Promise<void> {
  const child = spawn(
    join(salt.venv, 'bin', 'python'),
    [CLIENT, 'fire', '--node', node, '--sock-dir', sockDir, '--id', salt.minionId],
    {
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { ...process.env, PYTHONWARNINGS: 'ignore' },
    },
  );
  child.stdin.end(FIXTURE_EVENTS.map((event) => `${JSON.stringify(event)}\n`).join(''));
  await once(child, 'close');
}

/** What a publish socket sends while the events are fired. */
async function capturePub(salt: RealSalt, node: 'master' | 'minion'): Promise<Buffer> {
  const socket = connect({ path: (node === 'master' ? salt.masterBus : salt.minionBus).pub });
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  const seen = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (Buffer.concat(chunks).includes(`${LAST_TAG}\n\n`)) resolve();
    });
  });
  await pythonFire(salt, node, node === 'master' ? salt.masterSockDir : salt.minionSockDir);
  await seen;
  socket.destroy();
  return Buffer.concat(chunks);
}

/** What Salt's client writes to a pull socket: ours, which keeps all of it. */
async function capturePull(salt: RealSalt): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-capture-'));
  const chunks: Buffer[] = [];
  const address = busAddress(loadSaltConfig({ node: 'minion' }), {
    sockDir: folder,
    id: salt.minionId,
  }).address;
  if (address.kind !== 'unix') throw new Error('A directory has unix sockets');
  const servers = [address.pub, address.pull].map((path) =>
    createServer((socket) => {
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => undefined);
    }).listen(path),
  );
  try {
    await Promise.all(servers.map((server) => once(server, 'listening')));
    await pythonFire(salt, 'minion', folder);
    return Buffer.concat(chunks);
  } finally {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const { release } of chooseReleases(await readMatrix(), process.argv.slice(2))) {
  const [installation] = await installSalt([release]);
  if (installation?.available !== true) throw new Error(`Salt ${release} cannot be installed here`);
  await using salt = await startSalt({ venv: installation.venv, release });
  const folder = join('test/fixtures/wire', release);
  mkdirSync(folder, { recursive: true });
  for (const node of ['master', 'minion'] as const)
    writeFileSync(join(folder, `${node}-pub.bin`), await capturePub(salt, node));
  writeFileSync(join(folder, 'pull.bin'), await capturePull(salt));
  console.log(`${release}: captured`);
}
