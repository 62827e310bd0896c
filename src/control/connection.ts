/**
 * One program on the control socket, as the daemon sees it.
 */
import type { Duplex } from 'node:stream';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import { FrameReader, FrameWriter } from './frames.ts';
import { CONTROL_VERSION, errorFields, readHello, readMessage, readRequest, refusalOf } from './messages.ts';
import type { FireRefusal, FireRequest, ReadRequest } from './messages.ts';
import type { ControlCounters, ControlHandlers, ControlLimits, FireReply } from './handlers.ts';

/** What a connection needs of its server. */
export interface ConnectionOwner {
  readonly handlers: ControlHandlers;
  readonly counters: ControlCounters;
  readonly limits: ControlLimits;
  readonly onGone: (connection: ControlConnection) => void;
}

const FRAME_BYTES = 16 * 1024 * 1024;
const UNDER_WAY = 8192;
const UNDER_WAY_BYTES = 32 * 1024 * 1024;
const HELLO_MS = 10_000;
const STALL_MS = 30_000;
const FINISH_MS = 1000;
/** Answers that wait beyond this hold up the requests of the same program. */
const OUTBOX_BYTES = 1024 * 1024;
/** Before the hello a frame is small. */
const HELLO_BYTES = 1024;
const NOTHING = {};

/** An event that was fired and is not answered. */
class Firing implements FireReply {
  readonly lane: string;
  readonly number: number;
  readonly size: number;
  /** When `accepted` is not waited for any longer; Infinity for never. */
  readonly deadline: number;
  /** The program waits for the master. */
  readonly follows: boolean;
  readonly #connection: ControlConnection;
  #isSpooled = false;
  #isAnswered = false;

  constructor(connection: ControlConnection, number: number, request: FireRequest, size: number) {
    this.#connection = connection;
    this.lane = connection.lane;
    this.number = number;
    this.size = size;
    this.follows = request.wait === 'accepted';
    this.deadline =
      !this.follows || request.timeoutMs === undefined ? Infinity : performance.now() + request.timeoutMs;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  spooled(): void {
    this.#isSpooled = true;
    if (!this.follows) this.#answer('spooled', NOTHING);
  }

  refused(error: SaltbusError): void {
    this.#refuse(refusalOf(error), error);
  }

  left(how: 'sent' | 'rejected' | 'dropped' | 'expired' | 'removed'): void {
    if (how === 'sent') this.#answer(this.follows ? 'accepted' : 'spooled', NOTHING);
    else this.#refuse(how, new SaltbusError('ERR_SALTBUS_NOT_SPOOLED', LEFT[how]));
  }

  /** The time for waiting is over. */
  elapsed(): void {
    if (this.#isSpooled) this.#answer('spooled', NOTHING);
  }

  #refuse(reason: FireRefusal, { code, message }: SaltbusError): void {
    this.#answer('refused', { reason, code, message });
  }

  #answer(kind: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#connection.answerFire(this, kind, fields);
  }
}

const LEFT = {
  rejected: 'The master does not want the event',
  dropped: 'The event was given up to make room for others',
  expired: 'The event became too old before the master could be reached',
  removed: 'An operator has taken the event out of the spool',
} as const;

/** Tells a program that there are too many. */
export function refuseConnection(duplex: Duplex, open: number): void {
  const writer = new FrameWriter();
  writer.add([
    0,
    'error',
    errorFields(
      new SaltbusError(
        'ERR_SALTBUS_OVERLOADED',
        `${open} programs are connected to the control socket already`,
      ),
    ),
  ]);
  duplex.on('error', () => duplex.destroy());
  duplex.end(writer.take(), () => duplex.destroy());
}

