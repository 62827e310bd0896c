/**
 * The built `saltbus listen` on the bus of a real master while Salt's own client fires: nothing is lost, and how long after the last event
 * was fired it has printed all of them.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startSalt } from '../src/testing/real-salt.ts';
import { inTurn } from './lib/report.ts';
import type { Figure } from './lib/report.ts';
import { SaltPart, installedLines } from './lib/salt.ts';
import type { SaltPeer } from './lib/salt.ts';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

async function lag(peer: SaltPeer, count: number): Promise<number> {
  await using master = await startSalt({ ...peer, minion: false });
  const child = spawn(
    process.execPath,
    [
      MAIN,
      'listen',
      'salt/job/',
      '-n',
      String(count),
      '-o',
      'json',
      '--ready',
      '-c',
      master.masterConfigDir,
      '--node',
      'master',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ready = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('listening')) resolve();
    });
  });
  let lines = 0;
  let printedAt = 0;
  const printed = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 0x0a) lines += 1;
      if (lines < count) return;
      printedAt = performance.now();
      resolve();
    });
    child.on('close', () => {
      if (lines < count) reject(new Error(`listen printed ${lines} of ${count} events`));
    });
  });
  await ready;
  const firing = new SaltPart(peer, ['fire', master.masterSockDir, String(count)]);
  await firing.line();
  const firedAt = performance.now();
  await Promise.all([printed, firing.end()]);
  return Math.max(0, printedAt - firedAt);
}

/** Measures the figure. */
export async function realBus(short: boolean): Promise<Figure> {
  const peers = installedLines();
  const contenders = Object.fromEntries(
    (short ? peers.slice(0, 1) : peers).map((peer) => [
      `saltbus on Salt ${peer.release}`,
      () => lag(peer, short ? 2000 : 20_000),
    ]),
  );
  return {
    name: "listen on a real Salt's bus: from the last event fired until all are printed",
    unit: 'ms',
    rounds: await inTurn(contenders, short ? 1 : 3),
    smallerIsBetter: true,
  };
}
