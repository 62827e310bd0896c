/**
 * Free loopback ports for a daemon that cannot be told to choose its own.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below what Linux and the BSDs hand out to outgoing connections: a port that was free stays free until the daemon binds it,
// unless another test draws the same number.
const LOWEST = 10_240;
const HIGHEST = 32_000;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** A port of 127.0.0.1 that nobody listens on and that is not among `taken`. */
export async function freePort(...taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
}
