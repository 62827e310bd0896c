/**
 * What the library says while it works: names and payloads on `node:diagnostics_channel`. The library never logs.
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Channel } from 'node:diagnostics_channel';
import type { SaltbusError } from './errors.ts';

/** The payloads by channel name. */
export interface DiagnosticsPayloads {
  /** A connection to a socket of a bus was opened. */
  'saltbus:link:open': { readonly endpoint: string };
  /** A connection was lost or could not be made; the next attempt follows after `retryInMs`. */
  'saltbus:link:retry': { readonly endpoint: string; readonly error: unknown; readonly retryInMs: number };
  /** What a pull socket speaks was found out. */
  'saltbus:dialect': { readonly endpoint: string; readonly pull: string; readonly how: string };
  /** A subscription dropped events, or may have missed some. */
  'saltbus:gap': { readonly reason: string; readonly dropped: number | undefined };
  /** The broker cut a subscriber that did not read. */
  'saltbus:broker:cut': { readonly principal: string; readonly outboxBytes: number; readonly reason: string };
  /** The broker closed a connection at once, because it has as many as it may. */
  'saltbus:broker:full': { readonly principal: string; readonly maxConnections: number };
  /** The operating system would not hand over a connection that somebody made (no descriptors left). */
  'saltbus:listen:error': { readonly endpoint: string; readonly error: Error };
  /** The broker met bytes from a firing program that are no event. */
  'saltbus:broker:malformed': {
    readonly principal: string;
    readonly error: SaltbusError;
    readonly closed: boolean;
  };
  /** A ZeroMQ peer broke the protocol, a limit or a time limit, and its connection was ended. */
  'saltbus:zmtp:fault': { readonly remote: string; readonly error: SaltbusError };
  /** A ZeroMQ connection was refused: as many are open as may be. */
  'saltbus:zmtp:refused': { readonly remote: string; readonly open: number };
  /** A ZeroMQ peer that does not take what is written was cut. */
  'saltbus:zmtp:cut': { readonly remote: string; readonly outboxBytes: number; readonly reason: string };
  /** The outbox of a ZeroMQ subscriber is full, and what is published is dropped for it. Told once until it drains. */
  'saltbus:zmtp:dropping': { readonly remote: string; readonly outboxBytes: number };
  /** A minion signed in, or did not: the outcome is that of the sign-in, or the check that refused it. */
  'saltbus:channel:sign-in': { readonly id: string; readonly outcome: string };
  /** A publication was not made a job. */
  'saltbus:channel:publication-dropped': { readonly reason: string };
  /**
   * A master refused a request; `id` is what the sender claims, and may be anybody's. `remote` is the address that it came from,
   * where whoever opened the request knows one.
   */
  'saltbus:channel:refused': {
    readonly reason: string;
    readonly detail: string;
    readonly id: string | undefined;
    readonly remote: string | undefined;
  };
  /** A master forgot the session of a minion because there were too many. */
  'saltbus:channel:session-dropped': { readonly id: string };
  /** The link of a minion to a master changed. */
  'saltbus:minion:link': {
    readonly id: string;
    readonly master: string;
    readonly phase: string;
    readonly error: SaltbusError | undefined;
  };
  /** A sign-in of a minion was answered, or not; `outcome` as in `saltbus:channel:sign-in`. */
  'saltbus:minion:sign-in': {
    readonly id: string;
    readonly master: string;
    readonly outcome: string;
    readonly error: SaltbusError | undefined;
  };
  /** What came of a package that was fired for the master; told of refusals, drops and successes. */
  'saltbus:minion:forward': {
    readonly master: string | undefined;
    readonly outcome: 'sent' | 'refused' | 'dropped';
    readonly tag: string;
    readonly error: SaltbusError | undefined;
  };
  /** A job of a minion began or ended, its return was lost, or it asks for a returner that is not there. */
  'saltbus:minion:job': {
    readonly jid: string;
    readonly fun: string;
    readonly what: 'began' | 'ended' | 'refused' | 'return-lost' | 'no-returner';
    /** As the job names it, or several with commas between them. */
    readonly returner?: string;
    readonly success?: boolean;
    readonly error?: SaltbusError;
  };
  /** The pillar could not be had from the master, or grains could not be read; the minion goes on without. */
  'saltbus:minion:facts': { readonly what: string; readonly error: SaltbusError };
  /** A file of the key directories, or one that rules sign-ins, is not one that is used; told once until it changes. */
  'saltbus:keys:ignored': { readonly path: string; readonly reason: string };
  /** A new key was not kept, because so many are pending already. */
  'saltbus:keys:full': { readonly id: string; readonly pending: number };
  /** A master answered a sign-in. */
  'saltbus:master:sign-in': { readonly id: string; readonly reply: string; readonly remote: string };
  /** A verified minion asked for something that a master does not do; `subject` is what. */
  'saltbus:master:refused': { readonly id: string; readonly reason: string; readonly subject: string };
  /** More waits for a master than it takes on: the request was answered so that the minion comes again. */
  'saltbus:master:overloaded': { readonly waiting: number };
  /** A master published a job. */
  'saltbus:master:job': {
    readonly jid: string;
    readonly user: string;
    readonly fun: string;
    readonly minions: number;
  };
  /** A master made a new publish key. */
  'saltbus:master:key-rotated': Readonly<Record<string, never>>;
  /** A key was accepted, rejected, deleted or replaced, and the master acted on it. */
  'saltbus:master:key-changed': { readonly id: string; readonly state: string; readonly replaced: boolean };
  /** Something that a master could not do, and went on. */
  'saltbus:master:problem': { readonly what: string; readonly error: unknown };
  /** The key directories could not be looked through; what is in memory stays as it is. */
  'saltbus:keys:scan-failed': { readonly error: unknown };
  /** A damaged file of durable state was moved aside, and a new one made. */
  'saltbus:store:moved-aside': { readonly path: string; readonly movedTo: string; readonly reason: string };
  /** The disk did not take what was written. Told once until it does again. */
  'saltbus:store:failed': { readonly path: string; readonly error: SaltbusError };
  /** Entries that had been called spooled were given up. */
  'saltbus:spool:lost': { readonly how: 'dropped' | 'expired' | 'removed'; readonly count: number };
  /** Events were not kept, or were given up: how many of each since it was told last. */
  'saltbus:spool:full': { readonly refused: number; readonly dropped: number; readonly expired: number };
  /** A file of events that no master of this minion is behind: what is in it is not sent. */
  'saltbus:spool:left-behind': { readonly path: string };
  /** Figures of a spool, as they go into its status file. */
  'saltbus:spool:status': {
    readonly depth: number;
    readonly oldestMs: number;
    readonly sent: number;
    readonly retried: number;
    readonly refused: number;
    readonly dropped: number;
  };
  /** An event has come to a place on its way from a spool to the store of a master: for tests that end a process there. */
  'saltbus:delivery': { readonly step: DeliveryStep };
  /** A connection to the control socket was ended by us: what came over it was no message, or it took too long. */
  'saltbus:control:cut': { readonly program: string; readonly error: SaltbusError };
}

