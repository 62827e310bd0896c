/**
 * A small reader of an event bus that needs nothing of the client under test: it looks for bytes in the stream.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { EventBodyEncoder } from '../../codec/event-body.ts';
import { encodeFrame } from '../../codec/framing.ts';
import type { Framing } from '../../codec/framing.ts';
import { SaltbusError } from '../../errors.ts';
import type { Endpoint } from '../../transport/endpoint.ts';
import { orAborted, until } from './wait.ts';

/** Where an event bus is. */
export interface BusEndpoints {
  /** Read events here. */
  readonly pub: Endpoint;
  /** Write events here. */
  readonly pull: Endpoint;
}

// An event that comes too early (the reader not accepted yet, the minion not signed in yet) is lost and is fired again.
const FIRE_AGAIN_MS = 500;

interface Wanted {
  readonly bytes: Buffer;
  readonly found: () => void;
  readonly failed: (error: Error) => void;
}

/** Watches the stream of one pub socket for bytes. */
export class BusWatch {
  readonly #socket: Socket;
  readonly #wanted = new Set<Wanted>();
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#look(chunk));
    socket.on('error', () => undefined); // 'close' follows and says it to those who wait
    socket.on('close', () => {
      for (const wanted of this.#wanted)
        wanted.failed(new SaltbusError('ERR_SALTBUS_DISCONNECTED', 'The bus closed the connection'));
    });
  }

  /** Resolves when the text is seen in what arrives from now on. */
  saw(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#socket.closed)
        reject(new SaltbusError('ERR_SALTBUS_DISCONNECTED', 'The bus closed the connection'));
      const wanted: Wanted = {
        bytes: Buffer.from(text),
        found: () => {
          this.#wanted.delete(wanted);
          resolve();
        },
        failed: reject,
      };
      this.#wanted.add(wanted);
    });
  }

  close(): void {
    this.#wanted.clear();
    this.#socket.destroy();
  }

  #look(chunk: Buffer): void {
    const text = Buffer.concat([this.#rest, chunk]);
    for (const wanted of this.#wanted) if (text.includes(wanted.bytes)) wanted.found();
    this.#rest = text.subarray(-256);
  }
}

async function opened(endpoint: Endpoint, signal: AbortSignal): Promise<Socket | undefined> {
  const socket =
    endpoint.kind === 'unix' ? connect({ path: endpoint.path }) : connect(endpoint.port, endpoint.host);
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    // not there yet, or left behind by a daemon that is gone
    signal.throwIfAborted();
    return undefined;
  }
}

const encoder = new EventBodyEncoder();

/** Writes one event to a pull socket; whether the socket took it. */
async function fire(
  endpoint: Endpoint,
  framing: Framing,
  tag: string,
  data: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<boolean> {
  const frame = encodeFrame(encoder.encode(tag, data), framing);
  const socket = await opened(endpoint, signal);
  if (socket === undefined) return false;
  try {
    // the kernel keeps what was written for the daemon, which may be slow to notice that we are gone
    socket.resume().end(frame);
    await once(socket, 'finish');
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    socket.destroy();
  }
}

/** Fires until what the event leads to has been seen. */
async function fireUntilSeen(
  fireOnce: () => Promise<boolean>,
  seen: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const outcome = seen.then(() => true as const);
  // the loop below may be in the middle of a write when this fails; it meets the failure at its next turn
  outcome.catch(() => undefined);
  for (;;) {
    await fireOnce();
    const done = new AbortController();
    const again = delay(FIRE_AGAIN_MS, false as const, { signal: AbortSignal.any([signal, done.signal]) });
    again.catch(() => undefined);
    const isSeen = await Promise.race([outcome, again]);
    done.abort();
    if (isSeen) return;
  }
}

function nonce(): string {
  return randomBytes(8).toString('hex');
}

/**
 * Waits until a bus works: its sockets accept, and an event written to one comes out of the other. The returned watch is
 * subscribed for certain; close it.
 */
export async function watchBus(bus: BusEndpoints, framing: Framing, signal: AbortSignal): Promise<BusWatch> {
  return await until(async () => {
    const socket = await opened(bus.pub, signal);
    if (socket === undefined) return undefined;
    const watch = new BusWatch(socket);
    const tag = `saltbus/testing/ready/${nonce()}`;
    try {
      await fireUntilSeen(() => fire(bus.pull, framing, tag, { _stamp: '' }, signal), watch.saw(tag), signal);
      return watch;
    } catch {
      // the bus went away in between
      watch.close();
      signal.throwIfAborted();
      return undefined;
    }
  }, signal);
}

/** Waits until what is fired on the bus of a minion as `fire_master` is seen on the bus of its master. */
export async function waitForForwarding(
  minionBus: BusEndpoints,
  framing: Framing,
  onMaster: BusWatch,
  signal: AbortSignal,
): Promise<void> {
  const tag = `saltbus/testing/forwarded/${nonce()}`;
  const load = { tag, data: {}, pretag: null, events: null };
  const fireOnce = (): Promise<boolean> => fire(minionBus.pull, framing, 'fire_master', load, signal);
  await orAborted(fireUntilSeen(fireOnce, onMaster.saw(tag), signal), signal);
}
