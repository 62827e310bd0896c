/** `saltbus capture` and `saltbus replay` on a bus of our own. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { CaptureReader } from '../../src/codec/capture/read.ts';
import type { CaptureRecord } from '../../src/codec/capture/records.ts';
import { captureHeader, encodeRecord } from '../../src/codec/capture/write.ts';
import { encodeFrame } from '../../src/codec/framing.ts';
import { MAIN, runSaltbus, saltbus, start } from '../helpers/cli.ts';
import type { Running } from '../helpers/cli.ts';
import { socketsIn, temporaryFolder } from '../helpers/own-bus.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const LIMIT = { timeout: 60_000 };

interface Place {
  readonly folder: string;
  readonly file: string;
  /** The arguments that name the bus. */
  readonly where: string[];
}

async function place(t: TestContext, node = 'minion'): Promise<Place> {
  const folder = temporaryFolder(t);
  const where = ['--sock-dir', join(folder, 's'), '--id', 'cap', '--node', node];
  await saltbus(t, ['bus', ...where]).line('serving', 'stderr');
  return { folder, file: join(folder, 'events.sbcap'), where };
}

async function capturing(t: TestContext, args: readonly string[]): Promise<Running> {
  const running = saltbus(t, ['capture', '--ready', ...args]);
  await running.line('listening', 'stderr');
  return running;
}

function recordsOf(file: string): CaptureRecord[] {
  const reader = new CaptureReader();
  const records = reader.push(readFileSync(file));
  assert.equal(reader.end().tornBytes, 0);
  return records;
}

function event(tag: string, ms: number): Buffer {
  const body = Buffer.from(`${tag}\n\n\x81\xa1n\x01`, 'latin1');
  const time = Date.UTC(2026, 0, 1) * 1000 + ms * 1000;
  return encodeRecord({ kind: 'event', node: 'minion', framing: 'bare', time, body });
}

test('what was captured is printed as listen has printed it, bytes and all', LIMIT, async (t) => {
  const { file, where } = await place(t);
  const listener = saltbus(t, ['listen', 'my', '-n', '2', '--ready', '-o', 'tsv', ...where]);
  await listener.line('listening', 'stderr');
  const capture = await capturing(t, [file, 'my', '-n', '2', ...where]);
  const data = '{"f": 1.0, "big": {"$int": "18446744073709551615"}, "bin": {"$bin": "AAH/"}}';
  for (const tag of ['my/1', 'other', 'my/2']) await runSaltbus(t, ['fire', tag, data, ...where]);
  const { code, stderr } = await capture.ended;
  assert.deepEqual([code, stderr.split('\n').at(-2)], [0, 'saltbus: 2 events captured']);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const records = recordsOf(file);
  assert.deepEqual(
    records.map((record) => [record.kind, record.node]),
    [
      ['start', 'minion'],
      ['event', 'minion'],
      ['event', 'minion'],
    ],
  );
  assert.equal(records[1]?.framing, 'bare');
  const replay = await runSaltbus(t, ['replay', file, '--at-once', '-o', 'tsv']);
  assert.equal(replay.stdout, (await listener.ended).stdout);
});

test('a second run goes on in the file; replay tells the two apart', LIMIT, async (t) => {
  const { file, where } = await place(t);
  for (const tag of ['run/1', 'run/2']) {
    const capture = await capturing(t, [file, '-n', '1', ...where]);
    await runSaltbus(t, ['fire', tag, ...where]);
    const { stderr } = await capture.ended;
    assert.equal(stderr.includes('goes on after 2 records'), tag === 'run/2');
  }
  const { stdout, stderr } = await runSaltbus(t, ['replay', file, '-o', 'tag']);
  assert.equal(stdout, 'run/1\nrun/2\n');
  assert.equal(stderr, '-- capture ended here, and began again later --\n');
});

test(
  'killed while it writes: all that it had written is there; the next run cuts a torn record off',
  LIMIT,
  async (t) => {
    const { file, where } = await place(t);
    const capture = await capturing(t, [file, ...where]);
    await runSaltbus(t, ['fire', 'a/1', ...where]);
    await waitUntil(() => statSync(file).size > 100);
    capture.child.kill('SIGKILL');
    await capture.ended;
    const whole = statSync(file).size;
    appendFileSync(file, event('a/2', 0).subarray(0, 25));
    const torn = await runSaltbus(t, ['replay', file, '-o', 'tag']);
    assert.deepEqual([torn.code, torn.stdout], [0, 'a/1\n']);
    assert.match(torn.stderr, /was cut short: its 25 bytes are left out/);
    const next = await capturing(t, [file, '-n', '1', ...where]);
    await runSaltbus(t, ['fire', 'a/3', ...where]);
    const { code, stderr } = await next.ended;
    assert.equal(code, 0);
    assert.match(stderr, /its last one was cut short, and its 25 bytes are removed/);
    assert.ok(statSync(file).size > whole, 'it grew');
    assert.equal((await runSaltbus(t, ['replay', file, '--at-once', '-o', 'tag'])).stdout, 'a/1\na/3\n');
  },
);

