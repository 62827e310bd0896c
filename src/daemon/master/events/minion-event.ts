/**
 * `_minion_event`: from what a minion sends to what appears on the bus of the master.
 *
 *     single form   tag, data                         the whole load under the tag
 *     list form     events: [{tag, data}, ...]        each element's data under its own tag; pretag: once more below it
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { checkTag, tagify } from '../../../tag.ts';
import { isList, isMap, refusal } from '../load.ts';
import type { BusEvent, Load, Refusal } from '../load.ts';
import type { EventAcl } from './event-acl.ts';
import { withOrigin } from './origin.ts';
import type { Origin } from './origin.ts';

/** How events of minions are let through. */
export interface MinionEventOptions {
  readonly acl: EventAcl;
  /** Whether the verified id of the sender is added under `_saltbus`, as `minion`. @defaultValue false */
  readonly stampSender?: boolean;
  /** The id of the event, which is added there with the sender. @defaultValue none */
  readonly eventId?: string;
  /** Most elements of a list; the rest is refused and counted. @defaultValue 10 000 */
  readonly maxEvents?: number;
}

/** What is to be fired, in this order, and what was refused. */
export interface FiredEvents {
  readonly events: readonly BusEvent[];
  readonly refused: readonly Refusal[];
}

const LONGEST_TAG = 4096;

/** A tag that can go on the bus; `undefined` for anything else. */
export function readTag(tag: ExactValue | undefined): string | undefined {
  if (typeof tag !== 'string' || tag.length > LONGEST_TAG) return undefined;
  try {
    checkTag(tag);
    return tag;
  } catch {
    return undefined;
  }
}

/**
 * Reads a request. Each final tag is checked by itself, plain and pretagged, in both forms; real masters check the plain
 * one of the list form only (CVE-2025-22239). An element that is wrong is refused and does no harm to the others, where a
 * real master loses what stands behind it (3006.30, 3007.17, 3008.5).
 */
export function minionEvents(load: Load, sender: string, options: MinionEventOptions): FiredEvents {
  const out = new Outgoing(sender, options);
  const list = load.get('events');
  // `events: nil` beside a tag is what `fire_master` packages of other programs hold
  if (list !== undefined && list !== null) readList(list, load, out, options.maxEvents ?? 10_000);
  else if (load.has('tag') && load.has('data')) out.add(load.get('tag'), requestData(load));
  else out.refuse(refusal('shape'));
  return out;
}

function readList(list: ExactValue, load: Load, out: Outgoing, most: number): void {
  if (!isList(list)) {
    out.refuse(refusal('shape'));
    return;
  }
  const pretag = load.get('pretag') ?? null;
  for (const element of list.slice(0, most)) {
    if (!isMap(element)) {
      out.refuse(refusal('shape'));
      continue;
    }
    const tag = element.get('tag');
    const data = element.has('data') ? element.get('data') : element;
    out.add(tag, data);
    // 3006 and 3007 fire the plain tag first, 3008 the pretagged one: the older order
    if (pretag === null || typeof tag !== 'string') continue;
    out.add(typeof pretag === 'string' ? tagify(tag, '', pretag) : pretag, data);
  }
  for (let over = most; over < list.length; over += 1) out.refuse(refusal('limit'));
}

/** The load without what the channel has checked; the real id in it is the sender's, which the channel has compared. */
export function requestData(load: Load): Load {
  if (!load.has('nonce') && !load.has('tok')) return load;
  const data = new Map<ExactValue, ExactValue>(load);
  data.delete('nonce');
  data.delete('tok');
  return data;
}

/** Gathers events that pass the checks. */
export class Outgoing implements FiredEvents {
  readonly events: BusEvent[] = [];
  readonly refused: Refusal[] = [];
  readonly #sender: string;
  readonly #acl: EventAcl;
  readonly #origin: Origin | undefined;

  constructor(sender: string, options: Pick<MinionEventOptions, 'acl' | 'stampSender' | 'eventId'>) {
    this.#sender = sender;
    this.#acl = options.acl;
    const { stampSender = false, eventId: id } = options;
    this.#origin = stampSender || id !== undefined ? { minion: sender, id } : undefined;
  }

  /** Adds an event of the minion, or the reason why not. */
  add(tag: ExactValue | undefined, data: ExactValue | undefined): void {
    const text = readTag(tag);
    if (text === undefined) this.refuse(refusal('tag', tag));
    else if (!isMap(data)) this.refuse(refusal('data', text));
    else {
      const reason = this.#acl(this.#sender, text);
      if (reason === undefined) this.addOwn(text, data);
      else this.refuse(refusal(reason, text));
    }
  }

  /** Adds an event that the master itself fires about the minion. */
  addOwn(tag: string, data: Load): void {
    this.events.push({ tag, data: withOrigin(data, this.#origin) });
  }

  refuse(what: Refusal): void {
    this.refused.push(what);
  }
}
