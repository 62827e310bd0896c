/** Our minion under several masters of ours, each a process of its own. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { childMaster, childMinion } from '../helpers/pair.ts';
import type { ChildMaster } from '../helpers/pair.ts';

const LIMIT = { timeout: 120_000 };

/** Two masters that run and have one key pair. */
async function twoMasters(t: TestContext): Promise<readonly [ChildMaster, ChildMaster]> {
  const [first, second] = [await childMaster(t), await childMaster(t)];
  await first.start();
  for (const name of ['master.pem', 'master.pub'])
    copyFileSync(join(first.pkiDir, name), join(second.pkiDir, name));
  await second.start();
  return [first, second];
}

test(
  'all at once: each hears what is fired, either has jobs done; one is away and comes back',
  LIMIT,
  async (t) => {
    const [first, second] = await twoMasters(t);
    const minion = childMinion(t, 'web1', [first, second]);
    const [onFirst, onSecond] = [await first.watch(), await second.watch()];
    await minion.start();
    await minion.logged('the master is there', 2);
    await minion.fire('my/both', { n: 1 });
    await Promise.all([onFirst.until('my/both'), onSecond.until('my/both')]);
    assert.equal((await first.job(onFirst, 'web1')).data['return'], true);
    assert.equal((await second.job(onSecond, 'web1')).data['return'], true);
    const jid = '20261125163000000000';
    const same = { tgt: 'web1', jid, fun: 'test.echo', arg: ['once'] };
    assert.deepEqual([await first.publish(same), await second.publish(same)], [jid, jid]);
    const isReturn = ({ tag }: { readonly tag: string }): boolean => tag === `salt/job/${jid}/ret/web1`;
    await Promise.race([onFirst.until(isReturn), onSecond.until(isReturn)]);

    await first.end();
    await minion.logged('the master is away');
    await minion.fire('my/one', { n: 2 });
    await onSecond.until('my/one');
    assert.equal((await second.job(onSecond, 'web1')).data['return'], true);
    // by now it would have run a second time
    assert.equal([...onFirst.events, ...onSecond.events].filter(isReturn).length, 1);
    minion.signal('SIGSTOP');
    await first.start();
    const again = await first.watch();
    minion.signal('SIGCONT');
    await again.until('my/one');
    assert.equal(onSecond.events.filter(({ tag }) => tag === 'my/one').length, 1);
  },
);

test('one at a time: the next one takes over, and has what was fired meanwhile', LIMIT, async (t) => {
  const [first, second] = await twoMasters(t);
  const minion = childMinion(t, 'web1', [first, second], {
    master_type: 'failover',
    master_alive_interval: 1,
  });
  const onFirst = await first.watch();
  await minion.start();
  await minion.logged('the master is there');
  await minion.fire('my/first', { n: 1 });
  await onFirst.until('my/first');
  assert.equal((await first.job(onFirst, 'web1')).data['return'], true);
  await second.end();
  await first.end('SIGKILL');
  await minion.fire('my/meanwhile', { n: 2 });
  minion.signal('SIGSTOP');
  await second.start();
  const again = await second.watch();
  minion.signal('SIGCONT');
  await again.until('my/meanwhile');
  assert.equal((await second.job(again, 'web1')).data['return'], true);
  assert.equal(again.events.filter(({ tag }) => tag === 'my/meanwhile').length, 1);
});

test('it goes back to the first where it is told to', LIMIT, async (t) => {
  const [first, second] = await twoMasters(t);
  await first.end();
  const minion = childMinion(t, 'web1', [first, second], {
    master_type: 'failover',
    master_alive_interval: 1,
    master_failback: true,
    master_failback_interval: 1,
    auth_timeout: 1,
  });
  await minion.start();
  assert.match(await minion.logged('the master is there'), new RegExp(`"127\\.0\\.0\\.1:${second.retPort}"`));
  await first.start();
  const seen = await first.watch();
  assert.match(
    await minion.logged('the master is there', 2),
    new RegExp(`"127\\.0\\.0\\.1:${first.retPort}"`),
  );
  assert.equal((await first.job(seen, 'web1')).data['return'], true);
});
