/** Our master with a real minion: keys that change, either end that restarts, another master in its place. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownMaster, watchMaster } from '../../helpers/own-master.ts';
import { withoutStamp } from '../../helpers/take.ts';
import { waitUntil } from '../../helpers/wait-until.ts';
import { interop } from '../helpers.ts';
import { ID, complaints, fireSingle, minionOf, salt, saltKey } from '../master-helpers.ts';

const LIMIT = { timeout: 150_000 };

test('keys: rejected and deleted by either command line, at once and told once', LIMIT, async (t) => {
  const { release } = interop();
  const master = await ownMaster(t, { release, config: { auto_accept: false } });
  const seen = await watchMaster(t, master.sockDir);
  const minion = await minionOf(t, master, { rejected_retry: true });
  await seen.until('salt/auth');
  const keyring = master.keyring();
  assert.deepEqual(keyring.accept(keyring.match([ID], ['pending'])).failed, []);
  await seen.until(`salt/minion/${ID}/start`);
  const accepted = await seen.until('salt/key');
  assert.deepEqual(withoutStamp(accepted), { result: true, act: 'accept', id: ID });
  assert.equal(master.daemon.counters.sessions, 1);

  const rejectedAt = seen.events.length;
  const since = performance.now();
  await saltKey(t, master, '-r', ID, '--include-accepted');
  await waitUntil(() => master.daemon.counters.sessions === 0);
  assert.equal(performance.now() - since < 10_000, true);
  await seen.until('key', rejectedAt);
  // what it sends now is not understood, and so it asks to be let in
  await fireSingle(t, minion, 'a/rejected');
  await seen.until((event) => event.tag === 'salt/auth' && event.data['result'] === false, rejectedAt);
  assert.equal(
    seen.events.some(({ tag }) => tag === 'a/rejected'),
    false,
  );
  const told = seen.events.slice(rejectedAt).filter(({ tag }) => tag === 'salt/key');
  // 3008's salt-key says `rejected`, and shows the key
  assert.deepEqual(
    told.map(({ data }) => [data['result'], String(data['act']).slice(0, 6), data['id']]),
    [[true, 'reject', ID]],
  );

  const deletedAt = seen.events.length;
  keyring.delete(keyring.match([ID], ['rejected']));
  await seen.until((event) => event.tag === 'salt/auth' && event.data['act'] === 'pend', deletedAt);
  await saltKey(t, master, '-a', ID);
  await seen.until((event) => event.tag === 'salt/auth' && event.data['act'] === 'accept', deletedAt);
});

test('restart of either end, a new publish key, and another master in the same place', LIMIT, async (t) => {
  const { release } = interop();
  const master = await ownMaster(t, { release, options: { rotationApartMs: 200 } });
  const first = await watchMaster(t, master.sockDir);
  const minion = await minionOf(t, master);
  await first.until(`salt/minion/${ID}/start`);

  await t.test('the minion starts again', async () => {
    const at = first.events.length;
    await minion.restartMinion();
    await first.until(`salt/minion/${ID}/start`, at);
  });

  await t.test('a new publish key loses no job', async (t) => {
    for (let round = 0; round < 3; round += 1) {
      const before = master.daemon.counters.rotations;
      master.askForRotation();
      await waitUntil(() => master.daemon.counters.rotations > before);
      assert.deepEqual((await salt(t, master, '*', 'test.ping')).json, { [ID]: true });
    }
  });

  await t.test('the master starts again, with the same keys', async (t) => {
    await master.restart();
    await watchMaster(t, master.sockDir);
    await waitUntil(() => master.daemon.counters.publishPort.open > 0);
    await waitUntil(() => master.daemon.status.keys.accepted === 1);
    assert.deepEqual((await salt(t, master, '-t', '20', '*', 'test.ping')).json, { [ID]: true });
  });

  await t.test('a master with another key is refused', async (t) => {
    await master.restart({ pki_dir: join(master.folder, 'other') });
    const seen = await watchMaster(t, master.sockDir);
    await fireSingle(t, minion, 'a/lost');
    // it is accepted here, and it is the minion that does not go on
    await seen.until('salt/auth');
    await waitUntil(() => complaints(minion).some((line) => /master key has changed/.test(line)));
    assert.equal(master.daemon.counters.requests.authentic, 0);
  });
});
