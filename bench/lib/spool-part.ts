/** A daemon with a spool and a control socket: `spool-part.ts FOLDER`. What is spooled stays: nothing is sent. */
import { join } from 'node:path';
import { ControlServer } from '../../src/control/index.ts';
import { spoolHandlers } from '../../src/daemon/spool/handlers.ts';
import { openSpool } from '../../src/daemon/spool/spool.ts';

const folder = process.argv[2] ?? '';
const spool = await openSpool({
  path: join(folder, 'spool.db'),
  limits: { count: 10_000_000, bytes: 2 ** 40 },
  recentIds: 1000,
});
const server = new ControlServer(spoolHandlers(spool));
await server.listen({ kind: 'unix', path: join(folder, 'control.ipc') });
process.send?.({ type: 'up' });
