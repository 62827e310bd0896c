/**
 * The master: its keys, its two ports, its bus, and what joins them.
 */
import { availableParallelism } from 'node:os';
import type { AuthDesk } from '../../channel/answer.ts';
import { masterKeyOf } from '../../channel/master-key.ts';
import { MasterSessions } from '../../channel/master-sessions.ts';
import type { Door } from '../../channel/open-request.ts';
import { PublishKey } from '../../channel/publish-key.ts';
import { VerifiedTokens } from '../../channel/verified-tokens.ts';
import type { MasterSettings } from '../../config/index.ts';
import type { ReleaseTraits } from '../../dialect/releases.ts';
import type { SaltbusError } from '../../errors.ts';
import { ownerFor } from '../../pki/index.ts';
import type { Endpoint } from '../../transport/endpoint.ts';
import { PubSocket } from '../../transport/zmtp/pub.ts';
import type { PubCounters } from '../../transport/zmtp/pub.ts';
import { RouterSocket } from '../../transport/zmtp/router.ts';
import type { RouterCounters } from '../../transport/zmtp/router.ts';
import type { ServerOptions } from '../../transport/zmtp/server.ts';
import type { ZmtpBinding } from '../../transport/zmtp/settings.ts';
import type { BrokerCounters } from '../broker.ts';
import { serveBus } from '../bus-server.ts';
import type { BusServer, SocketPair } from '../bus-server.ts';
import { openAccepted } from './accepted.ts';
import type { AcceptedCounters, AcceptedOptions } from './accepted.ts';
import { RefusalEvents } from './events/refusal-events.ts';
import { jidMaker } from './jobs/jid.ts';
import { JobRecords } from './jobs/job-records.ts';
import type { JobRecordsCounters } from './jobs/job-records.ts';
import { SaltJobCache } from './jobs/salt-job-cache.ts';
import { KeyChanges } from './key-changes.ts';
import { KeyRotation } from './key-rotation.ts';
import { KEY_TAG, openMasterKeys } from './keys/index.ts';
import type { MasterKeys } from './keys/index.ts';
import { keySignature } from './keys/signing-key.ts';
import { mapOf } from './load.ts';
import { LocalClient } from './local-client.ts';
import type { LocalClientCounters } from './local-client.ts';
import { MasterBus } from './master-bus.ts';
import type { MasterBusCounters } from './master-bus.ts';
import { MinionDirectory } from './minion-directory.ts';
import { Presence } from './presence.ts';
import { portTaken } from './port-taken.ts';
import { openPublishMarkers } from './publish-marker.ts';
import { PublisherAcl } from './publisher-acl.ts';
import { Publisher } from './publisher.ts';
import { RequestServer } from './request-server.ts';
import type { RequestCounters } from './request-server.ts';
import { openKept, serviceCommands } from './services.ts';
import type { KeptOfMinions, ServiceParts } from './services.ts';

/** How a master is started. */
export interface MasterOptions {
  readonly settings: MasterSettings;
  /** The pairs of sockets of its bus. */
  readonly pairs: readonly SocketPair[];
  /** The release that it is like: stamps, events of jobs, layout of caches. */
  readonly traits: ReleaseTraits;
  /** Where events with ids are kept before they are answered. @defaultValue they are not */
  readonly accepted?: AcceptedOptions | undefined;
  /** RSA operations at once. @defaultValue as many as there are processors, four at most (libuv's threads) */
  readonly rsaAtOnce?: number;
  /** Least time between two new publish keys, in milliseconds. @defaultValue 10 000 */
  readonly rotationApartMs?: number;
  /** Called once when another daemon took the place of our bus. */
  readonly onDisplaced?: (error: SaltbusError) => void;
}

/** Where a master is. */
export interface MasterStatus {
  readonly request: ZmtpBinding;
  readonly publish: ZmtpBinding;
  readonly bus: readonly { readonly pub: Endpoint; readonly pull: Endpoint }[];
  /** Ids of the minions that are connected. */
  readonly connected: readonly string[];
  readonly keys: {
    readonly accepted: number;
    readonly pending: number;
    readonly rejected: number;
    readonly denied: number;
  };
}

/** All that a master counts. */
export interface MasterCounters {
  readonly requests: RequestCounters;
  readonly local: LocalClientCounters;
  readonly events: MasterBusCounters;
  /** Of events with ids; `undefined` when they are not kept. */
  readonly accepted: AcceptedCounters | undefined;
  readonly published: number;
  readonly rotations: number;
  readonly sessions: number;
  readonly jobs: JobRecordsCounters;
  readonly requestPort: RouterCounters;
  readonly publishPort: PubCounters;
  readonly bus: BrokerCounters;
}

