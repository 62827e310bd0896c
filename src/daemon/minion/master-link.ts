/**
 * The link of a minion to one master: the request channel, the publish connection, and what goes over them.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MinionIdentity } from '../../channel/identity.ts';
import { PublicationReader } from '../../channel/publication-reader.ts';
import type { Job, ReadPublication } from '../../channel/publication-reader.ts';
import type { RecentJids } from '../../channel/recent-jids.ts';
import { RequestChannel } from '../../channel/request-channel.ts';
import type { ChannelCounters, SendOptions } from '../../channel/request-channel.ts';
import type { SignedIn, SignInOptions } from '../../channel/sign-in.ts';
import { isEncryptionAlgorithm, isSigningAlgorithm } from '../../codec/rsa/algorithms.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { LoadMap } from '../../codec/payload/raw-strings.ts';
import type { MasterAddress, MinionSettings } from '../../config/index.ts';
import { publish } from '../../diagnostics.ts';
import { SaltbusError } from '../../errors.ts';
import { endpointName } from '../../transport/endpoint.ts';
import { ReqSocket } from '../../transport/zmtp/req.ts';
import { SubSocket } from '../../transport/zmtp/sub.ts';
import { IDLE, nextLinkState } from './link-state.ts';
import type { LinkEffect, LinkInput, LinkRules, LinkState } from './link-state.ts';
import { readMasterSignKey } from './minion-keys.ts';
import { pillarLoad, startEvents } from './start-up.ts';

/** What a link needs of its minion. */
export interface LinkOwner {
  readonly settings: MinionSettings;
  readonly identity: MinionIdentity;
  /** Shared by all links: a job that comes from two masters is run once. */
  readonly recentJids: RecentJids;
  grains(): ReadonlyMap<string, unknown>;
  /** The pinned key of the master, which all links share as Salt's do. */
  pinned(): string | undefined;
  pin(pem: string): void;
  isForUs(job: Job, link: MasterLink): boolean;
  onJob(job: Job, link: MasterLink): void;
  onUp(link: MasterLink): void;
  onDown(link: MasterLink, error: SaltbusError): void;
  /** It will not be tried again. */
  onGaveUp(link: MasterLink, error: SaltbusError): void;
}

/** What can be said of a link. */
export interface LinkStatus {
  readonly master: string;
  readonly phase: LinkState['phase'];
  readonly error: SaltbusError | undefined;
  readonly counters: ChannelCounters;
  /** Publications that were no job for this minion, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

// A half-open publish connection is noticed by our own PINGs, where the configuration says nothing (master_alive_interval).
const DEFAULT_ALIVE_MS = 30_000;
const SIGN_IN_FAULTS: ReadonlySet<string> = new Set([
  'ERR_SALTBUS_REJECTED',
  'ERR_SALTBUS_PENDING',
  'ERR_SALTBUS_MASTER_FULL',
  'ERR_SALTBUS_MASTER_CHANGED',
  'ERR_SALTBUS_SIGN_IN',
  'ERR_SALTBUS_ALGORITHM',
  'ERR_SALTBUS_NO_SESSION',
]);
// Publications that may come while the key is being renewed.
const MOST_HELD = 1000;

/** One master. */
export class MasterLink {
  /** As a person reads it. */
  readonly name: string;
  readonly address: MasterAddress;
  readonly #owner: LinkOwner;
  readonly #rules: LinkRules;
  readonly #req: ReqSocket;
  readonly #channel: RequestChannel;
  readonly #closed = new AbortController();
  readonly #dropped: Record<string, number> = {};
  #state: LinkState = IDLE;
  #generation = 0;
  /** Ends with the loss of the publish connection, and what was asked meanwhile with it. */
  #session = new AbortController();
  #sub: SubSocket | undefined;
  #subPort = 0;
  #reader: PublicationReader | undefined;
  #held: Buffer[] | undefined;
  #pillar: LoadMap | undefined;
  #hasPillar = false;
  #waitMs: number;
  #pingTimer: NodeJS.Timeout | undefined;

