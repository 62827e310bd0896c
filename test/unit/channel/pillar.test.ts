import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { sealPillar, sealReply } from '../../../src/channel/answer.ts';
import { MinionSession } from '../../../src/channel/minion-session.ts';
import type { OpenedPillar } from '../../../src/channel/minion-session.ts';
import type { AuthenticRequest } from '../../../src/channel/open-request.ts';
import { beginSignIn, readSignInReply } from '../../../src/channel/sign-in.ts';
import { Crypticle, newKeyString } from '../../../src/codec/crypticle.ts';
import { packRaw } from '../../../src/codec/payload/raw-strings.ts';
import { BAD_LOAD, encodePillarReply, parseReply } from '../../../src/codec/payload/reply.ts';
import { encryptOaep } from '../../../src/codec/rsa/oaep.ts';
import { signPkcs1 } from '../../../src/codec/rsa/pkcs1.ts';
import { flipped, identityNamed, masterKeyNamed, privatePemOf, testMaster } from '../../helpers/channel.ts';

const REQUEST = {
  cmd: '_pillar',
  grains: { os: 'x' },
  saltenv: null,
  pillarenv: null,
  pillar_override: null,
  extra_minion_data: {},
  ver: '2',
};
const PILLAR = { role: 'web', 1: ['x'], secret: Buffer.from([255, 0]) };

interface Asked {
  readonly session: MinionSession;
  readonly request: AuthenticRequest;
  readonly nonce: string;
}

async function asked(): Promise<Asked> {
  const master = await testMaster();
  const identity = identityNamed('web1');
  const attempt = beginSignIn(identity);
  const result = readSignInReply(attempt, await master.answerSignIn(attempt.payload));
  if (result.kind !== 'accepted') return assert.fail();
  const session = new MinionSession(identity, result);
  const sent = session.seal(REQUEST);
  const request = master.open(sent.payload);
  if (request.kind !== 'authentic') return assert.fail();
  return { session, request, nonce: sent.nonce };
}

function outcome(opened: OpenedPillar): string {
  return opened.kind === 'refused' ? opened.check : opened.kind;
}

test('a pillar comes whole, signed, and to its request only', async () => {
  const { session, request, nonce } = await asked();
  const reply = await sealPillar(masterKeyNamed('master'), request, PILLAR);
  const opened = session.openPillar(reply, nonce);
  assert.deepEqual(
    opened.kind === 'pillar' ? opened.pillar : opened,
    new Map<unknown, unknown>([
      ['1', ['x']],
      ['role', 'web'],
      ['secret', new Uint8Array([255, 0])],
    ]),
  );
  assert.equal(outcome(session.openPillar(reply, '0'.repeat(32))), 'nonce');
});

test('forged pillars', async () => {
  const { session, request, nonce } = await asked();
  const publicKey = createPublicKey(identityNamed('web1').publicPem);
  const forge = (
    signer: string,
    inner: (key: Buffer) => object,
    change: { readonly outerKey?: Buffer; readonly data?: unknown; readonly sig?: unknown } = {},
  ): Buffer => {
    const keyString = newKeyString();
    const key = encryptOaep(publicKey, 'OAEP-SHA1', Buffer.from(keyString));
    const data = packRaw(inner(key));
    const sig = signPkcs1(createPrivateKey(privatePemOf(signer)), 'PKCS1v15-SHA1', data);
    const blob = new Crypticle(keyString).encrypt(packRaw({ data, sig, ...change }));
    return encodePillarReply(key, blob);
  };
  const good = (key: Buffer): object => ({ key, pillar: {}, nonce });
  assert.equal(outcome(session.openPillar(forge('master', good), nonce)), 'pillar');
  assert.equal(outcome(session.openPillar(forge('impostor', good), nonce)), 'signature');
  assert.equal(outcome(session.openPillar(forge('web1', good), nonce)), 'signature');
  assert.equal(
    outcome(
      session.openPillar(
        forge('master', () => ({ key: Buffer.alloc(256, 200), pillar: {}, nonce })),
        nonce,
      ),
    ),
    'key',
  );
  assert.equal(
    outcome(
      session.openPillar(
        forge('master', () => ({ pillar: {}, nonce })),
        nonce,
      ),
    ),
    'key',
  );
  assert.equal(
    outcome(
      session.openPillar(
        forge('master', (key) => ({ key, pillar: {} })),
        nonce,
      ),
    ),
    'nonce',
  );
  assert.equal(
    outcome(
      session.openPillar(
        forge('master', (key) => ({ key, pillar: {}, nonce: 'f'.repeat(32) })),
        nonce,
      ),
    ),
    'nonce',
  );
  assert.equal(outcome(session.openPillar(forge('master', good, { sig: undefined }), nonce)), 'blob');
  assert.equal(outcome(session.openPillar(forge('master', good, { data: {} }), nonce)), 'blob');
  // a real one with the key of another around it
  const real = parseReply(await sealPillar(masterKeyNamed('master'), request, PILLAR));
  const other = parseReply(await sealPillar(masterKeyNamed('master'), request, PILLAR));
  if (real.kind !== 'pillar' || other.kind !== 'pillar') return assert.fail();
  assert.equal(outcome(session.openPillar(encodePillarReply(other.key, real.blob), nonce)), 'blob');
});

test('what is no pillar leads to a sign-in, and an authentic refusal does not', async () => {
  const { session, request, nonce } = await asked();
  for (const bytes of [
    BAD_LOAD,
    packRaw({ error: 'x' }),
    packRaw({ pillar: {} }),
    packRaw({}),
    Buffer.from([0xc1]),
    encodePillarReply(Buffer.alloc(256, 1), Buffer.alloc(80)),
  ]) {
    assert.equal(outcome(session.openPillar(bytes, nonce)), 'sign-in-again');
  }
  assert.equal(outcome(session.openPillar(sealReply(request, {}), nonce)), 'failed');
});

test('a bit flipped in any byte of a real pillar reply is never a pillar', async () => {
  const { session, request, nonce } = await asked();
  const reply = await sealPillar(masterKeyNamed('master'), request, { a: 1 });
  for (let at = 0; at < reply.length; at += 1) {
    assert.notEqual(outcome(session.openPillar(flipped(reply, at, at % 8), nonce)), 'pillar', `byte ${at}`);
  }
});
