/**
 * What the demo shows, scene by scene: a master and two minions of our own, and the events of the document that started the project.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../transport/free-port.ts';
import { EXIT } from '../exit-codes.ts';
import type { Part, Stage } from './stage.ts';

const ON_MASTER = ['--node', 'master', '-c', 'master'];
const ON_WEB1 = ['--node', 'minion', '-c', 'web1'];
const DROPS = ['drap', 'drep', 'drip', 'drop', 'drup'].map((drop) => ({
  message: `a ${drop} in the bucket`,
}));

/** Plays all scenes. */
export async function play(stage: Stage): Promise<void> {
  await configure(stage);
  const signIns = await openMaster(stage);
  await signIn(stage, signIns);
  const onMinion = await stage.listener('minion bus', ['listen', 'mytag', ...ON_WEB1, '-o', 'tsv']);
  const onMaster = await stage.listener('master bus', ['listen', 'mytag', ...ON_MASTER, '-o', 'tsv']);
  await onOneBus(stage, onMinion, onMaster);
  await forward(stage, onMaster);
  await runJob(stage);
  await refuse(stage);
}

async function configure(stage: Stage): Promise<void> {
  stage.say('1. A host for a master and two minions, in a temporary folder');
  const retPort = await freePort();
  const publishPort = await freePort(retPort);
  const { folder } = stage;
  stage.show([`cd ${folder}`]);
  const write = (path: string, lines: readonly string[]): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path), `${lines.join('\n')}\n`, { mode: 0o600 });
    stage.show([`${path}:`, ...lines.map((line) => `  ${line}`)]);
  };
  write('master/master', [
    `root_dir: ${folder}/master`,
    'interface: 127.0.0.1',
    `ret_port: ${retPort}`,
    `publish_port: ${publishPort}`,
    `autosign_file: ${folder}/master/autosign.conf`,
  ]);
  write('master/autosign.conf', ['web1']);
  for (const id of ['web1', 'web2'])
    write(`${id}/minion`, [
      `id: ${id}`,
      `root_dir: ${folder}/${id}`,
      'master: 127.0.0.1',
      `master_port: ${retPort}`,
      'acceptance_wait_time: 1',
    ]);
}

/** The master, and who watches there what happens to the minions. */
async function openMaster(stage: Stage): Promise<Part> {
  stage.say('2. A master, and what happens to minions on its bus');
  const master = stage.daemon('master', ['master', '-c', 'master']);
  await master.said('is ready');
  return await stage.listener('master bus', [
    'listen',
    'salt/*',
    ...ON_MASTER,
    '--format',
    '{tag} {data.act} {data.id}',
  ]);
}

async function signIn(stage: Stage, signIns: Part): Promise<void> {
  stage.say('3. Two minions sign in: the key of web1 is known by its name, the key of web2 is pending');
  const minions = ['web1', 'web2'].map((id) => stage.daemon(id, ['minion', '-c', id]));
  const [web1, web2] = minions;
  await Promise.all([web1?.said('the master is there'), web2?.said('the key is pending')]);
  await stage.run(['key', 'list', '-c', 'master']);
  await stage.run(['key', 'accept', 'web2', '-c', 'master']);
  await Promise.all([web2?.said('the master is there'), signIns.said('salt/minion/web2/start')]);
  stage.say('4. A listener on the bus of web1 and one on that of the master, for tags that begin with mytag');
}

async function onOneBus(stage: Stage, onMinion: Part, onMaster: Part): Promise<void> {
  stage.say('5. A program on the host of web1 fires on the bus of the minion');
  const payload = { id: 'web1', tag: 'mytag', data: { message: 'a drop in the bucket' } };
  await stage.run(['fire', 'mytag', json(payload), ...ON_WEB1]);
  await onMinion.said('a drop in the bucket');
  stage.say('6. Another fires on the bus of the master');
  const sample = { 'sample-msg': 'this is a test', example: 'this is the same test' };
  await stage.run(['fire', 'mytag', json(sample), ...ON_MASTER]);
  await onMaster.said('this is the same test');
}

async function forward(stage: Stage, onMaster: Part): Promise<void> {
  stage.say(
    '7. From the minion to the master, encrypted: it arrives with the verified id of the minion around it',
  );
  await stage.run(['fire', 'mytag', json({ data: 'message for the master' }), '--to-master', ...ON_WEB1]);
  await onMaster.said('message for the master');
  stage.say('8. Five events in one package, as the document builds it: flat, and in order');
  const events = DROPS.map((drop) => ({ ...drop, tag: 'mytag' }));
  const whole = { id: 'web1', events, tag: null, pretag: null, data: null };
  await stage.run(['fire', 'fire_master', json(whole), ...ON_WEB1]);
  for (const { message } of DROPS) await onMaster.said(message);
  stage.say('9. The same in short');
  await stage.run(['fire', 'mytag', json(DROPS), '--to-master', ...ON_WEB1]);
  for (const { message } of DROPS) await onMaster.said(message, 2);
  stage.say('10. Without a daemon in between, with the key of web2: the master has answered that it took it');
  const straight = { message: 'straight to the master' };
  await stage.run(['fire', 'mytag', json(straight), '--to-master', '--direct', '-c', 'web2', '-o', 'json']);
  await onMaster.said(straight.message);
}

async function runJob(stage: Stage): Promise<void> {
  stage.say('11. A job on both minions, and what each of them returns');
  await stage.run(['run', '*', 'test.echo', 'a drop in the bucket', '-c', 'master']);
}

async function refuse(stage: Stage): Promise<void> {
  stage.say('12. What real Salt drops in silence is refused');
  const incomplete = { tag: 'mytag', data: { message: 'lost' } };
  await stage.run(['fire', 'fire_master', json(incomplete), ...ON_WEB1], EXIT.usage);
  await stage.run(['fire', 'salt/key', 'act=accept', '--to-master', ...ON_WEB1], EXIT.usage);
}

function json(value: unknown): string {
  return JSON.stringify(value);
}
