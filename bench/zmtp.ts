/**
 * Our ZeroMQ sockets beside those of the zeromq package (libzmq): 400-byte messages over loopback, each end in a process of
 * its own. Both ends are of the same make; rounds of the two take turns.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Figure } from './lib/report.ts';

const PART = fileURLToPath(new URL('./lib/zmtp-part.ts', import.meta.url));
const CLIENTS = 16;

interface Said {
  readonly type: string;
  readonly value?: number;
}

function part(role: string, port: number, count: number): ChildProcess {
  return fork(PART, [role, String(port), String(count), String(CLIENTS)], { execArgv: ['--import', 'tsx'] });
}

function message(child: ChildProcess, type: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('message', (said: Said) => {
      if (said.type === type) resolve(said.value ?? NaN);
    });
    child.on('exit', (code) => {
      reject(new Error(`A part of the benchmark ended early (${String(code)})`));
    });
  });
}

/** Messages a second of one round. */
async function round(server: string, client: string, make: string, count: number): Promise<number> {
  const children: ChildProcess[] = [];
  try {
    const first = part(`${server} ${make}`, 0, count);
    children.push(first);
    const port = await message(first, 'up');
    const second = part(`${client} ${make}`, port, count);
    children.push(second);
    const done = message(second, 'done');
    if (client === 'sub') {
      await message(second, 'up');
      // The subscription follows the handshake; what is published before it has arrived would never be counted.
      await new Promise((resolve) => setTimeout(resolve, 300));
      first.send('go');
    }
    return await done;
  } finally {
    for (const child of children) {
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    }
  }
}

async function sideBySide(
  server: string,
  client: string,
  counts: { readonly saltbus: number; readonly zeromq: number },
  rounds: number,
): Promise<Figure['rounds']> {
  const saltbus: number[] = [];
  const zeromq: number[] = [];
  for (let index = 0; index < rounds; index += 1) {
    saltbus.push(await round(server, client, 'saltbus', counts.saltbus));
    zeromq.push(await round(server, client, 'zeromq', counts.zeromq));
  }
  return { saltbus, 'zeromq package': zeromq };
}

/** Measures requests and replies. */
export async function zmtpRequests(short: boolean): Promise<Figure> {
  const counts = short ? { saltbus: 100_000, zeromq: 40_000 } : { saltbus: 500_000, zeromq: 200_000 };
  return {
    name: `ZeroMQ REQ to ROUTER and back, ${CLIENTS} clients, 400 bytes`,
    unit: 'requests/s',
    rounds: await sideBySide('router', 'req', counts, short ? 1 : 5),
  };
}

/** Measures publications. */
export async function zmtpPublications(short: boolean): Promise<Figure> {
  const counts = short ? { saltbus: 1_000_000, zeromq: 200_000 } : { saltbus: 5_000_000, zeromq: 1_000_000 };
  return {
    name: 'ZeroMQ PUB to one SUB, 400 bytes',
    unit: 'messages/s',
    rounds: await sideBySide('pub', 'sub', counts, short ? 1 : 5),
  };
}
