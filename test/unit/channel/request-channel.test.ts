import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sealPillar, sealReply } from '../../../src/channel/answer.ts';
import { RequestChannel } from '../../../src/channel/request-channel.ts';
import type { CarryRequest, RequestChannelOptions } from '../../../src/channel/request-channel.ts';
import { packRaw } from '../../../src/codec/payload/raw-strings.ts';
import { BAD_LOAD } from '../../../src/codec/payload/reply.ts';
import { SaltbusError } from '../../../src/errors.ts';
import { identityNamed, masterKeyNamed, testMaster } from '../../helpers/channel.ts';
import type { TestMaster } from '../../helpers/channel.ts';

interface Rig {
  readonly master: TestMaster;
  readonly channel: RequestChannel;
  /** What the master saw, in order. */
  readonly seen: string[];
  readonly waits: number[];
  readonly pins: string[];
  /** Taken one by one instead of the next answers. */
  readonly instead: (Buffer | Error | 'swallow')[];
}

async function rig(options: Partial<RequestChannelOptions> = {}, at?: TestMaster): Promise<Rig> {
  const master = at ?? (await testMaster());
  const seen: string[] = [];
  const waits: number[] = [];
  const pins: string[] = [];
  const instead: (Buffer | Error | 'swallow')[] = [];
  const request: CarryRequest = async (payload, { timeoutMs }) => {
    const opened = master.open(payload);
    seen.push(
      opened.kind === 'refused' ? opened.reason : opened.kind === 'clear' ? 'clear' : opened.load.cmd,
    );
    const other = instead.shift();
    if (other instanceof Error) throw other;
    if (other === 'swallow') throw new SaltbusError('ERR_SALTBUS_TIMEOUT', `no reply in ${timeoutMs} ms`);
    if (other !== undefined) return other;
    if (opened.kind === 'sign-in') return await master.answerSignIn(payload);
    if (opened.kind === 'refused') return opened.answer;
    if (opened.kind !== 'authentic') throw new Error(opened.kind);
    if (opened.load.cmd === '_pillar') return await sealPillar(masterKeyNamed('master'), opened, { a: 1 });
    return sealReply(opened, opened.load.cmd === '_file_envs' ? ['base'] : null);
  };
  const channel = new RequestChannel({
    identity: identityNamed('web1'),
    request,
    now: () => master.clock,
    sleep: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    pin: (pem) => void pins.push(pem),
    ...options,
  });
  return { master, channel, seen, waits, pins, instead };
}

const EVENT = { cmd: '_minion_event', tag: 'x', data: {}, pretag: null };
const ENVS = { cmd: '_file_envs' };
const PILLAR = { cmd: '_pillar', grains: {}, saltenv: null, ver: '2' };

test('the first request signs in and pins, the next do not', async () => {
  const { channel, seen, pins } = await rig();
  assert.equal(channel.isSignedIn, false);
  assert.equal(await channel.send(EVENT), null);
  assert.deepEqual(await channel.send(ENVS), ['base']);
  assert.deepEqual(await channel.pillar(PILLAR), new Map([['a', 1]]));
  assert.deepEqual(seen, ['_auth', '_minion_event', '_file_envs', '_pillar']);
  assert.deepEqual(pins, [masterKeyNamed('master').publicPem]);
  assert.deepEqual(channel.counters, {
    answered: 3,
    repeated: 0,
    unanswered: 0,
    signIns: 1,
    refused: 0,
    waiting: 0,
  });
});

test('a session that the master has forgotten costs one sign-in and one repetition', async () => {
  const { channel, seen, master, pins } = await rig();
  await channel.send(EVENT);
  master.desk.sessions.end('web1');
  assert.equal(await channel.send(EVENT), null);
  assert.deepEqual(seen, ['_auth', '_minion_event', 'session', '_auth', '_minion_event']);
  assert.equal(pins.length, 1);
  assert.equal(channel.counters.repeated, 1);
});

test('a reply that is not authentic once is answered by a sign-in and the same request again', async () => {
  const { channel, seen, instead } = await rig();
  await channel.signIn();
  instead.push(BAD_LOAD);
  assert.equal(await channel.send(EVENT), null);
  assert.equal(await channel.send(EVENT), null);
  assert.deepEqual(seen, ['_auth', '_minion_event', '_auth', '_minion_event', '_minion_event']);
});

test('bad load before and after the sign-in: ERR_SALTBUS_NO_SESSION with what the master said', async () => {
  const { channel, master, seen } = await rig({ identity: identityNamed('web1') });
  await channel.signIn();
  master.accepted.delete('web1');
  const answerSignIn = master.answerSignIn.bind(master);
  // lets the minion in and does not remember its key: each request is refused for its token
  master.answerSignIn = async (payload) => {
    const reply = await answerSignIn(payload);
    master.accepted.delete('web1');
    return reply;
  };
  await assert.rejects(channel.send(EVENT), { code: 'ERR_SALTBUS_NO_SESSION', message: /bad load/ });
  assert.deepEqual(seen, ['_auth', 'token', '_auth', 'token']);
  assert.equal(channel.isSignedIn, false);
  master.answerSignIn = answerSignIn;
  assert.equal(await channel.send(EVENT), null);
});