/** A running master. */
export interface MasterDaemon extends AsyncDisposable {
  /** Its public key, and whether the pair was made just now. */
  readonly ownKey: Pick<MasterKeys['own'], 'publicPem' | 'created'>;
  readonly status: MasterStatus;
  readonly counters: MasterCounters;
  /**
   * Takes other settings: what is served to minions, and node groups. Addresses, key directories and sockets stay as they are.
   * @throws SaltbusError `ERR_SALTBUS_CONFIG` or `ERR_SALTBUS_PATTERN`; all stays as it was then
   */
  reload(settings: MasterSettings): Promise<void>;
  /** Answers what has come, for two seconds at most, and ends. Idempotent. */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Ends now. */
  destroy(): void;
}

const DRAIN_MS = 2000;
// A look through the jobs that are too old, and at who is connected where that is not told more often.
const MOST_LOOP_MS = 60_000;

/**
 * Starts a master; resolves when both its ports and its bus take connections.
 * @throws SaltbusError `ERR_SALTBUS_BUS_IN_USE`, `ERR_SALTBUS_KEY_UNSAFE`, `ERR_SALTBUS_KEY_INVALID`, `ERR_SALTBUS_CONFIG`,
 * `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`; nothing stays open then
 */
export async function startMaster(options: MasterOptions): Promise<MasterDaemon> {
  const opened: (() => Promise<void> | void)[] = [];
  try {
    return await open(options, (end) => void opened.push(end));
  } catch (error) {
    for (const end of opened.reverse()) await end();
    throw error;
  }
}

async function open(
  options: MasterOptions,
  onOpened: (end: () => Promise<void> | void) => void,
): Promise<MasterDaemon> {
  const { settings, pairs, traits } = options;
  // The bus and the keys refer to what is made of them.
  let rotate: () => void = () => undefined;
  const acl = aclOf(settings);
  const server = await serveBus({
    // who may publish has to be able to listen, as a member of the group of the master (3006.30, 3007.17, 3008.5)
    pairs: acl.isEmpty ? pairs : pairs.map((pair) => ({ ...pair, pubMode: (pair.pubMode ?? 0o600) | 0o660 })),
    ...(options.onDisplaced === undefined ? {} : { onDisplaced: options.onDisplaced }),
  });
  onOpened(() => server.close());
  const closeMarkers = await openPublishMarkers(pairs);
  onOpened(closeMarkers);
  const presence = new Presence(settings.zmqFiltering);
  const keys = await openMasterKeys({
    settings: settings.keys,
    connected: {
      count: () => (settings.keys.maxMinions > 0 ? presence.ids().length : 0),
      has: (id) => presence.has(id),
    },
    mayPublish: (user) => acl.names(user),
    maxPending: settings.maxPending,
    newMinionsPerSecond: settings.newMinionsPerSecond,
    onRotate: () => rotate(),
  });
  onOpened(() => keys.close());
  const bus = new MasterBus(server.broker, traits.zonedStamp);
  const accepted = options.accepted === undefined ? undefined : await openAccepted(options.accepted);
  onOpened(() => accepted?.close());
  const kept = await openKept(settings.keys.cachedir, traits.line);
  const desk = await openDesk(settings, keys);
  const changes = new KeyChanges({
    sessions: desk.sessions,
    bus,
    kept: settings.preserveMinionCache ? [] : [kept.grains, kept.pillars, kept.mine],
  });
  onOpened(() => changes.close());
  server.broker.observe(changes.observe);
  keys.store.onChange((change) => changes.on(change));
  const directory = new MinionDirectory(
    { store: keys.store, grains: settings.minionDataCache ? kept.grains : undefined, pillars: kept.pillars },
    settings.nodegroups,
  );
  const sockets = openSockets(settings, presence, (...request) => requests.take(...request));
  onOpened(() => {
    sockets.router.destroy();
    sockets.pub.destroy();
  });
  const publisher = new Publisher(desk.publishKey, sockets.pub, settings.zmqFiltering);
  // without the cache it is known who has answered, and not what
  const jobs = new JobRecords({ jobs: settings.maxJobs, ...(settings.jobCache ? {} : { bytes: 1 }) });
  const jobCache = new SaltJobCache(settings.keys);
  const newJid = jidMaker();
  const rotation = new KeyRotation({
    publishKey: desk.publishKey,
    bus,
    ping: settings.pingOnRotate ? () => pingAll(publisher, directory, newJid) : undefined,
    ...(options.rotationApartMs === undefined ? {} : { apartMs: options.rotationApartMs }),
  });
  onOpened(() => rotation.close());
  rotate = () => rotation.ask();
  const services: ServiceParts = {
    kept,
    jobs,
    directory,
    store: keys.store,
    newJid,
    onRevoke: (id, { keepCache }) => {
      if (keepCache) changes.keepCache(id);
      bus.fire({ tag: KEY_TAG, data: mapOf({ result: true, act: 'delete', id }) });
      if (settings.keys.rotateAesKey) rotation.ask();
    },
    accepted,
  };
  const local = new LocalClient({
    secrets: keys.secrets,
    masterUser: keys.user,
    acl,
    sudoAcl: settings.sudoAcl,
    directory,
    publisher,
    jobs,
    jobCache,
    bus,
    newJid,
    jobEvents: { bareJid: traits.line < 3008, publish: traits.line >= 3007 },
  });
  const requests = new RequestServer(
    {
      door: doorOf(settings, keys, desk.sessions),
      desk,
      keys,
      local,
      bus,
      presence,
      refusalEvents: new RefusalEvents(),
      authEvents: settings.keys.authEvents,
      rsaAtOnce: options.rsaAtOnce ?? Math.min(4, availableParallelism()),
      rsaWaiting: settings.maxSignIns,
    },
    await serviceCommands(settings, services),
  );
  // The publish port first: who is told of it at a sign-in finds it open.
  const publishAt = await sockets.pub
    .listen(settings.interface, settings.publishPort)
    .catch(portTaken('publish_port'));
  desk.publishPort = publishAt.port;
  const requestAt = await sockets.router
    .listen(settings.interface, settings.retPort)
    .catch(portTaken('ret_port'));
  return new Master({
    settings,
    server,
    keys,
    bus,
    kept,
    desk,
    changes,
    directory,
    sockets,
    publisher,
    jobs,
    jobCache,
    rotation,
    services,
    local,
    requests,
    presence,
    at: { request: requestAt, publish: publishAt },
    closeMarkers,
  });
}

