/** Serves a bus in the folder given, and prints its counters when asked (a line on stdin). */
import { createInterface } from 'node:readline';
import { serveBus } from '../../src/daemon/bus-server.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import { socketsIn } from './own-bus.ts';

const server = await serveBus({
  pairs: [{ ...socketsIn(process.argv[2] ?? ''), dialect: DIALECTS.bare }],
});
console.log('up');
createInterface({ input: process.stdin }).on('line', () => {
  console.log(JSON.stringify(server.broker.counters));
});
