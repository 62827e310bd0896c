/** The commands in the pages of docs/ print what the pages show, each page beside a minion's and a master's bus of its own. */
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { saltbus, saltbusOnPath, start } from '../helpers/cli.ts';
import type { Running } from '../helpers/cli.ts';
import { blocksOf, isShown } from '../helpers/docs-blocks.ts';
import type { DocCommand } from '../helpers/docs-blocks.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';

const DOCS = new URL('../../docs/', import.meta.url);
const LIMIT = { timeout: 120_000 };

/** The host that the pages speak of: `web01`, with both configurations in /etc/salt, below a temporary folder. */
interface Host {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

async function makeHost(t: TestContext): Promise<Host> {
  const root = temporaryFolder(t);
  const home = join(root, 'home');
  for (const folder of ['etc/salt/minion.d', 'var/cache/salt', 'home', 'run/user']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const node of ['minion', 'master'] as const) {
    const lines = [`sock_dir: ${root}/var/run/salt/${node}`, `cachedir: ${root}/var/cache/salt/${node}`];
    if (node === 'minion') lines.unshift('id: web01');
    writeFileSync(join(root, 'etc/salt', node), `${lines.join('\n')}\n`);
  }
  writeFileSync(
    join(root, 'etc/salt/minion.d/returner.conf'),
    'mysql.host: db.example.com\nmysql.pass: secret\n',
  );
  const bin = saltbusOnPath(t)['PATH']?.split(':')[0] ?? '';
  const env = {
    PATH: [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
    HOME: home,
    XDG_RUNTIME_DIR: join(root, 'run/user'),
    XDG_CACHE_HOME: '',
    SALT_CONFIG_DIR: join(root, 'etc/salt'),
    NO_COLOR: '1',
    TZ: 'UTC',
  };
  for (const node of ['minion', 'master']) {
    await saltbus(t, ['bus', '--node', node], { env }).line('serving', 'stderr');
  }
  return { root, env };
}

/** The keys that docs/key.md speaks of. */
function addKeys({ root }: Host): void {
  const pki = join(root, 'etc/salt/pki/master');
  const put = (name: string, path: string): void => {
    mkdirSync(dirname(join(pki, path)), { recursive: true, mode: 0o700 });
    copyFileSync(new URL(`../fixtures/keys/${name}.pub`, import.meta.url), join(pki, path));
  };
  appendFileSync(join(root, 'etc/salt/master'), `pki_dir: ${pki}\n`);
  put('master', 'master.pub');
  put('db01', 'minions/db01');
  for (const id of ['test-1', 'web01', 'web02']) put(id, `minions_pre/${id}`);
}

/** Lines as they would be on that host: without the temporary folder, and as root. */
function onHost(text: string, { root }: Host): string[] {
  const { username } = userInfo();
  const plain = text
    .replaceAll(root, '')
    .replace(new RegExp(`\\b(owner|group|user \\()${username}\\b`, 'g'), '$1root');
  const lines = plain.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

async function runBlock(
  t: TestContext,
  host: Host,
  page: string,
  commands: readonly DocCommand[],
): Promise<void> {
  const shell = (text: string): Running =>
    start(t, '/bin/sh', ['-c', `cd "$HOME"\n${text}`], { env: host.env, input: '' });
  let beside: Running[] = [];
  let code: number | string = 0;
  for (const { text, output, line } of commands) {
    let printed = '';
    if (text === 'echo $?') printed = `${code}\n`;
    else if (text === 'wait') {
      for (const { stdout } of await Promise.all(beside.map(({ ended }) => ended))) printed += stdout;
      beside = [];
    } else if (text.endsWith(' &')) {
      const running = shell(`exec ${text.slice(0, -2)}`);
      await Promise.any([running.line('listening', 'stderr'), running.line('serving', 'stderr')]);
      beside.push(running);
    } else {
      const ended = await shell(`{ ${text}\n} 2>&1`).ended;
      ({ code } = ended);
      printed = ended.stdout;
    }
    const actual = onHost(printed, host);
    assert.ok(
      isShown(output, actual),
      `docs/${page}:${line}: $ ${text}\n--- shown\n${output.join('\n')}\n--- printed\n${actual.join('\n')}`,
    );
  }
}

const pages = readdirSync(DOCS)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: blocksOf(readFileSync(new URL(name, DOCS), 'utf8')) }))
  .filter(({ blocks }) => blocks.length > 0);

test('there are pages with commands', () => {
  assert.equal(
    pages.some(({ name }) => name === 'doctor.md'),
    true,
  );
});

for (const { name, blocks } of pages) {
  test(`docs/${name}`, LIMIT, async (t) => {
    const host = await makeHost(t);
    if (name === 'key.md') addKeys(host);
    for (const commands of blocks) await runBlock(t, host, name, commands);
  });
}
