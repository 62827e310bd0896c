/** Who wants to sign in to our master, and what a verified minion may not do: over raw sockets, as in guards.test.ts. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { beginSignIn, readSignInReply } from '../../src/channel/sign-in.ts';
import { MinionIdentity } from '../../src/channel/identity.ts';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';
import { unpackRaw } from '../../src/codec/payload/raw-strings.ts';
import { encodeClearRequest } from '../../src/codec/payload/request.ts';
import { cleanPem } from '../../src/codec/rsa/pem.ts';
import { encodeReady } from '../../src/codec/zmtp/command.ts';
import { encodeMessage } from '../../src/codec/zmtp/frame.ts';
import { encodeGreeting } from '../../src/codec/zmtp/greeting.ts';
import { onDiagnostics } from '../../src/diagnostics.ts';
import { flipped, identityNamed, privatePemOf } from '../helpers/channel.ts';
import type { OwnMaster } from '../helpers/own-master.ts';
import { EVENT, answerOf, ask, signedIn } from '../helpers/raw-minion.ts';
import { withoutStamp } from '../helpers/take.ts';
import { ZmtpScriptedPeer } from '../helpers/zmtp-peer.ts';
import { waitUntil } from '../helpers/wait-until.ts';
import { masterRig } from '../helpers/guarded-master.ts';

const LIMIT = { timeout: 120_000 };
const JID = '20261122145001719109';
const NOTHING = new Map();

suite('sign-ins', () => {
  function spki({ publicKey }: { readonly publicKey: KeyObject }): string {
    return publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  async function verdictFor(master: OwnMaster, fields: Readonly<Record<string, unknown>>): Promise<unknown> {
    const { payload, identity } = beginSignIn(identityNamed('web1'));
    const whole = unpackRaw(payload) as ReadonlyMap<string, ExactValue>;
    const load = new Map(whole.get('load') as ReadonlyMap<ExactValue, ExactValue>);
    for (const [name, value] of Object.entries(fields)) load.set(name, value as ExactValue);
    const answer = await answerOf(master, encodeClearRequest(load));
    assert.equal(identity.id, 'web1');
    if (!(answer instanceof Map) || !answer.has('sig')) return answer;
    const inner = unpackRaw(Buffer.from(answer.get('load') as Uint8Array)) as ReadonlyMap<string, unknown>;
    return inner.has('pub_key') ? 'accepted' : inner.get('ret');
  }

  /** The key that a sign-in shows. */
  function keyIn(payload: Buffer | undefined): string {
    const whole = unpackRaw(payload ?? Buffer.alloc(0)) as ReadonlyMap<string, ReadonlyMap<string, string>>;
    return cleanPem(whole.get('load')?.get('pub') ?? '');
  }

  test('ids that are paths, keys that are none: a signed refusal, and nothing on disk', LIMIT, async (t) => {
    const rig = await masterRig(t);
    const { master } = rig;
    const before = readdirSync(join(master.folder, 'pki', 'minions')).sort();
    // CVE-2024-22231, CVE-2025-22238
    for (const id of [
      '../x',
      '../../c/x',
      '/etc/x',
      'a/b',
      '..',
      '.',
      '.hidden',
      '',
      'a\\b',
      'a\nb',
      'x'.repeat(256),
    ])
      assert.equal(await verdictFor(master, { id }), false, JSON.stringify(id));
    const keys = {
      'RSA of 1024 bits': spki(generateKeyPairSync('rsa', { modulusLength: 1024 })),
      'an elliptic curve': spki(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
      Ed25519: spki(generateKeyPairSync('ed25519')),
      'an even exponent that is too small': identityNamed('web1').publicPem.replace('AQAB', 'AAAB'),
      'a private key': privatePemOf('web1'),
      garbage: 'garbage',
      nothing: '',
      'PEM around nothing': '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----',
      'too much': `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(9000)}\n-----END PUBLIC KEY-----`,
    };
    for (const [what, pub] of Object.entries(keys))
      assert.notEqual(await verdictFor(master, { id: 'new', pub }), 'accepted', what);
    assert.equal(
      await verdictFor(master, { pub: identityNamed('thief').publicPem }),
      false,
      'another key for a known id',
    );
    assert.deepEqual(readdirSync(join(master.folder, 'pki', 'minions')).sort(), before);
    assert.deepEqual(readdirSync(join(master.folder, 'pki', 'minions_pre')), []);
    assert.deepEqual(readdirSync(join(master.folder, 'pki', 'minions_denied')), ['web1']);
    assert.equal(existsSync(join(master.folder, 'pki', 'x')), false);
    await rig.nobodyWasDisturbed();
  });

  test('algorithms and nonces', LIMIT, async (t) => {
    const rig = await masterRig(t);
    const algorithm = (ret: string): unknown =>
      new Map<string, unknown>([
        ['enc', 'clear'],
        ['load', new Map([['ret', ret]])],
      ]);
    assert.deepEqual(await verdictFor(rig.master, { enc_algo: 'none' }), algorithm('bad enc algo'));
    assert.deepEqual(await verdictFor(rig.master, { sig_algo: 'PKCS1v15-MD5' }), algorithm('bad sig algo'));
    assert.equal(await verdictFor(rig.master, { nonce: 'x' }), 'bad load');
    assert.equal(await verdictFor(rig.master, { more: 1 }), 'bad load');
    assert.deepEqual(
      [...rig.master.daemon.counters.requests.refused],
      [
        ['algorithm', 2],
        ['nonce', 1],
        ['field', 1],
      ],
    );
    await rig.nobodyWasDisturbed();
  });

  test('a real sign-in changed at every byte lets nobody in', LIMIT, async (t) => {
    const rig = await masterRig(t, {
      config: { auto_accept: false },
      before: (folder) => accept(folder, ['web1', 'good']),
    });
    const attempt = beginSignIn(identityNamed('web1'));
    const bad = [...attempt.payload].map((_, at) => flipped(attempt.payload, at, at % 8));
    for (let at = 0; at < bad.length; at += 16) {
      const answers = await Promise.all(bad.slice(at, at + 16).map((payload) => ask(rig.master, payload)));
      for (const [n, answer] of answers.entries()) {
        if (readSignInReply(attempt, answer).kind === 'accepted')
          assert.equal(keyIn(bad[at + n]), identityNamed('web1').publicPem, `byte ${at + n}`);
      }
    }
    const cut = await Promise.all(
      [1, 100, 400, attempt.payload.length - 1].map((at) =>
        answerOf(rig.master, attempt.payload.subarray(0, at)),
      ),
    );
    for (const answer of cut) assert.deepEqual(answer, new Map([['msg', 'bad load']]));
    assert.deepEqual(readdirSync(join(rig.master.folder, 'pki', 'minions')).sort(), ['good', 'web1']);
    assert.equal(rig.master.daemon.counters.requests.requests >= bad.length, true);
    await rig.nobodyWasDisturbed();
  });

  test('a flood of new keys: a minion that is known does not wait behind it', LIMIT, async (t) => {
    const rig = await masterRig(t, {
      config: {
        auto_accept: false,
        saltbus: { max_sign_ins: 50, new_minions_per_second: 1, max_pending: 1000 },
      },
      before: (folder) => accept(folder, ['web1', 'good']),
    });
    const flood = Array.from({ length: 300 }, (_, n) =>
      ask(rig.master, beginSignIn(new MinionIdentity(`flood${n}`, privatePemOf('thief'))).payload),
    );
    assert.equal((await signedIn(rig.master, 'web1')).result.kind, 'accepted');
    const answers = await Promise.all(flood);
    const again = answers.filter((answer) => unpackRaw(answer) === 'bad load').length;
    const { pending } = rig.master.daemon.status.keys;
    // ten at once, and one more for each second that this takes
    assert.equal(pending >= 10 && pending <= 40, true, `${pending} are pending`);
    assert.equal(readdirSync(join(rig.master.folder, 'pki', 'minions_pre')).length, pending);
    const { signIns, overloaded } = rig.master.daemon.counters.requests;
    assert.equal(overloaded, again);
    assert.equal(signIns.pending + signIns.full + again, 300);
    assert.equal(signIns.pending, pending);
    await rig.nobodyWasDisturbed();
  });
});

