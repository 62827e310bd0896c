/** The commands in the pages of docs/ print what the pages show; each page has a host of its own, with a minion's bus. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode } from '../../src/codec/msgpack/encode.ts';
import { idHash } from '../../src/config/index.ts';
import type { FireAnswer } from '../../src/control/index.ts';
import { openControl } from '../../src/control/index.ts';
import { freePort } from '../../src/testing/real-salt/ports.ts';
import { masterKeyNamed } from '../helpers/channel.ts';
import { saltbus, saltbusOnPath, start } from '../helpers/cli.ts';
import { minionKeyFiles, servedMaster } from '../helpers/direct-master.ts';
import { blocksOf, isShown, isShownInAnyOrder } from '../helpers/docs-blocks.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { ownMaster, watchMaster } from '../helpers/own-master.ts';
import { minionPlace, ownMinion } from '../helpers/own-minion.ts';
import { scriptedMaster } from '../helpers/scripted-master.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const DOCS = new URL('../../docs/', import.meta.url);
const LIMIT = { timeout: 120_000 };
const COMMAND_MS = 60_000;
const DONE = '-- done --';

/** A shell on the host that the pages speak of: the minion `web01`, configured in /etc/salt, all of it below a temporary folder. */
interface Shell {
  /** Runs a command, and gives what was said until it has ended and `count` lines were there. */
  run(command: string, count: number): Promise<readonly string[]>;
}

/** The master, and its keys, that docs/key.md speaks of. */
function addKeys(root: string): void {
  const pki = join(root, 'etc/salt/pki/master');
  const put = (name: string, path: string): void => {
    mkdirSync(dirname(join(pki, path)), { recursive: true, mode: 0o700 });
    copyFileSync(new URL(`../fixtures/keys/${name}.pub`, import.meta.url), join(pki, path));
  };
  writeFileSync(join(root, 'etc/salt/master'), `pki_dir: ${pki}\n`);
  put('master', 'master.pub');
  put('db01', 'minions/db01');
  for (const id of ['test-1', 'web01', 'web02']) put(id, `minions_pre/${id}`);
}

/** The master that docs/fire.md sends to, and the keys of the minion. Returns where it is. */
async function addMaster(t: TestContext, root: string): Promise<string> {
  const served = await servedMaster(t);
  const { port } = await served.router.listen('127.0.0.1', 0);
  const pkiDir = minionKeyFiles(root, 'web01', masterKeyNamed('master').publicPem);
  const name = `127.0.0.1:${port}`;
  appendFileSync(join(root, 'etc/salt/minion'), `pki_dir: ${pkiDir}\nmaster: ${name}\n`);
  return name;
}

const SPOOL_PART = fileURLToPath(new URL('../helpers/spool-part.ts', import.meta.url));

/** The minion with a spool, and what waits in it, that docs/spool.md speaks of. */
async function addSpool(t: TestContext, root: string): Promise<void> {
  const socket = join(root, `var/run/salt/minion/minion_event_${idHash('web01', 'sha256')}_control.ipc`);
  const job = JSON.stringify({ socket, spool: join(root, 'spool.db') });
  await start(t, process.execPath, ['--import', 'tsx', SPOOL_PART, job]).line('serving');
  await using daemon = await openControl({ kind: 'unix', path: socket }, { program: 'docs', lane: 'probes' });
  const fire = (id: string, load: object, priority: number): Promise<FireAnswer> =>
    daemon.fire({
      id,
      package: encode({ tag: null, data: null, events: null, pretag: null, ...load }),
      priority,
    });
  await fire('01JDQ3V9K8R2MZT5X7W4', { tag: 'disk/full', data: { mount: '/var' } }, 0);
  await fire(
    '01JDQ3VBHD0NQ6E9C1YP',
    {
      events: [
        { tag: 'probe/cpu', data: {} },
        { tag: 'probe/mem', data: {} },
      ],
    },
    2,
  );
  await fire('01JDQ3VC5T7F3G8K2JBA', { tag: 'backup/done', data: {} }, 4);
}

/** The master that docs/master.md speaks of; its ports are shown as Salt's own. */
async function addMasterConfig(root: string): Promise<ReadonlyMap<string, string>> {
  const publish = await freePort();
  const request = await freePort(publish);
  const config = { root_dir: root, interface: '127.0.0.1', publish_port: publish, ret_port: request };
  writeFileSync(join(root, 'etc/salt/master'), JSON.stringify(config));
  return new Map([
    [`127.0.0.1:${publish}`, '127.0.0.1:4505'],
    [`127.0.0.1:${request}`, '127.0.0.1:4506'],
  ]);
}

/** The master that docs/minion.md speaks of, with the configuration of a minion under it in the folder `conf`. */
async function addMinionConfig(t: TestContext, root: string): Promise<ReadonlyMap<string, string>> {
  const { port } = await scriptedMaster(t);
  const conf = join(root, 'work/conf');
  mkdirSync(conf, { recursive: true });
  const lines = [
    'id: edge1',
    `master: 127.0.0.1:${port}`,
    `root_dir: ${root}/edge`,
    'sock_dir: /s',
    'cachedir: /c',
  ];
  writeFileSync(join(conf, 'minion'), `${lines.join('\n')}\n`);
  return new Map([[`127.0.0.1:${port}`, 'salt.example.com:4506']]);
}

