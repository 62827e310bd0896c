/** The examples that need one bus only, in TypeScript and in shell, on a bus of our own. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { example, saltbus, shellExample } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const LANGUAGES = { TypeScript: example, shell: shellExample };

for (const [language, run] of Object.entries(LANGUAGES)) {
  for (const node of ['minion', 'master'] as const) {
    test(`${language}: listen to the ${node} bus, and emit on it`, { timeout: 60_000 }, async (t) => {
      const folder = temporaryFolder(t);
      mkdirSync(join(folder, 'c'));
      writeFileSync(
        join(folder, 'c', node),
        `sock_dir: ${folder}/s\ncachedir: /var/cache/salt/long/enough/for/this\nid: example\n`,
      );
      const env = { SALT_CONFIG_DIR: join(folder, 'c') };
      await saltbus(t, ['bus', '--node', node], { env }).line('serving', 'stderr');
      const listening = run(t, `listen-to-${node}-bus`, { env });
      await listening.line(language === 'shell' ? 'listening' : 'Listening for events', 'stderr');
      assert.equal((await run(t, `emit-to-${node}-bus`, { env }).ended).code, 0);
      await listening.line(node === 'minion' ? 'a drop in the bucket' : 'this is the same test');
    });
  }
}
