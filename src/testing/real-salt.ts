/**
 * Real Salt for tests: a `salt-master` and a `salt-minion` of a given install, on free loopback ports, under a directory
 * that is removed afterwards.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Framing } from '../codec/framing.ts';
import { traitsOfRelease } from '../dialect/releases.ts';
import { SaltbusError } from '../errors.ts';
import { waitForForwarding, watchBus } from './real-salt/bus-watch.ts';
import type { BusEndpoints } from './real-salt/bus-watch.ts';
import {
  busEndpoints,
  masterBusSockets,
  masterConfig,
  minionBusSockets,
  minionConfig,
  sockDir,
  writeConfig,
} from './real-salt/config.ts';
import type { BusSockets, SaltConfig } from './real-salt/config.ts';
import { SaltDaemon } from './real-salt/daemon.ts';
import { freePort } from './real-salt/ports.ts';
import { answersPing } from './real-salt/request-port.ts';
import { until } from './real-salt/wait.ts';
import { Watchdog } from './real-salt/watchdog.ts';

export type { BusSockets, SaltConfig };

/** Options of {@link startSalt}. */
export interface StartSaltOptions {
  /** A Python virtual environment with Salt in it. */
  readonly venv: string;
  /** The release in it, such as `3007.17`; tells how its sockets are spoken to. */
  readonly release: string;
  /** Whether to start a master. @defaultValue true */
  readonly master?: boolean;
  /** Whether to start a minion, and its id. @defaultValue true, with the id `minion1` */
  readonly minion?: boolean | { readonly id: string };
  /** Added to the configuration of the master, over what is there. */
  readonly extraMasterConfig?: SaltConfig;
  /** Added to the configuration of the minion, over what is there: `master` and `master_port` for a master of your own. */
  readonly extraMinionConfig?: SaltConfig;
  /** How long each daemon may take until it is ready, in milliseconds. @defaultValue 90000 */
  readonly startTimeout?: number;
  /** How long SIGTERM may take before SIGKILL follows, in milliseconds. @defaultValue 5000 */
  readonly stopTimeout?: number;
  /** Ends the start; what runs already is stopped. */
  readonly signal?: AbortSignal;
}

