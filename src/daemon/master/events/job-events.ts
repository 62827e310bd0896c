/**
 * What the master fires about jobs and minions by itself.
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { byCodePoint, mapOf } from '../load.ts';
import type { BusEvent, Load } from '../load.ts';

/** A job that is published. */
export interface PublishedJob {
  readonly jid: string;
  /** What is sent to the minions. */
  readonly load: Load;
  readonly minions: readonly string[];
  /** Ids of a list that no minion has. @defaultValue none */
  readonly missing?: readonly string[];
}

/** Which events of a release are fired. */
export interface JobEventOptions {
  /** The bare job id with the minions: up to Salt 3007, gone in 3008.0. @defaultValue true */
  readonly bareJid?: boolean;
  /** `salt/job/<jid>/publish`: Salt 3007.0 and later. @defaultValue true */
  readonly publish?: boolean;
}

/** The events of a job that is published, in the order of a real master. */
export function jobEvents(job: PublishedJob, options: JobEventOptions = {}): BusEvent[] {
  const { jid, load, minions, missing = [] } = job;
  const events: BusEvent[] = [];
  if (options.bareJid !== false) events.push({ tag: jid, data: mapOf({ minions }) });
  const field = (name: string, fallback: ExactValue): ExactValue => load.get(name) ?? fallback;
  events.push({
    tag: `salt/job/${jid}/new`,
    data: mapOf({
      jid,
      tgt_type: field('tgt_type', 'glob'),
      tgt: field('tgt', ''),
      user: field('user', ''),
      fun: field('fun', ''),
      arg: field('arg', []),
      minions,
      missing,
    }),
  });
  if (options.publish !== false) events.push({ tag: `salt/job/${jid}/publish`, data: load });
  return events;
}

/** `salt/presence/change` when somebody came or went, then `salt/presence/present`; ids are sorted. */
export function presenceEvents(before: ReadonlySet<string>, present: ReadonlySet<string>): BusEvent[] {
  const came = [...present].filter((id) => !before.has(id)).sort(byCodePoint);
  const lost = [...before].filter((id) => !present.has(id)).sort(byCodePoint);
  const events: BusEvent[] = [];
  if (came.length > 0 || lost.length > 0) {
    events.push({ tag: 'salt/presence/change', data: mapOf({ new: came, lost }) });
  }
  events.push({ tag: 'salt/presence/present', data: mapOf({ present: [...present].sort(byCodePoint) }) });
  return events;
}
