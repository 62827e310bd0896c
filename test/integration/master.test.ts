/** Our master on real sockets: what is bad is answered, counted and told at a bounded rate, and the loop goes on. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { MinionIdentity } from '../../src/channel/identity.ts';
import { RequestChannel } from '../../src/channel/request-channel.ts';
import { beginSignIn, readSignInReply } from '../../src/channel/sign-in.ts';
import type { SignedIn } from '../../src/channel/sign-in.ts';
import { PublicationReader } from '../../src/channel/publication-reader.ts';
import { unpackRaw } from '../../src/codec/payload/raw-strings.ts';
import { encodeClearRequest } from '../../src/codec/payload/request.ts';
import { topicOf } from '../../src/daemon/master/presence.ts';
import { SubSocket } from '../../src/transport/zmtp/sub.ts';
import { identityNamed, privatePemOf } from '../helpers/channel.ts';
import { ownMaster, watchMaster } from '../helpers/own-master.ts';
import type { OwnMaster } from '../helpers/own-master.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { EVENT, answerOf, ask, signIn, signedIn } from '../helpers/raw-minion.ts';
import { rawRequest } from '../helpers/raw-req.ts';
import { withoutStamp } from '../helpers/take.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 30_000 };
test('sign-ins: pending, accepted, another key, an id that is none', LIMIT, async (t) => {
  const master = await ownMaster(t, { config: { auto_accept: false } });
  const seen = await watchMaster(t, master.sockDir);
  const kindOf = async (identity: MinionIdentity): Promise<string> => {
    const attempt = beginSignIn(identity);
    return readSignInReply(attempt, await ask(master, attempt.payload)).kind;
  };
  assert.equal(await kindOf(identityNamed('web1')), 'pending');
  const keyring = master.keyring();
  keyring.accept(keyring.match(['web1'], ['pending']));
  await waitUntil(() => master.daemon.status.keys.accepted === 1);
  assert.equal(await kindOf(identityNamed('web1')), 'accepted');
  assert.equal(await kindOf(new MinionIdentity('web1', privatePemOf('thief'))), 'rejected');
  const bad = beginSignIn(identityNamed('web1')).payload;
  const at = bad.indexOf(Buffer.from('a477656231', 'hex'));
  assert.notEqual(at, -1);
  bad.write('.', at + 1, 'latin1');
  assert.equal(unpackRaw(await ask(master, bad)) instanceof Map, true);
  assert.deepEqual(master.daemon.counters.requests.signIns, { accept: 1, pending: 1, refused: 2, full: 0 });
  await seen.until((event) => event.data['act'] === 'denied');
  assert.deepEqual(
    seen.events.filter(({ tag }) => tag === 'salt/auth').map(({ data }) => [data['act'], data['result']]),
    [
      ['pend', true],
      ['accept', true],
      ['denied', false],
    ],
  );
});

test('more sign-ins than may wait are answered so that the minion comes again', LIMIT, async (t) => {
  const master = await ownMaster(t, {
    config: { saltbus: { max_sign_ins: 1 } },
    options: { rsaAtOnce: 1 },
  });
  const answers = await Promise.all(Array.from({ length: 40 }, () => signIn(master, 'web1')));
  const again = answers.filter((answer) => unpackRaw(answer) === 'bad load').length;
  assert.equal(master.daemon.counters.requests.overloaded, again);
  assert.equal(master.daemon.counters.requests.signIns.accept, 40 - again);
  assert.equal(again > 0, true);
  assert.equal((await signedIn(master, 'web1')).result.kind, 'accepted');
});

test('whoever connects and says nonsense, or nothing, holds nobody up', LIMIT, async (t) => {
  const master = await ownMaster(t);
  for (const port of [master.requestPort, master.publishPort]) {
    for (const text of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00', '']) {
      const socket = connect(port, '127.0.0.1');
      t.after(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.write(text);
    }
  }
  const { session } = await signedIn(master, 'web1');
  const { payload, nonce } = session.seal(EVENT);
  assert.equal(session.open(await ask(master, payload), nonce).kind, 'value');
});

suite('the command line', () => {
  const JOB = { cmd: 'publish', tgt: '*', fun: 'test.ping', arg: [], tgt_type: 'glob', ret: '', jid: '' };

  test('who has the secret publishes; who has not learns nothing', LIMIT, async (t) => {
    const master = await ownMaster(t, { release: '3007.17' });
    const seen = await watchMaster(t, master.sockDir);
    const { result } = await signedIn(master, 'web1');
    const key = readFileSync(join(master.folder, 'c', `.${userName()}_key`), 'utf8');
    const refused = new Map([
      [
        'error',
        new Map([
          ['name', 'AuthenticationError'],
          ['message', 'Authentication error occurred.'],
        ]),
      ],
    ]);
    const job = { ...JOB, user: 'root' };
    for (const load of [job, { ...job, key: 'x' }, { ...job, key, kwargs: { eauth: 'pam' } }])
      assert.deepEqual(await answerOf(master, encodeClearRequest(load)), refused);
    assert.deepEqual(withoutStamp(await seen.until('salt/job/error')), {
      cmd: 'publish',
      tgt: '*',
      fun: 'test.ping',
      tgt_type: 'glob',
      ret: '',
      jid: '',
      user: 'root',
      error: { name: 'AuthenticationError', message: 'Authentication error occurred.' },
    });
    const nobody = await answerOf(
      master,
      encodeClearRequest({ ...job, key, tgt: ['a', 'b'], tgt_type: 'list' }),
    );
    assert.deepEqual(
      nobody,
      new Map<string, unknown>([
        ['enc', 'clear'],
        [
          'load',
          new Map<string, unknown>([
            ['jid', null],
            ['minions', []],
            ['error', "Master could not resolve minions for target ['a', 'b']"],
          ]),
        ],
      ]),
    );
    const published = subscribe(t, master, result);
    await waitUntil(() => master.daemon.counters.publishPort.subscriptions === 1);
    const jid = '20261122145001719109';
    const list = { ...job, key, jid, tgt: 'web1,x', tgt_type: 'list', kwargs: { metadata: { a: 1 } } };
    assert.deepEqual(
      await answerOf(master, encodeClearRequest(list)),
      new Map<string, unknown>([
        ['enc', 'clear'],
        [
          'load',
          new Map<string, unknown>([
            ['jid', jid],
            ['minions', ['web1']],
            ['missing', ['x']],
          ]),
        ],
      ]),
    );
    const load = {
      fun: 'test.ping',
      arg: [],
      tgt: 'web1,x',
      jid,
      ret: '',
      tgt_type: 'list',
      metadata: { a: 1 },
      user: 'root',
    };
    assert.deepEqual(withoutStamp(await seen.until(`salt/job/${jid}/publish`)), load);
    assert.deepEqual(withoutStamp(await seen.until(jid)), { minions: ['web1'] });
    assert.deepEqual(withoutStamp(await seen.until(`salt/job/${jid}/new`)), {
      jid,
      tgt_type: 'list',
      tgt: 'web1,x',
      user: 'root',
      fun: 'test.ping',
      arg: [],
      minions: ['web1'],
      missing: ['x'],
    });
    await waitUntil(() => published.length === 1);
    assert.equal(published[0], jid);
    const hash = createHash('sha256').update(jid).digest('hex');
    const kept = join(master.folder, 'c', 'jobs', hash.slice(0, 2), hash.slice(2));
    assert.equal(readFileSync(join(kept, 'jid'), 'utf8'), jid);
    assert.equal(readFileSync(join(kept, '.load.p')).includes(key), false, 'the secret is not kept');
    const wheel = await answerOf(master, encodeClearRequest({ cmd: 'wheel', fun: 'key.list_all', key: 'x' }));
    assert.deepEqual(
      (wheel as Map<string, Map<string, string>>).get('error')?.get('name'),
      'UserAuthenticationError',
    );
    const runner = await answerOf(master, encodeClearRequest({ cmd: 'runner', fun: 'test.arg', key }));
    assert.match(
      (runner as Map<string, Map<string, string>>).get('error')?.get('message') ?? '',
      /^saltbus master has no runners/,
    );
    assert.deepEqual(await answerOf(master, encodeClearRequest({ cmd: 'ping' })), new Map([['cmd', 'ping']]));
    assert.deepEqual(master.daemon.counters.local, {
      pings: 1,
      jobs: 1,
      unauthenticated: 4,
      refused: 2,
      unauthorized: 0,
    });
  });
});

function userName(): string {
  return userInfo().username;
}

/** Subscribes as a minion, and gathers topic and job id of what it can read. */
function subscribe(
  t: TestContext,
  master: OwnMaster,
  { publishKey, masterKey }: SignedIn,
  topics: readonly string[] = [''],
): string[] {
  const seen: string[] = [];
  const reader = new PublicationReader({ publishKey, masterKey, isSignatureRequired: true });
  const socket = new SubSocket(
    { host: '127.0.0.1', port: master.publishPort },
    {
      onMessage: (frames) => {
        const read = reader.read(frames.at(-1) ?? Buffer.alloc(0));
        const topic = frames.length === 2 ? `${String(frames[0])} ` : '';
        if (read.kind === 'job') seen.push(`${topic}${read.job.jid}`);
        else seen.push(read.kind);
      },
    },
  );
  t.after(() => socket.close());
  for (const topic of topics) socket.subscribe(topic);
  socket.open();
  return seen;
}

