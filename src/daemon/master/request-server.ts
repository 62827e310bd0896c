/**
 * What a master does with each request on its port: opens it, has it answered, puts the events on the bus, and sends the
 * reply; each request is answered exactly once (CVE-2023-20897).
 *
 * Events and returns pass through in one go, without a promise. What takes an RSA operation for each waits in a queue.
 */
import { answerAuth, sealPillar, sealReply } from '../../channel/answer.ts';
import type { AuthDesk, AuthVerdict } from '../../channel/answer.ts';
import { openRequest } from '../../channel/open-request.ts';
import type { AuthenticRequest, Door, SignInRequest } from '../../channel/open-request.ts';
import { HANDLER_FAILED } from '../../channel/refusals.ts';
import { BAD_LOAD } from '../../codec/payload/reply.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { publish } from '../../diagnostics.ts';
import type { Reply } from '../../transport/zmtp/router.ts';
import { answerCommand } from './commands.ts';
import type { Answer, MinionCommand } from './commands.ts';
import { AUTH_TAG } from './keys/index.ts';
import type { MasterKeys, SignInOutcome } from './keys/index.ts';
import type { RefusalEvents } from './events/refusal-events.ts';
import { mapOf } from './load.ts';
import type { BusEvent } from './load.ts';
import type { LocalClient } from './local-client.ts';
import type { MasterBus } from './master-bus.ts';
import type { PresentPeer, Presence } from './presence.ts';
import { WorkQueue } from './work-queue.ts';

/** The connection that a request came on. */
export interface Asker extends PresentPeer {
  readonly closed: boolean;
  readonly remote: string;
}

/** What requests are answered with. */
export interface RequestServerParts {
  readonly door: Door;
  readonly desk: AuthDesk;
  readonly keys: Pick<MasterKeys, 'signIn' | 'knows'>;
  readonly local: LocalClient;
  readonly bus: MasterBus;
  readonly presence: Presence;
  readonly refusalEvents: RefusalEvents;
  /** `auth_events` */
  readonly authEvents: boolean;
  /** RSA operations at once. */
  readonly rsaAtOnce: number;
  /** Requests that may wait for one; more are answered so that the minion comes again. */
  readonly rsaWaiting: number;
}

/** What was counted since the master began. */
export interface RequestCounters {
  /** Requests that came. */
  readonly requests: number;
  /** Sign-ins by what was answered. */
  readonly signIns: Readonly<Record<Exclude<SignInOutcome['reply'], 'later'>, number>>;
  /** Requests of verified minions, by nothing. */
  readonly authentic: number;
  /** Refused at the door, by reason: no minion is known to have sent them, or a field of a command was wrong. */
  readonly refused: ReadonlyMap<string, number>;
  /** What verified minions asked for and was not done, by reason. */
  readonly declined: ReadonlyMap<string, number>;
  /** Turned away because too much waits. */
  readonly overloaded: number;
  /** Dropped unanswered because who asked has gone. */
  readonly abandoned: number;
  /** Answered with a failure, because of an error here. */
  readonly failed: number;
}

type Heavy =
  | {
      readonly kind: 'sign-in';
      readonly asker: Asker;
      readonly reply: Reply;
      readonly request: SignInRequest;
    }
  | {
      readonly kind: 'pillar';
      readonly asker: Asker;
      readonly reply: Reply;
      readonly request: AuthenticRequest;
      readonly pillar: ExactValue;
    };

const FIRED = { step: 'master-fired' } as const;
const ANSWERED = { step: 'master-answered' } as const;

