import assert from 'node:assert/strict';
import { createHash, createPrivateKey } from 'node:crypto';
import { before, test } from 'node:test';
import { PublicationReader } from '../../../src/channel/publication-reader.ts';
import type { PublicationReaderOptions, ReadPublication } from '../../../src/channel/publication-reader.ts';
import { PublishKey } from '../../../src/channel/publish-key.ts';
import { RecentJids } from '../../../src/channel/recent-jids.ts';
import { Crypticle } from '../../../src/codec/crypticle.ts';
import { encodePublication } from '../../../src/codec/payload/publication.ts';
import { packRaw } from '../../../src/codec/payload/raw-strings.ts';
import { recoverX931 } from '../../../src/codec/rsa/x931.ts';
import { signPkcs1 } from '../../../src/codec/rsa/pkcs1.ts';
import { flipped, masterKeyNamed, privatePemOf, publicKeyNamed } from '../../helpers/channel.ts';

const masterKey = masterKeyNamed('master');
let key: PublishKey;

before(async () => {
  key = await PublishKey.create({ masterKey });
});

let last = 0;
function job(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  last += 1;
  const jid = `2026112214500${String(last).padStart(7, '0')}`;
  return { fun: 'test.ping', arg: [], tgt: '*', jid, ret: '', tgt_type: 'glob', user: 'root', ...more };
}

function reader(options: Partial<PublicationReaderOptions> = {}): PublicationReader {
  return new PublicationReader({
    publishKey: key.current().key,
    masterKey: publicKeyNamed('master'),
    ...options,
  });
}

function outcome(read: ReadPublication): string {
  return read.kind === 'dropped' ? read.reason : read.kind;
}

/** Encrypted with the publish key, as any minion of the master could. */
function crafted(load: unknown, signer?: string): Buffer {
  const blob = new Crypticle(key.current().key).encrypt(packRaw(load));
  const signature =
    signer === undefined
      ? undefined
      : signPkcs1(createPrivateKey(privatePemOf(signer)), 'PKCS1v15-SHA1', blob);
  return encodePublication({ blob, signature, sigAlgorithm: 'PKCS1v15-SHA1' });
}

test('a job is read, without its serial', async () => {
  const sent = job({ arg: ['x', { __kwarg__: true, a: 1 }], metadata: { m: 1 } });
  const payload = await key.seal(sent);
  const read = reader({ isSignatureRequired: true }).read(payload);
  if (read.kind !== 'job') return assert.fail(outcome(read));
  assert.equal(read.job.fun, 'test.ping');
  assert.equal(read.job.jid, sent['jid']);
  assert.deepEqual([...read.job.whole.keys()], Object.keys(sent));
  assert.equal((await key.seal(job())).length > 400, true);
});

test('a publication of a real job has the size of real ones', async () => {
  const fresh = await PublishKey.create({ masterKey });
  const payload = await fresh.seal({
    fun: 'test.ping',
    arg: [],
    tgt: '*',
    jid: '20261122145001719109',
    ret: '',
    tgt_type: 'glob',
    user: 'root',
  });
  assert.equal(payload.length, 463);
});

test('the digest of the publish key is signed for minions, anew with each key', async () => {
  const fresh = await PublishKey.create({ masterKey });
  const first = fresh.current();
  await Promise.all([fresh.rotate(), fresh.rotate()]);
  const second = fresh.current();
  assert.notEqual(second.key, first.key);
  for (const { key: text, digestSignature } of [first, second]) {
    const digest = createHash('sha256').update(text).digest('hex');
    assert.equal(recoverX931(publicKeyNamed('master'), digestSignature)?.toString(), digest);
  }
});

test('serials rise, restart with the key, and promises resolve in their order', async () => {
  const fresh = await PublishKey.create({ masterKey });
  const order: number[] = [];
  const sealed = Array.from({ length: 20 }, (_, n) =>
    fresh.seal(job()).then((bytes) => {
      order.push(n);
      return bytes;
    }),
  );
  const all = await Promise.all(sealed);
  assert.deepEqual(
    order,
    Array.from({ length: 20 }, (_, n) => n),
  );
  const one = reader({ publishKey: fresh.current().key });
  assert.deepEqual(
    all.map((bytes) => outcome(one.read(bytes))),
    all.map(() => 'job'),
  );
  await fresh.rotate();
  one.renew({ publishKey: fresh.current().key, masterKey: publicKeyNamed('master') });
  assert.equal(outcome(one.read(await fresh.seal(job()))), 'job');
  assert.equal(outcome(one.read(all[19] ?? assert.fail(), true)), 'undecipherable');
});

test('one that cannot be encoded takes no serial and holds nothing up', async () => {
  const fresh = await PublishKey.create({ masterKey });
  await assert.rejects(fresh.seal({ fun: () => 1 }), { code: 'ERR_SALTBUS_DATA' });
  const one = reader({ publishKey: fresh.current().key });
  assert.equal(outcome(one.read(await fresh.seal(job()))), 'job');
});

