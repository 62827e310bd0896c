/** Fire and see it come back, a thousand times a second: our client on our bus, and Salt's own client on a real master's. */
import { startSalt } from '../src/testing/real-salt.ts';
import { percentile } from './lib/report.ts';
import type { Figure } from './lib/report.ts';
import { Parts, message } from './lib/run-parts.ts';
import { SaltPart, installedLines } from './lib/salt.ts';

const RATE = 1000;

async function ours(count: number): Promise<number[]> {
  using parts = new Parts();
  await parts.up({ role: 'broker', count });
  const echo = parts.start({ role: 'echo', count, rate: RATE });
  return (await message(echo, 'times'))['times'] as number[];
}

/** Measures the figure: p50 and p99 of each contender. */
export async function roundTrip(short: boolean): Promise<Figure> {
  const count = short ? 1000 : 10_000;
  const times: Record<string, number[]> = { saltbus: await ours(count) };
  const peers = installedLines();
  for (const peer of short ? peers.slice(0, 1) : peers) {
    await using master = await startSalt({ ...peer, minion: false });
    const echo = new SaltPart(peer, ['echo', master.masterSockDir, String(count / 5), String(RATE)]);
    times[`Salt ${peer.release}`] = JSON.parse(await echo.line()) as number[];
    await echo.end();
  }
  const rounds: Record<string, number[]> = {};
  for (const share of [50, 99]) {
    for (const [name, values] of Object.entries(times))
      rounds[`${name} p${share}`] = [percentile(values, share)];
  }
  return { name: `round trip at ${RATE} a second`, unit: 'us', rounds, smallerIsBetter: true };
}
