/**
 * What the commands that listen have in common: the bus, the subscription, which items are wanted and when it is enough.
 */
import type { Bus } from '../bus/bus.ts';
import type { BusItem } from '../bus/queue.ts';
import type { Subscription } from '../bus/subscription.ts';
import { connectTo } from '../client/connect.ts';
import type { BusLocation } from '../client/locate.ts';
import { endpointName } from '../transport/endpoint.ts';
import { connectOptions } from './bus-options.ts';
import type { BusFlags } from './bus-options.ts';
import { TimeLimits, excludedBy, listenOptions } from './event-options.ts';
import type { ListenFlags } from './event-options.ts';
import { EXIT } from './exit-codes.ts';
import { onStopSignal } from './stop-signal.ts';

/** The flags of such a command. */
export interface ListeningFlags extends BusFlags, ListenFlags {
  readonly ready?: boolean;
}

/** A subscription that ends by a signal, a time limit, a count, or {@link Listening.stop}. */
export class Listening implements AsyncDisposable {
  readonly bus: Bus;
  readonly location: BusLocation;
  readonly subscription: Subscription;
  /** Ends it. */
  readonly stop: () => void;
  /** Aborted when it is to end. */
  readonly stopped: AbortSignal;
  readonly #flags: ListeningFlags;
  readonly #limits: TimeLimits;
  readonly #isExcluded: (tag: string) => boolean;
  #seen = 0;

  private constructor(
    connected: { readonly bus: Bus; readonly location: BusLocation },
    pattern: string | undefined,
    flags: ListeningFlags,
    ends: {
      readonly stop: AbortController;
      readonly limits: TimeLimits;
      readonly isExcluded: (tag: string) => boolean;
    },
  ) {
    this.bus = connected.bus;
    this.location = connected.location;
    this.#flags = flags;
    this.#limits = ends.limits;
    this.#isExcluded = ends.isExcluded;
    this.stopped = ends.stop.signal;
    this.stop = () => {
      ends.stop.abort();
    };
    this.subscription = this.bus.listen({ ...listenOptions(pattern, flags), signal: ends.stop.signal });
  }

  /**
   * Connects and listens; an exit code when it was stopped before it was connected.
   * @throws SaltbusError (rejection) as `connectTo()`, and `ERR_SALTBUS_PATTERN`
   */
  static async open(pattern: string | undefined, flags: ListeningFlags): Promise<Listening | number> {
    const isExcluded = excludedBy(flags);
    const stop = new AbortController();
    onStopSignal(() => {
      stop.abort();
    });
    const limits = new TimeLimits(flags, () => {
      stop.abort();
    });
    try {
      const connected = await connectTo({ ...connectOptions(flags), signal: stop.signal });
      return new Listening(connected, pattern, flags, { stop, limits, isExcluded });
    } catch (error) {
      limits.clear();
      if (!stop.signal.aborted) throw error;
      return limits.timedOut ? EXIT.timeout : EXIT.ok;
    }
  }

  /** Waits, with `--ready`, until nothing can be missed any more, and says so. */
  async sayReady(): Promise<void> {
    if (this.#flags.ready !== true) return;
    await this.subscription.ready;
    const { node, pub } = this.location;
    process.stderr.write(`saltbus: listening on the ${node} bus ${endpointName(pub)}\n`);
  }

  /** The wanted items in groups, up to `--count` events. */
  async *batches(): AsyncGenerator<BusItem[], undefined> {
    const count = this.#flags.count ?? Infinity;
    for await (const items of this.subscription.batches()) {
      const before = this.#seen;
      const wanted: BusItem[] = [];
      for (const item of items) {
        if (item.kind === 'event') {
          if (this.#isExcluded(item.tag)) continue;
          this.#seen += 1;
        }
        wanted.push(item);
        if (this.#seen === count) break;
      }
      if (this.#seen > before) this.#limits.eventSeen();
      if (wanted.length > 0) yield wanted;
      if (this.#seen === count) return;
    }
  }

  /** The exit code, when the batches have ended. */
  get exitCode(): number {
    if (this.#seen === this.#flags.count) return EXIT.ok;
    // With -n, too few came; without, any event is a success.
    const tooFew = this.#flags.count !== undefined || this.#seen === 0;
    return this.#limits.timedOut && tooFew ? EXIT.timeout : EXIT.ok;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#limits.clear();
    await this.bus.close();
  }
}
