import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Duplex } from 'node:stream';
import { encodePing, encodePong, encodeReady } from '../../../src/codec/zmtp/command.ts';
import { encodeGreeting } from '../../../src/codec/zmtp/greeting.ts';
import { DEFAULT_ZMTP_LIMITS } from '../../../src/codec/zmtp/limits.ts';
import type { SaltbusError } from '../../../src/errors.ts';
import { memoryPair } from '../../../src/transport/memory.ts';
import { ZmtpConnection } from '../../../src/transport/zmtp/connection.ts';
import type { ConnectionOptions } from '../../../src/transport/zmtp/connection.ts';
import { ZmtpScriptedPeer } from '../../helpers/zmtp-peer.ts';

interface Rig {
  readonly connection: ZmtpConnection;
  readonly peer: ZmtpScriptedPeer;
  readonly duplex: Duplex;
  readonly told: string[];
  readonly error: () => SaltbusError | undefined;
}

function rig(options: Partial<ConnectionOptions> = {}): Rig {
  const [ours, theirs] = memoryPair();
  const told: string[] = [];
  let closedBy: SaltbusError | undefined;
  const connection = new ZmtpConnection(
    ours,
    {
      onReady: ({ peer }) => told.push(`ready ${peer?.socketType ?? ''} ${peer?.identity.toString() ?? ''}`),
      onFrame: (_connection, buffer, start, end, more) =>
        told.push(`${more ? 'more' : 'last'} ${buffer.toString('latin1', start, end)}`),
      onSubscription: (_connection, topic, on) => told.push(`${on ? 'on' : 'off'} ${topic.toString()}`),
      onHeld: (_connection, change) => told.push(`held ${change}`),
      onClosed: (_connection, error) => {
        closedBy = error;
        told.push(`closed ${error?.code ?? ''}`);
      },
    },
    {
      kind: 'ROUTER',
      limits: DEFAULT_ZMTP_LIMITS,
      handshakeMs: 30_000,
      maxOutboxBytes: 1000,
      remote: 'peer:1',
      ...options,
    },
    0,
  );
  return { connection, peer: new ZmtpScriptedPeer(theirs), duplex: ours, told, error: () => closedBy };
}

test('greeting, READY, messages', async () => {
  const { peer, told, connection } = rig();
  await peer.shakeHands('REQ', 'salt-req/minion/web1/0');
  assert.deepEqual(peer.seen, [
    'greeting 1',
    'command READY\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\0',
  ]);
  connection.send(Buffer.from('00026f6b', 'hex'));
  await peer.sees('last ok');
  peer.message('', 'hello');
  peer.write(encodePing(0));
  await peer.sees('command PONG');
  assert.deepEqual(told, ['ready REQ salt-req/minion/web1/0', 'more ', 'last hello']);
});

test('a PUB tells no identity, and takes subscriptions', async () => {
  const { peer, told } = rig({ kind: 'PUB' });
  await peer.shakeHands('SUB');
  assert.equal(peer.seen[1], 'command READY\x0bSocket-Type\0\0\0\x03PUB');
  peer.write(
    '040b09535542534352494245' + '61',
    '0408' + '0643414e43454c' + '61',
    encodePing(0, Buffer.from('ctx')),
  );
  await peer.sees('command PONGctx');
  assert.deepEqual(told, ['ready SUB ', 'on a', 'off a']);
});

test('what is no handshake ends the connection with the reason', async () => {
  const refuse = async (
    bytes: readonly (Buffer | string)[],
    code: string,
    message: RegExp,
    options: Partial<ConnectionOptions> = {},
  ): Promise<void> => {
    const { peer, error, told } = rig(options);
    peer.write(...bytes);
    await peer.end();
    assert.equal(error()?.code, code);
    assert.match(error()?.message ?? '', message);
    assert.deepEqual(told, [`closed ${code}`]);
  };
  const greeting = encodeGreeting();
  const zmtp = 'ERR_SALTBUS_ZMTP';
  await refuse([Buffer.from('GET / HTTP/1.1\r\n\r\n')], zmtp, /HTTP request/);
  await refuse(['160301'], zmtp, /TLS hello/);
  await refuse([greeting, encodeReady('SUB', undefined)], zmtp, /is a SUB socket, and this is a ROUTER/);
  await refuse([greeting, encodeReady('REQ', undefined)], zmtp, /is a REQ socket, and this is a PUB/, {
    kind: 'PUB',
  });
  await refuse([greeting, '0000'], zmtp, /before its READY/);
  await refuse([greeting, encodePing(0)], zmtp, /before its READY/);
  await refuse(
    [greeting, '0409' + '05' + Buffer.from('ERROR').toString('hex') + '026e6f'],
    zmtp,
    /gave the connection up: 'no'/,
  );
  await refuse([greeting, '027fffffffffffffff'], 'ERR_SALTBUS_LIMIT', /over the limit/);
});

test('READY twice ends it', async () => {
  const { peer, error } = rig();
  await peer.shakeHands('REQ');
  peer.write(encodeReady('REQ', undefined));
  await peer.end();
  assert.match(error()?.message ?? '', /READY twice/);
});

