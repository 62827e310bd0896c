/**
 * Finds out what a pull socket speaks where nothing else tells: a small event of our own is written in one framing, and
 * in the other only after silence, because a prefixed frame makes an older daemon log an error.
 */
import type { Duplex } from 'node:stream';
import { EventBodyEncoder } from '../codec/event-body.ts';
import { encodeFrame } from '../codec/framing.ts';
import type { Framing } from '../codec/framing.ts';
import { SaltbusError } from '../errors.ts';
import { stampNow } from './stamp.ts';

/** The tag prefix of our probe events. Subscriptions hide them unless they ask for this prefix. */
export const PROBE_TAG_PREFIX = 'saltbus/probe/';

/** When a probe in which framing is written, in milliseconds from the beginning. */
const SCHEDULE: readonly { readonly at: number; readonly framing: Framing }[] = [
  { at: 0, framing: 'bare' },
  // The daemon may not have served our subscription yet when the first one passed.
  { at: 100, framing: 'bare' },
  { at: 250, framing: 'prefixed' },
  { at: 500, framing: 'prefixed' },
  // A bus that is busy or stalled echoes late: both once more before giving up.
  { at: 2000, framing: 'bare' },
  { at: 2500, framing: 'prefixed' },
];

/** How long an echo is awaited in all, in milliseconds. */
const GIVE_UP_MS = 4000;

/** The body of a probe event. */
export function probeBody(nonce: string, purpose: 'dialect' | 'ready'): Buffer {
  const body = new EventBodyEncoder().encode(
    `${PROBE_TAG_PREFIX}${nonce}`,
    { purpose, pid: process.pid },
    stampNow(),
  );
  return Buffer.from(body);
}

/** What the probe needs of the bus. */
export interface ProbeHost {
  readonly endpointName: string;
  /** Opens a connection to the pull socket. */
  readonly openPull: (signal: AbortSignal) => Promise<Duplex>;
  /** Resolves when the publish socket is connected. */
  readonly feedOpen: (signal: AbortSignal) => Promise<void>;
  /** Calls back when the probe with this nonce is seen; returns the function that stops that. */
  readonly onEcho: (nonce: string, seen: () => void) => () => void;
  /** What the publish socket speaks, once a byte was seen. */
  readonly pubFraming: () => Framing | undefined;
}

/**
 * Probes, and resolves with the framing whose event came back.
 * @throws SaltbusError `ERR_SALTBUS_DIALECT` when none did within 4 s, or why no connection could be made
 */
export async function probePullFraming(host: ProbeHost, makeNonce: () => string): Promise<Framing> {
  const stop = new AbortController();
  const cleanups: (() => void)[] = [
    () => {
      stop.abort();
    },
  ];
  try {
    await host.feedOpen(stop.signal);
    return await new Promise<Framing>((resolve, reject) => {
      const lines: Record<Framing, ProbeLine> = {
        bare: new ProbeLine(host, 'bare', makeNonce(), resolve, reject),
        prefixed: new ProbeLine(host, 'prefixed', makeNonce(), resolve, reject),
      };
      cleanups.push(lines.bare.close, lines.prefixed.close);
      for (const { at, framing } of SCHEDULE) {
        const timer = setTimeout(() => {
          // A prefixed publish socket has a prefixed pull socket in every release.
          if (host.pubFraming() === 'prefixed') resolve('prefixed');
          else lines[framing].write(stop.signal);
        }, at);
        cleanups.push(() => {
          clearTimeout(timer);
        });
      }
      const timer = setTimeout(() => {
        reject(
          new SaltbusError(
            'ERR_SALTBUS_DIALECT',
            `No probe event came back from ${host.endpointName} within ${GIVE_UP_MS} ms, in either framing`,
          ),
        );
      }, GIVE_UP_MS);
      cleanups.push(() => {
        clearTimeout(timer);
      });
    });
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

/** One connection on which probes of one framing are written: the wrong one is of no use afterwards. */
class ProbeLine {
  readonly #host: ProbeHost;
  readonly #frame: Buffer;
  readonly #reject: (error: unknown) => void;
  readonly #unwatch: () => void;
  #opening: Promise<void> | undefined;
  #stream: Duplex | undefined;

  constructor(
    host: ProbeHost,
    framing: Framing,
    nonce: string,
    resolve: (framing: Framing) => void,
    reject: (error: unknown) => void,
  ) {
    this.#host = host;
    this.#frame = encodeFrame(probeBody(nonce, 'dialect'), framing);
    this.#reject = reject;
    this.#unwatch = host.onEcho(nonce, () => {
      resolve(framing);
    });
  }

  write(signal: AbortSignal): void {
    this.#opening ??= this.#open(signal);
    this.#opening.then(
      () => {
        if (this.#stream?.writable === true) this.#stream.write(this.#frame);
      },
      (error: unknown) => {
        if (!signal.aborted) this.#reject(error);
      },
    );
  }

  async #open(signal: AbortSignal): Promise<void> {
    const stream = await this.#host.openPull(signal);
    if (signal.aborted) {
      stream.destroy();
      return;
    }
    // The daemon may close it on the wrong framing (3008.3 and later); silence says the same.
    stream.on('error', () => undefined);
    stream.resume();
    this.#stream = stream;
  }

  readonly close = (): void => {
    this.#unwatch();
    this.#stream?.destroy();
  };
}
