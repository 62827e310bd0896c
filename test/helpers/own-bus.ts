/** A bus of our own on unix sockets in a folder of its own, for one test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Bus } from '../../src/bus/bus.ts';
import type { BusOptions } from '../../src/bus/bus.ts';
import { serveBus } from '../../src/daemon/bus-server.ts';
import type { BusServer, ServeBusOptions } from '../../src/daemon/bus-server.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import type { DialectName } from '../../src/dialect/releases.ts';
import { connectSocket } from '../../src/transport/connect.ts';
import type { Endpoint } from '../../src/transport/endpoint.ts';

/** A folder that is removed after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'saltbus-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** The two sockets of a minion in a folder. */
export function socketsIn(folder: string): { readonly pub: Endpoint; readonly pull: Endpoint } {
  return {
    pub: { kind: 'unix', path: join(folder, 'minion_event_1e9498c860_pub.ipc') },
    pull: { kind: 'unix', path: join(folder, 'minion_event_1e9498c860_pull.ipc') },
  };
}

/** Serves a bus in a folder; it is closed after the test. */
export async function ownBus(
  t: TestContext,
  folder: string,
  dialect: DialectName = 'bare',
  options: Partial<ServeBusOptions> = {},
): Promise<BusServer> {
  const server = await serveBus({
    pairs: [{ ...socketsIn(folder), dialect: DIALECTS[dialect] }],
    ...options,
  });
  t.after(() => server.close());
  return server;
}

/** A client of the bus in a folder, without the files that tell the dialect. */
export function clientOf(t: TestContext, folder: string, options: Partial<BusOptions> = {}): Bus {
  const { pub, pull } = socketsIn(folder);
  const bus = new Bus({
    node: 'minion',
    names: { pub: 'pub', pull: 'pull' },
    openPub: (signal) => connectSocket(pub, { signal }),
    openPull: (signal) => connectSocket(pull, { signal }),
    ...options,
  });
  t.after(() => {
    bus.destroy();
  });
  return bus;
}