test('an unknown command after the handshake is passed over', async () => {
  const { peer, told } = rig();
  await peer.shakeHands('DEALER');
  peer.write('0405044a4f494e', encodePing(0));
  await peer.sees('command PONG');
  assert.deepEqual(told, ['ready DEALER ']);
});

test('silence and a drip in the handshake end it when the time is over, and not before', async () => {
  const { peer, connection, error } = rig({ handshakeMs: 1000 });
  peer.write('ff');
  connection.sweep(999);
  peer.write('00');
  await peer.sees('greeting 1');
  assert.equal(connection.state, 'greeting');
  connection.sweep(1000);
  assert.equal(connection.state, 'closed');
  assert.equal(error()?.code, 'ERR_SALTBUS_TIMEOUT');
  await peer.end();
});

test('a peer that does not answer PINGs is given up; one that says anything is not', async () => {
  const { peer, connection, error, told } = rig({
    heartbeat: { intervalMs: 1000, timeoutMs: 3000, ttlMs: 500 },
  });
  await peer.shakeHands('REQ');
  connection.sweep(0);
  connection.sweep(999);
  connection.sweep(1000);
  await peer.sees('command PING\0\x05');
  connection.sweep(2000);
  connection.sweep(3000);
  await peer.until(() => peer.seen.filter((line) => line === 'command PING\0\x05').length === 3);
  peer.write(encodePong(new Uint8Array(0)));
  peer.message('', 'x');
  await peer.until(() => told.includes('last x'));
  connection.sweep(3999);
  connection.sweep(4000);
  connection.sweep(6999);
  assert.equal(connection.state, 'ready');
  connection.sweep(7000);
  assert.equal(connection.state, 'closed');
  assert.equal(error()?.code, 'ERR_SALTBUS_TIMEOUT');
});

test('a peer that is not read on purpose is not given up for its silence', async () => {
  const { peer, connection } = rig({ heartbeat: { intervalMs: 1000, timeoutMs: 1000 } });
  await peer.shakeHands('REQ');
  connection.sweep(0);
  connection.pause();
  for (let now = 1000; now < 9000; now += 500) connection.sweep(now);
  assert.equal(connection.state, 'ready');
  connection.resume();
  for (let now = 9000; now < 12_000; now += 500) connection.sweep(now);
  assert.equal(connection.state, 'closed');
});

test('the ttl of a peer is kept', async () => {
  const { peer, connection, error } = rig();
  await peer.shakeHands('REQ');
  peer.write(encodePing(2000));
  await peer.sees('command PONG');
  connection.sweep(100);
  connection.sweep(2100);
  assert.equal(connection.state, 'ready');
  connection.sweep(2101);
  assert.match(error()?.message ?? '', /would be heard every 2000 ms/);
});

test('PINGs are not answered while the peer takes nothing', async () => {
  const { peer, connection } = rig({ maxOutboxBytes: 40 });
  await peer.shakeHands('REQ');
  peer.duplex.pause();
  peer.duplex.removeAllListeners('data');
  connection.send(Buffer.alloc(200_000));
  await new Promise(setImmediate);
  const before = connection.outboxBytes;
  peer.write(encodePing(0), encodePing(0));
  await new Promise(setImmediate);
  assert.equal(connection.outboxBytes, before);
  assert.equal(before > 40, true);
});

test('bytes held are told, and given back at the end', async () => {
  const { peer, told } = rig();
  await peer.shakeHands('REQ');
  peer.write('0200000000000186a0' + '61'.repeat(10));
  peer.write('61'.repeat(5));
  peer.duplex.end();
  await peer.end();
  assert.deepEqual(told.slice(1), ['held 10', 'held 5', 'held -15', 'closed ']);
});

test('what is sent in one tick is one write, however much it is', async () => {
  const { peer, connection, duplex } = rig();
  await peer.shakeHands('REQ');
  const sizes: number[] = [];
  duplex.write = ((chunk: Buffer) => {
    sizes.push(chunk.length);
    return true;
  }) as Duplex['write'];
  for (let index = 0; index < 100; index += 1) connection.send(Buffer.from('000161', 'hex'));
  await new Promise(setImmediate);
  assert.deepEqual(sizes, [300]);
});

test('close lets the peer take what was written, destroy does not wait', async () => {
  const first = rig();
  await first.peer.shakeHands('REQ');
  first.connection.send(Buffer.from('00026f6b', 'hex'));
  first.connection.close();
  assert.equal(first.connection.closed, true);
  await first.peer.end();
  assert.equal(first.peer.seen.at(-1), 'last ok');
  first.peer.duplex.end();
  await first.peer.until(() => first.told.includes('closed '));
  const second = rig();
  await second.peer.shakeHands('REQ');
  second.connection.send(Buffer.from('00026f6b', 'hex'));
  second.connection.destroy();
  second.connection.destroy();
  await second.peer.end();
  assert.deepEqual(second.told, ['ready REQ ', 'closed ']);
  assert.equal(second.peer.seen.length, 2);
});
