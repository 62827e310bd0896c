/** Events for the master without a daemon: what is sent, what is refused before, and what is said of it. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { openDirect } from '../../../src/client/direct.ts';
import type { DirectConnection } from '../../../src/client/direct.ts';
import type { DirectSettings } from '../../../src/config/index.ts';
import { masterKeyNamed } from '../../helpers/channel.ts';
import { minionKeyFiles, servedMaster } from '../../helpers/direct-master.ts';
import type { ServedMaster } from '../../helpers/direct-master.ts';
import { temporaryFolder } from '../../helpers/own-bus.ts';

const PINNED = masterKeyNamed('master').publicPem;

function settingsFor(
  t: TestContext,
  masters: readonly ServedMaster[],
  changes: Partial<DirectSettings> & { readonly use?: 'each' | 'first'; readonly pinned?: string } = {},
): DirectSettings {
  const { use = 'each', pinned, ...others } = changes;
  const pkiDir = minionKeyFiles(temporaryFolder(t), 'web01', pinned ?? PINNED);
  return {
    id: 'web01',
    masters: {
      use,
      addresses: masters.map((_, index) => ({ host: `master${index}`, port: 4506 })),
      localAddress: undefined,
    },
    privateKeyFile: join(pkiDir, 'minion.pem'),
    masterKeyFile: join(pkiDir, 'minion_master.pub'),
    masterSignKeyFile: undefined,
    masterFinger: undefined,
    hashType: 'sha256',
    openMode: false,
    encryptionAlgorithm: undefined,
    signingAlgorithm: undefined,
    user: undefined,
    maxEventSize: 1024,
    source: '/etc/salt/minion',
    ...others,
  };
}

async function connected(
  t: TestContext,
  masters: readonly ServedMaster[],
  settings: DirectSettings = settingsFor(t, masters),
): Promise<DirectConnection> {
  const direct = await openDirect(settings, {
    open: ({ host }) => masters[Number(host.replace('master', ''))]?.open() ?? assert.fail(host),
  });
  t.after(() => {
    direct.close();
  });
  return direct;
}

// Without the time.
function plain(load: ReadonlyMap<unknown, unknown> | undefined): unknown[] {
  return [...(load ?? new Map())].filter(([key]) => key !== 'ts');
}

test('one event: the load of salt-call, in its order, and who took it', async (t) => {
  const served = await servedMaster(t);
  const direct = await connected(t, [served]);
  assert.equal(direct.id, 'web01');
  assert.deepEqual(direct.masters, ['master0:4506']);
  assert.deepEqual(await direct.fireMaster('mytag', { n: 1 }), { accepted: ['master0:4506'], failed: [] });
  assert.deepEqual(plain(served.loads[0]), [
    ['id', 'web01'],
    ['tag', 'mytag'],
    ['data', new Map([['n', 1]])],
    ['cmd', '_minion_event'],
  ]);
  assert.equal(Number.isInteger(served.loads[0]?.get('ts')), true);
  await direct.fireMaster('mytag', 'text');
  await direct.fireMaster('mytag');
  assert.deepEqual(
    served.loads.map((load) => load.get('data')),
    [new Map([['n', 1]]), 'text', new Map()],
  );
  assert.equal(served.requests, 4); // one sign-in
});

test('a list: one request, with what a minion sends', async (t) => {
  const served = await servedMaster(t);
  const direct = await connected(t, [served]);
  await direct.fireMaster(
    [
      { tag: 'a', data: { n: 1 } },
      { tag: 'b', n: 2 },
    ],
    { pretag: 'below' },
  );
  assert.deepEqual(plain(served.loads[0]), [
    ['id', 'web01'],
    ['cmd', '_minion_event'],
    ['pretag', 'below'],
    [
      'events',
      [
        new Map<string, unknown>([
          ['tag', 'a'],
          ['data', new Map([['n', 1]])],
        ]),
        new Map<string, unknown>([
          ['tag', 'b'],
          ['n', 2],
        ]),
      ],
    ],
  ]);
  await direct.fireMaster([{ tag: 'a' }]);
  assert.equal(served.loads[1]?.get('pretag'), null);
});

test('what a master would drop or trim in silence is refused before it is sent', async (t) => {
  const served = await servedMaster(t);
  const direct = await connected(t, [served]);
  const refused: readonly (readonly [Promise<unknown>, string])[] = [
    [direct.fireMaster('salt/job/1/new', {}), 'ERR_SALTBUS_DENIED_TAG'],
    [direct.fireMaster([{ tag: 'ok' }, { tag: 'salt/key' }]), 'ERR_SALTBUS_DENIED_TAG'],
    [direct.fireMaster('', {}), 'ERR_SALTBUS_TAG'],
    [direct.fireMaster('t'.repeat(65_537), {}), 'ERR_SALTBUS_LIMIT'],
    [direct.fireMaster([{ tag: 'ok' }, { tag: 't'.repeat(65_537) }]), 'ERR_SALTBUS_LIMIT'],
    [direct.fireMaster([{ tag: 't'.repeat(65_000) }], { pretag: 'p'.repeat(536) }), 'ERR_SALTBUS_LIMIT'],
    [direct.fireMaster([{ tag: 'ok', data: 'text' }]), 'ERR_SALTBUS_DATA'],
    [direct.fireMaster([]), 'ERR_SALTBUS_DATA'],
    [direct.fireMaster('big', { text: 'x'.repeat(900) }), 'ERR_SALTBUS_TOO_LARGE'],
    [
      direct.fireMaster([{ tag: 'ok' }, { tag: 'big', data: { text: 'x'.repeat(1000) } }]),
      'ERR_SALTBUS_TOO_LARGE',
    ],
    [direct.fireMaster('mytag', { odd: Symbol('no value') }), 'ERR_SALTBUS_DATA'],
  ];
  for (const [firing, code] of refused) await assert.rejects(firing, { code });
  assert.equal(served.loads.length, 0);
  // the limit is on one event, as it is fired: a list of many is longer
  const events = Array.from({ length: 5 }, () => ({ tag: 'ok', data: { text: 'x'.repeat(800) } }));
  await direct.fireMaster(events);
  assert.equal(served.loads.length, 1);
});

test('a minion that is not let in: pending, rejected, full; each once, and each with what to do', async (t) => {
  const served = await servedMaster(t);
  const wanted = {
    pending: {
      code: 'ERR_SALTBUS_PENDING',
      message: 'The master master0:4506 has not accepted the key of the minion web01 yet',
      next: 'Accept it on the master with `salt-key -a web01`, and fire again.',
    },
    rejected: {
      code: 'ERR_SALTBUS_REJECTED',
      message: 'master0:4506: The master rejects the key of this minion',
    },
    full: { code: 'ERR_SALTBUS_MASTER_FULL', message: 'master0:4506: The master takes no more minions' },
  };
  for (const verdict of ['pending', 'rejected', 'full'] as const) {
    served.master.verdict = verdict;
    served.requests = 0;
    await assert.rejects(connected(t, [served]), wanted[verdict]);
    assert.equal(served.requests, 1);
  }
});

test('a master with another key than the pinned one is refused, and the file is named', async (t) => {
  const served = await servedMaster(t, 'other-master');
  const settings = settingsFor(t, [served]);
  await assert.rejects(connected(t, [served], settings), {
    code: 'ERR_SALTBUS_MASTER_CHANGED',
    message: 'master0:4506: The master shows another key than the pinned one',
    next: `Compare fingerprints; if the new master is the right one, remove ${settings.masterKeyFile}.`,
  });
  assert.equal(readFileSync(settings.masterKeyFile, 'utf8'), PINNED);
});

test('at first contact the key of the master is kept where the minion looks for it', async (t) => {
  const served = await servedMaster(t);
  const settings = settingsFor(t, [served]);
  rmSync(settings.masterKeyFile);
  await connected(t, [served], settings);
  assert.equal(readFileSync(settings.masterKeyFile, 'utf8'), PINNED);
});

test('a pinned key that is none is named with its file, and nothing is sent', async (t) => {
  const served = await servedMaster(t);
  const settings = settingsFor(t, [served]);
  writeFileSync(settings.masterKeyFile, 'no key');
  await assert.rejects(connected(t, [served], settings), {
    code: 'ERR_SALTBUS_KEY_INVALID',
    message: `${settings.masterKeyFile}: The key cannot be used: it is no public key in PEM`,
    next: 'Compare it with the master.pub of the master. To trust the master anew at the next sign-in, remove the file.',
  });
  assert.equal(served.requests, 0);
});

test('the key of the minion: absent, no key, and not for this user', async (t) => {
  const served = await servedMaster(t);
  const settings = settingsFor(t, [served]);
  chmodSync(settings.privateKeyFile, 0o600);
  writeFileSync(settings.privateKeyFile, 'no key');
  await assert.rejects(connected(t, [served], settings), {
    code: 'ERR_SALTBUS_KEY_INVALID',
    message: new RegExp(`^${settings.privateKeyFile}: The private key cannot be used`),
  });
  rmSync(settings.privateKeyFile);
  await assert.rejects(connected(t, [served], settings), {
    code: 'ERR_SALTBUS_NO_KEY',
    message: `There is no key of a minion at ${settings.privateKeyFile}`,
  });
  assert.equal(existsSync(settings.privateKeyFile), false);
  assert.equal(served.requests, 0);
});

test('an answer that is no yes is no acceptance', async (t) => {
  const served = await servedMaster(t);
  const direct = await connected(t, [served]);
  for (const [answer, text] of [
    ['', '""'],
    [false, 'false'],
    [{}, '{}'],
    [{ error: 'x' }, 'something else than nil'],
  ] as const) {
    served.answer = answer;
    await assert.rejects(direct.fireMaster('mytag', {}), {
      code: 'ERR_SALTBUS_NOT_ACCEPTED',
      message: `The master master0:4506 answered ${text}: its handling of the event failed`,
    });
  }
  served.answer = true;
  assert.deepEqual((await direct.fireMaster('mytag', {})).accepted, ['master0:4506']);
});

test('a master that forgot the session is signed in to again, and the event arrives once', async (t) => {
  const served = await servedMaster(t);
  const direct = await connected(t, [served]);
  served.master.desk.sessions.end('web01');
  assert.deepEqual((await direct.fireMaster('mytag', {})).accepted, ['master0:4506']);
  assert.equal(served.loads.length, 1);
});

test('events of many calls arrive in the order of the calls', async (t) => {
  const served = await servedMaster(t);
  const direct = await connected(t, [served]);
  const numbers = Array.from({ length: 50 }, (_, n) => n);
  await Promise.all(numbers.map((n) => direct.fireMaster(`order/${n}`, {})));
  assert.deepEqual(
    served.loads.map((load) => load.get('tag')),
    numbers.map((n) => `order/${n}`),
  );
});

test('several masters: each is sent the event, and who did not take it is told, and passed over for a while', async (t) => {
  const [first, second] = [await servedMaster(t), await servedMaster(t)];
  second.master.verdict = 'rejected';
  const direct = await connected(t, [first, second]);
  const asked = second.requests;
  for (const tag of ['one', 'two']) {
    const { accepted, failed } = await direct.fireMaster(tag, {});
    assert.deepEqual(accepted, ['master0:4506']);
    assert.deepEqual(
      failed.map(({ master, error }) => [master, error.code]),
      [['master1:4506', 'ERR_SALTBUS_REJECTED']],
    );
  }
  assert.equal(second.requests, asked);
  const both = await connected(t, [first, await servedMaster(t)]);
  assert.deepEqual(await both.fireMaster('three', {}), {
    accepted: ['master0:4506', 'master1:4506'],
    failed: [],
  });
});

test('no master takes it: the reason of the first, and the others behind it', async (t) => {
  const [first, second] = [await servedMaster(t), await servedMaster(t)];
  first.master.verdict = 'pending';
  second.master.verdict = 'full';
  await assert.rejects(connected(t, [first, second]), {
    code: 'ERR_SALTBUS_PENDING',
    message:
      'The master master0:4506 has not accepted the key of the minion web01 yet; master1:4506: The master takes no more minions',
  });
});

test('failover: the first that takes it, and that one from then on', async (t) => {
  const [first, second] = [await servedMaster(t), await servedMaster(t)];
  first.master.verdict = 'full';
  const settings = settingsFor(t, [first, second], { use: 'first' });
  const direct = await connected(t, [first, second], settings);
  const asked = first.requests;
  assert.deepEqual((await direct.fireMaster('one', {})).accepted, ['master1:4506']);
  assert.equal(first.requests, asked);
  // it may have been fired: asking the other could make it two
  second.answer = '';
  await assert.rejects(direct.fireMaster('two', {}), { code: 'ERR_SALTBUS_NOT_ACCEPTED' });
  assert.equal(first.requests, asked);
});

test('an abort ends what is under way, and close() all', async (t) => {
  const served = await servedMaster(t);
  const direct = await connected(t, [served]);
  served.answer = 'silence';
  const abort = new AbortController();
  const firing = direct.fireMaster('mytag', {}, { signal: abort.signal });
  abort.abort();
  await assert.rejects(firing, { code: 'ERR_SALTBUS_ABORTED' });
  const other = direct.fireMaster('mytag', {});
  direct.close();
  await assert.rejects(other, { code: 'ERR_SALTBUS_CLOSED' });
});