test('silence: each try is sealed anew, up to the number of tries', async () => {
  const { channel, seen, instead } = await rig({ requestTries: 3 });
  await channel.signIn();
  instead.push('swallow', 'swallow');
  assert.equal(await channel.send(EVENT), null);
  // had the same bytes been sent again, the master would have taken them for a replay
  assert.deepEqual(seen, ['_auth', '_minion_event', '_minion_event', '_minion_event']);
  instead.push('swallow', 'swallow', 'swallow');
  await assert.rejects(channel.send(EVENT, { timeoutMs: 7 }), {
    code: 'ERR_SALTBUS_TIMEOUT',
    message: /7 ms/,
  });
  instead.push('swallow');
  await assert.rejects(channel.send(EVENT, { tries: 1 }), { code: 'ERR_SALTBUS_TIMEOUT' });
  assert.equal(channel.counters.unanswered, 6);
  instead.push(new SaltbusError('ERR_SALTBUS_CONFIG', 'no retry helps'));
  await assert.rejects(channel.send(EVENT), { code: 'ERR_SALTBUS_CONFIG' });
});

test('a late reply to an earlier try is not taken for the answer', async () => {
  const { channel, master, instead, seen } = await rig();
  await channel.send(EVENT);
  const [session] = master.desk.sessions.forRequest('web1');
  const late = packRaw(session?.crypticle.encrypt(packRaw('late'), '0'.repeat(32)));
  instead.push(late);
  assert.deepEqual(await channel.send(ENVS), ['base']);
  assert.deepEqual(seen, ['_auth', '_minion_event', '_file_envs', '_auth', '_file_envs']);
});

test('pending: waits grow, until the key is accepted', async () => {
  const { channel, master, waits } = await rig({
    policy: { acceptanceWaitMs: 1000, acceptanceWaitMaxMs: 3000 },
    sleep: (ms) => {
      waits2.push(ms);
      if (waits2.length === 4) master.verdict = 'accepted';
      return Promise.resolve();
    },
  });
  const waits2: number[] = [];
  master.verdict = 'pending';
  assert.equal((await channel.signIn()).publishPort, 4505);
  assert.deepEqual(waits2, [1000, 2000, 3000, 3000]);
  assert.deepEqual(waits, []);
});

test('rejected, full, another master', async () => {
  const { channel, master, pins } = await rig({ signIn: { pinned: masterKeyNamed('master').publicPem } });
  for (const [verdict, code] of [
    ['rejected', 'ERR_SALTBUS_REJECTED'],
    ['full', 'ERR_SALTBUS_MASTER_FULL'],
  ] as const) {
    master.verdict = verdict;
    await assert.rejects(channel.send(EVENT), { code });
  }
  const impostor = await rig(
    { signIn: { pinned: masterKeyNamed('master').publicPem } },
    await testMaster({ key: 'impostor' }),
  );
  await assert.rejects(impostor.channel.send(EVENT), { code: 'ERR_SALTBUS_MASTER_CHANGED' });
  assert.deepEqual([...pins, ...impostor.pins], []);
});

test('one request at a time, in their order', async () => {
  let underWay = 0;
  let most = 0;
  const { channel, seen } = await rig();
  const { channel: counted } = await rig({
    request: async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await Promise.resolve();
      underWay -= 1;
      throw new SaltbusError('ERR_SALTBUS_CONFIG', 'x');
    },
  });
  await Promise.allSettled(Array.from({ length: 10 }, () => counted.send(EVENT)));
  assert.equal(most, 1);
  await Promise.all([channel.send(EVENT), channel.send(ENVS), channel.pillar(PILLAR), channel.send(EVENT)]);
  assert.deepEqual(seen, ['_auth', '_minion_event', '_file_envs', '_pillar', '_minion_event']);
});

test('what waits is bounded', async () => {
  const { channel } = await rig({ maxWaiting: 2 });
  const both = [channel.send(EVENT), channel.send(EVENT)];
  await assert.rejects(channel.send(EVENT), { code: 'ERR_SALTBUS_OUTBOX_FULL' });
  assert.deepEqual(await Promise.all(both), [null, null]);
  assert.equal(await channel.send(EVENT), null);
  assert.equal(channel.counters.refused, 1);
});

/** A carrier that answers never, and ends with its signal. */
const never: CarryRequest = (_payload, { signal }) =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('cut')), { once: true });
  });

test('close ends what is under way and what waits; abort ends one', async () => {
  const { channel } = await rig({ request: never });
  const controller = new AbortController();
  const first = channel.send(EVENT, { signal: controller.signal });
  const second = channel.send(EVENT);
  const third = channel.send(EVENT);
  controller.abort();
  await assert.rejects(first, { code: 'ERR_SALTBUS_ABORTED' });
  channel.close();
  channel.close();
  await assert.rejects(second, { code: 'ERR_SALTBUS_CLOSED' });
  await assert.rejects(third, { code: 'ERR_SALTBUS_CLOSED' });
  await assert.rejects(channel.send(EVENT), { code: 'ERR_SALTBUS_CLOSED' });
});

test('abort ends the wait of a pending minion', async () => {
  const controller = new AbortController();
  const { channel, master } = await rig({
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        signal?.addEventListener('abort', () => resolve(), { once: true });
        controller.abort();
      }),
  });
  master.verdict = 'pending';
  await assert.rejects(channel.signIn({ signal: controller.signal }), { code: 'ERR_SALTBUS_ABORTED' });
});

test('a session that was forgotten is made anew by the next request', async () => {
  const { channel, seen } = await rig();
  await channel.send(EVENT);
  channel.forgetSession();
  await channel.send(EVENT);
  assert.deepEqual(seen, ['_auth', '_minion_event', '_auth', '_minion_event']);
});