test('replayed and re-ordered publications are dropped', async () => {
  const one = reader();
  const [a, b] = [await key.seal(job()), await key.seal(job())];
  assert.equal(outcome(one.read(b)), 'job');
  assert.equal(outcome(one.read(b)), 'serial');
  assert.equal(outcome(one.read(a)), 'serial');
  // a sign-in that brought the same key does not forget the serial
  one.renew({ publishKey: key.current().key, masterKey: publicKeyNamed('master') });
  assert.equal(outcome(one.read(b)), 'serial');
});

test('a job id seen before is dropped, also when it comes from another master, and only a hundred are remembered', () => {
  const recentJids = new RecentJids();
  const [one, two] = [reader({ recentJids }), reader({ recentJids })];
  const sent = job();
  assert.equal(outcome(one.read(crafted(sent))), 'job');
  assert.equal(outcome(one.read(crafted(sent))), 'duplicate');
  assert.equal(outcome(two.read(crafted(sent))), 'duplicate');
  for (let n = 0; n < 99; n += 1) assert.equal(outcome(two.read(crafted(job()))), 'job');
  assert.equal(outcome(one.read(crafted(sent))), 'duplicate');
  assert.equal(outcome(one.read(crafted(job()))), 'job');
  assert.equal(outcome(one.read(crafted(sent))), 'job');
});

test('a job for others is dropped and not remembered', () => {
  let isForUs = false;
  const one = reader({ isForUs: () => isForUs });
  const sent = job();
  assert.equal(outcome(one.read(crafted(sent))), 'not-for-us');
  isForUs = true;
  assert.equal(outcome(one.read(crafted(sent))), 'job');
});

test('another key: sign in once, then drop', async () => {
  const other = await PublishKey.create({ masterKey });
  const payload = await other.seal(job());
  const one = reader();
  assert.equal(outcome(one.read(payload)), 'sign-in-again');
  assert.equal(outcome(one.read(payload, true)), 'undecipherable');
  one.renew({ publishKey: other.current().key, masterKey: publicKeyNamed('master') });
  assert.equal(outcome(one.read(payload, true)), 'job');
});

test('with sign_pub_messages only the master is heard, without it any holder of the publish key', async () => {
  const strict = reader({ isSignatureRequired: true });
  assert.equal(outcome(strict.read(crafted(job()))), 'unsigned');
  assert.equal(outcome(strict.read(crafted(job(), 'web1'))), 'signature');
  assert.equal(outcome(strict.read(crafted(job(), 'master'))), 'job');
  const lax = reader();
  assert.equal(outcome(lax.read(crafted(job()))), 'job');
  assert.equal(outcome(lax.read(crafted(job(), 'web1'))), 'job');
  const silent = await PublishKey.create({ masterKey, isSigning: false });
  const unsigned = await silent.seal(job());
  assert.equal(outcome(reader({ publishKey: silent.current().key }).read(unsigned)), 'job');
  assert.equal(
    outcome(reader({ publishKey: silent.current().key, isSignatureRequired: true }).read(unsigned)),
    'unsigned',
  );
  const sha224 = await PublishKey.create({ masterKey, sigAlgorithm: 'PKCS1v15-SHA224' });
  const signed = await sha224.seal(job());
  assert.equal(
    outcome(reader({ publishKey: sha224.current().key, isSignatureRequired: true }).read(signed)),
    'job',
  );
});

test('what is no job is dropped with a reason', () => {
  const one = reader();
  for (const load of [
    job({ fun: undefined }),
    job({ arg: 'x' }),
    job({ tgt: 5 }),
    job({ jid: '../../x' }),
    job({ jid: null }),
    job({ tgt: undefined }),
  ]) {
    assert.equal(outcome(one.read(crafted(load))), 'fields', JSON.stringify(load));
  }
  assert.equal(outcome(one.read(crafted(['x']))), 'malformed');
  assert.equal(outcome(one.read(crafted(job({ serial: '5' })))), 'serial');
  assert.equal(outcome(one.read(packRaw({ enc: 'clear', load: job() }))), 'malformed');
  assert.equal(outcome(one.read(Buffer.alloc(0))), 'malformed');
  assert.equal(outcome(one.read(crafted(job({ jid: 'of-the-user' })))), 'job');
});

test('a bit flipped in any byte of a signed publication, or a cut, is no job where signatures are required', async () => {
  const payload = await key.seal(job());
  const one = reader({ isSignatureRequired: true });
  for (let at = 0; at < payload.length; at += 1) {
    assert.notEqual(outcome(one.read(flipped(payload, at, at % 8))), 'job', `byte ${at}`);
    assert.equal(outcome(one.read(payload.subarray(0, at))), 'malformed', `cut at ${at}`);
  }
  assert.equal(outcome(one.read(payload)), 'job');
});