  constructor(owner: LinkOwner, address: MasterAddress, rules: LinkRules) {
    const { settings } = owner;
    this.address = address;
    this.name = endpointName({ kind: 'tcp', ...address });
    this.#owner = owner;
    this.#rules = rules;
    this.#waitMs = settings.signIn.acceptanceWaitMs;
    this.#req = new ReqSocket(
      {
        ...address,
        ...(settings.sourceAddress === undefined ? {} : { localAddress: settings.sourceAddress }),
        localPort: settings.sourceRetPort,
      },
      { keepAliveMs: settings.keepAliveMs },
    );
    this.#channel = new RequestChannel({
      identity: owner.identity,
      request: (payload, options) => this.#req.request(payload, options),
      signIn: signInOptions(owner),
      pin: (pem) => {
        owner.pin(pem);
      },
      onSignedIn: (signedIn) => {
        this.#onKeys(signedIn);
      },
      onAttempt: (outcome) => {
        publish('saltbus:minion:sign-in', {
          id: owner.identity.id,
          master: this.name,
          outcome: outcome.kind === 'refused' ? outcome.check : outcome.kind,
          error: outcome.kind === 'unanswered' ? outcome.error : undefined,
        });
      },
      policy: { ...settings.signIn, ...(rules.isOneOfMany ? { authTries: 1, authSafemode: false } : {}) },
      requestTimeoutMs: settings.requestTimeoutMs,
      requestTries: settings.requestTries,
    });
  }

  /** The pillar that this master made; `undefined` where there is none. */
  get pillar(): LoadMap | undefined {
    return this.#pillar;
  }

  get isUp(): boolean {
    return this.#state.phase === 'up';
  }

  /** Whether it may still come up. */
  get isAlive(): boolean {
    return this.#state.phase !== 'failed' && this.#state.phase !== 'closed';
  }

  get status(): LinkStatus {
    return {
      master: this.name,
      phase: this.#state.phase,
      error: this.#state.error,
      counters: this.#channel.counters,
      dropped: { ...this.#dropped },
    };
  }

  start(): void {
    this.#input({ kind: 'start' });
  }

  /**
   * Sends a load; ends with the loss of the publish connection, because the master may have restarted.
   * @throws SaltbusError as `RequestChannel.send`, and `ERR_SALTBUS_DISCONNECTED`
   */
  async send(load: ReadonlyMap<unknown, unknown>, options: SendOptions = {}): Promise<ExactValue> {
    const { signal } = options;
    const session = this.#session.signal;
    try {
      return await this.#channel.send(load, {
        ...options,
        signal: signal === undefined ? session : AbortSignal.any([session, signal]),
      });
    } catch (error) {
      // The session was renewed on the way, and that failed: not this request is at fault, but the link.
      if (error instanceof SaltbusError && SIGN_IN_FAULTS.has(error.code) && this.isUp)
        this.#input({ kind: 'failed', error });
      throw error;
    }
  }

  /** Has the master make the pillar with the grains of now, and keeps it. */
  async refreshPillar(): Promise<LoadMap> {
    const { settings } = this.#owner;
    const signal = this.#session.signal;
    const value = await this.#channel.pillar(pillarLoad(settings, this.#owner.grains()), { signal });
    this.#pillar = value instanceof Map ? value : new Map();
    return this.#pillar;
  }

  /** Takes no more jobs; requests can still be made. */
  stopListening(): void {
    clearInterval(this.#pingTimer);
    const sub = this.#sub;
    // first, so that its end is not taken for a loss
    this.#sub = undefined;
    sub?.destroy();
  }

  /** Ends, now. Idempotent. */
  close(): void {
    this.#input({ kind: 'close' });
    this.stopListening();
    this.#closed.abort();
    this.#channel.close();
    this.#req.destroy();
  }

  #input(input: LinkInput): void {
    const before = this.#state.phase;
    const [state, effects] = nextLinkState(this.#state, input, this.#rules);
    this.#state = state;
    if (state.phase !== before) {
      this.#generation += 1;
      publish('saltbus:minion:link', {
        id: this.#owner.identity.id,
        master: this.name,
        phase: state.phase,
        error: 'error' in input ? input.error : undefined,
      });
    }
    for (const effect of effects) this.#act(effect);
  }

  #act(effect: LinkEffect): void {
    switch (effect.kind) {
      case 'sign-in':
        this.#attempt(async () => {
          await this.#channel.signIn({ signal: this.#session.signal });
          this.#waitMs = this.#owner.settings.signIn.acceptanceWaitMs;
          return { kind: 'signed-in' };
        });
        return;
      case 'subscribe':
        this.#subscribe();
        return;
      case 'announce':
        this.#attempt(async () => {
          await this.#announce();
          return { kind: 'announced' };
        });
        return;
      case 'tell-up':
        this.#startPinging();
        this.#owner.onUp(this);
        return;
      case 'tell-down':
        clearInterval(this.#pingTimer);
        this.#session.abort(effect.error);
        this.#session = new AbortController();
        this.#channel.forgetSession();
        this.#owner.onDown(this, effect.error);
        return;
      case 'wait':
        this.#attempt(async () => {
          await delay(this.#nextWait(), undefined, { signal: this.#closed.signal });
          return { kind: 'retry' };
        });
        return;
      case 'give-up':
        this.#owner.onGaveUp(this, effect.error);
        return;
    }
  }

  // What comes of something that was begun in a phase which has ended since is not looked at.
  #attempt(work: () => Promise<LinkInput>): void {
    const generation = this.#generation;
    work()
      .catch((error: unknown): LinkInput => {
        if (error instanceof SaltbusError) return { kind: 'failed', error };
        if (this.#closed.signal.aborted) return { kind: 'close' };
        throw error;
      })
      .then((input) => {
        if (generation === this.#generation) this.#input(input);
      })
      .catch((error: unknown) => {
        this.#owner.onGaveUp(this, internal(error));
      });
  }

  #nextWait(): number {
    const { acceptanceWaitMs, acceptanceWaitMaxMs } = this.#owner.settings.signIn;
    const waitMs = this.#waitMs;
    if (acceptanceWaitMaxMs > acceptanceWaitMs)
      this.#waitMs = Math.min(waitMs + acceptanceWaitMs, acceptanceWaitMaxMs);
    return waitMs;
  }

  #onKeys(signedIn: SignedIn): void {
    const { settings, recentJids } = this.#owner;
    this.#subPort = settings.publishPort ?? signedIn.publishPort;
    if (this.#reader !== undefined) {
      this.#reader.renew(signedIn);
      return;
    }
    this.#reader = new PublicationReader({
      publishKey: signedIn.publishKey,
      masterKey: signedIn.masterKey,
      isSignatureRequired: settings.isSignatureRequired,
      isForUs: (job) => this.#owner.isForUs(job, this),
      recentJids,
    });
  }

  #subscribe(): void {
    const { settings, identity } = this.#owner;
    const port = this.#subPort;
    const before = this.#sub;
    if (
      before !== undefined &&
      before.remote === endpointName({ kind: 'tcp', host: this.address.host, port })
    )
      return;
    this.#sub = undefined;
    before?.destroy();
    const aliveMs = settings.aliveIntervalMs > 0 ? settings.aliveIntervalMs : DEFAULT_ALIVE_MS;
    const sub = new SubSocket(
      {
        host: this.address.host,
        port,
        ...(settings.sourceAddress === undefined ? {} : { localAddress: settings.sourceAddress }),
        localPort: settings.sourcePublishPort,
      },
      {
        onMessage: (frames) => {
          if (this.#sub === sub) this.#onMessage(frames);
        },
        onConnected: () => {
          if (this.#sub === sub) this.#input({ kind: 'subscribed' });
        },
        onDisconnected: (error) => {
          if (this.#sub === sub) this.#input({ kind: 'unsubscribed', error });
        },
        onFailed: (error) => {
          if (this.#sub === sub && this.#rules.isOneOfMany) this.#input({ kind: 'failed', error });
        },
      },
      {
        keepAliveMs: settings.keepAliveMs,
        backoff: settings.reconnect,
        heartbeat: { intervalMs: aliveMs, timeoutMs: aliveMs },
      },
    );
    this.#sub = sub;
    if (settings.isFiltering) {
      sub.subscribe(createHash('sha1').update(identity.id).digest('hex'));
      sub.subscribe('broadcast');
    } else sub.subscribe('');
    sub.open();
  }

  // The pillar first: with it the master caches the grains, by which it can be asked for this minion when it hears of the start.
  async #announce(): Promise<void> {
    if (!this.#hasPillar) {
      try {
        await this.refreshPillar();
        this.#hasPillar = true;
      } catch (error) {
        if (!(error instanceof SaltbusError) || error.code !== 'ERR_SALTBUS_SIGN_IN') throw error;
        publish('saltbus:minion:facts', { what: `the pillar of ${this.name}`, error });
      }
    }
    for (const load of startEvents(this.#owner.settings, this.#owner.grains(), new Date()))
      await this.send(load);
  }

  #startPinging(): void {
    const { pingIntervalMs } = this.#owner.settings;
    clearInterval(this.#pingTimer);
    if (pingIntervalMs <= 0) return;
    this.#pingTimer = setInterval(() => {
      const load = new Map<string, unknown>([
        ['cmd', '_minion_event'],
        ['pretag', null],
        ['data', 'ping'],
        ['tag', 'minion_ping'],
      ]);
      // a master that is away is noticed elsewhere
      this.send(load).catch(() => undefined);
    }, pingIntervalMs).unref();
  }

  #onMessage(frames: readonly Buffer[]): void {
    const payload = frames.at(-1);
    if (payload === undefined || frames.length > 2) {
      this.#count('malformed');
      return;
    }
    if (this.#held === undefined) this.#read(payload, false);
    else if (this.#held.length < MOST_HELD) this.#held.push(payload);
    else this.#count('held-too-many');
  }

  #read(payload: Buffer, isSecondTry: boolean): void {
    const read: ReadPublication = this.#reader?.read(payload, isSecondTry) ?? {
      kind: 'dropped',
      reason: 'undecipherable',
    };
    if (read.kind === 'job') this.#owner.onJob(read.job, this);
    else if (read.kind === 'dropped') this.#count(read.reason);
    else this.#renewFor(payload);
  }

  // The master has another publish key: one sign-in for all that comes meanwhile, and each message is tried once more.
  #renewFor(payload: Buffer): void {
    this.#held = [payload];
    const readHeld = (): void => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const each of held) this.#read(each, true);
    };
    this.#channel.signIn({ signal: this.#session.signal }).then(readHeld, (error: unknown) => {
      readHeld();
      if (error instanceof SaltbusError && this.#state.phase === 'up') this.#input({ kind: 'failed', error });
    });
  }

  #count(reason: string): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
  }
}

