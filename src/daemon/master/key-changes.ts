/**
 * What follows when a key is accepted, rejected, deleted or replaced, by whomever: the session ends, what was known is forgotten,
 * and the bus hears of it once.
 */
import type { MasterSessions } from '../../channel/master-sessions.ts';
import { dataStart } from '../../codec/event-body.ts';
import type { BodyRange } from '../../codec/framing.ts';
import { decodeExact } from '../../codec/msgpack/decode.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import type { BrokerObserver } from '../broker.ts';
import { KEY_TAG, keyEventOf } from './keys/index.ts';
import type { KeyChange } from './keys/index.ts';
import { isMap, mapOf } from './load.ts';
import type { MasterBus } from './master-bus.ts';
import type { MinionMaps } from './pillar/minion-maps.ts';

/** What a change acts on. */
export interface KeyChangesParts {
  readonly sessions: MasterSessions;
  readonly bus: MasterBus;
  /** What is kept of minions: grains, pillar, mine. */
  readonly kept: readonly MinionMaps[];
}

// A real `salt-key` changes the file and fires its event by itself, the one shortly before or after the other.
const SAME_MS = 700;
// More than can be waiting in that time means that somebody deletes thousands of keys: each is told, some of them twice.
const MOST_WAITING = 10_000;
const KEY_EVENT = Buffer.from(`${KEY_TAG}\n\n`);

/** Acts on changes of keys. */
export class KeyChanges {
  readonly #parts: KeyChangesParts;
  /** Events that others fired lately, by act and id. */
  readonly #foreign = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #keeping = new Set<string>();

  constructor(parts: KeyChangesParts) {
    this.#parts = parts;
  }

  /** Looks at what is fired on the bus. */
  readonly observe: BrokerObserver = (buffer: Buffer, body: BodyRange) => {
    const { start, end } = body;
    if (
      end - start < KEY_EVENT.length ||
      buffer.compare(KEY_EVENT, 0, KEY_EVENT.length, start, start + KEY_EVENT.length) !== 0
    )
      return;
    const name = readKeyEvent(buffer.subarray(dataStart(buffer, start, end), end));
    if (name === undefined || this.#foreign.size >= MOST_WAITING) return;
    this.#foreign.add(name);
    this.#after(SAME_MS, () => this.#foreign.delete(name));
  };

  /** The next deletion of this key leaves what is known of the minion (`preserve_minion_cache`). */
  keepCache(id: string): void {
    this.#keeping.add(id);
  }

  /** Acts on a change. */
  on(change: KeyChange): void {
    const { id, state, previous, replaced } = change;
    const { sessions, kept } = this.#parts;
    // a key among the denied ones changes nothing for the minion that holds the accepted one
    if (state === 'denied' || previous === 'denied') return;
    if (state !== 'accepted' || replaced) sessions.end(id);
    if (state === 'deleted' && !this.#keeping.delete(id)) for (const maps of kept) maps.delete(id);
    if (change.source === 'disk') publish('saltbus:master:key-changed', { id, state, replaced });
    this.#tell(change);
  }

  /** Stops waiting; what waits is not told any more. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #tell(change: KeyChange): void {
    const event = keyEventOf(change);
    if (event === undefined) return;
    const name = nameOf(event.act, event.id);
    const fire = (): void => {
      if (this.#foreign.delete(name)) return;
      this.#parts.bus.fire({ tag: KEY_TAG, data: mapOf({ ...event }) });
      // our own has come by the observer too
      this.#foreign.delete(name);
    };
    if (this.#foreign.delete(name)) return;
    if (this.#timers.size >= MOST_WAITING) fire();
    else this.#after(SAME_MS, fire);
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms).unref();
    this.#timers.add(timer);
  }
}

// 3008's salt-key says `rejected` where the others say `reject`; the six letters are the same.
function nameOf(act: string, id: string): string {
  return `${act.slice(0, 6)} ${id}`;
}

function readKeyEvent(bytes: Buffer): string | undefined {
  try {
    const data = decodeExact(bytes);
    if (!isMap(data)) return undefined;
    const [act, id] = [data.get('act'), data.get('id')];
    return typeof act === 'string' && typeof id === 'string' ? nameOf(act, id) : undefined;
  } catch (error) {
    if (error instanceof SaltbusError) return undefined;
    throw error;
  }
}
