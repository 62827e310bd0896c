/**
 * A minion: it signs in to its masters, runs their jobs, owns a local event bus, and forwards what is fired there for the master.
 */
import { randomUUID } from 'node:crypto';
import type { Job } from '../../channel/publication-reader.ts';
import { MinionIdentity } from '../../channel/identity.ts';
import { RecentJids } from '../../channel/recent-jids.ts';
import { FIRE_MASTER_TAG } from '../../bus/fire-master.ts';
import { stampNow } from '../../bus/stamp.ts';
import { EventBodyEncoder } from '../../codec/event-body.ts';
import type { LoadMap } from '../../codec/payload/raw-strings.ts';
import { cleanPem, fingerprint } from '../../codec/rsa/pem.ts';
import { controlSocket } from '../../config/index.ts';
import type { MinionSettings } from '../../config/index.ts';
import type { Figures } from '../../control/index.ts';
import { NEWEST_RELEASE } from '../../dialect/releases.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import type { Owner } from '../../pki/index.ts';
import { compileReceivedTarget } from '../../target/index.ts';
import { serveBus } from '../bus-server.ts';
import type { BusServer, ServeBusOptions } from '../bus-server.ts';
import type { FunctionHost, MinionFunction } from '../functions/function.ts';
import { MINION_FUNCTIONS } from '../functions/table.ts';
import type { BrokerCounters } from '../broker.ts';
import type { ForwardCounters } from './forwarder.ts';
import { tagPrefix } from './forward-package.ts';
import { collectGrains } from './grains.ts';
import type { GrainsSource } from './grains.ts';
import { jobReturn } from './job-return.ts';
import { Jobs } from './jobs.ts';
import type { JobCounters, JobLimits } from './jobs.ts';
import type { LinkStatus, MasterLink } from './master-link.ts';
import { Masters, seatNames } from './masters.ts';
import { openMinionKey, pinMasterKey, readPinnedKey } from './minion-keys.ts';
import { SPOOL_LOST_TAG, openMinionSpools } from './minion-spools.ts';
import type { MinionSpoolOptions, MinionSpools } from './minion-spools.ts';
import type { QueueLimits } from './send-queue.ts';

/** How a minion is run. */
export interface MinionOptions {
  readonly settings: MinionSettings;
  /** Where its bus is served. */
  readonly bus: Omit<ServeBusOptions, 'forwards' | 'onDisplaced'>;
  /** Our own version, for the grain `saltbus`. */
  readonly version: string;
  /** Whether `_stamp` has a zone, as since 3008. @defaultValue true */
  readonly isStampZoned?: boolean;
  /** Whom files are given to when this is started as root. */
  readonly owner?: Owner | undefined;
  /** What it can run. @defaultValue the functions of this package */
  readonly functions?: ReadonlyMap<string, MinionFunction>;
  /** Where what waits for the masters is kept on disk. @defaultValue in memory */
  readonly spool?: MinionSpoolOptions | undefined;
  /** Bounds of what waits for each master in memory, without a spool. */
  readonly forward?: Partial<QueueLimits>;
  readonly jobs?: Partial<JobLimits>;
}

/** What can be said of a minion. */
export interface MinionStatus {
  readonly id: string;
  readonly masters: readonly LinkStatus[];
  readonly forwarding: readonly ForwardCounters[];
  /** Of all spools; `undefined` where there is none. */
  readonly spool: Figures | undefined;
  readonly returns: readonly { readonly sent: number; readonly lost: number; readonly waiting: number }[];
  readonly jobs: JobCounters;
  readonly bus: BrokerCounters;
}

/** A minion that runs. */
export interface MinionDaemon extends AsyncDisposable {
  readonly id: string;
  /** Whether the key pair was made just now. */
  readonly isKeyNew: boolean;
  /** Of the key, as `salt-key -F` shows it. */
  readonly fingerprint: string;
  readonly bus: BusServer;
  /** Resolves when the first master is there. */
  readonly ready: Promise<void>;
  /** Resolves when there is no point in going on: no master is left, or another daemon took the bus. */
  readonly failed: Promise<SaltbusError>;
  readonly status: MinionStatus;
  /**
   * Reads grains again and has the pillar made anew.
   * @param settings - whose grains are taken from now on; all else in them counts from the next start
   */
  refresh(settings?: Pick<MinionSettings, 'grains' | 'grainsFile'>): Promise<void>;
  /** Takes no more jobs, lets those that run end, sends what waits where the master is there, and ends. Idempotent. */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Ends now. Idempotent. */
  destroy(): void;
}

