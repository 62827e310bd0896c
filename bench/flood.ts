/** What minions keep of their rate while one of them floods the request port of a master. */
import { once } from 'node:events';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FloodJob } from './lib/flood-part.ts';
import type { Figure } from './lib/report.ts';

const PART = fileURLToPath(new URL('lib/flood-part.ts', import.meta.url));
const MINIONS = 8;

function part(job: FloodJob): ChildProcess {
  return fork(PART, [JSON.stringify(job)], { execArgv: ['--import', 'tsx'] });
}

async function said(child: ChildProcess): Promise<Readonly<Record<string, number>>> {
  const [message] = (await once(child, 'message')) as [Readonly<Record<string, number>>];
  return message;
}

/** Requests of eight minions a second, each with one under way: without the flood, and beside a minion that does not wait for replies. */
export async function flood(short: boolean): Promise<Figure> {
  const master = part({ role: 'master' });
  const { port = 0 } = await said(master);
  const flooder = part({ role: 'flood', port });
  await said(flooder);
  const rounds: Record<string, number[]> = { 'saltbus, alone': [], 'saltbus, beside a flood': [] };
  const minions = part({ role: 'minions', port, count: MINIONS, ms: short ? 500 : 2000 });
  await said(minions);
  for (let round = 0; round < (short ? 1 : 5); round += 1) {
    for (const [name, values] of Object.entries(rounds)) {
      flooder.send({ on: name.endsWith('flood') });
      await said(flooder);
      minions.send({});
      values.push((await said(minions))['rate'] ?? NaN);
    }
  }
  for (const child of [minions, flooder, master]) child.kill();
  return { name: `requests of ${MINIONS} minions, answered by a master`, unit: 'requests/s', rounds };
}
