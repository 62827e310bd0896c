/** Bad input and bad peers on real sockets, and the command line in front of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { BAD_STREAMS, eventFrame, randomBytes } from '../helpers/bad-streams.ts';
import { runSaltbus, saltbus, start } from '../helpers/cli.ts';
import type { Running } from '../helpers/cli.ts';
import { connectSocket } from '../../src/transport/connect.ts';
import { clientOf, ownBus, socketsIn, temporaryFolder } from '../helpers/own-bus.ts';
import { takeEvents } from '../helpers/take.ts';

const LIMIT = { timeout: 60_000 };

function part(name: string): string {
  return new URL(`../helpers/${name}.ts`, import.meta.url).pathname;
}

function pathOf(endpoint: ReturnType<typeof socketsIn>['pub']): string {
  assert.equal(endpoint.kind, 'unix');
  return endpoint.path;
}

async function connected(t: TestContext, path: string): Promise<Socket> {
  for (;;) {
    const socket = createConnection({ path, allowHalfOpen: true });
    t.after(() => socket.destroy());
    try {
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      return socket;
    } catch (error) {
      // The daemon has not accepted those before it yet, and a unix socket does not let the next one wait.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await turn();
    }
  }
}

/** A bus as a process, and the arguments that name it. */
async function busArguments(t: TestContext): Promise<string[]> {
  const where = ['--sock-dir', join(temporaryFolder(t), 's'), '--id', 'hostile', '--node', 'minion'];
  await saltbus(t, ['bus', ...where]).line('serving', 'stderr');
  return where;
}

async function listening(t: TestContext, args: readonly string[]): Promise<Running> {
  const running = saltbus(t, ['listen', '--ready', ...args]);
  await running.line('listening', 'stderr');
  return running;
}

test('everything that strays onto the two sockets: nobody else is disturbed', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const server = await ownBus(t, folder);
  const { pub, pull } = socketsIn(folder);
  const bus = clientOf(t, folder);
  const subscription = bus.listen({ tag: 'good' });
  await subscription.ready;
  let n = 0;
  for (const { bytes, kind } of BAD_STREAMS) {
    const bad = await connected(t, pathOf(pull));
    const onPub = await connected(t, pathOf(pub));
    onPub.resume().end(bytes);
    bad.write(eventFrame('stray'));
    if (kind === 'out-of-step') {
      const ended = once(bad.resume(), 'end');
      bad.write(bytes);
      await ended;
    } else bad.end(bytes);
    n += 1;
    await bus.fire('good', { n });
  }
  const resets = await connected(t, pathOf(pull));
  resets.write(eventFrame('never').subarray(0, 15));
  resets.destroy();
  const silent = await connected(t, pathOf(pull));
  const drip = await connected(t, pathOf(pull));
  for (const byte of eventFrame('good/drip')) drip.write(Buffer.from([byte]));
  const events = await takeEvents(subscription, n + 1);
  assert.deepEqual(
    events
      .map(({ tag, data }) => (tag === 'good' ? data['n'] : tag))
      .filter((value) => value !== 'good/drip'),
    Array.from({ length: n }, (_, index) => index + 1),
  );
  const count = (kind: string): number => BAD_STREAMS.filter((stream) => stream.kind === kind).length;
  while (server.broker.counters.malformed < count('bad-event') + count('cut') + 1) {
    await bus.fire('tick', {});
  }
  assert.equal(server.broker.counters.malformed, count('bad-event') + count('cut') + 1);
  assert.equal(server.broker.counters.refused, count('out-of-step'));
  assert.equal(server.broker.counters.cut, 0);
  assert.equal(silent.readyState, 'open');
});

test('listen shows what is no event, counts on, and exits 0', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const { pub, pull } = socketsIn(folder);
  const stream = BAD_STREAMS.filter(({ kind }) => kind === 'bad-event' || kind === 'event');
  const publisher = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(Buffer.concat([...stream.map(({ bytes }) => bytes), eventFrame('last')]));
  });
  const puller = createServer((socket) => socket.resume());
  publisher.listen(pathOf(pub));
  puller.listen(pathOf(pull));
  t.after(() => {
    publisher.close();
    puller.close();
  });
  const where = ['--socket', pathOf(pub), '--dialect', 'bare'];
  const count = String(stream.filter(({ kind }) => kind === 'event').length + 1);
  const json = await runSaltbus(t, ['listen', '-o', 'json', '-n', count, ...where]);
  assert.equal(json.code, 0, json.stderr);
  const told = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { tag?: string; error?: { code: string } })
    .map(({ tag, error }) => error?.code ?? tag);
  assert.deepEqual(told, [...stream.map(({ says }) => says), 'last']);
  for (const form of ['json', 'pretty', 'yaml', 'tag']) {
    const { code, stdout, stderr } = await runSaltbus(t, ['listen', '-o', form, '-n', count, ...where]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/, form);
    assert.match(stdout, /last/, form);
  }
});