test(
  'publications have topics where the port filters, and who is subscribed is present',
  LIMIT,
  async (t) => {
    const master = await ownMaster(t, {
      config: { zmq_filtering: true, presence_events: true, loop_interval: 1 },
    });
    const seen = await watchMaster(t, master.sockDir);
    const { result, session } = await signedIn(master, 'web1');
    await signedIn(master, 'web2');
    const topic = topicOf('web1');
    assert.equal(topic, '977588a87e10582032716712ccf5d85d18a5fccf');
    const published = subscribe(t, master, result, [topic, 'broadcast']);
    const { payload } = session.seal(EVENT);
    await ask(master, payload);
    const came = await seen.until('salt/presence/change');
    assert.deepEqual(withoutStamp(came), { new: ['web1'], lost: [] });
    assert.deepEqual(withoutStamp(await seen.until('salt/presence/present')), { present: ['web1'] });
    assert.deepEqual(master.daemon.status.connected, ['web1']);
    const key = readFileSync(join(master.folder, 'c', `.${userName()}_key`), 'utf8');
    const jids = ['20261122145001719101', '20261122145001719102', '20261122145001719103'];
    const targets = [
      ['web2', 'glob'],
      ['web*', 'glob'],
      ['web1 or web2', 'compound'],
    ];
    for (const [index, [tgt, tgt_type]] of targets.entries()) {
      const job = {
        cmd: 'publish',
        tgt,
        tgt_type,
        fun: 'test.ping',
        arg: [],
        ret: '',
        jid: jids[index],
        key,
      };
      await ask(master, encodeClearRequest(job));
    }
    await waitUntil(() => published.length === 2);
    assert.deepEqual(published, [`${topic} ${jids[1]}`, `broadcast ${jids[2]}`]);
  },
);

