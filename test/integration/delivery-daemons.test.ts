/** Our minion and our master as they are run: what the operating system sees, a full disk, a damaged file. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { connect } from '../../src/client/connect.ts';
import { openAccepted } from '../../src/daemon/master/accepted.ts';
import { SaltbusError } from '../../src/errors.ts';
import { MAIN, runSaltbus, saltbus, start } from '../helpers/cli.ts';
import type { Running } from '../helpers/cli.ts';
import { daemonsPlace } from '../helpers/daemons-place.ts';
import { temporaryFolder } from '../helpers/own-bus.ts';
import { callsOf, needStrace, straceTo, tracedPid } from '../helpers/trace.ts';
import type { Call } from '../helpers/trace.ts';

const LIMIT = { timeout: 120_000 };
const FIRED = 20;

/** How often an answer came after a log that was written and forced; one that came before is an error. */
function answersAfterLog(calls: readonly Call[]): number {
  let [written, forced, count] = [false, false, 0];
  for (const call of calls) {
    if (call === 'log written') [written, forced] = [true, false];
    else if (call === 'log forced') forced = written;
    else if (written) {
      assert.equal(forced, true, 'an answer came before the log was forced to the disk');
      count += 1;
      [written, forced] = [false, false];
    }
  }
  return count;
}

test('both daemons force their logs to the disk before they answer', LIMIT, async (t) => {
  needStrace();
  const place = await daemonsPlace(t);
  const traces = temporaryFolder(t);
  const traced = async (node: 'master' | 'minion'): Promise<Running> => {
    const strace = start(t, 'strace', [
      ...straceTo(join(traces, node)),
      ...[process.execPath, MAIN, node, '-c', place[node]],
    ]);
    await strace.line('is ready', 'stderr');
    return strace;
  };
  const daemons = [await traced('master'), await traced('minion')];
  const bus = await connect({ node: 'minion', configDir: place.minion });
  for (let n = 0; n < FIRED; n += 1)
    assert.equal(await bus.fireMaster('a', { n }, { wait: 'accepted' }), 'accepted');
  await bus.close();
  for (const { child, ended } of daemons) {
    process.kill(tracedPid(child.pid ?? 0), 'SIGTERM');
    assert.equal((await ended).code, 0);
  }
  const minion = callsOf(
    join(traces, 'minion'),
    'spool.db-wal',
    (line) => line.includes('_control.ipc') && line.includes('accepted'),
  );
  assert.equal(answersAfterLog(minion), FIRED);
  const master = callsOf(join(traces, 'master'), 'accepted.db-wal', (line) => line.includes('<TCP'));
  // and the making of the tables, before the first answer of all
  assert.equal(answersAfterLog(master), FIRED + 1);
});

/** A daemon whose files may only be so large, in KiB: a full disk that needs no rights. Room is made by {@link makeRoom}. */
async function limited(
  t: TestContext,
  node: 'master' | 'minion',
  configDir: string,
  most: number,
): Promise<Running> {
  const command = `ulimit -S -f ${most}; exec '${process.execPath}' '${MAIN}' ${node} -c '${configDir}'`;
  const daemon = start(t, 'bash', ['-c', command]);
  await daemon.line('is ready', 'stderr');
  return daemon;
}

