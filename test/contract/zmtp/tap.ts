/** A stretch of wire between a client and a server, which can be listened to, frozen and cut. */
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { ZmtpParser } from '../../../src/codec/zmtp/parser.ts';
import { Growing, HOST } from './makes.ts';

export interface Tap {
  readonly port: number;
  /** Commands by name, with who sent them: `client PONG`, `server PING`. */
  readonly commands: Growing<string>;
  /** A line for each connection that was opened, and for each that either end closed. */
  readonly connections: Growing<string>;
  /** From now on nothing passes on the connections there are, and nobody is told: a half-open peer. */
  freeze(): void;
  /** Resets the connections there are. */
  cut(): void;
}

function listen(from: Socket, who: string, commands: Growing<string>): void {
  const parser = new ZmtpParser({
    onGreeting: () => undefined,
    onFrame: () => undefined,
    onCommand: (buffer, start) => {
      commands.add(`${who} ${buffer.toString('latin1', start + 1, start + 1 + (buffer[start] ?? 0))}`);
    },
  });
  from.on('data', (chunk: Buffer) => {
    parser.push(chunk);
  });
}

/** Puts a tap before a server. */
export async function tap(t: TestContext, serverPort: number): Promise<Tap> {
  const commands = new Growing<string>();
  const connections = new Growing<string>();
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer({ noDelay: true }, (client) => {
    connections.add('open');
    const onward = createConnection({ host: HOST, port: serverPort, noDelay: true });
    const pair = [client, onward] as const;
    pairs.add(pair);
    listen(client, 'client', commands);
    listen(onward, 'server', commands);
    client.pipe(onward);
    onward.pipe(client);
    client.on('error', () => onward.destroy());
    onward.on('error', () => client.destroy());
    client.on('close', () => {
      connections.add('client closed');
      if (pairs.has(pair)) onward.destroy();
    });
    onward.on('close', () => {
      connections.add('server closed');
      if (pairs.has(pair)) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  t.after(() => {
    server.close();
    for (const ends of pairs) for (const end of ends) end.destroy();
    for (const ends of frozen) for (const end of ends) end.destroy();
  });
  const frozen: (readonly [Socket, Socket])[] = [];
  return {
    port: (server.address() as AddressInfo).port,
    commands,
    connections,
    freeze: () => {
      for (const pair of pairs) {
        pairs.delete(pair);
        frozen.push(pair);
        const [client, onward] = pair;
        client.unpipe(onward);
        onward.unpipe(client);
        // What comes is read and lost, so that an end is still seen.
        client.resume();
        onward.resume();
      }
    },
    cut: () => {
      for (const [client, onward] of pairs) {
        client.resetAndDestroy();
        onward.resetAndDestroy();
      }
    },
  };
}
