/** One process of the ZeroMQ benchmark: a role, with our sockets or those of the zeromq package. */
import * as zeromq from 'zeromq';
import { PubSocket } from '../../src/transport/zmtp/pub.ts';
import { ReqSocket } from '../../src/transport/zmtp/req.ts';
import { RouterSocket } from '../../src/transport/zmtp/router.ts';
import { SubSocket } from '../../src/transport/zmtp/sub.ts';

const [role = '', portText = '0', countText = '0', clientsText = '1'] = process.argv.slice(2);
const port = Number(portText);
const count = Number(countText);
const clients = Number(clientsText);
const PAYLOAD = Buffer.alloc(400, 0x61);
const HOST = '127.0.0.1';

function tell(type: string, value?: number): void {
  process.send?.({ type, value });
}

async function routerOfOurs(): Promise<void> {
  const router = new RouterSocket({
    onRequest: (_connection, payload, reply) => {
      reply(payload);
    },
  });
  tell('up', (await router.listen(HOST, 0)).port);
}

async function routerOfZeromq(): Promise<void> {
  const router = new zeromq.Router();
  await router.bind(`tcp://${HOST}:*`);
  tell('up', Number(router.lastEndpoint?.split(':').pop()));
  for await (const message of router) await router.send(message);
}

/** Clients that each ask again as soon as they were answered. */
async function ask(request: (client: number) => Promise<number>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, (_, client) => request(client)));
  const begun = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (left > 0) {
        left -= 1;
        if ((await request(client)) !== PAYLOAD.length) throw new Error('A reply is not what was sent');
      }
    }),
  );
  tell('done', (count / (performance.now() - begun)) * 1000);
}

function reqOfOurs(): Promise<void> {
  const sockets = Array.from({ length: clients }, () => new ReqSocket({ host: HOST, port }));
  return ask(async (client) => (await sockets[client]?.request(PAYLOAD))?.length ?? 0);
}

function reqOfZeromq(): Promise<void> {
  const sockets = Array.from({ length: clients }, () => {
    const socket = new zeromq.Request();
    socket.connect(`tcp://${HOST}:${port}`);
    return socket;
  });
  return ask(async (client) => {
    await sockets[client]?.send(PAYLOAD);
    const [reply] = (await sockets[client]?.receive()) ?? [];
    return reply?.length ?? 0;
  });
}

function goSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('message', () => {
      resolve();
    });
  });
}

// Until the other end is ready, and then as fast as goes: batches of 500 that give the sockets their turn.
async function pubOfOurs(): Promise<void> {
  const pub = new PubSocket({}, { maxOutboxMessages: count * 2, maxOutboxBytes: 4 * 1024 ** 3 });
  const { port: bound } = await pub.listen(HOST, 0);
  tell('up', bound);
  await goSignal();
  for (let index = 0; index < count; index += 1) {
    pub.publish([PAYLOAD]);
    if (index % 500 === 499) await new Promise(setImmediate);
  }
}

async function pubOfZeromq(): Promise<void> {
  const pub = new zeromq.Publisher({ sendHighWaterMark: 0 });
  await pub.bind(`tcp://${HOST}:*`);
  tell('up', Number(pub.lastEndpoint?.split(':').pop()));
  await goSignal();
  for (let index = 0; index < count; index += 1) await pub.send(PAYLOAD);
}

/** Counts what comes, from the first to the last. */
function counter(): (length: number) => void {
  let seen = 0;
  let begun = 0;
  return (length) => {
    if (length !== PAYLOAD.length) throw new Error('A publication is not what was sent');
    if (seen === 0) begun = performance.now();
    seen += 1;
    if (seen === count) tell('done', (count / (performance.now() - begun)) * 1000);
  };
}

function subOfOurs(): void {
  const arrived = counter();
  const sub = new SubSocket(
    { host: HOST, port },
    {
      onMessage: (frames) => {
        arrived(frames[0]?.length ?? 0);
      },
      onConnected: () => {
        tell('up');
      },
    },
  );
  sub.subscribe('');
  sub.open();
}

async function subOfZeromq(): Promise<void> {
  const arrived = counter();
  const sub = new zeromq.Subscriber({ receiveHighWaterMark: 0 });
  sub.events.on('handshake', () => {
    tell('up');
  });
  sub.connect(`tcp://${HOST}:${port}`);
  sub.subscribe();
  for await (const [frame] of sub) arrived(frame?.length ?? 0);
}

const ROLES: Readonly<Record<string, () => Promise<void> | void>> = {
  'router saltbus': routerOfOurs,
  'router zeromq': routerOfZeromq,
  'req saltbus': reqOfOurs,
  'req zeromq': reqOfZeromq,
  'pub saltbus': pubOfOurs,
  'pub zeromq': pubOfZeromq,
  'sub saltbus': subOfOurs,
  'sub zeromq': subOfZeromq,
};

await ROLES[role]?.();
