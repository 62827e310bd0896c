/**
 * New publish keys, when a key of a minion was taken away.
 *
 * Each new key costs a sign-in of every minion at the next job, so requests that come close together become one: the first acts at
 * once, those that follow act together when some time has passed. (Salt looks each `loop_interval`, 60 s.)
 */
import type { PublishKey } from '../../channel/publish-key.ts';
import { publish } from '../../diagnostics.ts';
import { mapOf } from './load.ts';
import type { MasterBus } from './master-bus.ts';

/** What a rotation acts on. */
export interface KeyRotationParts {
  readonly publishKey: PublishKey;
  readonly bus: MasterBus;
  /** Publishes a `test.ping` to all, so that they find out now (`ping_on_rotate`); `undefined`: none. */
  readonly ping: (() => Promise<void>) | undefined;
  /** Between two rotations, in milliseconds. @defaultValue 10 000 */
  readonly apartMs?: number;
}

/** Rotates the publish key. */
export class KeyRotation {
  readonly #parts: KeyRotationParts;
  #count = 0;
  #asked = false;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #closed = false;

  constructor(parts: KeyRotationParts) {
    this.#parts = parts;
  }

  /** Rotations since the beginning. */
  get count(): number {
    return this.#count;
  }

  /** Asks for a new key. */
  ask(): void {
    this.#asked = true;
    if (this.#timer === undefined && !this.#running) void this.#rotate();
  }

  /** Stops: what was asked for and waits is not done. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #rotate(): Promise<void> {
    const { publishKey, bus, ping, apartMs = 10_000 } = this.#parts;
    this.#asked = false;
    this.#running = true;
    try {
      await publishKey.rotate();
      this.#count += 1;
      publish('saltbus:master:key-rotated', {});
      bus.fire({ tag: 'key', data: mapOf({ rotate_aes_key: true }) });
      await ping?.();
    } catch (error) {
      publish('saltbus:master:problem', { what: 'a new publish key', error });
    } finally {
      this.#running = false;
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#asked) void this.#rotate();
    }, apartMs).unref();
  }
}
