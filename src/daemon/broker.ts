/**
 * The event bus itself: firing programs on one side, subscribers on the other, and bytes passed on as they came.
 *
 * It is handed connections, and does not listen: see `bus-server.ts`. A subscriber has a bounded outbox; one that does
 * not read is cut and counted, and never delays another. Firing programs are slowed while every subscriber that still
 * reads is behind: the fastest one paces the bus. One that reads and has fallen far behind is waited for a little: see
 * {@link Grace}.
 */
import type { Duplex } from 'node:stream';
import type { BodyRange, Framing } from '../codec/framing.ts';
import { publish } from '../diagnostics.ts';
import { BrokerSubscriber } from './broker-subscriber.ts';
import { BrokerWriter } from './broker-writer.ts';
import { Grace } from './grace.ts';
import { OutgoingFrames } from './outgoing-frames.ts';

/** Bounds of a broker. */
export interface BrokerLimits {
  /** Most bytes that wait for one subscriber; beyond, it is cut. @defaultValue 16 MiB */
  readonly outboxBytes?: number;
  /** Firing programs are slowed while at least this much waits for every subscriber. @defaultValue 1 MiB */
  readonly paceBytes?: number;
  /** A subscriber that has taken nothing for so long while something waits for it is cut, in milliseconds. @defaultValue 60 000, as in Salt 3007.15 and 3008.3 */
  readonly drainTimeoutMs?: number;
  /** Longest frame that is taken from a firing program, in bytes. @defaultValue 100 MiB, as in Salt */
  readonly maxFrameBytes?: number;
  /** Most connections at a time, of both kinds; more are closed at once and counted. @defaultValue no bound */
  readonly maxConnections?: number;
}

/** Counters of a broker, since it began. */
export interface BrokerCounters {
  /** Events taken from firing programs, and from this process, and passed on. */
  readonly events: number;
  /** Frames that were no event and were dropped. */
  readonly malformed: number;
  /** Connections of firing programs that were closed because their bytes made no sense. */
  readonly refused: number;
  /** Subscribers that were cut because they did not read. */
  readonly cut: number;
  /** Connections that were closed at once because there were too many. */
  readonly turnedAway: number;
  /** Subscribers now. */
  readonly subscribers: number;
  /** Firing programs now. */
  readonly writers: number;
}

/** Who is on a connection, for counters and messages. */
export interface Principal {
  readonly principal: string;
}

/**
 * Somebody in this process who is shown each event in the moment it is taken, before any subscriber has it. What it wants to keep it
 * copies. It must not throw, and what it does counts for every event: look at the first bytes before anything is decoded.
 */
export type BrokerObserver = (buffer: Buffer, body: BodyRange) => void;

// A subscriber that took nothing for this long does not pace firing programs any more.
const STALLED_MS = 1000;
// One that took something within this time reads, and may be waited for.
const READING_MS = 100;
const SWEEP_MS = 1000;

/** An event bus in this process. */
export class Broker implements AsyncDisposable {
  readonly #limits: Required<BrokerLimits>;
  readonly #subscribers = new Set<BrokerSubscriber>();
  readonly #writers = new Set<BrokerWriter>();
  readonly #observers = new Set<BrokerObserver>();
  readonly #outgoing = new OutgoingFrames();
  #sweep: NodeJS.Timeout | undefined;
  #paused = false;
  readonly #grace = new Grace(performance.now());
  #graceTimer: NodeJS.Timeout | undefined;
  #scheduled = false;
  #events = 0;
  #malformed = 0;
  #refused = 0;
  #cut = 0;
  #turnedAway = 0;

