/** A master of our own in this process, below a folder of its own, with a configuration that Salt's commands can be given. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Bus } from '../../src/bus/bus.ts';
import { Keyring } from '../../src/client/keys.ts';
import { loadSaltConfig, masterSettings } from '../../src/config/index.ts';
import type { MasterSettings } from '../../src/config/index.ts';
import { startMaster } from '../../src/daemon/master/master.ts';
import type { MasterDaemon, MasterOptions } from '../../src/daemon/master/master.ts';
import { onDiagnostics } from '../../src/diagnostics.ts';
import { traitsOfRelease } from '../../src/dialect/releases.ts';
import type { SaltEvent } from '../../src/event.ts';
import { writeDropFile } from '../../src/pki/index.ts';
import { connectSocket } from '../../src/transport/connect.ts';
import type { Endpoint } from '../../src/transport/endpoint.ts';
import { temporaryFolder } from './own-bus.ts';

/** How it is started. */
export interface OwnMasterOptions {
  /** The release that it is like. @defaultValue 3008.5 */
  readonly release?: string;
  /** Over what is in the configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly options?: Partial<MasterOptions>;
  /** The folder of the configuration. @defaultValue a new one */
  readonly folder?: string;
  /** @defaultValue those that the kernel chooses */
  readonly ports?: { readonly retPort: number; readonly publishPort: number };
  /** Puts what is needed into the folder, before the start. */
  readonly before?: (folder: string) => void;
}

/** A running master. */
export interface OwnMaster {
  /** What it refused, and what went wrong, as lines. */
  readonly problems: readonly string[];
  readonly daemon: MasterDaemon;
  /** For `-c`. */
  readonly folder: string;
  readonly sockDir: string;
  readonly requestPort: number;
  readonly publishPort: number;
  /** Changes the configuration, and starts it again on the same ports. */
  restart(config?: Readonly<Record<string, unknown>>): Promise<void>;
  stop(): Promise<void>;
  /** What its configuration says. */
  settings(): MasterSettings;
  /** The keys, as `saltbus key` works on them. */
  keyring(): Keyring;
  /** Asks for a new publish key, as `salt-key -d` does. */
  askForRotation(): void;
}

/** Starts it; it is ended after the test. */
export async function ownMaster(t: TestContext, options: OwnMasterOptions = {}): Promise<OwnMaster> {
  const { release = '3008.5', folder = temporaryFolder(t), before } = options;
  const sockDir = join(folder, 's');
  let config: Readonly<Record<string, unknown>> = {
    root_dir: folder,
    sock_dir: sockDir,
    pki_dir: join(folder, 'pki'),
    cachedir: join(folder, 'c'),
    pidfile: join(folder, 'pid'),
    log_file: join(folder, 'log'),
    user: userInfo().username,
    id: 'ours_master',
    interface: '127.0.0.1',
    auto_accept: true,
    file_roots: { base: [join(folder, 'srv')] },
    ...options.config,
  };
  mkdirSync(join(folder, 'c'), { recursive: true });
  mkdirSync(join(folder, 'srv'), { recursive: true });
  before?.(folder);
  // the kernel chooses the ports of the first start
  let ports = options.ports ?? { retPort: 0, publishPort: 0 };
  const start = async (): Promise<MasterDaemon> => {
    writeFileSync(join(folder, 'master'), JSON.stringify(config));
    const traits = traitsOfRelease(release);
    if (traits === undefined) throw new Error(release);
    const daemon = await startMaster({
      settings: { ...masterSettings(loadSaltConfig({ node: 'master', configDir: folder })), ...ports },
      traits,
      pairs: [{ ...masterSocketsIn(sockDir), dialect: traits.dialect, pubMode: traits.masterPubMode }],
      ...options.options,
    });
    const { request, publish } = daemon.status;
    ports = { retPort: request.port, publishPort: publish.port };
    config = { ...config, ret_port: request.port, publish_port: publish.port };
    // for Salt's commands
    writeFileSync(join(folder, 'master'), JSON.stringify(config));
    return daemon;
  };
  const problems: string[] = [];
  const off = [
    onDiagnostics('saltbus:channel:refused', ({ reason, detail, id }) =>
      problems.push(`refused ${id ?? '-'}: ${reason} ${detail}`),
    ),
    onDiagnostics('saltbus:master:refused', ({ id, reason, subject }) =>
      problems.push(`declined ${id}: ${reason} ${subject}`),
    ),
    onDiagnostics('saltbus:master:problem', ({ what, error }) => problems.push(`${what}: ${String(error)}`)),
  ];
  t.after(() => {
    for (const end of off) end();
  });
  let daemon = await start();
  t.after(() => daemon.close());
  return {
    problems,
    get daemon() {
      return daemon;
    },
    folder,
    sockDir,
    get requestPort() {
      return daemon.status.request.port;
    },
    get publishPort() {
      return daemon.status.publish.port;
    },
    restart: async (changes = {}) => {
      await daemon.close();
      config = { ...config, ...changes };
      daemon = await start();
    },
    stop: () => daemon.close(),
    settings: () => masterSettings(loadSaltConfig({ node: 'master', configDir: folder })),
    keyring: () => new Keyring({ configDir: folder }),
    askForRotation: () => {
      writeDropFile(join(folder, 'c'), 'ours_master');
    },
  };
}

/** The two sockets of a master in a folder. */
export function masterSocketsIn(folder: string): { readonly pub: Endpoint; readonly pull: Endpoint } {
  return {
    pub: { kind: 'unix', path: join(folder, 'master_event_pub.ipc') },
    pull: { kind: 'unix', path: join(folder, 'master_event_pull.ipc') },
  };
}

/** What was seen on a bus since it was watched. */
export interface WatchedBus {
  readonly bus: Bus;
  readonly events: readonly SaltEvent[];
  /** Waits for an event, of those from the first on or from `after` on, and gives it. */
  until(wanted: string | ((event: SaltEvent) => boolean), after?: number): Promise<SaltEvent>;
}

/** Watches the bus of a master; resolves when the next event is seen for certain. */
export async function watchMaster(t: TestContext, sockDir: string): Promise<WatchedBus> {
  const { pub, pull } = masterSocketsIn(sockDir);
  const bus = new Bus({
    node: 'master',
    names: { pub: 'pub', pull: 'pull' },
    openPub: (signal) => connectSocket(pub, { signal }),
    openPull: (signal) => connectSocket(pull, { signal }),
  });
  t.after(() => {
    bus.destroy();
  });
  const subscription = bus.listen({});
  await subscription.ready;
  const events: SaltEvent[] = [];
  const looking = new Set<() => void>();
  void (async () => {
    for await (const item of subscription) {
      if (item.kind !== 'event') continue;
      events.push(item);
      for (const look of looking) look();
    }
  })().catch(() => undefined);
  return {
    bus,
    events,
    until: (wanted, after = 0) =>
      new Promise((resolve) => {
        const fits = typeof wanted === 'string' ? (event: SaltEvent) => event.tag === wanted : wanted;
        const look = (): void => {
          const found = events.slice(after).find(fits);
          if (found === undefined) return;
          looking.delete(look);
          resolve(found);
        };
        looking.add(look);
        look();
      }),
  };
}
