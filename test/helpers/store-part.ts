/**
 * A process that appends to a spool: `store-part.ts PATH SIZE`. For each line of stdin it appends an entry whose id is the
 * line, and prints `kept ID` or `refused ID CODE`. It ends with stdin.
 */
import { createInterface } from 'node:readline';
import { openSpool } from '../../src/daemon/spool/spool.ts';
import { SaltbusError } from '../../src/errors.ts';

const [path = '', size = '0'] = process.argv.slice(2);
const spool = await openSpool({ path, cacheBytes: 0 });
process.stdout.write('open\n');
for await (const id of createInterface({ input: process.stdin })) {
  try {
    await spool.append({
      id,
      lane: 'a',
      priority: 2,
      kind: 'single',
      expiresAt: undefined,
      package: Buffer.alloc(Number(size), id),
    });
    process.stdout.write(`kept ${id}\n`);
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    process.stdout.write(`refused ${id} ${error.code}\n`);
  }
}
await spool.close();