/** The places, in their order. */
export type DeliveryStep =
  | 'spool-write'
  | 'spool-written'
  | 'spool-told'
  | 'send'
  | 'answered'
  | 'spool-delete'
  | 'spool-deleted'
  | 'master-write'
  | 'master-written'
  | 'master-fired'
  | 'master-answered';

/** The name of a diagnostics channel of saltbus. */
export type DiagnosticsName = keyof DiagnosticsPayloads;

const channels = new Map<DiagnosticsName, Channel>();

function channelOf(name: DiagnosticsName): Channel {
  let known = channels.get(name);
  if (known === undefined) {
    known = channel(name);
    channels.set(name, known);
  }
  return known;
}

/** Publishes to a channel, if anybody listens. */
export function publish<Name extends DiagnosticsName>(name: Name, payload: DiagnosticsPayloads[Name]): void {
  const target = channelOf(name);
  if (target.hasSubscribers) target.publish(payload);
}

/** Listens to a channel; returns the function that ends it. */
export function onDiagnostics<Name extends DiagnosticsName>(
  name: Name,
  listener: (payload: DiagnosticsPayloads[Name]) => void,
): () => void {
  const receive = (message: unknown): void => {
    listener(message as DiagnosticsPayloads[Name]);
  };
  subscribe(name, receive);
  return () => {
    unsubscribe(name, receive);
  };
}