/** A connection; made by the server. */
export class ControlConnection {
  /** Whose events come over it. */
  lane: string;
  readonly #duplex: Duplex;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #writer = new FrameWriter();
  readonly #waiting = new Set<Firing>();
  readonly #openedAt = performance.now();
  #program = 'unknown';
  #isGreeted = false;
  #isEnded = false;
  /** The program has closed its direction. */
  #hasNoMore = false;
  #underWay = 0;
  #underWayBytes = 0;
  #isPaused = false;
  #isFlushing = false;
  #lastRead: number = performance.now();
  #lastWritten: number = performance.now();
  readonly #onWritten = (): void => {
    this.#lastWritten = performance.now();
    this.#resume();
  };

  /** @param name - of its own lane, when the program names none */
  constructor(duplex: Duplex, name: string, owner: ConnectionOwner) {
    this.#duplex = duplex;
    this.#owner = owner;
    this.lane = `connection/${name}`;
    this.#reader = new FrameReader(owner.limits.maxFrameBytes ?? FRAME_BYTES, (body) => {
      this.#onFrame(body);
    });
    duplex.on('data', (chunk: Buffer) => {
      this.#onData(chunk);
    });
    duplex.on('error', () => duplex.destroy());
    duplex.on('end', () => {
      this.#onEnd();
    });
    duplex.on('close', () => {
      this.#isEnded = true;
      this.#reader.stop();
      this.#waiting.clear();
      owner.onGone(this);
    });
  }

  /** Keeps the limits on time. */
  sweep(now: number): void {
    const { helloMs = HELLO_MS, stallMs = STALL_MS } = this.#owner.limits;
    for (const firing of this.#waiting) if (firing.deadline <= now) firing.elapsed();
    if (!this.#isGreeted && now - this.#openedAt > helloMs) this.#cut(tooSlow('did not say who it is'));
    else if (this.#reader.heldBytes > 0 && !this.#isPaused && now - this.#lastRead > stallMs)
      this.#cut(tooSlow('stopped in the middle of a message'));
    else if (this.#duplex.writableLength > 0 && now - this.#lastWritten > stallMs)
      this.#cut(tooSlow('does not take its answers'));
  }

  /** Ends it after its answers have gone out. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#duplex.destroyed) {
        resolve();
        return;
      }
      this.#duplex.once('close', resolve);
      this.#reader.stop();
      this.#flush();
      this.#duplex.end(() => this.#duplex.destroy());
      setTimeout(() => this.#duplex.destroy(), FINISH_MS).unref();
    });
  }

  /** An event that was fired has its answer. */
  answerFire(firing: Firing, kind: string, fields: Readonly<Record<string, unknown>>): void {
    this.#waiting.delete(firing);
    this.#answer(firing.number, kind, fields, firing.size);
  }

  #onData(chunk: Buffer): void {
    this.#lastRead = performance.now();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof SaltbusError)) throw error;
      this.#cut(error);
    }
    this.#pause();
  }

  // Half an end: it has nothing more to ask, and takes the answers that are still owed.
  #onEnd(): void {
    if (this.#underWay === 0) this.#duplex.end(() => this.#duplex.destroy());
    this.#hasNoMore = true;
  }

  #onFrame(body: Buffer): void {
    if (!this.#isGreeted && body.length > HELLO_BYTES)
      throw new SaltbusError('ERR_SALTBUS_FRAME', `A hello of ${body.length} bytes is too long`);
    const { number, word, fields } = readMessage(body);
    if (!this.#isGreeted) {
      if (number !== 0 || word !== 'hello')
        throw new SaltbusError('ERR_SALTBUS_CONTROL', 'The first message on the control socket is no hello');
      const hello = readHello(fields);
      this.#isGreeted = true;
      this.#program = hello.program;
      if (hello.lane !== undefined) this.lane = `program/${hello.lane}`;
      this.#send([0, 'welcome', { version: CONTROL_VERSION }]);
      return;
    }
    if (number === 0) throw new SaltbusError('ERR_SALTBUS_CONTROL', 'A second hello came');
    this.#owner.counters.requests += 1;
    this.#underWay += 1;
    this.#underWayBytes += body.length;
    let request: ReadRequest;
    try {
      request = readRequest(number, word, fields);
    } catch (error) {
      this.#owner.counters.wrong += 1;
      this.#answer(number, 'error', errorFields(error), body.length);
      return;
    }
    if (request.command === 'fire') this.#fire(number, request.request, body.length);
    else void this.#run(request, body.length);
  }

  #fire(number: number, request: FireRequest, size: number): void {
    const firing = new Firing(this, number, request, size);
    this.#owner.handlers.fire(request, firing);
    if (firing.deadline !== Infinity && !firing.isAnswered) this.#waiting.add(firing);
  }

  async #run(request: Exclude<ReadRequest, { readonly command: 'fire' }>, size: number): Promise<void> {
    let kind = 'result';
    let answer: unknown;
    try {
      answer = await this.#handle(request);
    } catch (error) {
      kind = 'error';
      answer = errorFields(error);
    }
    this.#answer(request.number, kind, answer, size);
  }

  #handle(request: Exclude<ReadRequest, { readonly command: 'fire' }>): unknown {
    const { handlers } = this.#owner;
    switch (request.command) {
      case 'spool.list':
        return handlers['spool.list'](request.request);
      case 'spool.show':
        return handlers['spool.show'](request.request);
      case 'spool.drop':
        return handlers['spool.drop'](request.request);
      case 'spool.flush':
        return handlers['spool.flush'](request.request);
      case 'spool.stats':
        return handlers['spool.stats'](request.request);
      case 'status':
        return handlers.status(request.request);
    }
  }

  #answer(number: number, kind: string, answer: unknown, size: number): void {
    this.#underWay -= 1;
    this.#underWayBytes -= size;
    this.#send([number, kind, answer]);
    if (this.#hasNoMore && this.#underWay === 0 && !this.#isEnded) {
      this.#flush();
      this.#duplex.end(() => this.#duplex.destroy());
    } else this.#resume();
  }

  #send(message: readonly unknown[]): void {
    if (this.#isEnded) return;
    this.#writer.add(message);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // all answers of this turn travel in one write
    queueMicrotask(() => {
      this.#flush();
    });
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#isEnded || this.#writer.isEmpty || this.#duplex.writableEnded) return;
    if (this.#duplex.writableLength === 0) this.#lastWritten = performance.now();
    this.#duplex.write(this.#writer.take(), this.#onWritten);
  }

  get #isOver(): boolean {
    const { maxUnderWay = UNDER_WAY, maxUnderWayBytes = UNDER_WAY_BYTES } = this.#owner.limits;
    return (
      this.#underWay >= maxUnderWay ||
      this.#underWayBytes >= maxUnderWayBytes ||
      this.#duplex.writableLength > OUTBOX_BYTES
    );
  }

  #pause(): void {
    if (this.#isPaused || this.#isEnded || !this.#isOver) return;
    this.#isPaused = true;
    this.#duplex.pause();
  }

  #resume(): void {
    if (!this.#isPaused || this.#isEnded || this.#isOver) return;
    this.#isPaused = false;
    this.#lastRead = performance.now();
    this.#duplex.resume();
  }

  #cut(error: SaltbusError): void {
    if (this.#isEnded) return;
    this.#owner.counters.cut += 1;
    publish('saltbus:control:cut', { program: this.#program, error });
    this.#reader.stop();
    this.#send([0, 'error', errorFields(error)]);
    this.#flush();
    this.#isEnded = true;
    this.#duplex.end(() => this.#duplex.destroy());
    // one that does not read its answers does not read this either
    setTimeout(() => this.#duplex.destroy(), FINISH_MS).unref();
  }
}

function tooSlow(what: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_TIMEOUT', `The program on the control socket ${what}`);
}