test('a key that is deleted: the session ends, what was known is gone, and it is told', LIMIT, async (t) => {
  const master = await ownMaster(t, { config: { ping_on_rotate: true } });
  const seen = await watchMaster(t, master.sockDir);
  const { session, result } = await signedIn(master, 'web1');
  const channel = new RequestChannel({
    identity: identityNamed('web1'),
    request: (payload, how) => rawRequest(master.requestPort, payload, how),
    pin: () => undefined,
    policy: { authTimeoutMs: 5000 },
    requestTimeoutMs: 5000,
  });
  t.after(() => channel.close());
  await channel.pillar({ grains: { os: 'x' }, ver: '2', cmd: '_pillar', saltenv: null, pillarenv: null });
  assert.equal(await channel.send({ cmd: '_mine', data: { f: 1 } }), true);
  const grains = join(master.folder, 'c', 'grains', 'web1.p');
  await waitUntil(() => existsSync(grains));
  assert.equal(statSync(grains).mode & 0o777, 0o600);
  const keyring = master.keyring();
  keyring.delete(keyring.match(['web1'], ['accepted']));
  assert.deepEqual(withoutStamp(await seen.until('salt/key')), { result: true, act: 'delete', id: 'web1' });
  assert.deepEqual(withoutStamp(await seen.until('key')), { rotate_aes_key: true });
  assert.equal(unpackRaw(await ask(master, session.seal(EVENT).payload)), 'bad load');
  await waitUntil(() => !existsSync(grains));
  assert.equal(master.daemon.counters.sessions, 0);
  assert.notEqual((await signedIn(master, 'web1')).result.publishKey, result.publishKey);
  assert.equal(seen.events.filter(({ tag }) => tag === 'salt/key').length, 1);
});

test(
  'settings are read again: pillar, node groups; what makes no sense changes nothing',
  LIMIT,
  async (t) => {
    const master = await ownMaster(t);
    const before = master.daemon.status;
    const settings = master.settings();
    await assert.rejects(master.daemon.reload({ ...settings, pillarFolder: join(master.folder, 'none') }), {
      code: 'ERR_SALTBUS_CONFIG',
    });
    const folder = join(temporaryFolder(t), 'pillar');
    mkdirSync(folder);
    writeFileSync(join(folder, '*.yml'), 'a: 1\n');
    await master.daemon.reload({ ...settings, pillarFolder: folder });
    const channel = new RequestChannel({
      identity: identityNamed('web1'),
      request: (payload, how) => rawRequest(master.requestPort, payload, how),
      pin: () => undefined,
      policy: { authTimeoutMs: 5000 },
      requestTimeoutMs: 5000,
    });
    t.after(() => channel.close());
    const pillar = await channel.pillar({
      grains: {},
      ver: '2',
      cmd: '_pillar',
      saltenv: null,
      pillarenv: null,
    });
    assert.deepEqual(pillar, new Map([['a', 1]]));
    assert.deepEqual(master.daemon.status.request, before.request);
  },
);

test('a second master on the same bus or port is refused, and leaves the first alone', LIMIT, async (t) => {
  const master = await ownMaster(t);
  await assert.rejects(ownMaster(t, { folder: master.folder }), { code: 'ERR_SALTBUS_BUS_IN_USE' });
  const { requestPort, publishPort } = master;
  for (const [option, port, ports] of [
    ['ret_port', requestPort, { retPort: requestPort, publishPort: 0 }],
    ['publish_port', publishPort, { retPort: 0, publishPort }],
  ] as const) {
    await assert.rejects(ownMaster(t, { ports }), {
      code: 'ERR_SALTBUS_BUS_IN_USE',
      message: `Somebody alive already listens on 127.0.0.1:${port}`,
      next: `Stop the other program, or choose another port with ${option} in the configuration of the master.`,
    });
  }
  assert.equal((await signedIn(master, 'web1')).result.kind, 'accepted');
  await master.stop();
  assert.equal(existsSync(join(master.sockDir, 'publish_pull.ipc')), false);
  await master.restart();
  assert.equal((await signedIn(master, 'web1')).result.kind, 'accepted');
});