function aclOf({ publisherAcl, publisherAclBlacklist }: MasterSettings): PublisherAcl {
  return new PublisherAcl({
    allowed: publisherAcl,
    refusedUsers: publisherAclBlacklist.users,
    refusedFunctions: publisherAclBlacklist.modules,
  });
}

type Desk = AuthDesk & { publishPort: number };

async function openDesk(settings: MasterSettings, keys: MasterKeys): Promise<Desk> {
  const masterKey = masterKeyOf(keys.own.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string);
  const publishKey = await PublishKey.create({
    masterKey,
    isSigning: settings.signPubMessages,
    sigAlgorithm: settings.publishSigningAlgorithm,
  });
  const { pkiDir, user, permissivePkiAccess: permissive, keysize } = settings.keys;
  const pubSignature = settings.masterSignPubkey
    ? await keySignature({
        pkiDir,
        publicPem: masterKey.publicPem,
        keyName: settings.masterSignKeyName,
        owner: ownerFor(user),
        permissive,
        keysize,
        ...(settings.masterPubkeySignature === undefined
          ? {}
          : { signatureName: settings.masterPubkeySignature }),
      })
    : undefined;
  return {
    masterKey,
    publishKey,
    // In memory only: what was recorded under the keys of an earlier run cannot be played again.
    sessions: new MasterSessions({ lifetimeMs: settings.publishSessionMs ?? Infinity }),
    publishPort: settings.publishPort,
    ...(pubSignature === undefined ? {} : { pubSignature }),
  };
}

function doorOf(settings: MasterSettings, keys: MasterKeys, sessions: MasterSessions): Door {
  return {
    sessions,
    acceptedKey: (id) => keys.store.acceptedKey(id),
    tokens: new VerifiedTokens(),
    minimumVersion: settings.minimumAuthVersion,
    ttlSeconds: settings.requestServerTtl,
  };
}

// A minion has two: its hash, of 40 characters, and `broadcast`; a syndic has two others (3006.30, 3007.17, 3008.5).
const MOST_TOPICS = 16;
const LONGEST_TOPIC = 64;

interface Sockets {
  readonly router: RouterSocket;
  readonly pub: PubSocket;
}

function openSockets(settings: MasterSettings, presence: Presence, take: RequestServer['take']): Sockets {
  const common: ServerOptions = {
    backlog: settings.zmqBacklog,
    maxConnections: settings.maxConnections,
    maxPerAddress: settings.maxConnectionsPerAddress,
    keepAliveMs: settings.keepAliveMs,
    ...(settings.heartbeat === undefined ? {} : { heartbeat: settings.heartbeat }),
  };
  const router = new RouterSocket(
    { onRequest: take, onDisconnect: (connection) => presence.left(connection) },
    common,
  );
  const pub = new PubSocket(
    {
      onJoin: (subscriber) => presence.subscriber(subscriber, 1),
      onLeave: (subscriber) => presence.subscriber(subscriber, -1),
      onSubscription: (_subscriber, topic, isOn) => presence.subscription(topic, isOn),
    },
    {
      ...common,
      maxSubscriptions: MOST_TOPICS,
      maxTopicBytes: LONGEST_TOPIC,
      ...(settings.pubHwm === 0 ? {} : { maxOutboxMessages: settings.pubHwm }),
    },
  );
  return { router, pub };
}

