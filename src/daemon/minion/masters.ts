/**
 * The masters of a minion: all of them at once, or one after the other (`master_type: failover`).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { encodeClearRequest } from '../../codec/payload/request.ts';
import type { MasterAddress, MinionSettings } from '../../config/index.ts';
import type { SaltbusError } from '../../errors.ts';
import { ReqSocket } from '../../transport/zmtp/req.ts';
import { MasterLink } from './master-link.ts';
import type { LinkOwner, LinkStatus } from './master-link.ts';
import { isFatal } from './link-state.ts';
import { MasterSeat } from './master-seat.ts';
import type { SeatOptions } from './master-seat.ts';
import type { SeatSpool } from './minion-spools.ts';

/** What the masters tell the minion. */
export interface MastersOwner extends Omit<LinkOwner, 'onGaveUp'> {
  /** No master is left. */
  onFailed(error: SaltbusError): void;
}

type Named = Pick<MinionSettings, 'masters' | 'mastersAre'>;

function isFailover({ masters, mastersAre }: Named): boolean {
  return mastersAre === 'failover' && masters.length > 1;
}

/** The seats of a minion, by name: one for each master, or one for all that follow each other. */
export function seatNames(settings: Named): readonly string[] {
  return isFailover(settings) ? ['failover'] : settings.masters.map(({ host, port }) => `${host}:${port}`);
}

/** How seats send, and the spool of each, where there are spools. */
export interface MastersOptions extends SeatOptions {
  readonly spools?: readonly SeatSpool[] | undefined;
}

/** The links of a minion, and what waits for them. */
export class Masters {
  readonly seats: readonly MasterSeat[];
  readonly #owner: LinkOwner;
  readonly #onFailed: (error: SaltbusError) => void;
  readonly #isFailover: boolean;
  readonly #closed = new AbortController();
  readonly #seatOf = new Map<MasterLink, MasterSeat>();
  #links: MasterLink[] = [];
  #at = 0;
  #passes = 0;
  #isHopeless = true;
  #failback: NodeJS.Timeout | undefined;

  constructor(owner: MastersOwner, options: MastersOptions) {
    const { settings } = owner;
    this.#isFailover = isFailover(settings);
    this.#onFailed = (error) => {
      owner.onFailed(error);
    };
    this.#owner = {
      settings,
      identity: owner.identity,
      recentJids: owner.recentJids,
      grains: () => owner.grains(),
      pinned: () => owner.pinned(),
      pin: (pem) => {
        owner.pin(pem);
      },
      isForUs: (job, link) => owner.isForUs(job, link),
      onJob: (job, link) => {
        owner.onJob(job, link);
      },
      onUp: (link) => {
        this.#isHopeless = true;
        this.#passes = 0;
        this.#seatOf.get(link)?.resume(link);
        this.#watchFirst();
        owner.onUp(link);
      },
      onDown: (link, error) => {
        this.#seatOf.get(link)?.pause();
        owner.onDown(link, error);
      },
      onGaveUp: (link, error) => {
        this.#gaveUp(link, error);
      },
    };
    this.seats = seatNames(settings).map(
      (name, index) => new MasterSeat(name, options, options.spools?.[index]),
    );
  }

  get status(): readonly LinkStatus[] {
    return this.#links.map((link) => link.status);
  }

  get links(): readonly MasterLink[] {
    return this.#links;
  }

  /** Where returns to the master of a link go. */
  seatOf(link: MasterLink): MasterSeat | undefined {
    return this.#seatOf.get(link);
  }

  start(): void {
    const { masters } = this.#owner.settings;
    if (this.#isFailover) this.#sit(0);
    else {
      for (const [index, address] of masters.entries()) this.#add(address, this.seats[index]);
      for (const link of this.#links) link.start();
    }
  }

  stopListening(): void {
    clearInterval(this.#failback);
    for (const link of this.#links) link.stopListening();
  }

  close(): void {
    this.#closed.abort();
    clearInterval(this.#failback);
    for (const link of this.#links) link.close();
    for (const seat of this.seats) seat.end();
  }

  #add(address: MasterAddress, seat: MasterSeat | undefined): MasterLink {
    const link = new MasterLink(this.#owner, address, { isOneOfMany: this.#isFailover });
    this.#links.push(link);
    if (seat !== undefined) this.#seatOf.set(link, seat);
    return link;
  }

  #gaveUp(link: MasterLink, error: SaltbusError): void {
    if (this.#closed.signal.aborted) return;
    if (!this.#isFailover) {
      if (!this.#links.some((each) => each.isAlive)) this.#onFailed(error);
      return;
    }
    if (!isFatal(error)) this.#isHopeless = false;
    link.close();
    void this.#sitNext(error);
  }

  async #sitNext(error: SaltbusError): Promise<void> {
    const { masters, masterTries, signIn } = this.#owner.settings;
    const next = (this.#at + 1) % masters.length;
    if (next === 0) {
      this.#passes += 1;
      if (this.#isHopeless || (masterTries >= 0 && this.#passes >= masterTries)) {
        this.#onFailed(error);
        return;
      }
      this.#isHopeless = true;
      await delay(signIn.acceptanceWaitMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
    }
    if (!this.#closed.signal.aborted) this.#sit(next);
  }

  #sit(index: number): void {
    const address = this.#owner.settings.masters[index];
    if (address === undefined) return;
    this.#at = index;
    for (const link of this.#links) link.close();
    this.#links = [];
    this.#seatOf.clear();
    this.#add(address, this.seats[0]).start();
  }

  // While another master than the first is in use, the first is asked whether it is there again (`master_failback`).
  #watchFirst(): void {
    clearInterval(this.#failback);
    const { masters, failbackIntervalMs } = this.#owner.settings;
    const [first] = masters;
    if (!this.#isFailover || failbackIntervalMs <= 0 || this.#at === 0 || first === undefined) return;
    this.#failback = setInterval(() => {
      void answersPing(first, Math.min(failbackIntervalMs, 5000)).then((isThere) => {
        if (!isThere || this.#at === 0 || this.#closed.signal.aborted) return;
        clearInterval(this.#failback);
        this.seats[0]?.pause();
        this.#sit(0);
      });
    }, failbackIntervalMs).unref();
  }
}

async function answersPing(address: MasterAddress, timeoutMs: number): Promise<boolean> {
  const req = new ReqSocket(address);
  try {
    await req.request(encodeClearRequest({ cmd: 'ping' }), { timeoutMs });
    return true;
  } catch {
    return false;
  } finally {
    req.destroy();
  }
}