function internal(error: unknown): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_SYSTEM', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

function signInOptions(owner: LinkOwner): SignInOptions {
  const { settings } = owner;
  const { signIn, hashType, pkiDir, autosignGrains } = settings;
  const { encryptionAlgorithm, signingAlgorithm, masterFinger, openMode } = signIn;
  if (!isEncryptionAlgorithm(encryptionAlgorithm) || !isSigningAlgorithm(signingAlgorithm)) {
    throw new SaltbusError(
      'ERR_SALTBUS_ALGORITHM',
      `${encryptionAlgorithm} and ${signingAlgorithm} are not both algorithms that are spoken here`,
      {
        next: 'Set encryption_algorithm to OAEP-SHA1 or OAEP-SHA224, signing_algorithm to PKCS1v15-SHA1 or PKCS1v15-SHA224.',
      },
    );
  }
  const known = owner.pinned();
  return {
    encAlgorithm: encryptionAlgorithm,
    sigAlgorithm: signingAlgorithm,
    masterFinger,
    hashType,
    openMode,
    ...(known === undefined ? {} : { pinned: known }),
    ...(signIn.isMasterSigned ? { masterSignKey: readMasterSignKey(pkiDir, signIn.masterSignKeyName) } : {}),
    ...(autosignGrains.length === 0
      ? {}
      : {
          autosignGrains: Object.fromEntries(
            autosignGrains.map((name) => [name, owner.grains().get(name) ?? null]),
          ),
        }),
  };
}