async function pingAll(
  publisher: Publisher,
  directory: MinionDirectory,
  newJid: () => string,
): Promise<void> {
  const { ids: minions } = directory.resolve({ tgt: '*' });
  const load = mapOf({
    fun: 'test.ping',
    arg: [],
    tgt: '*',
    jid: newJid(),
    ret: '',
    tgt_type: 'glob',
    user: 'root',
  });
  await publisher.publish({ load, tgtType: 'glob', minions });
}

interface MasterParts {
  readonly settings: MasterSettings;
  readonly server: BusServer;
  readonly keys: MasterKeys;
  readonly bus: MasterBus;
  readonly kept: KeptOfMinions;
  readonly desk: Desk;
  readonly changes: KeyChanges;
  readonly directory: MinionDirectory;
  readonly sockets: Sockets;
  readonly publisher: Publisher;
  readonly jobs: JobRecords;
  readonly jobCache: SaltJobCache;
  readonly rotation: KeyRotation;
  readonly services: ServiceParts;
  readonly local: LocalClient;
  readonly requests: RequestServer;
  readonly presence: Presence;
  readonly at: Pick<MasterStatus, 'request' | 'publish'>;
  readonly closeMarkers: () => Promise<void>;
}

class Master implements MasterDaemon {
  readonly #parts: MasterParts;
  readonly #loop: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  constructor(parts: MasterParts) {
    this.#parts = parts;
    const { loopIntervalMs } = parts.settings;
    this.#loop = setInterval(() => this.#look(), Math.min(loopIntervalMs, MOST_LOOP_MS)).unref();
  }

  get ownKey(): MasterDaemon['ownKey'] {
    return this.#parts.keys.own;
  }

  get status(): MasterStatus {
    const { at, server, presence, keys } = this.#parts;
    const count = (state: Parameters<MasterKeys['store']['count']>[0]): number => keys.store.count(state);
    return {
      ...at,
      bus: server.pairs,
      connected: presence.ids(),
      keys: {
        accepted: count('accepted'),
        pending: count('pending'),
        rejected: count('rejected'),
        denied: count('denied'),
      },
    };
  }

  get counters(): MasterCounters {
    const { requests, local, bus, publisher, rotation, desk, jobs, sockets, server, services } = this.#parts;
    return {
      requests: requests.counters,
      local: local.counters,
      events: bus.counters,
      accepted: services.accepted?.counters,
      published: publisher.counters.published,
      rotations: rotation.count,
      sessions: desk.sessions.size,
      jobs: jobs.counters,
      requestPort: sockets.router.counters,
      publishPort: sockets.pub.counters,
      bus: server.broker.counters,
    };
  }

  async reload(settings: MasterSettings): Promise<void> {
    const { requests, services, directory, keys, local } = this.#parts;
    const acl = aclOf(settings);
    const commands = await serviceCommands(settings, services);
    requests.setCommands(commands);
    directory.setNodegroups(settings.nodegroups);
    local.setAcl(acl, settings.sudoAcl);
    await keys.refresh();
  }

  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return (this.#closing ??= this.#close(options));
  }

  destroy(): void {
    const now = new AbortController();
    now.abort();
    const { router, pub } = this.#parts.sockets;
    router.destroy();
    pub.destroy();
    void this.close({ signal: now.signal });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close({ signal }: { readonly signal?: AbortSignal }): Promise<void> {
    const { requests, sockets, rotation, changes, keys, kept, server, services, closeMarkers } = this.#parts;
    const late = AbortSignal.timeout(DRAIN_MS);
    const bound = signal === undefined ? late : AbortSignal.any([signal, late]);
    clearInterval(this.#loop);
    rotation.close();
    await closeMarkers();
    await requests.idle(bound);
    await Promise.all([sockets.router.close({ signal: bound }), sockets.pub.close({ signal: bound })]);
    await services.accepted?.close();
    await keys.close();
    changes.close();
    await Promise.all([kept.grains.flushed(), kept.mine.flushed()]);
    await server.close();
  }

  #look(): void {
    const { presence, settings, bus, jobs, jobCache } = this.#parts;
    const events = presence.look();
    if (settings.presenceEvents) bus.fireAll(events);
    if (settings.keepJobsMs === 0) return;
    const before = Date.now() - settings.keepJobsMs;
    jobs.forgetBefore(before);
    void jobCache.removeBefore(before);
  }
}
