/** Our master and our minions as processes of their own, configured by files, as a user would start them. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { unpackRaw } from '../../src/codec/payload/raw-strings.ts';
import { encodeClearRequest } from '../../src/codec/payload/request.ts';
import type { SaltEvent } from '../../src/event.ts';
import { freePort } from '../../src/transport/free-port.ts';
import { runSaltbus, saltbus } from './cli.ts';
import type { Ended, Running } from './cli.ts';
import { temporaryFolder } from './own-bus.ts';
import { watchMaster } from './own-master.ts';
import type { WatchedBus } from './own-master.ts';
import { rawRequest } from './raw-req.ts';

/** A daemon that is started and ended again. */
export interface ChildDaemon {
  /** For `-c`. */
  readonly configDir: string;
  readonly pkiDir: string;
  /** The process of the last start. */
  readonly running: Running;
  /** Starts it, with another configuration where one is given, and waits until it says that it is ready. */
  start(config?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Changes the configuration, and no more. */
  configure(config: Readonly<Record<string, unknown>>): void;
  signal(signal: NodeJS.Signals): void;
  end(signal?: NodeJS.Signals): Promise<Ended>;
  /** Waits for the nth line of its log, since the last start, that holds a text. */
  logged(text: string, nth?: number): Promise<string>;
}

/** A master. */
export interface ChildMaster extends ChildDaemon {
  readonly retPort: number;
  /** Watches its bus from now on. */
  watch(): Promise<WatchedBus>;
  /** `saltbus key`. */
  key(...args: string[]): Promise<Ended>;
  /** Publishes a job, as Salt's command line does, and gives its id. */
  publish(job?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Publishes a job for one minion, and waits for the return. */
  job(seen: WatchedBus, id: string, fun?: string, ...args: readonly unknown[]): Promise<SaltEvent>;
}

/** A minion. */
export interface ChildMinion extends ChildDaemon {
  readonly id: string;
  /** `saltbus fire TAG DATA... --to-master` on its host, and more options. */
  fire(tag: string, data: unknown, ...options: string[]): Promise<Ended>;
}

/** A master that is not started yet; its ports stay the same. */
export async function childMaster(
  t: TestContext,
  options: Readonly<Record<string, unknown>> = {},
): Promise<ChildMaster> {
  const retPort = await freePort();
  const publishPort = await freePort(retPort);
  const configDir = temporaryFolder(t);
  const sockDir = join(configDir, 's');
  const daemon = child(t, 'master', configDir, {
    sock_dir: sockDir,
    interface: '127.0.0.1',
    ret_port: retPort,
    publish_port: publishPort,
    auto_accept: true,
    ...options,
  });
  const publish = async (job: Readonly<Record<string, unknown>> = {}): Promise<string> => {
    const { username } = userInfo();
    const key = readFileSync(join(configDir, 'c', `.${username}_key`), 'utf8');
    const about = { tgt: '*', fun: 'test.ping', arg: [], tgt_type: 'glob', ret: '', jid: '', user: username };
    const request = encodeClearRequest({ cmd: 'publish', ...about, ...job, key });
    const reply = unpackRaw(await rawRequest(retPort, request, { timeoutMs: 20_000 }));
    assert.equal(reply instanceof Map, true, 'the master answers a map');
    const load = (reply as ReadonlyMap<unknown, unknown>).get('load') as
      ReadonlyMap<unknown, unknown> | undefined;
    const jid = load?.get('jid');
    return typeof jid === 'string' ? jid : assert.fail(`no job: ${JSON.stringify([...(load ?? [])])}`);
  };
  return Object.assign(daemon, {
    retPort,
    watch: () => watchMaster(t, sockDir),
    key: (...args: string[]) => runSaltbus(t, ['key', ...args, '-c', configDir]),
    publish,
    job: async (seen: WatchedBus, id: string, fun = 'test.ping', ...arg: readonly unknown[]) => {
      const jid = await publish({ tgt: id, fun, arg });
      return seen.until(`salt/job/${jid}/ret/${id}`);
    },
  });
}

/** A minion that is not started yet; its waits are short. */
export function childMinion(
  t: TestContext,
  id: string,
  masters: readonly Pick<ChildMaster, 'retPort'>[],
  options: Readonly<Record<string, unknown>> = {},
): ChildMinion {
  const configDir = temporaryFolder(t);
  const named = masters.map(({ retPort }) => `127.0.0.1:${retPort}`);
  const daemon = child(t, 'minion', configDir, {
    id,
    sock_dir: join(configDir, 's'),
    master: named.length === 1 ? named[0] : named,
    acceptance_wait_time: 0.2,
    recon_default: 50,
    recon_max: 200,
    ...options,
  });
  const fire = (tag: string, data: unknown, ...more: string[]): Promise<Ended> =>
    runSaltbus(t, ['fire', tag, JSON.stringify(data), '--to-master', '-c', configDir, ...more]);
  return Object.assign(daemon, { id, fire });
}

function child(
  t: TestContext,
  kind: 'master' | 'minion',
  configDir: string,
  options: Readonly<Record<string, unknown>>,
): ChildDaemon {
  const pkiDir = join(configDir, 'pki');
  let config: Readonly<Record<string, unknown>> = {
    root_dir: configDir,
    pki_dir: pkiDir,
    cachedir: join(configDir, 'c'),
    ...options,
  };
  const configure = (changes: Readonly<Record<string, unknown>>): void => {
    config = { ...config, ...changes };
    writeFileSync(join(configDir, kind), JSON.stringify(config));
  };
  let running: Running | undefined;
  const current = (): Running => running ?? assert.fail('it was not started');
  mkdirSync(pkiDir, { mode: 0o700 });
  configure({});
  return {
    configDir,
    pkiDir,
    get running() {
      return current();
    },
    start: async (changes = {}) => {
      configure(changes);
      running = saltbus(t, [kind, '-c', configDir, '--log-level', 'debug']);
      await running.line('is ready', 'stderr');
    },
    configure,
    signal: (signal) => {
      current().child.kill(signal);
    },
    end: (signal = 'SIGTERM') => {
      current().child.kill(signal);
      return current().ended;
    },
    logged: (text, nth) => current().line(text, 'stderr', nth),
  };
}