test('another file is left alone, unless it is to be overwritten', LIMIT, async (t) => {
  const { file, where } = await place(t);
  writeFileSync(file, 'a letter to my mother\n');
  const refused = await runSaltbus(t, ['capture', file, ...where]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ERR_SALTBUS_CAPTURE.*\n.*--overwrite/);
  assert.equal(readFileSync(file, 'utf8'), 'a letter to my mother\n');
  const capture = await capturing(t, [file, '--overwrite', '-n', '1', ...where]);
  await runSaltbus(t, ['fire', 'a/1', ...where]);
  assert.equal((await capture.ended).code, 0);
  assert.deepEqual(
    recordsOf(file).map((record) => record.kind),
    ['start', 'event'],
  );
  const nowhere = await runSaltbus(t, ['capture', join(file, 'x'), ...where]);
  assert.equal(nowhere.code, 64);
});

test('a disk without room: an error, and the file ends with a whole record', LIMIT, async (t) => {
  const { file, where } = await place(t);
  // A limit on the size of files of this process stands for a full disk.
  const shell = `ulimit -f 1; exec "$@"`;
  const capture = start(t, 'sh', [
    '-c',
    shell,
    'sh',
    process.execPath,
    MAIN,
    'capture',
    '--ready',
    file,
    ...where,
  ]);
  await capture.line('listening', 'stderr');
  const data = JSON.stringify({ text: 'x'.repeat(400) });
  for (let at = 0; at < 4; at += 1) await runSaltbus(t, ['fire', `a/${at}`, data, ...where]);
  const { code, stderr } = await capture.ended;
  assert.equal(code, 1);
  assert.match(stderr, /Writing .* failed: EFBIG.*ERR_SALTBUS_SYSTEM/);
  assert.ok(recordsOf(file).length >= 1, 'what was captured before can be read');
});

test('through a pipe: capture - and replay -', LIMIT, async (t) => {
  const { file, where } = await place(t);
  const capture = saltbus(t, ['capture', '-', '--ready', '-n', '2', ...where]);
  const chunks: Buffer[] = [];
  capture.child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  await capture.line('listening', 'stderr');
  await runSaltbus(t, ['fire', 'p/1', ...where]);
  await runSaltbus(t, ['fire', 'p/2', ...where]);
  assert.equal((await capture.ended).code, 0);
  writeFileSync(file, Buffer.concat(chunks));
  const shell = `exec "$0" "$1" replay - --at-once -o tag <"$2"`;
  const { stdout } = await start(t, 'sh', ['-c', shell, process.execPath, MAIN, file]).ended;
  assert.equal(stdout, 'p/1\np/2\n');
  const circle = 'main=$1 file=$2; shift 2; exec "$0" "$main" replay - --fire --at-once "$@" <"$file"';
  const refused = await start(t, 'sh', ['-c', circle, process.execPath, MAIN, file, ...where]).ended;
  assert.equal(refused.code, 64);
  assert.match(refused.stderr, /captured on .* itself/);
});

test('gaps and unreadable events are captured in their place and shown again', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const { pub, pull } = socketsIn(folder);
  assert.ok(pub.kind === 'unix' && pull.kind === 'unix');
  const sockets: Socket[] = [];
  for (const { path } of [pub, pull]) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (path === pub.path) sockets.push(socket);
    }).listen(path);
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
  }
  const file = join(folder, 'x.sbcap');
  const running = saltbus(t, ['capture', file, '-n', '2', '--socket', pub.path]);
  // The first connection only looks whether somebody listens.
  await waitUntil(() => sockets.length === 2);
  const good = Buffer.from('a/b\n\n\x80', 'latin1');
  sockets[1]?.write(encodeFrame(good, 'bare'));
  sockets[1]?.end(encodeFrame(Buffer.from('a/c\n\n\x01', 'latin1'), 'bare'));
  await waitUntil(() => sockets.length === 3);
  sockets[2]?.write(encodeFrame(good, 'bare'));
  const { code, stderr } = await running.ended;
  assert.equal(code, 0);
  assert.match(stderr, /2 events captured, 1 that cannot be read, 1 gaps/);
  assert.deepEqual(
    recordsOf(file).map((record) => [record.kind, record.framing]),
    [
      ['start', undefined],
      ['event', 'bare'],
      ['bad', 'bare'],
      ['gap', undefined],
      ['event', 'bare'],
    ],
  );
  const { stdout } = await runSaltbus(t, ['replay', file, '--at-once', '-o', 'json']);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines[0]?.['tag'], 'a/b');
  assert.deepEqual(
    [lines[1]?.['tag'], (lines[1]?.['error'] as { code: string }).code],
    ['a/c', 'ERR_SALTBUS_DATA'],
  );
  assert.equal((lines[2]?.['gap'] as { reason: string }).reason, 'reconnect');
});