/**
 * Starts a minion. It resolves when its bus is served; the masters are signed in to from then on.
 * @throws SaltbusError for keys that cannot be used (`ERR_SALTBUS_KEY_UNSAFE`, `ERR_SALTBUS_KEY_INVALID`, `ERR_SALTBUS_PERMISSION`), a bus
 * that is served already (`ERR_SALTBUS_BUS_IN_USE`), and algorithms that are not known (`ERR_SALTBUS_ALGORITHM`)
 */
export async function startMinion(options: MinionOptions): Promise<MinionDaemon> {
  const { settings, owner } = options;
  const place = { pkiDir: settings.pkiDir, keysize: settings.keysize, owner };
  const { privatePem, created } = await openMinionKey(place);
  const identity = new MinionIdentity(settings.id, privatePem);
  const pinned = readPinnedKey(settings.pkiDir);
  const grains = await collectGrains(grainsSource(options));
  let minion: Minion | undefined;
  const spools = options.spool === undefined ? undefined : await openSpools(options, options.spool);
  let bus: BusServer | undefined;
  try {
    bus = await serveBus({
      ...options.bus,
      forwards: true,
      control: spools?.isServed === true,
      onDisplaced: (error) => minion?.fail(error),
    });
    minion = new Minion(options, { identity, created, pinned, grains, bus, spools });
    minion.start();
    return minion;
  } catch (error) {
    await bus?.close();
    await spools?.close();
    throw error;
  }
}

// Before the bus: who is told of the control socket finds it open.
async function openSpools(
  { settings, bus }: MinionOptions,
  options: MinionSpoolOptions,
): Promise<MinionSpools> {
  const spools = await openMinionSpools(seatNames(settings), options);
  const [first] = bus.pairs;
  try {
    if (first?.pub.kind === 'unix')
      await spools.listen({ kind: 'unix', path: controlSocket(first.pub.path) });
    return spools;
  } catch (error) {
    await spools.close();
    throw error;
  }
}

function grainsSource({ settings, version }: MinionOptions): GrainsSource {
  const [master] = settings.masters;
  return {
    id: settings.id,
    master: master?.host ?? '',
    release: NEWEST_RELEASE,
    version,
    configured: settings.grains,
    file: settings.grainsFile,
  };
}

interface Parts {
  readonly identity: MinionIdentity;
  readonly created: boolean;
  readonly pinned: string | undefined;
  readonly grains: Map<string, unknown>;
  readonly bus: BusServer;
  readonly spools: MinionSpools | undefined;
}

const forwards = tagPrefix(FIRE_MASTER_TAG);
const PILLAR_REFRESHED = '/salt/minion/minion_pillar_refresh_complete';
const NO_PILLAR: LoadMap = new Map();

