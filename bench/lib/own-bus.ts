/** The bus of a benchmark: its sockets in a folder, and clients of it that look for nothing. */
import { join } from 'node:path';
import { Bus } from '../../src/bus/bus.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import type { DialectName } from '../../src/dialect/releases.ts';
import { connectSocket } from '../../src/transport/connect.ts';

/** The sockets of a master bus in a folder. */
export function socketsOf(folder: string): {
  readonly pub: { readonly kind: 'unix'; readonly path: string };
  readonly pull: { readonly kind: 'unix'; readonly path: string };
} {
  return {
    pub: { kind: 'unix', path: join(folder, 'master_event_pub.ipc') },
    pull: { kind: 'unix', path: join(folder, 'master_event_pull.ipc') },
  };
}

/** A client of the bus in a folder. */
export function clientIn(folder: string, dialect: DialectName = 'bare'): Bus {
  const { pub, pull } = socketsOf(folder);
  return new Bus({
    node: 'master',
    names: { pub: 'pub', pull: 'pull' },
    openPub: (signal) => connectSocket(pub, { signal }),
    openPull: (signal) => connectSocket(pull, { signal }),
    dialect: DIALECTS[dialect],
  });
}
