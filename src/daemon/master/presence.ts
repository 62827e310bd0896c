/**
 * Who is connected.
 *
 * A subscriber tells nothing of itself but its address, and, where publications are filtered, the topic of its id. So an id
 * counts as present
 *
 *     filtered     while somebody is subscribed to the topic of the id
 *     otherwise    while somebody is subscribed from the address that the id sends its requests from, and the id has a request
 *                  connection open, or had one at the last look
 *
 * Salt looks at the addresses in grains instead, which is wrong behind a translation of addresses.
 */
import { createHash } from 'node:crypto';
import { presenceEvents } from './events/job-events.ts';
import type { BusEvent } from './load.ts';

/** A connection of the request port or the publish port. */
export interface PresentPeer {
  readonly address: { readonly address: string };
}

interface Known {
  readonly id: string;
  address: string;
  /** Request connections that are open and that this id was the last to send on. */
  connections: number;
  /** The look since which it has sent something. */
  seenAt: number;
}

const TOPIC = /^[0-9a-f]{40}$/;

/** The topic of one minion on a publish port that filters (all releases). */
export function topicOf(id: string): string {
  return createHash('sha1').update(id).digest('hex');
}

/** Which ids are connected. */
export class Presence {
  readonly #isFiltering: boolean;
  readonly #byConnection = new Map<PresentPeer, Known>();
  readonly #byId = new Map<string, Known>();
  readonly #subscribers = new Map<string, number>();
  readonly #topics = new Map<string, number>();
  #look = 0;
  #before: ReadonlySet<string> = new Set();

  /** @param isFiltering - whether publications are filtered (`zmq_filtering`) */
  constructor(isFiltering: boolean) {
    this.#isFiltering = isFiltering;
  }

  /** A verified request of an id came on a connection. */
  seen(connection: PresentPeer, id: string): void {
    const known = this.#byConnection.get(connection);
    if (known?.id === id) {
      known.seenAt = this.#look;
      return;
    }
    if (known !== undefined) known.connections -= 1;
    const { address } = connection.address;
    let entry = this.#byId.get(id);
    if (entry === undefined) {
      entry = { id, address, connections: 0, seenAt: this.#look };
      this.#byId.set(id, entry);
    }
    entry.address = address;
    entry.connections += 1;
    entry.seenAt = this.#look;
    this.#byConnection.set(connection, entry);
  }

  /** A connection of the request port ended. */
  left(connection: PresentPeer): void {
    const known = this.#byConnection.get(connection);
    if (known === undefined) return;
    this.#byConnection.delete(connection);
    known.connections -= 1;
    known.seenAt = this.#look;
  }

  /** A subscriber came or left. */
  subscriber({ address }: PresentPeer, change: 1 | -1): void {
    count(this.#subscribers, address.address, change);
  }

  /** A subscriber subscribed to a topic, or no longer. */
  subscription(topic: Buffer, isOn: boolean): void {
    const name = topic.toString('latin1');
    if (this.#isFiltering && TOPIC.test(name)) count(this.#topics, name, isOn ? 1 : -1);
  }

  /** Whether an id is connected. */
  has(id: string): boolean {
    if (this.#isFiltering && this.#topics.has(topicOf(id))) return true;
    const known = this.#byId.get(id);
    if (known === undefined || !this.#subscribers.has(known.address)) return false;
    return known.connections > 0 || this.#look - known.seenAt <= 1;
  }

  /** The ids that are connected. */
  ids(): string[] {
    return [...this.#byId.keys()].filter((id) => this.has(id));
  }

  /** Looks again: forgets who has been gone for a while, and tells who came and who left since the last look. */
  look(): BusEvent[] {
    this.#look += 1;
    const present = new Set<string>();
    for (const [id, known] of this.#byId) {
      if (this.has(id)) present.add(id);
      else if (known.connections === 0 && this.#look - known.seenAt > 1) this.#byId.delete(id);
    }
    const events = presenceEvents(this.#before, present);
    this.#before = present;
    return events;
  }
}

function count(counts: Map<string, number>, name: string, change: 1 | -1): void {
  const now = (counts.get(name) ?? 0) + change;
  if (now > 0) counts.set(name, now);
  else counts.delete(name);
}
