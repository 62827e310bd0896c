/** Our ZeroMQ sockets with the libzmq of real Salt. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { ReqSocket } from '../../../src/transport/zmtp/req.ts';
import { RouterSocket } from '../../../src/transport/zmtp/router.ts';
import { SubSocket } from '../../../src/transport/zmtp/sub.ts';
import { interop, saltCommand, startOwnPair } from '../helpers.ts';

const LIMIT = { timeout: 60_000 };
const HOST = '127.0.0.1';

// {"enc": "clear", "load": {"cmd": "ping"}, "version": 3}, which a master answers with the load itself
const PING = Buffer.from('83a3656e63a5636c656172a46c6f616481a3636d64a470696e67a776657273696f6e03', 'hex');
const PONG = '81a3636d64a470696e67';

test('our REQ is answered by a master, one request after the other', LIMIT, async (t) => {
  const req = new ReqSocket(
    { host: HOST, port: interop().requestPort },
    { identity: Buffer.from('salt-req/minion/zmtp/1/0'), heartbeat: { intervalMs: 100, timeoutMs: 10_000 } },
  );
  t.after(() => {
    req.destroy();
  });
  for (let count = 0; count < 20; count += 1) assert.equal((await req.request(PING)).toString('hex'), PONG);
  await req.close();
});

test('our SUB takes what a master publishes', LIMIT, async (t) => {
  const { publishPort, masterConfigDir, minionId } = interop();
  let take: (frames: readonly Buffer[]) => void = () => undefined;
  let connect: () => void = () => undefined;
  const taken = new Promise<readonly Buffer[]>((resolve) => (take = resolve));
  const connected = new Promise<void>((resolve) => (connect = resolve));
  const sub = new SubSocket({ host: HOST, port: publishPort }, { onMessage: take, onConnected: connect });
  t.after(() => {
    sub.destroy();
  });
  sub.subscribe('');
  sub.open();
  await connected;
  const child = execFile(saltCommand('salt'), ['-c', masterConfigDir, minionId, 'test.ping', '--async']);
  t.after(() => child.kill());
  const frames = await taken;
  assert.equal(frames.length, 1);
  // a map that begins with "enc": "aes"
  assert.match(frames[0]?.toString('latin1') ?? '', /^[\x82-\x84]\xa3enc\xa3aes/);
  await sub.close();
});

test('the REQ of a real minion asks our ROUTER to sign in', LIMIT, async (t) => {
  let take: (asked: readonly [string, string]) => void = () => undefined;
  const first = new Promise<readonly [string, string]>((resolve) => (take = resolve));
  const router = new RouterSocket({
    onRequest: (connection, payload, reply) => {
      take([connection.identity.toString('latin1'), payload.toString('latin1')]);
      reply(undefined);
    },
  });
  t.after(() => {
    router.destroy();
  });
  const { port } = await router.listen(HOST, 0);
  const id = 'zmtp-minion';
  const started = startOwnPair(t, {
    master: false,
    minion: { id },
    extraMinionConfig: { master_port: port },
  });
  // It is not waited for: without an answer to its sign-in it is never ready, and ends with the test.
  started.catch(() => undefined);
  const [identity, payload] = await first;
  assert.match(payload, /_auth/);
  // 3006.28+ presents its process and a number; 3007 and 3008 present nothing
  if (interop().release.startsWith('3006'))
    assert.match(identity, /^salt-req\/minion\/zmtp-minion\/\d+(\/\d+)?$/);
  else assert.equal(identity, '');
});