function makeRoom({ child }: Running): void {
  assert.equal(spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']).status, 0);
}

/** Waits until nothing waits for the master. */
async function emptied(t: TestContext, configDir: string): Promise<void> {
  const depth = async (): Promise<unknown> => {
    const { stdout } = await runSaltbus(t, ['spool', 'stats', '-o', 'json', '-c', configDir]);
    return (JSON.parse(stdout) as { readonly depth: unknown }).depth;
  };
  while ((await depth()) !== 0);
}

async function storedIds({ master }: { readonly master: string }): Promise<string[]> {
  await using accepted = await openAccepted({ path: join(master, 'c/saltbus/accepted.db') });
  return (await accepted.after(0, 100_000)).map(({ id }) => id);
}

async function ended(...daemons: readonly Running[]): Promise<void> {
  for (const { child } of daemons) child.kill('SIGTERM');
  for (const daemon of daemons) assert.equal((await daemon.ended).code, 0);
}

const LARGE = 'x'.repeat(20_000);
const idOf = (n: number): string => `event-${String(n).padStart(12, '0')}`;

test(
  'the disk of the minion is full, and freed: who fires is told, and nothing acknowledged is lost',
  LIMIT,
  async (t) => {
    const place = await daemonsPlace(t);
    const minion = await limited(t, 'minion', place.minion, 512);
    const bus = await connect({ node: 'minion', configDir: place.minion });
    const kept: string[] = [];
    let refused: unknown;
    for (let n = 0; refused === undefined; n += 1) {
      await bus.fireMaster('x', { LARGE }, { id: idOf(n) }).then(
        () => kept.push(idOf(n)),
        (error: unknown) => (refused = error),
      );
    }
    assert.equal(refused instanceof SaltbusError && refused.code, 'ERR_SALTBUS_DISK_FULL');
    assert.ok(kept.length > 5, String(kept.length));
    await minion.line('what came could not be kept', 'stderr');
    makeRoom(minion);
    const master = saltbus(t, ['master', '-c', place.master]);
    assert.equal(await bus.fireMaster('x', {}, { id: idOf(9999), wait: 'accepted' }), 'accepted');
    await emptied(t, place.minion);
    await bus.close();
    await ended(minion, master);
    assert.deepEqual(await storedIds(place), [...kept, idOf(9999)]);
  },
);

test(
  'the disk of the master is full, and freed: events wait in the minion, and each is once in the store',
  LIMIT,
  async (t) => {
    const place = await daemonsPlace(t);
    const master = await limited(t, 'master', place.master, 512);
    const minion = saltbus(t, ['minion', '-c', place.minion]);
    await minion.line('the master is there', 'stderr');
    const bus = await connect({ node: 'minion', configDir: place.minion });
    const ids = Array.from({ length: 60 }, (_, n) => idOf(n));
    for (const id of ids) assert.equal(await bus.fireMaster('x', { LARGE }, { id }), 'spooled');
    await master.line('were not accepted', 'stderr');
    const late = await bus.fireMaster('x', {}, { id: idOf(9999), wait: 'accepted', timeoutMs: 300 });
    assert.equal(late, 'spooled');
    makeRoom(master);
    await emptied(t, place.minion);
    await bus.close();
    await ended(minion, master);
    assert.deepEqual(await storedIds(place), [...ids, idOf(9999)]);
  },
);

test('damaged files are moved aside and said, and both go on with new ones', LIMIT, async (t) => {
  const place = await daemonsPlace(t);
  const run = async (): Promise<readonly Running[]> => {
    const daemons = (['master', 'minion'] as const).map((node) => saltbus(t, [node, '-c', place[node]]));
    for (const daemon of daemons) await daemon.line('is ready', 'stderr');
    return daemons;
  };
  const fire = async (id: string): Promise<void> => {
    await using bus = await connect({ node: 'minion', configDir: place.minion });
    assert.equal(await bus.fireMaster('x', {}, { id, wait: 'accepted' }), 'accepted');
  };
  const first = await run();
  await fire(idOf(1));
  await ended(...first);
  const files = [join(place.master, 'c/saltbus/accepted.db'), join(place.minion, 'c/saltbus/spool.db')];
  for (const file of files) writeFileSync(file, readFileSync(file).fill(0x5a, 100, 3000));
  const second = await run();
  for (const daemon of second) await daemon.line('a damaged file was moved aside', 'stderr');
  await fire(idOf(2));
  await ended(...second);
  assert.deepEqual(await storedIds(place), [idOf(2)]);
  for (const file of files) {
    const aside = readdirSync(dirname(file)).filter((name) => name.startsWith(`${basename(file)}.corrupt-`));
    assert.ok(aside.length > 0, file);
  }
});
