/**
 * Fire to listen, one firing and one listening process beside the broker, 400-byte job returns, every event decoded on arrival. Peers in
 * the same run: NATS core, where a nats-server is there, and the bus of a real salt-master with Salt's own client at both ends.
 */
import { connect } from 'node:net';
import { once } from 'node:events';
import { startSalt } from '../src/testing/real-salt.ts';
import { inTurn } from './lib/report.ts';
import type { Figure } from './lib/report.ts';
import { Parts, message } from './lib/run-parts.ts';
import { SaltPart, installedLines } from './lib/salt.ts';
import type { SaltPeer } from './lib/salt.ts';

const NATS = { host: '127.0.0.1', port: 4222 };

async function ours(count: number): Promise<number> {
  using parts = new Parts();
  await parts.up({ role: 'broker', count });
  const listener = await parts.up({ role: 'listen', count, decode: true });
  const done = message(listener, 'done');
  parts.start({ role: 'fire', count });
  return Number((await done)['rate']);
}

async function nats(count: number): Promise<number> {
  using parts = new Parts();
  const address = `${NATS.host}:${NATS.port}`;
  const listener = await parts.up({ role: 'nats-listen', count, nats: address });
  const done = message(listener, 'done');
  parts.start({ role: 'nats-fire', count, nats: address });
  return Number((await done)['rate']);
}

async function salt(peer: SaltPeer, count: number): Promise<number> {
  await using master = await startSalt({ ...peer, minion: false });
  const listener = new SaltPart(peer, ['listen', master.masterSockDir, String(count)]);
  await listener.line();
  const firing = new SaltPart(peer, ['fire', master.masterSockDir, String(count)]);
  const rate = Number(await listener.line());
  await Promise.all([firing.end(), listener.end()]);
  return rate;
}

async function hasNats(): Promise<boolean> {
  const socket = connect(NATS);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Measures the figure. */
export async function throughput(short: boolean): Promise<Figure> {
  const contenders: Record<string, () => Promise<number>> = {
    saltbus: () => ours(short ? 50_000 : 1_000_000),
  };
  if (await hasNats()) contenders['NATS core'] = () => nats(short ? 50_000 : 1_000_000);
  const peers = installedLines();
  for (const peer of short ? peers.slice(0, 1) : peers)
    contenders[`Salt ${peer.release}`] = () => salt(peer, short ? 2000 : 20_000);
  return {
    name: 'fire to listen through a broker, 1 to 1, 400-byte returns, decoded',
    unit: 'events/s',
    rounds: await inTurn(contenders, short ? 1 : 5),
  };
}