/** The master that docs/run.md speaks of, with two minions under it and a third that is down. */
async function addMasterAndMinions(t: TestContext, root: string): Promise<void> {
  const master = await ownMaster(t, {
    folder: join(root, 'etc/salt'),
    config: { timeout: 1, gather_job_timeout: 1, nodegroups: { web: 'web*' } },
  });
  const seen = await watchMaster(t, master.sockDir);
  for (const [id, role] of [
    ['web1', 'web'],
    ['web2', 'web'],
    ['db1', 'db'],
  ] as const) {
    const place = minionPlace(t, id, {
      master: '127.0.0.1',
      master_port: master.requestPort,
      grains: { role },
    });
    const minion = await ownMinion(t, place);
    await seen.until(`salt/minion/${id}/start`);
    if (id === 'db1') await minion.close();
  }
}

async function shellOnHost(t: TestContext, page: string): Promise<Shell> {
  const root = temporaryFolder(t);
  for (const folder of ['etc/salt/minion.d', 'work']) mkdirSync(join(root, folder), { recursive: true });
  const write = (file: string, lines: readonly string[]): void => {
    writeFileSync(join(root, 'etc/salt', file), `${lines.join('\n')}\n`);
  };
  write('minion', [
    'id: web01',
    `sock_dir: ${root}/var/run/salt/minion`,
    `cachedir: ${root}/var/cache/salt/minion`,
  ]);
  if (page === 'key.md') addKeys(root);
  const master = page === 'fire.md' ? await addMaster(t, root) : undefined;
  let addresses: ReadonlyMap<string, string> = new Map();
  if (page === 'master.md') addresses = await addMasterConfig(root);
  if (page === 'minion.md') addresses = await addMinionConfig(t, root);
  write('minion.d/returner.conf', ['mysql.host: db.example.com', 'mysql.pass: secret']);
  const env = {
    ...process.env,
    ...saltbusOnPath(t),
    SALT_CONFIG_DIR: join(root, 'etc/salt'),
    XDG_CACHE_HOME: join(root, 'cache'),
    XDG_RUNTIME_DIR: join(root, 'run'),
    TZ: 'UTC',
  };
  await saltbus(t, ['bus'], { env }).line('serving', 'stderr');
  if (page === 'spool.md') await addSpool(t, root);
  if (page === 'run.md') await addMasterAndMinions(t, root);
  const shell = spawn('bash', ['--norc', '--noprofile'], {
    cwd: join(root, 'work'),
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    // a group of its own: what still runs in the background ends with it
    detached: true,
  });
  t.after(() => {
    if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
  });
  let lines: string[] = [];
  createInterface({ input: shell.stdout }).on('line', (line) => {
    let shown = line;
    for (const [here, there] of addresses) shown = shown.replaceAll(here, there);
    lines.push(onHost(shown, root, master));
  });
  shell.stdin.write('exec 2>&1\n');
  return {
    run: async (command, count) => {
      lines = [];
      // the exit code is kept for `echo $?`
      shell.stdin.write(`(exit $code); { ${command}\n} </dev/null; code=$?; echo '${DONE}'\n`);
      const until = performance.now() + COMMAND_MS;
      const isDone = (): boolean => lines.includes(DONE) && lines.length > count;
      // What came by then is compared: that says more than a time limit.
      await waitUntil(() => isDone() || performance.now() > until);
      return lines.filter((line) => line !== DONE);
    },
  };
}

// As it is on that host: without the temporary folder, as root, and with the address of its master.
function onHost(line: string, root: string, master?: string): string {
  const { username } = userInfo();
  return line
    .replaceAll(root, '')
    .replaceAll(master ?? root, master === undefined ? '' : '10.0.0.5:4506')
    .replace(new RegExp(`\\b(owner |group |user \\(|: )${username}\\b`, 'g'), '$1root');
}

const pages = readdirSync(DOCS)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: blocksOf(readFileSync(new URL(name, DOCS), 'utf8')) }))
  .filter(({ blocks }) => blocks.length > 0);

test('each command that has a page has commands in it that are run', () => {
  const names = pages.map(({ name }) => name);
  for (const command of [
    'listen',
    'fire',
    'bus',
    'doctor',
    'config',
    'capture',
    'replay',
    'top',
    'key',
    'run',
    'spool',
    'master',
    'minion',
  ]) {
    assert.equal(names.includes(`${command}.md`), true, command);
  }
});

for (const { name, blocks } of pages) {
  test(`docs/${name}`, LIMIT, async (t) => {
    const shell = await shellOnHost(t, name);
    let isBackground = false;
    for (const { text, output, line } of blocks.flat()) {
      isBackground ||= text.endsWith('&');
      const count = output.filter((shown) => shown !== '...').length;
      const said = await shell.run(text, count);
      const isRight: typeof isShown = isBackground ? isShownInAnyOrder : isShown;
      assert.equal(
        isRight(output, said),
        true,
        `docs/${name}:${line}: $ ${text}\n--- shown\n${output.join('\n')}\n--- printed\n${said.join('\n')}`,
      );
    }
  });
}
