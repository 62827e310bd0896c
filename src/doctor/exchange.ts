/**
 * Sends one event of our own around a bus, and watches what the sockets speak meanwhile.
 *
 * It disturbs no more than any client of ours that wants to be sure (docs/decisions/0003-probes.md): a probe where the dialect is not
 * known, one where the subscription is not proven, and one whose way is timed. Other programs of ours hide all of them.
 */
import type { Socket } from 'node:net';
import { PROBE_TAG_PREFIX } from '../bus/probe.ts';
import { openBus } from '../client/connect.ts';
import type { BusLocation } from '../client/locate.ts';
import { framingOf } from '../codec/framing.ts';
import type { Framing } from '../codec/framing.ts';
import type { DialectChoice } from '../dialect/choice.ts';
import { onDiagnostics } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import { connectSocket } from '../transport/connect.ts';
import { endpointName } from '../transport/endpoint.ts';

/** What came of it. */
export interface Exchange {
  /** What the first byte from the publish socket said; `neither`: it begins no frame. `undefined`: no byte came. */
  readonly pubSeen: Framing | 'neither' | undefined;
  /** What was written to the pull socket, and how that was known; `undefined` when it did not come to that. */
  readonly pull: { readonly framing: string; readonly how: string } | undefined;
  /** How long the event took from the call of fire to the listener; `undefined` when it did not come back. */
  readonly roundTripMs: number | undefined;
  /** Why it did not come back. */
  readonly error: SaltbusError | undefined;
}

// The byte that tells the framing may be on its way yet when the event has come over the other connection.
const LATE_BYTE_MS = 500;

/** Sends the event around; never rejects. When `signal` is aborted it says what it knows by then. */
export async function exchange(
  location: BusLocation,
  choice: DialectChoice,
  signal: AbortSignal,
): Promise<Exchange> {
  let pull: Exchange['pull'];
  const pullName = endpointName(location.pull);
  const unwatch = onDiagnostics('saltbus:dialect', ({ endpoint, pull: framing, how }) => {
    if (endpoint === pullName) pull = { framing, how };
  });
  const listener = new ByteListener();
  const bus = openBus(location, { dialect: choice });
  const stopped = new Promise<never>((_, reject) => {
    const stop = (): void => {
      reject(new SaltbusError('ERR_SALTBUS_TIMEOUT', 'Nothing came back within the time limit'));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  stopped.catch(() => undefined);
  let roundTripMs: number | undefined;
  let error: SaltbusError | undefined;
  try {
    // Connected before the other, so served before it: what tells the framing is seen here too.
    await listener.open(location, signal);
    roundTripMs = await Promise.race([timedEvent(bus), stopped]);
    await Promise.race([listener.firstByte(LATE_BYTE_MS), stopped]);
  } catch (reason) {
    error = asSaltbusError(reason);
  } finally {
    unwatch();
    listener.close();
    bus.destroy();
  }
  return { pubSeen: listener.seen, pull, roundTripMs, error };
}

function asSaltbusError(reason: unknown): SaltbusError {
  if (reason instanceof SaltbusError) return reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  return new SaltbusError('ERR_SALTBUS_SYSTEM', message, { cause: reason });
}

async function timedEvent(bus: ReturnType<typeof openBus>): Promise<number> {
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex');
  const tag = `${PROBE_TAG_PREFIX}${nonce}`;
  const subscription = bus.listen({ tag, match: 'exact', limit: 8 });
  await subscription.ready;
  const started = performance.now();
  await bus.fire(tag, { purpose: 'doctor', pid: process.pid });
  for await (const item of subscription) if (item.kind === 'event') return performance.now() - started;
  throw new SaltbusError('ERR_SALTBUS_DISCONNECTED', 'The bus went away before the event came back');
}

/** A connection to the publish socket of which only the first byte matters. */
class ByteListener {
  seen: Exchange['pubSeen'];
  #socket: Socket | undefined;
  #told: () => void = () => undefined;

  async open(location: BusLocation, signal: AbortSignal): Promise<void> {
    const socket = await connectSocket(location.pub, { signal });
    this.#socket = socket;
    socket.on('error', () => undefined);
    // It is read for as long as it is open: a subscriber that stops reading freezes real buses (3007.0 to 3007.14).
    socket.on('data', (chunk: Buffer) => {
      const [first] = chunk;
      if (first === undefined || this.seen !== undefined) return;
      this.seen = framingOf(first) ?? 'neither';
      this.#told();
    });
  }

  firstByte(withinMs: number): Promise<void> {
    if (this.seen !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#told = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#socket?.destroy();
  }
}
