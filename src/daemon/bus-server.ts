/**
 * Opens a broker on pairs of sockets, with the file names and modes of Salt's own.
 */
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { announcementPath, formatAnnouncement } from '../dialect/announcement.ts';
import type { Announcement } from '../dialect/announcement.ts';
import type { Dialect } from '../dialect/releases.ts';
import { SaltbusError } from '../errors.ts';
import { endpointName } from '../transport/endpoint.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import { listenSocket } from '../transport/listen.ts';
import type { Listener } from '../transport/listen.ts';
import { Broker } from './broker.ts';
import type { BrokerLimits } from './broker.ts';

/** One pair of sockets of a bus. */
export interface SocketPair {
  readonly pub: Endpoint;
  readonly pull: Endpoint;
  /** What subscribers of this pair read. Firing programs may write either framing on any pair. */
  readonly dialect: Dialect;
  /** Permission bits of the publish socket. @defaultValue 0600 */
  readonly pubMode?: number;
}

/** How a bus is served. */
export interface ServeBusOptions extends BrokerLimits {
  /** The pairs of sockets; all of them are the same bus. */
  readonly pairs: readonly SocketPair[];
  /** Whether a minion behind this bus forwards what is fired as `fire_master`; programs are told by the announcement. @defaultValue false */
  readonly forwards?: boolean;
  /** Whether there is a control socket beside the first pair; told likewise. @defaultValue false */
  readonly control?: boolean;
  /** Called once when another daemon has put its own socket in the place of one of ours: nobody new reaches us then. */
  readonly onDisplaced?: (error: SaltbusError) => void;
}

/** A bus that is being served. */
export interface BusServer extends AsyncDisposable {
  readonly broker: Broker;
  /** Where it is served; with TCP port 0, the port that was given. */
  readonly pairs: readonly { readonly pub: Endpoint; readonly pull: Endpoint }[];
  /** Stops listening, lets subscribers take what waits for them, and removes the sockets. Idempotent. */
  close(): Promise<void>;
}

/** Salt makes the pull sockets, and a minion's publish socket, for the owner alone. */
const OWNER_ONLY = 0o600;
const DISPLACED_CHECK_MS = 1000;

/**
 * Opens the sockets and begins to pass events on.
 * @throws SaltbusError `ERR_SALTBUS_BUS_IN_USE` where somebody alive listens already, and as the system refuses; nothing stays open then
 */
export async function serveBus(options: ServeBusOptions): Promise<BusServer> {
  const broker = new Broker({ maxConnections: connectionsThatFit(), ...options });
  const listeners: Listener[] = [];
  const announcements: string[] = [];
  let count = 0;
  const principal = (endpoint: Endpoint): { readonly principal: string } => {
    count += 1;
    return { principal: `${endpointName(endpoint)}#${count}` };
  };
  const open = async (
    endpoint: Endpoint,
    mode: number,
    attach: (socket: Socket) => void,
  ): Promise<Endpoint> => {
    const listener = await listenSocket(endpoint, attach, { mode });
    listeners.push(listener);
    return listener.endpoint;
  };
  const closeAll = async (): Promise<void> => {
    for (const path of announcements) rmSync(path, { force: true });
    const closings = listeners.map((listener) => listener.close());
    await broker.close();
    await Promise.all(closings);
  };
  try {
    const pairs: { pub: Endpoint; pull: Endpoint }[] = [];
    for (const pair of options.pairs) {
      const framing = pair.dialect.pub;
      // The publish socket first: who finds the pull socket may fire, and must be heard.
      const pub = await open(pair.pub, pair.pubMode ?? OWNER_ONLY, (socket) => {
        broker.attachSubscriber(socket, { framing, ...principal(pair.pub) });
      });
      const pull = await open(pair.pull, OWNER_ONLY, (socket) => {
        broker.attachWriter(socket, principal(pair.pull));
      });
      if (pull.kind === 'unix') {
        const { forwards = false, control = false } = options;
        announcements.push(announce(pull.path, { forwards, control: control && pairs.length === 0 }));
      }
      pairs.push({ pub, pull });
    }
    const watch = watchSockets(pairs, options.onDisplaced);
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      clearInterval(watch);
      return (closing ??= closeAll());
    };
    return { broker, pairs, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

// Descriptors that stay free for files, for the sockets that listen, and for the connection that is turned away.
const SPARE_DESCRIPTORS = 12;

/** How many connections the descriptors of this process allow; where the system does not tell (it does on Linux), no bound. */
function connectionsThatFit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
    const open = readdirSync('/proc/self/fd').length;
    return soft === undefined ? Infinity : Math.max(1, Number(soft) - open - SPARE_DESCRIPTORS);
  } catch {
    return Infinity;
  }
}

function announce(pullPath: string, told: Pick<Announcement, 'forwards' | 'control'>): string {
  const path = announcementPath(pullPath);
  writeFileSync(path, formatAnnouncement({ inode: statSync(pullPath).ino, pull: 'any', ...told }), {
    mode: 0o644,
  });
  return path;
}

// Salt's daemons unlink what stands in their sockets' place without asking whether it is alive.
function watchSockets(
  pairs: readonly { readonly pub: Endpoint; readonly pull: Endpoint }[],
  onDisplaced: ServeBusOptions['onDisplaced'],
): NodeJS.Timeout {
  const inodes = new Map<string, number | undefined>();
  for (const { pub, pull } of pairs) {
    for (const endpoint of [pub, pull])
      if (endpoint.kind === 'unix') inodes.set(endpoint.path, inodeOf(endpoint.path));
  }
  const timer = setInterval(() => {
    for (const [path, inode] of inodes) {
      if (inodeOf(path) === inode) continue;
      clearInterval(timer);
      onDisplaced?.(
        new SaltbusError(
          'ERR_SALTBUS_BUS_IN_USE',
          `Another program has removed or replaced our socket ${path}`,
          {
            next: 'Run one daemon on these sockets: stop the other, or give this one a directory of its own.',
          },
        ),
      );
      return;
    }
  }, DISPLACED_CHECK_MS);
  return timer.unref();
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