/** Answers requests. */
export class RequestServer {
  readonly #parts: RequestServerParts;
  readonly #heavy: WorkQueue<Heavy>;
  /** Sign-ins of whoever is not known to be a minion: one at a time, so that they delay no minion. */
  readonly #strangers: WorkQueue<Heavy>;
  #commands: ReadonlyMap<string, MinionCommand>;
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  readonly #counters = {
    requests: 0,
    signIns: { accept: 0, pending: 0, refused: 0, full: 0 },
    authentic: 0,
    refused: new Map<string, number>(),
    declined: new Map<string, number>(),
    overloaded: 0,
    abandoned: 0,
    failed: 0,
  };

  constructor(parts: RequestServerParts, commands: ReadonlyMap<string, MinionCommand>) {
    this.#parts = parts;
    this.#commands = commands;
    const { rsaAtOnce: concurrency, rsaWaiting: waiting } = parts;
    this.#heavy = new WorkQueue({ concurrency, waiting }, (item) => this.#work(item));
    this.#strangers = new WorkQueue({ concurrency: 1, waiting }, (item) => this.#work(item));
  }

  get counters(): RequestCounters {
    return this.#counters;
  }

  /** Takes other commands from now on. */
  setCommands(commands: ReadonlyMap<string, MinionCommand>): void {
    this.#commands = commands;
  }

  /** Answers a request, exactly once. Never throws. */
  take(asker: Asker, payload: Buffer, reply: Reply): void {
    this.#counters.requests += 1;
    try {
      this.#dispatch(asker, payload, reply);
    } catch (error) {
      this.#fail(reply, error);
    }
  }

  /** Resolves when nothing is being answered, or the signal is aborted. */
  async idle(signal: AbortSignal): Promise<void> {
    if (this.#inFlight === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #dispatch(asker: Asker, payload: Buffer, reply: Reply): void {
    const opened = openRequest(this.#parts.door, payload, asker.remote);
    switch (opened.kind) {
      case 'refused':
        count(this.#counters.refused, opened.reason);
        reply(opened.answer);
        return;
      case 'authentic':
        this.#authentic(asker, opened, payload.length, reply);
        return;
      case 'sign-in':
        this.#queue({ kind: 'sign-in', asker, reply, request: opened });
        return;
      case 'clear': {
        const answer = this.#parts.local.answer(opened);
        if (answer instanceof Promise) this.#later(answer, reply, reply);
        else reply(answer);
      }
    }
  }

  #authentic(asker: Asker, request: AuthenticRequest, bytes: number, reply: Reply): void {
    this.#counters.authentic += 1;
    this.#parts.presence.seen(asker, request.id);
    const answer = answerCommand(this.#commands, { sender: request.id, load: request.whole, bytes });
    const finish = (done: Answer): void => this.#finish(asker, request, done, reply);
    if (answer instanceof Promise) this.#later(answer, reply, finish);
    else finish(answer);
  }

  #finish(asker: Asker, request: AuthenticRequest, answer: Answer, reply: Reply): void {
    const told: BusEvent[] = [];
    for (const refusal of answer.refused) {
      const { reason, subject } = refusal;
      count(this.#counters.declined, reason);
      publish('saltbus:master:refused', { id: request.id, reason, subject });
      const event = this.#parts.refusalEvents.of(request.id, refusal);
      if (event !== undefined) told.push(event);
    }
    if (answer.error !== undefined) {
      publish('saltbus:master:problem', { what: `a request of ${request.id}`, error: answer.error });
    }
    // what is answered has happened: the events come first
    this.#parts.bus.fireAll(answer.events);
    this.#parts.bus.fireAll(told);
    publish('saltbus:delivery', FIRED);
    if (answer.form === 'plain') reply(sealReply(request, answer.reply));
    else this.#queue({ kind: 'pillar', asker, reply, request, pillar: answer.reply });
    publish('saltbus:delivery', ANSWERED);
  }

  #later<Value>(promise: Promise<Value>, reply: Reply, finish: (value: Value) => void): void {
    this.#begin();
    promise
      .then(finish)
      .catch((error: unknown) => this.#fail(reply, error))
      .finally(() => this.#end());
  }

  #queue(item: Heavy): void {
    this.#begin();
    const isStranger = item.kind === 'sign-in' && !this.#parts.keys.knows(item.request.load);
    const queue = isStranger ? this.#strangers : this.#heavy;
    if (queue.add(item)) return;
    this.#tellToComeAgain(item.reply, queue.waiting);
    this.#end();
  }

  // A minion takes this for a sign-in that failed, and comes again after its acceptance_wait_time.
  #tellToComeAgain(reply: Reply, waiting: number): void {
    this.#counters.overloaded += 1;
    publish('saltbus:master:overloaded', { waiting });
    reply(BAD_LOAD);
  }

  async #work(item: Heavy): Promise<void> {
    try {
      if (item.asker.closed) {
        this.#counters.abandoned += 1;
        item.reply(undefined);
      } else if (item.kind === 'sign-in') await this.#signIn(item.asker, item.request, item.reply);
      else item.reply(await sealPillar(this.#parts.desk.masterKey, item.request, item.pillar));
    } catch (error) {
      this.#fail(item.reply, error);
    } finally {
      this.#end();
    }
  }

  async #signIn(asker: Asker, request: SignInRequest, reply: Reply): Promise<void> {
    const { desk, keys, bus, authEvents } = this.#parts;
    const { id, pub, autosign_grains: autosignGrains } = request.load;
    const outcome = keys.signIn({ id, pub, autosignGrains });
    const verdict = verdictOf(outcome);
    if (outcome.reply === 'later' || verdict === undefined) {
      this.#tellToComeAgain(reply, this.#strangers.waiting);
      return;
    }
    this.#counters.signIns[outcome.reply] += 1;
    publish('saltbus:master:sign-in', { id: id.slice(0, 255), reply: outcome.reply, remote: asker.remote });
    if (outcome.error !== undefined)
      publish('saltbus:master:problem', { what: 'a sign-in', error: outcome.error });
    const answer = await answerAuth(desk, request, verdict);
    if (authEvents && outcome.event !== undefined)
      bus.fire({ tag: AUTH_TAG, data: mapOf({ ...outcome.event }) });
    reply(answer);
  }

  #fail(reply: Reply, error: unknown): void {
    this.#counters.failed += 1;
    publish('saltbus:master:problem', { what: 'a request', error });
    reply(HANDLER_FAILED);
  }

  #begin(): void {
    this.#inFlight += 1;
  }

  #end(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#onIdle?.();
  }
}

function verdictOf(outcome: SignInOutcome): AuthVerdict | undefined {
  switch (outcome.reply) {
    case 'accept':
      return outcome.key === undefined ? { kind: 'rejected' } : { kind: 'accepted', minionKey: outcome.key };
    case 'pending':
      return { kind: 'pending' };
    case 'refused':
      return { kind: 'rejected' };
    case 'full':
      return { kind: 'full' };
    case 'later':
      return undefined;
  }
}

function count(counts: Map<string, number>, reason: string): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1);
}
