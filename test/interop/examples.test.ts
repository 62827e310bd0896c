/** Each example, in TypeScript and in shell, on a real master and minion. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/client/connect.ts';
import { example, shellExample } from '../helpers/cli.ts';
import { takeEvents } from '../helpers/take.ts';
import { interop } from './helpers.ts';

const LIMIT = { timeout: 60_000 };
const LANGUAGES = { TypeScript: example, shell: shellExample };

for (const [language, run] of Object.entries(LANGUAGES)) {
  for (const node of ['minion', 'master'] as const) {
    test(`${language}: listen to the ${node} bus, and emit on it`, LIMIT, async (t) => {
      const pair = interop();
      const tag = `examples/${language}/${node}`;
      const options = {
        args: [tag],
        env: { SALT_CONFIG_DIR: node === 'minion' ? pair.minionConfigDir : pair.masterConfigDir },
      };
      const listening = run(t, `listen-to-${node}-bus`, options);
      await listening.line(language === 'shell' ? 'listening' : 'Listening for events', 'stderr');
      assert.equal((await run(t, `emit-to-${node}-bus`, options).ended).code, 0);
      const line = await listening.line(node === 'minion' ? 'a drop in the bucket' : 'this is the same test');
      assert.equal(typeof JSON.parse(line), 'object');
      listening.child.kill('SIGTERM');
      assert.equal((await listening.ended).code, language === 'shell' ? 0 : 'SIGTERM');
    });
  }

  test(`${language}: emit on the minion bus what is forwarded to the master`, LIMIT, async (t) => {
    const { masterConfigDir, minionConfigDir, minionId } = interop();
    const tag = `examples/${language}/forward`;
    const master = await connect({ node: 'master', configDir: masterConfigDir });
    t.after(() => {
      master.destroy();
    });
    const subscription = master.listen({ tag });
    await subscription.ready;
    const emitted = run(t, 'emit-to-minion-bus-forward-to-master-bus', {
      args: [tag],
      env: { SALT_CONFIG_DIR: minionConfigDir },
    });
    assert.equal((await emitted.ended).code, 0);
    const [single, ...drops] = await takeEvents(subscription, 6);
    assert.equal(single?.data['id'], minionId);
    assert.deepEqual(single.data['data'], { message: 'a single drop' });
    assert.deepEqual(
      drops.map((event) => event.data['message']),
      ['drap', 'drep', 'drip', 'drop', 'drup'].map((drop) => `a ${drop} in the bucket`),
    );
  });
}
