/**
 * Fires what was captured, leaving out what would make a daemon act.
 */
import type { Bus, FireData, Node } from '../../bus/bus.ts';
import type { BusItem } from '../../bus/queue.ts';
import { reservedPrefix } from '../../dialect/tag-rules.ts';
import { SaltbusError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';

/** How events are fired again. */
export interface RefireOptions {
  /** Put before each tag, with a slash. */
  readonly prefix?: string;
  /** Fires tags on which a daemon acts too. */
  readonly internalTag: boolean;
}

/** What became of the items. */
export interface RefireCounts {
  readonly fired: number;
  /** Left out, because a daemon acts on the tag. */
  readonly internal: number;
  /** Refused by the client, for example because of their size. */
  readonly refused: number;
  /** The first refusal. */
  readonly reason: SaltbusError | undefined;
  /** Gaps, and what could not be read when it came: there is nothing to fire. */
  readonly nothing: number;
}

// What is wrong with one event is no reason to keep the others back.
const OF_ONE_EVENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_SALTBUS_TAG',
  'ERR_SALTBUS_RESERVED_TAG',
  'ERR_SALTBUS_DATA',
  'ERR_SALTBUS_TOO_LARGE',
  'ERR_SALTBUS_LIMIT',
]);

/**
 * Whether a daemon acts on a tag that is fired on its bus. A minion's `fire_master` is among them: a replay would send
 * the events to the master once more. A master's `key` has it change the key of all sessions (Salt 3006 to 3008).
 */
export function isInternalTag(node: Node, tag: string): boolean {
  return node === 'minion' ? reservedPrefix(tag) !== undefined : tag === 'key';
}

/** Fires items on a bus, and counts. */
export class Refire {
  readonly #bus: Bus;
  readonly #options: RefireOptions;
  #fired = 0;
  #internal = 0;
  #refused = 0;
  #reason: SaltbusError | undefined;
  #nothing = 0;
  #failure: Error | undefined;
  #pending: Promise<void>[] = [];

  constructor(bus: Bus, options: RefireOptions) {
    this.#bus = bus;
    this.#options = options;
  }

  /** What became of the items so far. */
  get counts(): RefireCounts {
    return {
      fired: this.#fired,
      internal: this.#internal,
      refused: this.#refused,
      reason: this.#reason,
      nothing: this.#nothing,
    };
  }

  /** Fires an item; what is fired in one tick travels together. */
  fire(item: BusItem): void {
    if (item.kind !== 'event') {
      this.#nothing += 1;
      return;
    }
    const { prefix, internalTag } = this.#options;
    const tag = prefix === undefined ? item.tag : `${prefix}/${item.tag}`;
    if (!internalTag && isInternalTag(this.#bus.node, tag)) {
      this.#internal += 1;
      return;
    }
    const handedOver = this.#bus.fire(tag, item.exact as FireData, { allowInternalTag: internalTag }).then(
      () => {
        this.#fired += 1;
      },
      (error: unknown) => {
        this.#notFired(error);
      },
    );
    this.#pending.push(handedOver);
  }

  #notFired(error: unknown): void {
    if (error instanceof SaltbusError && OF_ONE_EVENT.has(error.code)) {
      this.#refused += 1;
      this.#reason ??= error;
    } else this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  /**
   * Waits until all were handed over.
   * @throws the first error that is no fault of a single event
   */
  async settle(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending);
    if (this.#failure !== undefined) throw this.#failure;
  }
}
