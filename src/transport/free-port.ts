/**
 * A free port of loopback, for a daemon whose configuration has to name it before the daemon is there.
 */
import { createServer } from 'node:net';

// Below what Linux and the BSDs hand out to outgoing connections: a port that was free stays free until the daemon binds it,
// unless somebody else draws the same number.
const LOWEST = 10_240;
const HIGHEST = 32_000;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** A port of 127.0.0.1 that nobody listens on and that is not among `taken`. */
export async function freePort(...taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
}