test('replay --fire: own tags, a new stamp; what a daemon acts on is left out', LIMIT, async (t) => {
  const { file, where } = await place(t);
  writeFileSync(
    file,
    Buffer.concat([captureHeader(), event('a/1', 0), event('module_refresh', 5), event('a/2', 10)]),
  );
  const listener = saltbus(t, ['listen', '-n', '2', '--ready', '-o', 'json', ...where]);
  await listener.line('listening', 'stderr');
  const fired = await runSaltbus(t, ['replay', file, '--fire', '--at-once', ...where]);
  assert.equal(fired.code, 0);
  assert.equal(
    fired.stderr,
    'saltbus: 2 events handed to the minion bus; 1 left out, because a minion acts on their tags (--internal-tag fires them)\n',
  );
  const lines = (await listener.ended).stdout.trim().split('\n');
  assert.match(lines[0] ?? '', /^\{"tag":"a\/1","data":\{"n":1,"_stamp":"\d{4}-/);
  assert.match(lines[1] ?? '', /^\{"tag":"a\/2"/);
  const second = saltbus(t, ['listen', '-n', '3', '--ready', '-o', 'tag', ...where]);
  await second.line('listening', 'stderr');
  await runSaltbus(t, [
    'replay',
    file,
    '--fire',
    '--speed',
    '2',
    '--internal-tag',
    '--prefix',
    'again',
    ...where,
  ]);
  assert.equal((await second.ended).stdout, 'again/a/1\nagain/module_refresh\nagain/a/2\n');
});

test('replay keeps the distances, and --speed divides them', LIMIT, async (t) => {
  const file = join(temporaryFolder(t), 'x.sbcap');
  writeFileSync(file, Buffer.concat([captureHeader(), event('a/1', 0), event('a/2', 600)]));
  const timed = async (...args: string[]): Promise<number> => {
    const running = saltbus(t, ['replay', file, '-o', 'tag', ...args]);
    await running.line('a/1');
    const begun = performance.now();
    await running.line('a/2');
    await running.ended;
    return performance.now() - begun;
  };
  assert.ok((await timed()) >= 550, 'it waits as long as it took');
  const slow = saltbus(t, ['replay', file, '-o', 'tag', '--speed', '0.001']);
  await slow.line('a/1');
  slow.child.kill('SIGTERM');
  assert.deepEqual([(await slow.ended).code, (await slow.ended).stdout], [0, 'a/1\n']);
});

test('replay: choices, wrong arguments, and files that are none', LIMIT, async (t) => {
  const file = join(temporaryFolder(t), 'x.sbcap');
  const events = ['a/1', 'b/1', 'a/2', 'a/3'].map((tag, at) => event(tag, at * 10_000));
  writeFileSync(file, Buffer.concat([captureHeader(), ...events]));
  const tags = async (...args: string[]): Promise<string> =>
    (await runSaltbus(t, ['replay', file, '--at-once', '--format', '{tag}', ...args])).stdout.replaceAll(
      '\n',
      ' ',
    );
  assert.equal(await tags('a'), 'a/1 a/2 a/3 ');
  assert.equal(await tags('-x', '*/1'), 'a/2 a/3 ');
  assert.equal(await tags('-n', '2'), 'a/1 b/1 ');
  assert.equal(await tags('--from', '10s', '--to', '20s'), 'b/1 a/2 ');
  assert.equal((await runSaltbus(t, ['replay', file, '--at-once', '--speed', '2'])).code, 64);
  assert.equal((await runSaltbus(t, ['replay', file, '--prefix', 'x'])).code, 64);
  assert.equal((await runSaltbus(t, ['replay', file, '--speed', '0'])).code, 64);
  assert.equal((await runSaltbus(t, ['replay', `${file}.gone`])).code, 64);
  truncateSync(file, 4);
  assert.equal((await runSaltbus(t, ['replay', file])).code, 0);
  writeFileSync(file, 'no capture');
  const { code, stderr } = await runSaltbus(t, ['replay', file]);
  assert.equal(code, 1);
  assert.match(stderr, /x\.sbcap: The bytes are no capture file.*ERR_SALTBUS_CAPTURE/);
});