test('listen on a publisher that sends no events says so, and does not spin', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const { pub, pull } = socketsIn(folder);
  let connections = 0;
  const publisher = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  const puller = createServer((socket) => socket.resume());
  publisher.listen(pathOf(pub));
  puller.listen(pathOf(pull));
  t.after(() => {
    publisher.close();
    puller.close();
  });
  const { code, stdout } = await runSaltbus(t, [
    'listen',
    '-o',
    'json',
    '--timeout',
    '2s',
    '--socket',
    pathOf(pub),
  ]);
  assert.equal(code, 124);
  assert.match(stdout, /"gap":\{"reason":"desync","dropped":null/);
  assert.ok(connections < 12, `${connections} connections in two seconds`);
});

test('values that listen prints as YAML or JSON, fire reads from a file', LIMIT, async (t) => {
  const where = await busArguments(t);
  const folder = temporaryFolder(t);
  const data = [
    '{"i":{"$int":"18446744073709551615"},"f":1.0,"nan":{"$float":"nan:fff8000000000000"},"b":{"$bin":"AP8="}',
    '"m":{"$map":[[1,"x"],[null,{"$datetime":"2024-01-02T03:04:05.000678"}],[[1],{"$map":[["$bin","no"]]}]]}',
    '"t":{"$text":"/w=="},"e":{"$ext":[5,"AA=="]},"yes":"no","010":"1:30","":"","__proto__":{"constructor":-0.0}',
    '"lines":"a\\n  b\\n","_stamp":"x"}',
  ].join(',');
  const both = await listening(t, ['first', '-n', '1', '-o', 'json', '--fields', 'data', ...where]);
  const yaml = await listening(t, ['first', '-n', '1', '-o', 'yaml', ...where]);
  assert.equal((await runSaltbus(t, ['fire', 'first', data, ...where])).code, 0);
  const json = (await both.ended).stdout.slice('{"data":'.length, -2);
  const [, document = ''] = /^data:\n((?: {2}.*\n|\n)+)/m.exec((await yaml.ended).stdout) ?? [];
  writeFileSync(join(folder, 'd.json'), json);
  writeFileSync(join(folder, 'd.yaml'), document);
  const again = await listening(t, ['again', '-n', '3', '-o', 'json', '--fields', 'data', ...where]);
  for (const file of ['d.json', 'd.yaml']) {
    const { code, stderr } = await runSaltbus(t, ['fire', 'again', '-f', join(folder, file), ...where]);
    assert.equal(code, 0, stderr);
  }
  assert.equal((await runSaltbus(t, ['fire', 'again', '--lines', ...where], { input: `${json}\n` })).code, 0);
  const lines = (await again.ended).stdout.trim().split('\n');
  const bare = (text: string): string => text.replace(/"_stamp":"[^"]*"/, '"_stamp":"x"');
  assert.deepEqual(
    lines.map(bare),
    Array.from({ length: 3 }, () => `{"data":${data}}`),
  );
});

test('input that would be sent as something else is refused, with the place', LIMIT, async (t) => {
  const where = await busArguments(t);
  const folder = temporaryFolder(t);
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [
      ['-f', file('a.json', Buffer.from('{"a": "\xff"}', 'latin1'))],
      /a\.json is not UTF-8.*ERR_SALTBUS_DATA/,
    ],
    [['-f', file('b.yaml', 'a: 1\n---\nb: 2\n')], /b\.yaml:2: it holds more than one document/],
    [['-f', file('c.yaml', 'a: {$bin: "***"}')], /In .*c\.yaml, \{"\$bin": \.\.\.\} does not hold/],
    [['-f', file('d.yaml', `a: ${'['.repeat(100_000)}`)], /ERR_SALTBUS_CONFIG/],
    [['-f', file('e.json', '['.repeat(100_000))], /deeper than 1024/],
    [['{"a": 1e400}'], /larger than a float can be.*column 7/],
    [['-f', file('f.json', randomBytes(1, 1000))], /f\.json is not UTF-8/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await runSaltbus(t, ['fire', 'x', ...args, ...where]);
    assert.match(stderr, message);
    assert.notEqual(code, 0);
    assert.notEqual(code, 70, 'no internal error');
  }
  const running = await listening(t, ['log', '-n', '1', '-o', 'json', ...where]);
  const input = saltbus(t, ['fire', 'log', '--lines', ...where]);
  input.child.stdin?.end(Buffer.from('caf\xe9\n', 'latin1'));
  assert.match((await running.ended).stdout, /"message":\{"\$bin":"Y2Fm6Q=="\}/);
});