/** Puts keys among the accepted ones, as an operator would. */
function accept(folder: string, ids: readonly string[]): void {
  const directory = join(folder, 'pki', 'minions');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const id of ids) writeFileSync(join(directory, id), identityNamed(id).publicPem);
}

suite('what a verified minion may not do', () => {
  test(
    'tags: the deny-list in each form, other ids, what only a master fires (CVE-2025-22239, CVE-2025-22236)',
    LIMIT,
    async (t) => {
      const rig = await masterRig(t);
      const denied = [
        'salt/key',
        `salt/job/${JID}/new`,
        `salt/job/${JID}/publish`,
        `salt/job/${JID}/return`,
        'salt/cloud/x/created',
        'salt/run/x/ret',
        'salt/cluster/x',
        'salt/wheel/x/new',
        'salt/wheel/x/return',
      ];
      const foreign = [
        'salt/minion/good/start',
        'salt/beacon/good/load/',
        `salt/job/${JID}/ret/good`,
        `salt/job/${JID}/prog/good/1`,
      ];
      const masters = [
        'salt/auth',
        'salt/presence/present',
        'salt/stats/x/y',
        'key',
        JID,
        'minion/refresh/web1',
        'saltbus/refused',
        'syndic_start',
      ];
      const data = { x: 1 };
      const forms = (tag: string): readonly Readonly<Record<string, unknown>>[] => {
        const [first = '', ...rest] = tag.split('/');
        return [
          { tag, data },
          { events: [{ tag, data }] },
          { events: [{ tag }] },
          ...(rest.length === 0 ? [] : [{ pretag: first, events: [{ tag: rest.join('/'), data }] }]),
        ];
      };
      const expected = new Map<string, number>();
      for (const [reason, tags] of [
        ['denied', denied],
        ['foreign-id', foreign],
        ['acl', masters],
      ] as const) {
        for (const load of tags.flatMap(forms)) {
          const before = rig.master.daemon.counters.requests.declined.get(reason) ?? 0;
          assert.equal(await rig.send({ cmd: '_minion_event', ...load }), null);
          assert.equal(
            rig.master.daemon.counters.requests.declined.get(reason),
            before + 1,
            JSON.stringify(load),
          );
          expected.set(reason, before + 1);
        }
      }
      assert.deepEqual(new Map(rig.master.daemon.counters.requests.declined), expected);
      // the unprefixed halves of pretagged ones may be fired; nothing that was refused may
      const halves = new Set(
        [...denied, ...foreign, ...masters].map((tag) => tag.split('/').slice(1).join('/')),
      );
      const { payload, nonce } = rig.web1.session.seal({ ...EVENT, tag: 'good/last' });
      rig.web1.session.open(await ask(rig.master, payload), nonce);
      await rig.seen.until('good/last');
      const others = rig.seen.events
        .map(({ tag }) => tag)
        .filter((tag) => !/^(?:salt\/auth|saltbus\/refused|good\/\w+)$/.test(tag) && !halves.has(tag));
      assert.deepEqual(others, []);
      assert.deepEqual(withoutStamp(await rig.seen.until('saltbus/refused')), {
        id: 'web1',
        reason: 'denied',
        subject: 'salt/key',
        not_told: 0,
      });
    },
  );

  test('minion_event_acl of the operator', LIMIT, async (t) => {
    const rules = [
      { minions: 'web*', tags: ['salt/custom/{id}/*'], may: 'fire' },
      { minions: ['web1'], tags: 'mine/*', may: 'not-fire' },
    ];
    const rig = await masterRig(t, { config: { saltbus: { minion_event_acl: rules } } });
    for (const tag of ['mine/x', 'salt/custom/good/x', 'salt/key'])
      assert.equal(await rig.send({ ...EVENT, tag }), null);
    await rig.nobodyWasDisturbed();
    assert.deepEqual(
      [...rig.master.daemon.counters.requests.declined],
      [
        ['acl', 2],
        ['denied', 1],
      ],
    );
    assert.equal(await rig.send({ ...EVENT, tag: 'salt/custom/web1/x' }), null);
    assert.deepEqual(
      Object.values(withoutStamp(await rig.seen.until('salt/custom/web1/x'))['_saltbus'] as object),
      ['web1'],
      'the verified sender',
    );
  });

  test(
    'paths, environments and jids that lead elsewhere (CVE-2020-11652, CVE-2024-22232, CVE-2025-22240, CVE-2025-22242)',
    LIMIT,
    async (t) => {
      const rig = await masterRig(t, {
        before: (folder) => {
          writeFileSync(join(folder, 'secret'), 'SECRET');
          writeFileSync(join(folder, 'srv', 'a'), 'a');
        },
      });
      assert.deepEqual(
        (
          (await rig.send({ cmd: '_serve_file', path: 'a', saltenv: 'base', loc: 0 })) as Map<string, unknown>
        ).get('data'),
        'a',
      );
      for (const path of [
        '../secret',
        '/../secret',
        'a/../../secret',
        join(rig.master.folder, 'secret'),
        '..\\secret',
        '|../secret',
        './../secret',
        '../secret?saltenv=base',
      ]) {
        for (const cmd of ['_serve_file', '_file_hash', '_file_find', '_file_hash_and_stat']) {
          const answer = await rig.send({ cmd, path, saltenv: 'base', loc: 0 });
          assert.equal(
            JSON.stringify(answer instanceof Map ? [...answer] : answer).includes('SECRET'),
            false,
            `${cmd} ${path}`,
          );
          assert.equal(
            answer instanceof Map && answer.get('data') !== undefined && answer.get('data') !== '',
            false,
            `${cmd} ${path}`,
          );
        }
      }
      for (const saltenv of ['..', '../srv', '/etc', 'a\\b', 'x/../y']) {
        assert.equal(await rig.send({ cmd: '_serve_file', path: 'a', saltenv, loc: 0 }), '', saltenv);
        assert.equal(await rig.send({ cmd: '_file_list', saltenv }), '', saltenv);
      }
      for (const jid of ['../../x', `${JID}/../x`, 'x', '', 7, `${JID}\n`]) {
        assert.equal(
          await rig.send({ cmd: '_return', fun: 'test.ping', return: true, jid }),
          '',
          String(jid),
        );
        assert.equal(await rig.send({ cmd: 'pub_ret', jid }), '', String(jid));
      }
      const before = rig.master.daemon.counters.requests.declined.get('not-served') ?? 0;
      // CVE-2024-38824, CVE-2024-22231
      assert.equal(await rig.send({ cmd: '_file_recv', path: ['x'], loc: 0, data: 'x', size: 1 }), false);
      assert.equal(await rig.send({ cmd: '_file_recv', path: ['..', 'x'], loc: 0, data: 'x', size: 1 }), '');
      assert.deepEqual(
        await rig.send({
          cmd: '_syndic_return',
          load: [{ id: '../x', jid: JID, return: { '../y': { return: 1 } } }],
        }),
        NOTHING,
      );
      assert.deepEqual(await rig.send({ cmd: 'minion_pub', fun: 'test.ping', arg: [], tgt: '*' }), NOTHING);
      assert.equal(rig.master.daemon.counters.requests.declined.get('not-served'), before + 3);
      assert.equal(
        await rig.send({ cmd: '_return', fun: 'x', return: 1, jid: JID, resource_id: 'good' }),
        null,
        'an answer for another',
      );
      assert.equal(rig.master.daemon.counters.requests.declined.get('foreign-id'), 1);
      assert.deepEqual(
        readdirSync(rig.master.folder).sort(),
        ['c', 'log', 'master', 'pid', 'pki', 's', 'secret', 'srv'].filter((name) =>
          existsSync(join(rig.master.folder, name)),
        ),
      );
      await rig.nobodyWasDisturbed();
    },
  );
});

