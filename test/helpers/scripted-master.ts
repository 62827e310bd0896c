/** A master on loopback whose answers a test decides: the master's end of the channel on our own sockets, and nothing of a daemon. */
import type { TestContext } from 'node:test';
import { answerAuth, sealPillar, sealReply } from '../../src/channel/answer.ts';
import type { AuthDesk } from '../../src/channel/answer.ts';
import type { PublishKey } from '../../src/channel/publish-key.ts';
import { parsePublicKey } from '../../src/codec/rsa/pem.ts';
import type { LoadMap } from '../../src/codec/payload/raw-strings.ts';
import { PubSocket } from '../../src/transport/zmtp/pub.ts';
import { RouterSocket } from '../../src/transport/zmtp/router.ts';
import { masterKeyNamed, testMaster } from './channel.ts';
import type { TestMaster } from './channel.ts';
import { waitUntil } from './wait-until.ts';

/** What a minion has asked for. */
export interface Asked {
  readonly cmd: unknown;
  readonly whole: LoadMap;
}

/** A master that does what the test says. */
export interface ScriptedMaster {
  readonly master: TestMaster;
  readonly port: number;
  readonly publishPort: number;
  /** All encrypted requests, in order. */
  readonly asked: Asked[];
  readonly signIns: number;
  /** What the pillar is. */
  pillar: ReadonlyMap<unknown, unknown>;
  /** Whether requests are answered; those that come meanwhile never are. */
  isAnswering: boolean;
  /** What is done to the answer to a request (`_auth` for a sign-in) before it is sent. */
  mangle: ((answer: Buffer, cmd: unknown) => Buffer) | undefined;
  /** Requests of a kind, without what the channel has put in. */
  readonly loads: (cmd: string) => ReadonlyMap<unknown, unknown>[];
  /** Publishes a job, with a topic before it where one is given. */
  readonly publish: (job: Readonly<Record<string, unknown>>, topic?: string) => Promise<void>;
  /** Publishes bytes as they are. */
  readonly publishRaw: (...frames: readonly Buffer[]) => void;
  /** Makes another publish key. */
  readonly rotate: () => Promise<void>;
  /** Forgets all sessions. */
  readonly forget: () => void;
  /** Ends the connections of the publish port, and listens again. */
  readonly dropSubscribers: () => Promise<void>;
  /** Waits until so many subscribe. */
  readonly subscribed: (count?: number) => Promise<void>;
  readonly stop: () => void;
}

// What the channel puts into each load.
const ADDED: ReadonlySet<unknown> = new Set(['nonce', 'tok', 'ts', 'id']);

let jids = 0;

/** A job with all it needs, over which the test lays what matters. */
export function jobOf(job: Readonly<Record<string, unknown>>): Record<string, unknown> {
  jids += 1;
  return {
    fun: 'test.ping',
    arg: [],
    tgt: '*',
    tgt_type: 'glob',
    jid: `2026112514${String(jids).padStart(10, '0')}`,
    ret: '',
    user: 'root',
    ...job,
  };
}

/** Starts one; it is ended after the test. */
export async function scriptedMaster(
  t: TestContext,
  options: { readonly key?: string } = {},
): Promise<ScriptedMaster> {
  const master = await testMaster(options);
  const subscriptions = { count: 0 };
  let pub = await publishOn(0, subscriptions);
  const { port: publishPort } = pub;
  const desk: AuthDesk & { publishKey: PublishKey } = { ...master.desk, publishPort };
  const asked: Asked[] = [];
  const state = { signIns: 0 };
  const scripted = {
    pillar: new Map() as ReadonlyMap<unknown, unknown>,
    isAnswering: true,
    mangle: undefined as ScriptedMaster['mangle'],
  };
  const answer = async (payload: Buffer): Promise<Buffer> => {
    const request = master.open(payload);
    if (request.kind === 'refused') return request.answer;
    if (request.kind === 'clear') return Buffer.from([0xc0]);
    if (request.kind === 'sign-in') {
      state.signIns += 1;
      if (master.verdict !== 'accepted') return await answerAuth(desk, request, { kind: master.verdict });
      const minionKey = parsePublicKey(request.load.pub);
      if (master.accepted.get(request.load.id)?.equals(minionKey) !== true)
        master.accepted.set(request.load.id, minionKey);
      return await answerAuth(desk, request, { kind: 'accepted', minionKey });
    }
    asked.push({ cmd: request.whole.get('cmd'), whole: request.whole });
    if (request.whole.get('cmd') === '_pillar')
      return await sealPillar(masterKeyNamed(options.key ?? 'master'), request, scripted.pillar);
    return sealReply(request, null);
  };
  const router = new RouterSocket({
    onRequest: (_connection, payload, reply) => {
      if (!scripted.isAnswering) return;
      const cmd = (): unknown => (asked.length > before ? asked.at(-1)?.cmd : '_auth');
      const before = asked.length;
      void answer(payload).then((bytes) => {
        reply(scripted.mangle === undefined ? bytes : scripted.mangle(bytes, cmd()));
      });
    },
  });
  const { port } = await router.listen('127.0.0.1', 0);
  const stop = (): void => {
    router.destroy();
    pub.socket.destroy();
  };
  t.after(stop);
  return {
    get pillar(): ReadonlyMap<unknown, unknown> {
      return scripted.pillar;
    },
    set pillar(pillar: ReadonlyMap<unknown, unknown>) {
      scripted.pillar = pillar;
    },
    get isAnswering(): boolean {
      return scripted.isAnswering;
    },
    set isAnswering(isAnswering: boolean) {
      scripted.isAnswering = isAnswering;
    },
    get mangle(): ScriptedMaster['mangle'] {
      return scripted.mangle;
    },
    set mangle(mangle: ScriptedMaster['mangle']) {
      scripted.mangle = mangle;
    },
    master,
    port,
    publishPort,
    asked,
    get signIns(): number {
      return state.signIns;
    },
    loads: (cmd: string) =>
      asked
        .filter((each) => each.cmd === cmd)
        .map(({ whole }) => new Map([...whole].filter(([key]) => !ADDED.has(key)))),
    publish: async (job: Readonly<Record<string, unknown>>, topic?: string) => {
      const sealed = await desk.publishKey.seal(job);
      pub.socket.publish(topic === undefined ? [sealed] : [Buffer.from(topic), sealed]);
    },
    publishRaw: (...frames: readonly Buffer[]) => {
      pub.socket.publish(frames);
    },
    rotate: () => desk.publishKey.rotate(),
    forget: () => {
      desk.sessions.endAll();
    },
    dropSubscribers: async () => {
      pub.socket.destroy();
      subscriptions.count = 0;
      pub = await publishOn(publishPort, subscriptions);
    },
    subscribed: (count = 1) => waitUntil(() => subscriptions.count >= count),
    stop,
  };
}

async function publishOn(
  port: number,
  subscriptions: { count: number },
): Promise<{ readonly socket: PubSocket; readonly port: number }> {
  const socket = new PubSocket({
    onSubscription: () => {
      subscriptions.count += 1;
    },
  });
  return { socket, port: (await socket.listen('127.0.0.1', port)).port };
}