test(
  'five hundred clients and 64 descriptors: turned away, counted, and taken when others go',
  LIMIT,
  async (t) => {
    const folder = temporaryFolder(t);
    const command = `ulimit -n 64; exec "${process.execPath}" --import tsx "${part('descriptors-part')}" "${folder}"`;
    const running = start(t, 'bash', ['-c', command]);
    await running.line('up');
    const path = pathOf(socketsIn(folder).pub);
    const sockets = await Promise.all(Array.from({ length: 500 }, () => connected(t, path)));
    const closed = (socket: Socket): Promise<unknown> =>
      socket.readableEnded ? Promise.resolve() : once(socket.resume(), 'end');
    // Those that were turned away see the end; how many fit depends on what the process has open.
    let away = 0;
    for (const socket of sockets) {
      void closed(socket).then(() => {
        away += 1;
      });
    }
    running.child.stdin?.write('\n');
    const { turnedAway, subscribers } = JSON.parse(await running.line('turnedAway')) as Record<
      string,
      number
    >;
    assert.ok(
      subscribers !== undefined && subscribers >= 10 && subscribers < 64,
      `${String(subscribers)} fit`,
    );
    assert.equal((turnedAway ?? 0) + subscribers, 500);
    while (away < (turnedAway ?? 0)) await Promise.race(sockets.filter((s) => !s.readableEnded).map(closed));
    for (const socket of sockets) socket.destroy();
    const bus = clientOf(t, folder, { backoff: { initialMs: 5, maxMs: 20 } });
    const subscription = bus.listen({ tag: 'x' });
    await subscription.ready;
    await bus.fire('x', { n: 1 });
    assert.equal((await takeEvents(subscription, 1))[0]?.data['n'], 1);
  },
);

test(
  'patterns that explode elsewhere, on hostile tags: the loop is never busy for 50 ms',
  LIMIT,
  async (t) => {
    const running = start(t, process.execPath, ['--import', 'tsx', part('loop-part')]);
    const { stdout, stderr } = await running.ended;
    assert.notEqual(stdout, '', stderr);
    const { fired, seen, longest, delay } = JSON.parse(stdout) as Record<string, number>;
    t.diagnostic(`at most ${String(longest)} ms of processor time, ${String(delay)} ms of delay`);
    assert.equal(seen, fired);
    assert.ok(longest !== undefined && longest < 50, `${String(longest)} ms`);
  },
);

test('no permission: the socket, its owner, mode, and what would help', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  await ownBus(t, folder);
  const path = pathOf(socketsIn(folder).pub);
  if (process.getuid?.() !== 0) chmodSync(path, 0o000);
  const running = start(t, process.execPath, ['--import', 'tsx', part('permission-part'), path]);
  const { stdout, stderr } = await running.ended;
  assert.notEqual(stdout, '', stderr);
  const { code, message, next } = JSON.parse(stdout) as Record<string, string>;
  assert.equal(code, 'ERR_SALTBUS_PERMISSION');
  assert.match(message ?? '', /minion_event_.*_pub\.ipc \(owner \w+, group \w+, mode 0[06]00\)/);
  assert.match(next ?? '', /^Run as \w+/);
});

test('a directory that appears later, and is replaced by a file meanwhile', LIMIT, async (t) => {
  const folder = temporaryFolder(t);
  const sockets = join(folder, 's');
  const where = ['--sock-dir', sockets, '--id', 'later', '--node', 'minion'];
  writeFileSync(sockets, 'a file in the place of the directory');
  const { code, stderr } = await runSaltbus(t, ['fire', 'x', ...where]);
  assert.notEqual(code, 0);
  assert.match(stderr, /is not a socket \[ERR_SALTBUS_NOT_A_SOCKET\]/);
  const later = join(folder, 'later', 's');
  const whereLater = ['--sock-dir', later, '--id', 'later', '--node', 'minion'];
  const running = saltbus(t, ['listen', '--wait', '--ready', '-n', '1', '-o', 'tag', ...whereLater]);
  mkdirSync(later, { recursive: true });
  await saltbus(t, ['bus', ...whereLater]).line('serving', 'stderr');
  await running.line('listening', 'stderr');
  await runSaltbus(t, ['fire', 'x', ...whereLater]);
  assert.equal((await running.ended).stdout, 'x\n');
});

test(
  'more programs connect than the queue of the socket takes: each is let in when its turn comes',
  LIMIT,
  async (t) => {
    const path = join(temporaryFolder(t), 'full.ipc');
    const running = start(t, process.execPath, ['--import', 'tsx', part('full-queue-part'), path]);
    await running.line('up');
    const endpoint = { kind: 'unix', path } as const;
    const opened = Array.from({ length: 20 }, () => connectSocket(endpoint));
    await assert.rejects(connectSocket(endpoint, { signal: AbortSignal.timeout(50) }), {
      code: 'ERR_SALTBUS_ABORTED',
    });
    running.child.stdin?.write('x');
    const sockets = await Promise.all(opened);
    const numbers = await Promise.all(
      sockets.map(async (socket) => Number((await socket.toArray()).join(''))),
    );
    for (const socket of sockets) socket.destroy();
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  },
);