/** A running master, minion, or pair. Stop it, or hold it with `await using`. */
export interface RealSalt extends AsyncDisposable {
  readonly release: string;
  readonly venv: string;
  /** The temporary directory that holds all of it. */
  readonly root: string;
  /** For `-c`: the directory with the configuration file `master`. */
  readonly masterConfigDir: string;
  /** For `-c`: the directory with the configuration file `minion`. */
  readonly minionConfigDir: string;
  readonly masterSockDir: string;
  readonly minionSockDir: string;
  readonly masterBus: BusSockets;
  readonly minionBus: BusSockets;
  readonly minionId: string;
  /** Jobs are published here. */
  readonly publishPort: number;
  /** Minions sign in and return here. */
  readonly requestPort: number;
  /** Process id, and process group, of the master; `undefined` while it does not run. */
  readonly masterPid: number | undefined;
  /** Process id, and process group, of the minion; `undefined` while it does not run. */
  readonly minionPid: number | undefined;
  /** The tail of the logs of both, for a failing test. */
  logs(): string;
  /** Starts the master and waits until its bus and its request port answer. */
  startMaster(): Promise<void>;
  /** Stops the master; resolves when none of its processes is left. */
  stopMaster(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Stops and starts the master; the minion comes back in its own time. */
  restartMaster(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts the minion and waits until its bus answers and, while our master runs, until it is seen to forward to that. */
  startMinion(): Promise<void>;
  /** Stops the minion; resolves when none of its processes is left. */
  stopMinion(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Stops and starts the minion. */
  restartMinion(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Stops all of it and removes the directory; harmless when done already. */
  stop(): Promise<void>;
}

class Pair implements RealSalt {
  readonly release: string;
  readonly venv: string;
  readonly root: string;
  readonly masterConfigDir: string;
  readonly minionConfigDir: string;
  readonly masterSockDir: string;
  readonly minionSockDir: string;
  readonly masterBus: BusSockets;
  readonly minionBus: BusSockets;
  readonly minionId: string;
  readonly publishPort: number;
  readonly requestPort: number;
  readonly #framing: Framing;
  readonly #masterAt: BusEndpoints;
  readonly #minionAt: BusEndpoints;
  readonly #startTimeout: number;
  readonly #signal: AbortSignal | undefined;
  readonly #watchdog: Watchdog;
  readonly #master: SaltDaemon;
  readonly #minion: SaltDaemon;
  #stopped: Promise<void> | undefined;

  constructor(
    options: StartSaltOptions,
    place: { root: string; id: string; publish: number; request: number; framing: Framing },
  ) {
    const { venv, stopTimeout = 5000 } = options;
    this.release = options.release;
    this.venv = venv;
    this.root = place.root;
    this.masterConfigDir = join(place.root, 'master');
    this.minionConfigDir = join(place.root, 'minion');
    this.masterSockDir = sockDir(this.masterConfigDir);
    this.minionSockDir = sockDir(this.minionConfigDir);
    this.minionId = place.id;
    this.masterBus = masterBusSockets(this.masterSockDir);
    this.minionBus = minionBusSockets(this.minionSockDir, place.id);
    this.#masterAt = busEndpoints(this.masterBus, 'master', options.extraMasterConfig);
    this.#minionAt = busEndpoints(this.minionBus, 'minion', options.extraMinionConfig);
    this.publishPort = place.publish;
    this.requestPort = place.request;
    this.#framing = place.framing;
    this.#startTimeout = options.startTimeout ?? 90_000;
    this.#signal = options.signal;
    this.#watchdog = new Watchdog(place.root);
    const daemon = (kind: 'master' | 'minion', directory: string): SaltDaemon =>
      new SaltDaemon({ kind, venv, directory, stopTimeout }, this.#watchdog);
    this.#master = daemon('master', this.masterConfigDir);
    this.#minion = daemon('minion', this.minionConfigDir);
  }

  get masterPid(): number | undefined {
    return this.#master.pid;
  }

  get minionPid(): number | undefined {
    return this.#minion.pid;
  }

  logs(): string {
    return `${this.#master.logs()}\n${this.#minion.logs()}`;
  }

  async startMaster(): Promise<void> {
    await this.#master.start(async (signal) => {
      const watch = await watchBus(this.#masterAt, this.#framing, signal);
      watch.close();
      // A master that is told to stop before its workers answer leaves processes behind (3006, 3007).
      await until(async () => ((await answersPing(this.requestPort, signal)) ? true : undefined), signal);
    }, this.#bounded());
  }

  async stopMaster(how?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#master.stop(how);
  }

  async restartMaster(how?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#master.stop(how);
    await this.startMaster();
  }

  async startMinion(): Promise<void> {
    const signal = this.#bounded();
    if (this.masterPid === undefined) {
      await this.#minion.start(async (ended) => {
        (await watchBus(this.#minionAt, this.#framing, ended)).close();
      }, signal);
      return;
    }
    // subscribed before the minion is started, or its start event could pass unseen
    const onMaster = await watchBus(this.#masterAt, this.#framing, signal);
    try {
      const announced = onMaster.saw(`salt/minion/${this.minionId}/start\n\n`);
      announced.catch(() => undefined); // awaited below, after the bus
      await this.#minion.start(async (ended) => {
        (await watchBus(this.#minionAt, this.#framing, ended)).close();
        await announced;
        // The event is sent a moment before the minion begins to act on what is fired on its bus.
        await waitForForwarding(this.#minionAt, this.#framing, onMaster, ended);
      }, signal);
    } finally {
      onMaster.close();
    }
  }

  async stopMinion(how?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#minion.stop(how);
  }

  async restartMinion(how?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#minion.stop(how);
    await this.startMinion();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    await Promise.all([this.#master.stop(), this.#minion.stop()]);
    await rm(this.root, { recursive: true, force: true });
    this.#watchdog.dismiss();
  }

  #bounded(): AbortSignal {
    const timeout = AbortSignal.timeout(this.#startTimeout);
    return this.#signal === undefined ? timeout : AbortSignal.any([this.#signal, timeout]);
  }
}

/**
 * Starts real Salt and waits until it is seen to work: buses that echo, a request port that answers, a minion whose start
 * event came and that forwards. When this process ends without stopping it, however it ends, it is killed and removed.
 * @throws SaltbusError `ERR_SALTBUS_TIMEOUT`, `ERR_SALTBUS_SYSTEM` or `ERR_SALTBUS_ABORTED`, with the tail of the logs;
 * `ERR_SALTBUS_USAGE` for a release that is not known
 */
export async function startSalt(options: StartSaltOptions): Promise<RealSalt> {
  const framing = traitsOfRelease(options.release)?.dialect.pull;
  if (framing === undefined) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `'${options.release}' is no release of Salt`);
  }
  const { master = true, minion = true } = options;
  const id = typeof minion === 'object' ? minion.id : 'minion1';
  const publish = await freePort();
  const request = await freePort(publish);
  const root = await mkdtemp(join(tmpdir(), 'sb-'));
  const pair = new Pair(options, { root, id, publish, request, framing });
  try {
    await writeConfig(pair.masterConfigDir, 'master', {
      ...masterConfig(pair.masterConfigDir, { publish, request }),
      ...options.extraMasterConfig,
    });
    await writeConfig(pair.minionConfigDir, 'minion', {
      ...minionConfig(pair.minionConfigDir, id, request),
      ...options.extraMinionConfig,
    });
    if (master) await pair.startMaster();
    if (minion !== false) await pair.startMinion();
    return pair;
  } catch (error) {
    await pair.stop();
    throw error;
  }
}
