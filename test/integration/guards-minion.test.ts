/** What our minion does not believe: over raw sockets, under a master that the test decides on, as in guards.test.ts. */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { encodePublication } from '../../src/codec/payload/publication.ts';
import { packRaw } from '../../src/codec/payload/raw-strings.ts';
import { encodePillarReply, encodeSignedReply } from '../../src/codec/payload/reply.ts';
import { signPkcs1 } from '../../src/codec/rsa/pkcs1.ts';
import { PublishKey } from '../../src/channel/publish-key.ts';
import { flipped, masterKeyNamed, privatePemOf } from '../helpers/channel.ts';
import { minionPlace, ownMinion } from '../helpers/own-minion.ts';
import { jobOf, scriptedMaster } from '../helpers/scripted-master.ts';
import type { ScriptedMaster } from '../helpers/scripted-master.ts';
import { waitUntil } from '../helpers/wait-until.ts';
import type { MinionDaemon } from '../../src/daemon/minion/minion.ts';

const LIMIT = { timeout: 120_000 };

suite('our minion', () => {
  interface MinionRig {
    readonly master: ScriptedMaster;
    readonly minion: MinionDaemon;
    /** Publishes a job and waits for its return. */
    readonly works: () => Promise<void>;
    readonly run: (fun: string, ...arg: readonly string[]) => Promise<unknown>;
  }

  async function minionRig(
    t: TestContext,
    config: Readonly<Record<string, unknown>> = {},
  ): Promise<MinionRig> {
    const master = await scriptedMaster(t);
    const minion = await ownMinion(
      t,
      minionPlace(t, 'web1', { master: `127.0.0.1:${master.port}`, ...config }),
    );
    await minion.ready;
    const run = async (fun: string, ...arg: readonly string[]): Promise<unknown> => {
      const job = jobOf({ fun, arg });
      await master.publish(job);
      const find = (): ReadonlyMap<unknown, unknown> | undefined =>
        master.loads('_return').find((load) => load.get('jid') === job['jid']);
      await waitUntil(() => find() !== undefined);
      return find()?.get('return');
    };
    return { master, minion, run, works: async () => assert.equal(await run('test.ping'), true) };
  }

  const signed = (signer: string, load: object): Buffer => {
    const bytes = packRaw(load);
    return encodeSignedReply(
      bytes,
      signPkcs1(createPrivateKey(privatePemOf(signer)), 'PKCS1v15-SHA1', bytes),
    );
  };

  test('forged verdicts do not stop it (CVE-2022-22935)', LIMIT, async (t) => {
    const { master, minion, works } = await minionRig(t);
    for (const ret of [false, true, 'full']) {
      for (const forge of [
        () => signed('thief', { ret, nonce: '0'.repeat(32) }),
        () => signed('master', { ret, nonce: '0'.repeat(32) }),
        () => packRaw({ enc: 'clear', load: { ret } }),
        () => packRaw({ ret }),
      ]) {
        let forged = 0;
        master.mangle = (answer, cmd) => {
          if (cmd !== '_auth') return answer;
          forged += 1;
          return forged === 1 ? forge() : answer;
        };
        master.forget();
        await works();
        assert.equal(forged >= 1, true, 'it signed in');
      }
    }
    assert.equal(minion.status.masters[0]?.phase, 'up');
  });

  test('forged and foreign pillars are not taken (CVE-2022-22934)', LIMIT, async (t) => {
    const { master, run } = await minionRig(t);
    master.pillar = new Map([['a', 'real']]);
    assert.equal(await run('saltutil.refresh_pillar'), true);
    master.pillar = new Map([['a', 'other']]);
    const forgeries: readonly ((answer: Buffer) => Buffer)[] = [
      () => packRaw({ pillar: { a: 'forged' } }),
      () => encodePillarReply(Buffer.alloc(256, 1), Buffer.alloc(80)),
      (answer) => flipped(answer, answer.length - 40),
    ];
    for (const forge of forgeries) {
      master.mangle = (answer, cmd) => (cmd === '_pillar' ? forge(answer) : answer);
      await run('saltutil.refresh_pillar');
      master.mangle = undefined;
      assert.deepEqual(await run('pillar.item', 'a'), new Map([['a', 'real']]));
    }
  });

  test('a reply that belongs to another request is none (CVE-2022-22936)', LIMIT, async (t) => {
    const { master, minion, works } = await minionRig(t);
    const before = master.signIns;
    let kept: Buffer | undefined;
    let swapped = 0;
    master.mangle = (answer, cmd) => {
      if (cmd !== '_return') return answer;
      const other = kept;
      kept = answer;
      if (other === undefined || swapped > 0) return answer;
      swapped += 1;
      return other;
    };
    await works();
    await works();
    await waitUntil(() => master.signIns === before + 1);
    await works();
    assert.equal(swapped, 1);
    assert.equal(minion.status.jobs.succeeded, 3);
  });

  test('publications that are forged, played again or foreign run nothing', LIMIT, async (t) => {
    const { master, minion, works } = await minionRig(t, { sign_pub_messages: true });
    await works();
    const { publishKey } = master.master.desk;
    const real = await publishKey.seal(jobOf({}));
    const foreign = await PublishKey.create({ masterKey: masterKeyNamed('thief') });
    master.publishRaw(real);
    master.publishRaw(real);
    await waitUntil(() => minion.status.masters[0]?.dropped['serial'] === 1);
    master.publishRaw(await foreign.seal(jobOf({})));
    master.publishRaw(
      encodePublication({ blob: Buffer.alloc(80), signature: undefined, sigAlgorithm: 'PKCS1v15-SHA1' }),
    );
    for (let at = 0; at < real.length; at += 1) master.publishRaw(flipped(real, at, at % 8));
    await works();
    const dropped = Object.values(minion.status.masters[0]?.dropped ?? {}).reduce((sum, one) => sum + one, 0);
    assert.equal(dropped, real.length + 3);
    await waitUntil(() => minion.status.jobs.succeeded === 3);
    assert.equal(minion.status.jobs.began, 3);
  });

  test('a private key or a directory that others can reach keeps it from starting', LIMIT, async (t) => {
    const master = await scriptedMaster(t);
    const place = minionPlace(t, 'web1', { master: `127.0.0.1:${master.port}` });
    const first = await ownMinion(t, place);
    await first.ready;
    const modeOf = (...path: readonly string[]): number =>
      statSync(join(place.configDir, ...path)).mode & 0o777;
    const sockets = readdirSync(join(place.configDir, 's')).filter((name) => name.endsWith('.ipc'));
    assert.equal(sockets.length, 2);
    for (const name of sockets) assert.equal(modeOf('s', name), 0o600, name);
    assert.equal(modeOf('pki', 'minion.pem'), 0o400);
    await first.close();
    const pki = join(place.configDir, 'pki');
    for (const [path, mode] of [
      ['minion.pem', 0o444],
      ['minion.pem', 0o440],
      ['minion.pem', 0o602],
      ['', 0o777],
      ['', 0o720],
    ] as const) {
      const before = modeOf('pki', path);
      chmodSync(join(pki, path), mode);
      await assert.rejects(
        ownMinion(t, place),
        { code: 'ERR_SALTBUS_KEY_UNSAFE' },
        `${path} ${mode.toString(8)}`,
      );
      chmodSync(join(pki, path), before);
    }
    assert.equal(master.signIns, 1);
    await (
      await ownMinion(t, place)
    ).ready;
  });
});
