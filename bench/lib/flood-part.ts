/** One process of the flood benchmark: the master, the minions that wait for their replies, or the one that does not. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { answerAuth, sealReply } from '../../src/channel/answer.ts';
import { MinionIdentity } from '../../src/channel/identity.ts';
import { masterKeyOf } from '../../src/channel/master-key.ts';
import { MasterSessions } from '../../src/channel/master-sessions.ts';
import { MinionSession } from '../../src/channel/minion-session.ts';
import { openRequest } from '../../src/channel/open-request.ts';
import type { Door } from '../../src/channel/open-request.ts';
import { PublishKey } from '../../src/channel/publish-key.ts';
import { beginSignIn, readSignInReply } from '../../src/channel/sign-in.ts';
import { VerifiedTokens } from '../../src/channel/verified-tokens.ts';
import { parsePublicKey } from '../../src/codec/rsa/pem.ts';
import { encodeReady } from '../../src/codec/zmtp/command.ts';
import { encodeMessage } from '../../src/codec/zmtp/frame.ts';
import { encodeGreeting } from '../../src/codec/zmtp/greeting.ts';
import { ReqSocket } from '../../src/transport/zmtp/req.ts';
import { RouterSocket } from '../../src/transport/zmtp/router.ts';
import { JOB_RETURN } from './payloads.ts';

/** What a part is to be. */
export interface FloodJob {
  readonly role: 'master' | 'minions' | 'flood';
  readonly port?: number;
  readonly count?: number;
  readonly ms?: number;
}

const { role, port = 0, count = 1, ms = 1000 } = JSON.parse(process.argv[2] ?? '{}') as FloodJob;
const EVENT = { cmd: '_minion_event', pretag: null, tag: 'bench/x', data: JOB_RETURN };

function say(message: Readonly<Record<string, number>>): void {
  process.send?.(message);
}

function freshPem(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The request port alone: the door, and an answer to each request. */
async function master(): Promise<void> {
  const masterKey = masterKeyOf(freshPem());
  const keys = new Map<string, ReturnType<typeof parsePublicKey>>();
  const sessions = new MasterSessions();
  const door: Door = { sessions, acceptedKey: (id) => keys.get(id), tokens: new VerifiedTokens() };
  const desk = { masterKey, publishKey: await PublishKey.create({ masterKey }), sessions, publishPort: 4505 };
  const router = new RouterSocket({
    onRequest: (_connection, payload, reply) => {
      const opened = openRequest(door, payload);
      if (opened.kind === 'authentic') reply(sealReply(opened, null));
      else if (opened.kind === 'sign-in') {
        const minionKey = parsePublicKey(opened.load.pub);
        keys.set(opened.load.id, minionKey);
        void answerAuth(desk, opened, { kind: 'accepted', minionKey }).then(reply);
      } else reply(opened.kind === 'refused' ? opened.answer : undefined);
    },
  });
  say({ port: (await router.listen('127.0.0.1', 0)).port });
}

async function signedIn(socket: ReqSocket, id: string): Promise<MinionSession> {
  const identity = new MinionIdentity(id, freshPem());
  const attempt = beginSignIn(identity);
  const result = readSignInReply(attempt, await socket.request(attempt.payload, { timeoutMs: 30_000 }));
  if (result.kind !== 'accepted') throw new Error(result.kind);
  return new MinionSession(identity, result);
}

async function minions(): Promise<void> {
  const all = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const socket = new ReqSocket({ host: '127.0.0.1', port });
      return { socket, session: await signedIn(socket, `web${n}`) };
    }),
  );
  say({ up: 1 });
  for (;;) {
    await once(process, 'message');
    const begun = performance.now();
    let answered = 0;
    await Promise.all(
      all.map(async ({ socket, session }) => {
        while (performance.now() - begun < ms) {
          const { payload, nonce } = session.seal(EVENT);
          const opened = session.open(await socket.request(payload, { timeoutMs: 30_000 }), nonce);
          if (opened.kind !== 'value') throw new Error(opened.why);
          answered += 1;
        }
      }),
    );
    say({ rate: (answered / (performance.now() - begun)) * 1000 });
  }
}

/** Writes as fast as the master reads, and reads what comes. All but the first hundred are opened, found to be played again, and refused. */
async function flood(): Promise<void> {
  const session = await signedIn(new ReqSocket({ host: '127.0.0.1', port }), 'flood');
  const chunk = Buffer.concat(
    Array.from({ length: 100 }, () => encodeMessage([Buffer.alloc(0), session.seal(EVENT).payload])),
  );
  const socket = connect(port, '127.0.0.1');
  socket.resume();
  socket.write(Buffer.concat([encodeGreeting(), encodeReady('DEALER', Buffer.alloc(0))]));
  const state = { isOn: false };
  process.on('message', ({ on }: { on: boolean }) => {
    state.isOn = on;
    say({ on: on ? 1 : 0 });
  });
  say({ up: 1 });
  for (;;) {
    if (!state.isOn) await once(process, 'message');
    else if (!socket.write(chunk)) await once(socket, 'drain');
  }
}

const ROLES = { master, minions, flood };
await ROLES[role]();
