/** The master's end of the encrypted channel: what a request costs, what a refused one costs, and where to do RSA. */
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { answerAuth, sealReply } from '../src/channel/answer.ts';
import { MinionIdentity } from '../src/channel/identity.ts';
import { masterKeyOf } from '../src/channel/master-key.ts';
import { MasterSessions } from '../src/channel/master-sessions.ts';
import { MinionSession } from '../src/channel/minion-session.ts';
import { openRequest } from '../src/channel/open-request.ts';
import type { Door } from '../src/channel/open-request.ts';
import { PublishKey } from '../src/channel/publish-key.ts';
import { beginSignIn, readSignInReply } from '../src/channel/sign-in.ts';
import { VerifiedTokens } from '../src/channel/verified-tokens.ts';
import { parsePublicKey } from '../src/codec/rsa/pem.ts';
import { JOB_RETURN } from './lib/payloads.ts';
import type { Figure } from './lib/report.ts';

function freshPem(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

function rateOf(count: number, begun: number): number {
  return (count / (performance.now() - begun)) * 1000;
}

/** A door with one minion that is signed in. */
export async function signedIn(): Promise<{
  readonly door: Door;
  readonly session: MinionSession;
  readonly sessionKey: string;
  readonly identity: MinionIdentity;
}> {
  const masterKey = masterKeyOf(freshPem());
  const identity = new MinionIdentity('web1', freshPem());
  const minionKey = parsePublicKey(identity.publicPem);
  const sessions = new MasterSessions();
  const door: Door = { sessions, acceptedKey: () => minionKey, tokens: new VerifiedTokens() };
  const publishKey = await PublishKey.create({ masterKey });
  const attempt = beginSignIn(identity);
  const request = openRequest(door, attempt.payload);
  if (request.kind !== 'sign-in') throw new Error(request.kind);
  const desk = { masterKey, publishKey, sessions, publishPort: 4505 };
  const result = readSignInReply(attempt, await answerAuth(desk, request, { kind: 'accepted', minionKey }));
  if (result.kind !== 'accepted') throw new Error(result.kind);
  return { door, session: new MinionSession(identity, result), sessionKey: result.sessionKey, identity };
}

/** Requests opened and answered, and requests refused, by one event loop. */
export async function requests(short: boolean): Promise<Figure> {
  const { door, session } = await signedIn();
  const load = { cmd: '_minion_event', pretag: null, tag: 'bench/x', data: JOB_RETURN };
  const count = short ? 2000 : 10_000;
  const rounds: Record<string, number[]> = {
    'saltbus, answered': [],
    'saltbus, refused at HMAC': [],
    'saltbus, refused at version': [],
  };
  for (let round = 0; round < (short ? 1 : 5); round += 1) {
    const payloads = Array.from({ length: count }, () => session.seal(load).payload);
    let begun = performance.now();
    for (const payload of payloads) {
      const opened = openRequest(door, payload);
      if (opened.kind !== 'authentic') throw new Error(opened.kind);
      sealReply(opened, null);
    }
    rounds['saltbus, answered']?.push(rateOf(count, begun));
    const bad = Buffer.from(payloads[0] ?? '');
    bad[100] = (bad[100] ?? 0) ^ 1;
    begun = performance.now();
    for (let index = 0; index < count; index += 1) openRequest(door, bad);
    rounds['saltbus, refused at HMAC']?.push(rateOf(count, begun));
    const old = Buffer.from(payloads[0] ?? '');
    old[old.indexOf('version') + 7] = 2;
    begun = performance.now();
    for (let index = 0; index < count; index += 1) openRequest(door, old);
    rounds['saltbus, refused at version']?.push(rateOf(count, begun));
  }
  return { name: 'requests of 600 bytes at the door of a master', unit: 'requests/s', rounds };
}

const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { createPrivateKey, sign } = require('node:crypto');
const key = createPrivateKey(workerData);
parentPort.on('message', ({ id, bytes }) => parentPort.postMessage({ id, signature: sign('sha1', bytes, key) }));
`;

/** RSA-2048 signatures with 64 under way: in libuv's pool, in one worker thread, and on the event loop itself. */
export async function signatures(short: boolean): Promise<Figure> {
  const pem = freshPem();
  const masterKey = masterKeyOf(pem);
  const key = createPrivateKey(pem);
  const message = Buffer.alloc(1300, 1);
  const worker = new Worker(WORKER, { eval: true, workerData: pem });
  const waiting = new Map<number, () => void>();
  worker.on('message', ({ id }: { id: number }) => {
    waiting.get(id)?.();
    waiting.delete(id);
  });
  let next = 0;
  const contenders: Readonly<Record<string, () => Promise<unknown>>> = {
    'saltbus, libuv pool': () => masterKey.sign('PKCS1v15-SHA1', message),
    'one worker thread': () =>
      new Promise<void>((resolve) => {
        next += 1;
        waiting.set(next, resolve);
        worker.postMessage({ id: next, bytes: message });
      }),
    'event loop': () => Promise.resolve(sign('sha1', message, key)),
  };
  const rounds: Record<string, number[]> = {};
  const count = short ? 500 : 3000;
  for (let round = 0; round < (short ? 1 : 5); round += 1) {
    for (const [name, work] of Object.entries(contenders)) {
      let left = count;
      const begun = performance.now();
      const lane = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await work();
        }
      };
      await Promise.all(Array.from({ length: 64 }, lane));
      (rounds[name] ??= []).push(rateOf(count, begun));
    }
  }
  await worker.terminate();
  return { name: 'RSA-2048 signatures of a master', unit: 'signatures/s', rounds };
}
