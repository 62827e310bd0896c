/** Our end of the encrypted channel with a real master at the other: sign-in, events, pillar, and what it refuses. */
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MinionIdentity } from '../../../src/channel/identity.ts';
import { RequestChannel } from '../../../src/channel/request-channel.ts';
import type { RequestChannelOptions } from '../../../src/channel/request-channel.ts';
import { unpackRaw, packRaw } from '../../../src/codec/payload/raw-strings.ts';
import { parseReply } from '../../../src/codec/payload/reply.ts';
import { encodeClearRequest } from '../../../src/codec/payload/request.ts';
import { cleanPem } from '../../../src/codec/rsa/pem.ts';
import { publicPem } from '../../../src/codec/rsa/private-key.ts';
import { rawRequest } from '../../helpers/raw-req.ts';
import { interop, pythonListen } from '../helpers.ts';

const LIMIT = { timeout: 90_000 };

function freshPem(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs1', format: 'pem' })
    .toString();
}

interface Rig {
  readonly channel: RequestChannel;
  readonly pins: string[];
  readonly pem: string;
}

function channelOf(
  t: TestContext,
  id: string,
  options: Partial<RequestChannelOptions> = {},
  pem = freshPem(),
): Rig {
  const { requestPort } = interop();
  const pins: string[] = [];
  const channel = new RequestChannel({
    identity: new MinionIdentity(id, pem),
    request: (payload, how) => rawRequest(requestPort, payload, how),
    pin: (key) => void pins.push(key),
    policy: { authTimeoutMs: 20_000 },
    requestTimeoutMs: 20_000,
    ...options,
  });
  t.after(() => channel.close());
  return { channel, pins, pem };
}

const EVENT = { cmd: '_minion_event', pretag: null };

test(
  'a fresh key signs in, pins the real key, and an event in single form is seen on the bus',
  LIMIT,
  async (t) => {
    const { masterConfigDir, publishPort, release } = interop();
    const { channel, pins, pem } = channelOf(t, 'ours1');
    const listener = pythonListen(t, { node: 'master', tag: 'interop/channel/' });
    await listener.ready;
    const signedIn = await channel.signIn();
    assert.equal(signedIn.publishPort, publishPort);
    assert.deepEqual(pins, [cleanPem(readFileSync(join(masterConfigDir, 'pki', 'master.pub'), 'utf8'))]);
    const accepted = readFileSync(join(masterConfigDir, 'pki', 'minions', 'ours1'), 'utf8');
    assert.equal(cleanPem(accepted), publicPem(createPrivateKey(pem)));
    const data = { text: 'é', bytes: Buffer.from([0, 255]), n: 2 ** 40, list: [1.5, null, true] };
    assert.equal(await channel.send({ ...EVENT, data, tag: 'interop/channel/single' }), null);
    assert.equal(
      await channel.send({ ...EVENT, events: [{ tag: 'interop/channel/list', data: { a: 1 } }] }),
      null,
    );
    const [single, list] = await listener.collect(2);
    if (single === undefined || list === undefined) return assert.fail();
    assert.equal(single.tag, 'interop/channel/single');
    const { _stamp: stamp, ts, ...rest } = single.data;
    assert.equal(typeof stamp, 'string');
    assert.equal(typeof ts, 'number');
    assert.deepEqual(rest, {
      cmd: '_minion_event',
      pretag: null,
      data: { ...data, bytes: { __bytes__: 'AP8=' } },
      tag: 'interop/channel/single',
      id: 'ours1',
    });
    assert.equal(list.tag, 'interop/channel/list');
    assert.equal(list.data['a'], 1);
    assert.equal(channel.counters.signIns, 1, release);
  },
);

test('a second sign-in with the pinned key is echoed the token; SHA-224 is spoken', LIMIT, async (t) => {
  const { channel, pins, pem } = channelOf(t, 'ours2', {
    signIn: { encAlgorithm: 'OAEP-SHA224', sigAlgorithm: 'PKCS1v15-SHA224' },
  });
  const first = await channel.signIn();
  const second = await channel.signIn();
  assert.equal(second.pin, undefined);
  assert.equal(pins.length, 1);
  assert.deepEqual([second.publishKey, second.sessionKey], [first.publishKey, first.sessionKey]);
  assert.deepEqual(await channel.send({ cmd: '_file_envs' }), ['base']);
  // another process of the same host: the same key pair, and the same session
  const other = channelOf(t, 'ours2', { signIn: { pinned: pins[0] ?? '' } }, pem);
  assert.equal((await other.channel.signIn()).sessionKey, first.sessionKey);
});

test('the pillar of the real master holds', LIMIT, async (t) => {
  const { channel } = channelOf(t, 'ours3');
  const pillar = await channel.pillar({
    grains: { os: 'x', id: 'ours3' },
    saltenv: null,
    pillarenv: null,
    pillar_override: null,
    extra_minion_data: {},
    ver: '2',
    cmd: '_pillar',
  });
  assert.deepEqual(pillar, new Map());
});

test('an unknown command, and one whose fields are missing', LIMIT, async (t) => {
  const { channel } = channelOf(t, 'ours4');
  assert.deepEqual(await channel.send({ cmd: '_no_such_command' }), new Map());
  assert.equal(channel.counters.repeated, 0);
});

test(
  'a key that differs from the accepted one is rejected, and the rejection is verified',
  LIMIT,
  async (t) => {
    const { pins } = await signedInOnce(t, 'ours5');
    const thief = channelOf(t, 'ours5', { signIn: { pinned: pins[0] ?? '' } });
    await assert.rejects(thief.channel.send({ cmd: '_file_envs' }), {
      code: 'ERR_SALTBUS_REJECTED',
      message: /^The master rejects/,
    });
  },
);

async function signedInOnce(t: TestContext, id: string): Promise<Rig> {
  const rig = channelOf(t, id);
  await rig.channel.signIn();
  return rig;
}

test('what a real master answers to bad requests is what ours answers', LIMIT, async () => {
  const { requestPort } = interop();
  const ask = async (payload: Buffer): Promise<unknown> => {
    const reply = parseReply(await rawRequest(requestPort, payload, { timeoutMs: 20_000 }));
    return reply.kind === 'text' ? reply.text : reply.kind;
  };
  const ping = { cmd: 'ping' };
  assert.equal(await ask(encodeClearRequest(ping)), 'map');
  assert.equal(await ask(packRaw({ enc: 'clear', load: ping })), 'bad load');
  assert.equal(await ask(packRaw({ enc: 'clear', load: ping, version: 2 })), 'bad load');
  assert.equal(await ask(packRaw(['x'])), 'bad load');
  assert.equal(
    await ask(packRaw({ enc: 'aes', load: Buffer.alloc(100, 255), version: 3, id: 'ours1' })),
    'bad load',
  );
  const auth = {
    cmd: '_auth',
    id: 'ours6',
    nonce: '0'.repeat(32),
    pub: publicPem(createPrivateKey(freshPem())),
  };
  assert.equal(
    await ask(encodeClearRequest({ ...auth, enc_algo: 'OAEP-SHA1', sig_algo: 'PKCS1v15-NONE' })),
    'bad-algorithm',
  );
  const unknown = parseReply(
    await rawRequest(requestPort, encodeClearRequest({ cmd: 'no_such' }), { timeoutMs: 20_000 }),
  );
  assert.deepEqual(unknown.kind === 'map' ? unknown.map : unpackRaw(packRaw(unknown.kind)), new Map());
});
