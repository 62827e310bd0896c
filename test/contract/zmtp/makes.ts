/** The two makes of ZeroMQ sockets behind one interface: ours, and libzmq through the zeromq package. */
import type { TestContext } from 'node:test';
import * as zeromq from 'zeromq';
import { PubSocket } from '../../../src/transport/zmtp/pub.ts';
import { ReqSocket } from '../../../src/transport/zmtp/req.ts';
import { RouterSocket } from '../../../src/transport/zmtp/router.ts';
import { SubSocket } from '../../../src/transport/zmtp/sub.ts';
import { freePort } from '../../../src/testing/real-salt/ports.ts';

export const HOST = '127.0.0.1';

/** A request as a ROUTER's owner sees it. */
export interface Asked {
  readonly identity: Buffer;
  readonly payload: Buffer;
}

/** Answers a request; what it resolves with is the reply. */
export type Answer = (asked: Asked) => Buffer | Promise<Buffer>;

export interface Settings {
  readonly port?: number;
  readonly identity?: string;
  /** PING interval and timeout, in milliseconds */
  readonly heartbeat?: readonly [number, number];
}

export interface RouterEnd {
  readonly port: number;
  close(): Promise<void>;
}

export interface ReqEnd {
  request(payload: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

export interface PubEnd {
  readonly port: number;
  publish(...frames: readonly (Buffer | string)[]): Promise<void>;
  /** Resolves when `count` changes of subscriptions have come in all, with all of them as `+topic` and `-topic`. */
  changes(count: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface SubEnd {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** The next publication, its frames as text. */
  next(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface Make {
  readonly name: string;
  router(t: TestContext, answer: Answer, settings?: Settings): Promise<RouterEnd>;
  req(t: TestContext, port: number, settings?: Settings): ReqEnd;
  pub(t: TestContext, settings?: Settings): Promise<PubEnd>;
  sub(t: TestContext, port: number, settings?: Settings): SubEnd;
}

/** A list that grows, and whose growth can be awaited. */
export class Growing<Item> {
  readonly items: Item[] = [];
  #waiting: (() => void)[] = [];
  #taken = 0;

  add(item: Item): void {
    this.items.push(item);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves when there are as many. */
  async reach(count: number): Promise<readonly Item[]> {
    while (this.items.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.items;
  }

  /** The next that was not taken. */
  async take(): Promise<Item> {
    this.#taken += 1;
    const items = await this.reach(this.#taken);
    return items[this.#taken - 1] as Item;
  }
}

function beats(settings: Settings): { heartbeat?: { intervalMs: number; timeoutMs: number } } {
  if (settings.heartbeat === undefined) return {};
  const [intervalMs, timeoutMs] = settings.heartbeat;
  return { heartbeat: { intervalMs, timeoutMs } };
}

function bytesOf(frame: Buffer | string): Buffer {
  return typeof frame === 'string' ? Buffer.from(frame, 'latin1') : frame;
}

export const OURS: Make = {
  name: 'ours',
  router: async (t, answer, settings = {}) => {
    const router = new RouterSocket(
      {
        onRequest: (connection, payload, reply) => {
          void Promise.resolve(answer({ identity: connection.identity, payload })).then(reply);
        },
      },
      beats(settings),
    );
    t.after(() => {
      router.destroy();
    });
    const { port } = await router.listen(HOST, settings.port ?? (await freePort()));
    return { port, close: () => router.close() };
  },
  req: (t, port, settings = {}) => {
    const { identity } = settings;
    const req = new ReqSocket(
      { host: HOST, port },
      { ...beats(settings), ...(identity === undefined ? {} : { identity: Buffer.from(identity) }) },
    );
    t.after(() => {
      req.destroy();
    });
    return { request: (payload) => req.request(payload), close: () => req.close() };
  },
  pub: async (t, settings = {}) => {
    const changes = new Growing<string>();
    const pub = new PubSocket(
      {
        onSubscription: (_subscriber, topic, on) => {
          changes.add(`${on ? '+' : '-'}${topic.toString('latin1')}`);
        },
      },
      beats(settings),
    );
    t.after(() => {
      pub.destroy();
    });
    const { port } = await pub.listen(HOST, settings.port ?? (await freePort()));
    return {
      port,
      publish: (...frames) => {
        pub.publish(frames.map(bytesOf));
        return Promise.resolve();
      },
      changes: (count) => changes.reach(count),
      close: () => pub.close(),
    };
  },
  sub: (t, port, settings = {}) => {
    const messages = new Growing<readonly string[]>();
    const sub = new SubSocket(
      { host: HOST, port },
      {
        onMessage: (frames) => {
          messages.add(frames.map((frame) => frame.toString('latin1')));
        },
      },
      beats(settings),
    );
    t.after(() => {
      sub.destroy();
    });
    sub.open();
    return {
      subscribe: (topic) => {
        sub.subscribe(topic);
      },
      unsubscribe: (topic) => {
        sub.unsubscribe(topic);
      },
      next: () => messages.take(),
      close: () => sub.close(),
    };
  },
};

function beatsOfLibzmq(settings: Settings): { heartbeatInterval?: number; heartbeatTimeout?: number } {
  if (settings.heartbeat === undefined) return {};
  const [heartbeatInterval, heartbeatTimeout] = settings.heartbeat;
  return { heartbeatInterval, heartbeatTimeout };
}

const QUICK = { linger: 0, reconnectInterval: 20 };

function portOf(socket: { readonly lastEndpoint: string | null }): number {
  return Number(socket.lastEndpoint?.split(':').pop());
}

/**
 * Reads a socket until it is closed. The zeromq package refuses to read with EBUSY while a socket is being unbound, and whatever is unbound
 * here is closed next: that is the end of the reading too.
 */
async function read(
  socket: AsyncIterable<Buffer[]>,
  take: (frames: Buffer[]) => void | Promise<void>,
): Promise<void> {
  try {
    for await (const frames of socket) await take(frames);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
}

/** Closes, and waits until the address is free again. */
async function unbind(socket: zeromq.Router | zeromq.XPublisher, port: number): Promise<void> {
  await socket.unbind(`tcp://${HOST}:${port}`);
  socket.close();
}

export const LIBZMQ: Make = {
  name: 'libzmq',
  router: async (t, answer, settings = {}) => {
    const router = new zeromq.Router({ linger: 0, handover: true, ...beatsOfLibzmq(settings) });
    t.after(() => {
      router.close();
    });
    // Not a port of the kernel's choice: while nobody listens there, an outgoing connection can be given the same one.
    await router.bind(`tcp://${HOST}:${settings.port ?? (await freePort())}`);
    const port = portOf(router);
    void read(router, ([id = Buffer.alloc(0), , payload = Buffer.alloc(0)]) => {
      void Promise.resolve(answer({ identity: id, payload })).then((reply) => router.send([id, '', reply]));
    });
    return { port, close: () => unbind(router, port) };
  },
  req: (t, port, settings = {}) => {
    const { identity } = settings;
    const req = new zeromq.Request({
      ...QUICK,
      ...beatsOfLibzmq(settings),
      ...(identity === undefined ? {} : { routingId: identity }),
    });
    t.after(() => {
      req.close();
    });
    req.connect(`tcp://${HOST}:${port}`);
    return {
      request: async (payload) => {
        await req.send(payload);
        const [reply] = await req.receive();
        return reply ?? Buffer.from('no frame at all');
      },
      close: () => {
        req.close();
        return Promise.resolve();
      },
    };
  },
  pub: async (t, settings = {}) => {
    const changes = new Growing<string>();
    const pub = new zeromq.XPublisher({
      linger: 0,
      sendHighWaterMark: 0,
      verbosity: 'allSubs',
      ...beatsOfLibzmq(settings),
    });
    t.after(() => {
      pub.close();
    });
    await pub.bind(`tcp://${HOST}:${settings.port ?? (await freePort())}`);
    const port = portOf(pub);
    void read(pub, ([change = Buffer.alloc(1)]) => {
      changes.add(`${change[0] === 1 ? '+' : '-'}${change.toString('latin1', 1)}`);
    });
    return {
      port,
      publish: (...frames) => pub.send(frames.map(bytesOf)),
      changes: (count) => changes.reach(count),
      close: () => unbind(pub, port),
    };
  },
  sub: (t, port, settings = {}) => {
    const messages = new Growing<readonly string[]>();
    const sub = new zeromq.Subscriber({ ...QUICK, receiveHighWaterMark: 0, ...beatsOfLibzmq(settings) });
    t.after(() => {
      sub.close();
    });
    sub.connect(`tcp://${HOST}:${port}`);
    void read(sub, (frames) => {
      messages.add(frames.map((frame) => frame.toString('latin1')));
    });
    return {
      subscribe: (topic) => {
        sub.subscribe(topic);
      },
      unsubscribe: (topic) => {
        sub.unsubscribe(topic);
      },
      next: () => messages.take(),
      close: () => {
        sub.close();
        return Promise.resolve();
      },
    };
  },
};

/** Server and client of each pair that has one of ours. */
export const PAIRS: readonly (readonly [Make, Make])[] = [
  [OURS, OURS],
  [OURS, LIBZMQ],
  [LIBZMQ, OURS],
];