class Minion implements MinionDaemon {
  readonly id: string;
  readonly isKeyNew: boolean;
  readonly fingerprint: string;
  readonly bus: BusServer;
  readonly ready: Promise<void>;
  readonly failed: Promise<SaltbusError>;
  readonly #options: MinionOptions;
  readonly #masters: Masters;
  readonly #spools: MinionSpools | undefined;
  readonly #jobs: Jobs;
  readonly #encoder = new EventBodyEncoder();
  readonly #functions: ReadonlyMap<string, MinionFunction>;
  readonly #refreshes: readonly {
    readonly is: ReturnType<typeof tagPrefix>;
    readonly run: () => Promise<void>;
  }[];
  #source: GrainsSource;
  #grains: Map<string, unknown>;
  #pinned: string | undefined;
  #stopObserving: () => void = () => undefined;
  #onReady: () => void = () => undefined;
  #onFailed: (error: SaltbusError) => void = () => undefined;
  #wasUp = new Set<string>();
  #closing: Promise<void> | undefined;
  #isDestroyed = false;

  constructor(options: MinionOptions, parts: Parts) {
    const { settings } = options;
    this.id = settings.id;
    this.isKeyNew = parts.created;
    this.fingerprint = fingerprint(parts.identity.publicPem, settings.hashType);
    this.bus = parts.bus;
    this.#options = options;
    this.#spools = parts.spools;
    if (parts.spools !== undefined) {
      parts.spools.onLost = (lost) => {
        this.#fire(SPOOL_LOST_TAG, { ...lost });
      };
    }
    this.#source = grainsSource(options);
    this.#grains = parts.grains;
    this.#pinned = parts.pinned;
    this.#functions = options.functions ?? MINION_FUNCTIONS;
    this.ready = new Promise((resolve) => (this.#onReady = resolve));
    this.failed = new Promise((resolve) => (this.#onFailed = resolve));
    this.#jobs = new Jobs({ ...options.jobs, id: settings.id, isOrdered: settings.isMultifuncOrdered });
    this.#refreshes = [
      { is: tagPrefix('pillar_refresh'), run: () => this.#refreshPillar() },
      { is: tagPrefix('grains_refresh'), run: () => this.refresh() },
    ];
    this.#masters = new Masters(
      {
        settings,
        identity: parts.identity,
        recentJids: new RecentJids(settings.jidMemory),
        grains: () => this.#grains,
        pinned: () => this.#pinned,
        pin: (pem) => {
          this.#pin(pem);
        },
        isForUs: (job, link) => this.#isForUs(job, link),
        onJob: (job, link) => {
          this.#run(job, link);
        },
        onUp: (link) => {
          this.#onReady();
          if (this.#wasUp.has(link.name)) this.#fire('__master_connected', { master: link.address.host });
          this.#wasUp.add(link.name);
        },
        onDown: (link) => {
          if (this.#wasUp.has(link.name)) this.#fire('__master_disconnected', { master: link.address.host });
        },
        onFailed: (error) => {
          this.fail(error);
        },
      },
      {
        forward: options.forward ?? {},
        spools: parts.spools?.seats,
        tellsIds: options.spool?.tellsIds ?? false,
        returnRetryMs: settings.returnRetryMs,
        returnTries: settings.returnTries,
      },
    );
  }

  get status(): MinionStatus {
    return {
      id: this.id,
      masters: this.#masters.status,
      forwarding: this.#masters.seats.map(({ forwarder }) => forwarder.counters),
      spool: this.#spools?.figures(),
      returns: this.#masters.seats.map(({ returns }) => returns),
      jobs: this.#jobs.counters,
      bus: this.bus.broker.counters,
    };
  }

  start(): void {
    this.#stopObserving = this.bus.broker.observe((buffer, { start, end }) => {
      if (forwards(buffer, start, end)) this.#forward(buffer, start, end);
      else for (const { is, run } of this.#refreshes) if (is(buffer, start, end)) this.#inBackground(run());
    });
    this.#masters.start();
  }

  fail(error: SaltbusError): void {
    this.#onFailed(error);
  }

  async refresh(settings?: Pick<MinionSettings, 'grains' | 'grainsFile'>): Promise<void> {
    if (settings !== undefined)
      this.#source = { ...this.#source, configured: settings.grains, file: settings.grainsFile };
    this.#grains = await collectGrains(this.#source);
    await this.#refreshPillar();
  }

  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#closing ??= this.#close(options.signal);
    return this.#closing;
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#stopObserving();
    this.#jobs.abort();
    this.#masters.close();
    this.#inBackground(this.#closeFiles());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    this.#masters.stopListening();
    const drained = (async () => {
      await this.#jobs.drain();
      await Promise.all(this.#masters.seats.map((seat) => seat.drain()));
    })();
    await Promise.race([drained, abortOf(signal)]);
    this.#isDestroyed = true;
    this.#jobs.abort();
    this.#stopObserving();
    this.#masters.close();
    await this.#closeFiles();
  }

  async #closeFiles(): Promise<void> {
    // the announcement goes before the socket that it tells of
    await this.bus.close();
    await this.#spools?.close();
  }

  #pin(pem: string): void {
    const { isMasterSigned, openMode } = this.#options.settings.signIn;
    const known = this.#pinned;
    if (known === pem) return;
    // Another link has pinned a key since this one began: masters of one minion share a key pair, or sign their keys.
    if (known !== undefined && !openMode && !isMasterSigned && cleanPem(known) !== pem) {
      throw new SaltbusError(
        'ERR_SALTBUS_MASTER_CHANGED',
        'This master shows another key than the other masters of this minion, and all share one pinned key',
        {
          next: 'Give all masters of a minion the same key pair, or use signed keys (verify_master_pubkey_sign).',
        },
      );
    }
    const { settings, owner } = this.#options;
    pinMasterKey({ pkiDir: settings.pkiDir, owner }, pem);
    this.#pinned = pem;
  }

  #isForUs({ tgt, tgt_type: tgtType, delimiter }: Job, link: MasterLink): boolean {
    const target = compileReceivedTarget({
      tgt,
      ...(tgtType === undefined ? {} : { tgtType }),
      ...(delimiter === undefined ? {} : { delimiter }),
    });
    return target.matches({ id: this.id, grains: this.#grains, pillar: link.pillar });
  }

  #run(job: Job, link: MasterLink): void {
    if (job.whole.get('start_event') === true) this.#sayBegan(job, link);
    const { host } = link.address;
    this.#jobs.run(job, this.#hostFor(link), (load) => {
      let whole = load.set('_stamp', this.#stamp());
      const about = randomUUID().replaceAll('-', '');
      let body: Buffer;
      try {
        body = this.#encode(`__master_req_channel_payload/${about}/${host}`, whole);
      } catch (error) {
        if (!(error instanceof SaltbusError)) throw error;
        whole = unsendable(this.id, job, error).set('_stamp', this.#stamp());
        body = this.#encode(`__master_req_channel_payload/${about}/${host}`, whole);
      }
      // As real minions, whose jobs hand their returns to the daemon over the bus: who listens there sees what was answered.
      this.bus.broker.fire(body);
      this.#masters.seatOf(link)?.giveBack(
        {
          jid: job.jid,
          fun: String(job.fun),
          load: whole,
          onAnswer: (answer) => {
            this.#fire(`__master_req_channel_return/${about}`, { ret: answer });
          },
        },
        body.length,
      );
    });
  }

  // 3008, where whoever published asks for it.
  #sayBegan(job: Job, link: MasterLink): void {
    const data = new Map<string, unknown>([['id', this.id]]);
    for (const name of ['jid', 'fun', 'tgt', 'tgt_type', 'user', 'master_id', 'metadata']) {
      const value = job.whole.get(name);
      if (value !== undefined) data.set(name, value);
    }
    const load = new Map<string, unknown>([
      ['cmd', '_minion_event'],
      ['pretag', null],
      ['data', data],
      ['tag', `salt/job/${job.jid}/start/${this.id}`],
    ]);
    // the return tells as much
    link.send(load).catch(() => undefined);
  }

  #hostFor(link: MasterLink): FunctionHost {
    const { saltenv, pillarenv } = this.#options.settings;
    return {
      id: this.id,
      release: NEWEST_RELEASE,
      functions: this.#functions,
      saltenv,
      pillarenv,
      grains: () => this.#grains,
      pillar: () => link.pillar ?? NO_PILLAR,
      freshPillar: () => link.refreshPillar(),
      refreshGrains: async () => {
        this.#grains = await collectGrains(this.#source);
      },
      runningJobs: () => this.#jobs.running(),
      killJob: (jid) => this.#jobs.kill(jid),
      fire: (tag, data) => {
        this.#fire(tag, data);
      },
    };
  }

  #forward(buffer: Buffer, start: number, end: number): void {
    // The chunk that the package came in is many times as large, and is let go of.
    const body = Buffer.from(buffer.subarray(start, end));
    // the same for all masters
    const id = randomUUID();
    for (const { forwarder } of this.#masters.seats) forwarder.accept(body, id);
  }

  async #refreshPillar(): Promise<void> {
    const links = this.#masters.links.filter((link) => link.isUp);
    await Promise.all(links.map((link) => link.refreshPillar()));
    this.#fire(PILLAR_REFRESHED, { complete: true });
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof SaltbusError)) throw error;
      publish('saltbus:minion:facts', { what: 'what was asked to be refreshed', error });
    });
  }

  #stamp(): string {
    return `${stampNow()}${this.#options.isStampZoned === false ? '' : '+00:00'}`;
  }

  #encode(tag: string, data: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>): Buffer {
    return Buffer.from(this.#encoder.encode(tag, data, this.#stamp()));
  }

  #fire(tag: string, data: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>): void {
    if (!this.#isDestroyed) this.bus.broker.fire(this.#encode(tag, data));
  }
}

// A function of this package, or of a user, gave back what cannot be put on the wire.
function unsendable(id: string, job: Job, error: SaltbusError): Map<string, unknown> {
  const fields = new Map<string, unknown>([
    ['success', false],
    ['return', `ERROR: The return cannot be sent: ${error.message}`],
    ['retcode', 1],
    ['out', 'nested'],
  ]);
  return jobReturn(id, job, { fields, isGood: false });
}

function abortOf(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
