/**
 * The configuration of a throw-away master and minion: quick to start, all of it under one directory.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { BusEndpoints } from './bus-watch.ts';

/** A Salt configuration as a plain map. */
export type SaltConfig = Readonly<Record<string, unknown>>;

// Short names: the path of a unix socket has room for 107 bytes, and a temporary directory can be long. Salt leaves the
// sock_dir alone only while it is at most 10 characters longer than the cachedir.
function directories(directory: string): SaltConfig {
  return {
    root_dir: directory,
    sock_dir: join(directory, 's'),
    pki_dir: join(directory, 'pki'),
    cachedir: join(directory, 'c'),
    pidfile: join(directory, 'pid'),
    log_file: join(directory, 'log'),
    log_level_logfile: 'info',
    user: userInfo().username,
  };
}

/** Where `directories` puts the sockets. */
export function sockDir(directory: string): string {
  return join(directory, 's');
}

/** The paths of the two sockets of an event bus. */
export interface BusSockets {
  /** Read events here. */
  readonly pub: string;
  /** Write events here. */
  readonly pull: string;
}

/** Where a bus is whose sockets would be these: there, or on loopback with `ipc_mode: tcp`. */
export function busEndpoints(
  sockets: BusSockets,
  kind: 'master' | 'minion',
  config: SaltConfig = {},
): BusEndpoints {
  if (config['ipc_mode'] !== 'tcp') {
    return { pub: { kind: 'unix', path: sockets.pub }, pull: { kind: 'unix', path: sockets.pull } };
  }
  const option = kind === 'master' ? 'tcp_master' : 'tcp';
  const port = (name: string): { kind: 'tcp'; host: string; port: number } => ({
    kind: 'tcp',
    host: '127.0.0.1',
    port: Number(config[`${option}_${name}_port`]),
  });
  return { pub: port('pub'), pull: port('pull') };
}

/** The sockets of a master's bus. */
export function masterBusSockets(sockDirectory: string): BusSockets {
  return {
    pub: join(sockDirectory, 'master_event_pub.ipc'),
    pull: join(sockDirectory, 'master_event_pull.ipc'),
  };
}

/** The sockets of a minion's bus. */
export function minionBusSockets(sockDirectory: string, id: string): BusSockets {
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 10);
  return {
    pub: join(sockDirectory, `minion_event_${hash}_pub.ipc`),
    pull: join(sockDirectory, `minion_event_${hash}_pull.ipc`),
  };
}

/** What a master under `directory` is told. */
export function masterConfig(
  directory: string,
  ports: { readonly publish: number; readonly request: number },
): SaltConfig {
  return {
    ...directories(directory),
    interface: '127.0.0.1',
    publish_port: ports.publish,
    ret_port: ports.request,
    auto_accept: true,
    worker_threads: 2,
    keysize: 2048,
    file_roots: { base: [join(directory, 'srv')] },
    pillar_roots: { base: [join(directory, 'pillar')] },
  };
}

/** What a minion under `directory` is told. */
export function minionConfig(directory: string, id: string, requestPort: number): SaltConfig {
  return {
    ...directories(directory),
    id,
    master: '127.0.0.1',
    master_port: requestPort,
    keysize: 2048,
    acceptance_wait_time: 1,
    random_reauth_delay: 1,
    recon_default: 100,
    recon_max: 500,
    recon_randomize: false,
    // each asks the machine or the network for what no test wants to know
    enable_fqdns_grains: false,
    enable_gpu_grains: false,
  };
}

/** Writes a configuration into its directory, as JSON, which is YAML and cannot hold a key twice. */
export async function writeConfig(
  directory: string,
  kind: 'master' | 'minion',
  config: SaltConfig,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, kind), `${JSON.stringify(config, undefined, 2)}\n`);
}