test('10^5 subscriptions: each connection has a few, and publications go on', LIMIT, async (t) => {
  const rig = await masterRig(t);
  const cut: string[] = [];
  t.after(onDiagnostics('saltbus:zmtp:fault', ({ error }) => cut.push(error.code)));
  const topic = (n: number): Buffer =>
    Buffer.concat([
      Buffer.from([4, 14, 9]),
      Buffer.from('SUBSCRIBE'),
      Buffer.from(String(n).padStart(4, '0')),
    ]);
  const many = Buffer.concat(Array.from({ length: 1000 }, (_, n) => topic(n)));
  const ended = Array.from(
    { length: 100 },
    () =>
      new Promise<void>((resolve) => {
        const socket = connect(rig.master.publishPort, '127.0.0.1');
        t.after(() => socket.destroy());
        socket.on('error', () => undefined);
        socket.on('data', () => undefined);
        socket.on('close', () => resolve());
        socket.write(Buffer.concat([encodeGreeting(), encodeReady('SUB', undefined), many]));
      }),
  );
  await Promise.all(ended);
  assert.equal(cut.length, 100);
  await waitUntil(() => rig.master.daemon.counters.publishPort.subscriptions === 0);
  await rig.nobodyWasDisturbed();
});

test('a flood of one minion: each request is answered once, and nobody waits for it', LIMIT, async (t) => {
  const rig = await masterRig(t);
  const socket = connect(rig.master.requestPort, '127.0.0.1');
  t.after(() => socket.destroy());
  const peer = new ZmtpScriptedPeer(socket);
  await peer.shakeHands('DEALER', '');
  const count = 2000;
  const one = (n: number): Buffer => {
    const { payload } = rig.web1.session.seal({ ...EVENT, tag: `good/9${n}` });
    return encodeMessage([Buffer.alloc(0), payload]);
  };
  peer.write(Buffer.concat(Array.from({ length: count }, (_, n) => one(n))));
  const answered = (): number => peer.seen.filter((line) => line.startsWith('last ')).length;
  await rig.nobodyWasDisturbed();
  assert.equal(answered() < count, true, 'the other did not wait for the end of the flood');
  await peer.until(() => answered() === count);
  const { dropped, unasked } = rig.master.daemon.counters.requestPort;
  assert.deepEqual([dropped, unasked], [0, 0]);
  await rig.nobodyWasDisturbed();
  assert.equal(rig.master.daemon.counters.requests.authentic, count + 2);
});
