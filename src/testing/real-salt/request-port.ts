/**
 * Asks a real master for a sign of life on its request port: the clear `ping`, over the least of ZMTP that carries it.
 */
import { connect } from 'node:net';

// {"enc": "clear", "load": {"cmd": "ping"}, "version": 3}
const PING = Buffer.from('83a3656e63a5636c656172a46c6f616481a3636d64a470696e67a776657273696f6e03', 'hex');
// {"cmd": "ping"}: a master answers with the load itself
const PONG = Buffer.from('81a3636d64a470696e67', 'hex');
const READY = Buffer.from('\x05READY');

function greeting(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);
  bytes.write('NULL', 12, 'latin1');
  return bytes;
}

function property(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]);
}

function readyCommand(): Buffer {
  const body = Buffer.concat([READY, property('Socket-Type', 'REQ'), property('Identity', '')]);
  return Buffer.concat([Buffer.from([0x04, body.length]), body]);
}

/** Whether a master answers on this port now; never rejects. */
export function answersPing(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let received: Buffer = Buffer.alloc(0);
    let asked = false;
    socket.on('connect', () => {
      socket.write(Buffer.concat([greeting(), readyCommand()]));
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      // libzmq closes the connection when a message comes before it has sent its own READY
      if (!asked && received.includes(READY)) {
        asked = true;
        socket.write(Buffer.concat([Buffer.from([0x01, 0, 0, PING.length]), PING]));
      }
      if (!received.includes(PONG)) return;
      resolve(true);
      socket.destroy();
    });
    const abort = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      resolve(false);
    });
  });
}
