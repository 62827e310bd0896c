/** `saltbus spool` and programs against a daemon in a process of its own. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectControl } from '../../src/client/control.ts';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { idHash } from '../../src/config/index.ts';
import { openControl } from '../../src/control/index.ts';
import type { ControlClient } from '../../src/control/index.ts';
import { runSaltbus, start } from '../helpers/cli.ts';
import type { Ended } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import type { SpoolPartJob } from '../helpers/spool-part.ts';

const LIMIT = { timeout: 60_000 };
const PART = fileURLToPath(new URL('../helpers/spool-part.ts', import.meta.url));

interface Place {
  readonly folder: string;
  readonly socket: string;
  readonly daemon: () => Promise<ControlClient>;
  readonly spool: (...args: string[]) => Promise<Ended>;
}

async function place(t: TestContext, sends = false): Promise<Place> {
  const folder = temporaryFolder(t);
  const socket = join(folder, `minion_event_${idHash('m1', 'sha256')}_control.ipc`);
  const job: SpoolPartJob = {
    socket,
    spool: join(folder, 'spool.db'),
    ...(sends ? { accepted: join(folder, 'accepted.db') } : {}),
  };
  await start(t, process.execPath, ['--import', 'tsx', PART, JSON.stringify(job)]).line('serving');
  return {
    folder,
    socket,
    daemon: async () => {
      const daemon = await openControl({ kind: 'unix', path: socket }, { program: 'test', lane: 'mine' });
      t.after(() => {
        daemon.destroy();
      });
      return daemon;
    },
    spool: (...args) => runSaltbus(t, ['spool', ...args, '--sock-dir', folder, '--id', 'm1']),
  };
}

function single(tag: string): Buffer {
  return encode({ tag, data: { n: 1 }, events: null, pretag: null });
}

const ID = 'an-id-of-16-chars';

test('list, show, drop, flush and stats; the socket is the owner’s alone', LIMIT, async (t) => {
  const { daemon, spool, socket } = await place(t);
  assert.equal((statSync(socket).mode & 0o777).toString(8), '600');
  assert.equal((await spool('list')).stdout, 'The spool is empty.\n');
  const client = await daemon();
  const list = encode({
    tag: null,
    data: null,
    events: [{ tag: 'one\u001b[2J' }, { tag: 'two', data: {} }],
    pretag: null,
  });
  assert.deepEqual(await client.fire({ id: `${ID}-1`, package: single('disk/full'), ttlMs: 60_000 }), {
    state: 'spooled',
  });
  assert.deepEqual(await client.fire({ id: `${ID}-2`, package: list, priority: 0 }), { state: 'spooled' });
  assert.deepEqual(await client.fire({ id: `${ID}-3`, package: single('c') }), { state: 'spooled' });

  const listed = await spool('list', '-n', '2');
  assert.equal(listed.code, 0);
  const [, first, second, rest] = listed.stdout
    .split('\n')
    .map((line) => line.replace(/\d+ ms|[\d.]+ s/, 'AGE').replace(/ +/g, ' '));
  assert.equal(first, `${ID}-2 0 waiting AGE ${list.length} 0 [one\\u001b[2J two]`);
  assert.equal(second, `${ID}-1 2 waiting AGE ${single('disk/full').length} 0 disk/full`);
  assert.equal(rest, '1 more are not shown');
  const asJson = JSON.parse((await spool('list', '-o', 'json')).stdout) as {
    readonly depth: number;
    readonly items: readonly Readonly<Record<string, unknown>>[];
  };
  assert.equal(asJson.depth, 3);
  assert.deepEqual(asJson.items.map((item) => [item['id'], item['lane'], item['kind'], item['tags']])[2], [
    `${ID}-3`,
    'program/mine',
    'single',
    ['c'],
  ]);

  const shown = JSON.parse((await spool('show', `${ID}-1`, '-o', 'json')).stdout) as Readonly<
    Record<string, unknown>
  >;
  assert.deepEqual(shown['package'], { tag: 'disk/full', data: { n: 1 }, events: null, pretag: null });
  assert.match((await spool('show', `${ID}-1`)).stdout, /^expires +in 5\d\.\d s$/m);
  const none = await spool('show', 'no-such-id-at-all');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /ERR_SALTBUS_NOT_SPOOLED/);

  assert.equal((await spool('flush')).stdout, 'The minion tries now; 3 entries wait.\n');
  assert.equal((await spool('drop', `${ID}-1`)).stdout, `${ID}-1 was dropped.\n`);
  assert.equal((await spool('drop', `${ID}-1`)).code, 1);
  assert.equal((await spool('drop')).code, 64);
  const asked = await spool('drop', '--all');
  assert.equal(asked.code, 64);
  assert.match(asked.stderr, /2 entries would be dropped, and there is no terminal/);
  assert.deepEqual(JSON.parse((await spool('drop', '--all', '-y', '-o', 'json')).stdout), {
    dropped: [`${ID}-2`, `${ID}-3`],
  });
  const stats = JSON.parse((await spool('stats', '-o', 'json')).stdout) as Readonly<Record<string, unknown>>;
  assert.deepEqual([stats['depth'], stats['spooled'], stats['removed']], [0, 3, 3]);
  assert.match((await spool('stats')).stdout, /^removed +3$/m);
});

test(
  'what a package would be dropped for in silence is refused, with the code that says why',
  LIMIT,
  async (t) => {
    const { daemon } = await place(t);
    const client = await daemon();
    const answers = await Promise.all([
      client.fire({ id: ID, package: encode({ tag: 'a' }) }),
      client.fire({ id: ID, package: encode({ tag: 'salt/key', data: {}, events: null, pretag: null }) }),
      client.fire({ id: ID, package: Buffer.from([0xc1]) }),
      client.fire({ id: 'short', package: single('a') }),
    ]);
    assert.deepEqual(
      answers.map((answer) => (answer.state === 'refused' ? [answer.reason, answer.code] : answer.state)),
      [
        ['event', 'ERR_SALTBUS_DATA'],
        ['event', 'ERR_SALTBUS_DENIED_TAG'],
        ['event', 'ERR_SALTBUS_MSGPACK'],
        ['event', 'ERR_SALTBUS_DATA'],
      ],
    );
  },
);

test('accepted is said when the master has it; spooled when that takes too long', LIMIT, async (t) => {
  const sending = await (await place(t, true)).daemon();
  assert.deepEqual(
    await sending.fire({ id: ID, package: single('a'), wait: 'accepted', timeoutMs: 30_000 }),
    {
      state: 'accepted',
    },
  );
  assert.deepEqual(await sending.fire({ id: ID, package: single('a'), wait: 'accepted' }), {
    state: 'accepted',
  });
  const away = await (await place(t)).daemon();
  assert.deepEqual(await away.fire({ id: ID, package: single('a'), wait: 'accepted', timeoutMs: 50 }), {
    state: 'spooled',
  });
});

test('without a daemon it is said, and where it was looked for', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const ended = await runSaltbus(t, ['spool', 'list', '--sock-dir', folder, '--id', 'm1']);
  assert.equal(ended.code, 69);
  assert.match(ended.stderr, /There is no socket at .*_control\.ipc \[ERR_SALTBUS_NO_CONTROL\]/);
  await assert.rejects(connectControl({ sockDir: folder, id: 'm1' }, { program: 'test' }), {
    code: 'ERR_SALTBUS_NO_CONTROL',
  });
});