  constructor(limits: BrokerLimits = {}) {
    this.#limits = {
      outboxBytes: limits.outboxBytes ?? 16 * 1024 * 1024,
      paceBytes: limits.paceBytes ?? 1024 * 1024,
      drainTimeoutMs: limits.drainTimeoutMs ?? 60_000,
      maxFrameBytes: limits.maxFrameBytes ?? 100 * 1024 * 1024,
      maxConnections: limits.maxConnections ?? Infinity,
    };
  }

  /** Counters since the beginning, and who is there now. */
  get counters(): BrokerCounters {
    return {
      events: this.#events,
      malformed: this.#malformed,
      refused: this.#refused,
      cut: this.#cut,
      turnedAway: this.#turnedAway,
      subscribers: this.#subscribers.size,
      writers: this.#writers.size,
    };
  }

  /** Takes a connection on which events are to be sent; what comes from it is ignored, as Salt does. */
  attachSubscriber(duplex: Duplex, options: Principal & { readonly framing: Framing }): void {
    if (this.#isFull(duplex, options)) return;
    const subscriber = new BrokerSubscriber(duplex, options.framing, options.principal, {
      onProgress: () => {
        if (this.#paused) this.#pace();
      },
      onGone: (gone) => {
        this.#subscribers.delete(gone);
        this.#pace();
      },
    });
    this.#subscribers.add(subscriber);
    this.#sweep ??= setInterval(() => {
      this.#cutStalled();
    }, SWEEP_MS).unref();
  }

  /** Takes the connection of a firing program; its framing is told from its first byte. Nothing is ever answered. */
  attachWriter(duplex: Duplex, options: Principal): void {
    if (this.#isFull(duplex, options)) return;
    const writer = new BrokerWriter(duplex, this.#limits.maxFrameBytes, {
      onFrame: (buffer, frame, body, framing) => {
        this.#take(buffer, frame, body, framing);
      },
      onChunkEnd: () => {
        this.#schedule();
      },
      onMalformed: (error, closed) => {
        if (closed) this.#refused += 1;
        else this.#malformed += 1;
        publish('saltbus:broker:malformed', { principal: options.principal, error, closed });
      },
      onGone: (gone) => {
        this.#writers.delete(gone);
      },
    });
    this.#writers.add(writer);
    if (this.#paused) writer.pause();
  }

  /** Takes an event of this process itself. The body must not be changed afterwards. */
  fire(body: Buffer): void {
    this.#take(body, undefined, { start: 0, end: body.length }, 'bare');
    this.#schedule();
  }

  /** Shows each event to somebody in this process; returns what ends that. */
  observe(observer: BrokerObserver): () => void {
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  #take(buffer: Buffer, frame: BodyRange | undefined, body: BodyRange, framing: Framing): void {
    this.#events += 1;
    this.#outgoing.add(buffer, frame, body, framing);
    for (const observer of this.#observers) observer(buffer, body);
  }

  // To be turned away is seen by the program and by us; what the system drops for want of descriptors is seen by nobody.
  #isFull(duplex: Duplex, { principal }: Principal): boolean {
    const { maxConnections } = this.#limits;
    const connections = (): number => this.#subscribers.size + this.#writers.size;
    // On a quiet bus nothing was written yet to those that have left.
    if (connections() >= maxConnections) {
      for (const subscriber of this.#subscribers) if (subscriber.hasEnded) subscriber.destroy();
    }
    if (connections() < maxConnections) return false;
    this.#turnedAway += 1;
    publish('saltbus:broker:full', { principal, maxConnections });
    duplex.on('error', () => undefined);
    duplex.destroy();
    return true;
  }

  /** Sends what has been gathered, and cuts everybody off. Idempotent. */
  async close(): Promise<void> {
    this.#flush();
    clearInterval(this.#sweep);
    clearTimeout(this.#graceTimer);
    this.#sweep = undefined;
    for (const writer of [...this.#writers]) writer.close();
    await Promise.all([...this.#subscribers].map((subscriber) => subscriber.finish()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // All that was read in one turn of the loop goes out in one write for each subscriber.
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const outgoing = this.#outgoing;
    if (outgoing.isEmpty) return;
    for (const subscriber of this.#subscribers) {
      subscriber.send(outgoing.buffers(subscriber.framing));
      if (subscriber.waitingBytes > this.#limits.outboxBytes) this.#cutOff(subscriber, 'outbox full');
    }
    outgoing.clear();
    this.#pace();
  }

  #cutOff(subscriber: BrokerSubscriber, reason: string): void {
    this.#cut += 1;
    publish('saltbus:broker:cut', {
      principal: subscriber.principal,
      outboxBytes: subscriber.waitingBytes,
      reason,
    });
    subscriber.destroy();
  }

  #cutStalled(): void {
    const now = performance.now();
    for (const subscriber of this.#subscribers) {
      if (subscriber.stalledMs(now) > this.#limits.drainTimeoutMs) this.#cutOff(subscriber, 'drain timeout');
    }
    if (this.#paused) this.#pace();
    if (this.#subscribers.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }

  #pace(): void {
    const now = performance.now();
    const allBehind = this.#everyoneIsBehind(now);
    const helping = this.#grace.ask(!allBehind && this.#someoneLags(now), now);
    // Progress ends the wait early; where there is none, this does.
    if (helping) this.#graceTimer ??= this.#paceAfter(this.#grace.leftMs);
    const pause = allBehind || helping;
    if (pause === this.#paused) return;
    this.#paused = pause;
    for (const writer of this.#writers) {
      if (pause) writer.pause();
      else writer.resume();
    }
  }

  #paceAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#graceTimer = undefined;
      this.#pace();
    }, ms);
  }

  #someoneLags(now: number): boolean {
    const mark = this.#limits.outboxBytes / (this.#paused ? 4 : 2);
    for (const subscriber of this.#subscribers) {
      if (subscriber.waitingBytes > mark && subscriber.stalledMs(now) < READING_MS) return true;
    }
    return false;
  }

  #everyoneIsBehind(now: number): boolean {
    let readers = 0;
    for (const subscriber of this.#subscribers) {
      if (subscriber.waitingBytes < this.#limits.paceBytes) return false;
      if (subscriber.stalledMs(now) < STALLED_MS) readers += 1;
    }
    return readers > 0;
  }
}
