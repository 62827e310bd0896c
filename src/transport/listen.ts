/**
 * Listens on a unix or TCP socket: replaces what a dead daemon left behind, and refuses where somebody alive listens.
 */
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { publish } from '../diagnostics.ts';
import { SaltbusError } from '../errors.ts';
import { connectSocket, pathTooLong } from './connect.ts';
import { MAX_SOCKET_PATH, endpointName } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';

/** Salt listens with this backlog (all releases since 2016.3). */
const BACKLOG = 128;

/** A socket that is being listened on. */
export interface Listener {
  readonly endpoint: Endpoint;
  /** Stops listening and removes the socket's file, if it is still ours. Connections that were accepted stay. */
  close(): Promise<void>;
}

/** How to listen. */
export interface ListenOptions {
  /** Permission bits of a unix socket's file. */
  readonly mode: number;
  /** Connections that wait to be accepted; 128 when absent. */
  readonly backlog?: number;
  /** Idle time before TCP keepalive probes, in milliseconds; none are sent when absent or 0. */
  readonly keepAliveMs?: number;
  /** Whether a socket on `::` refuses IPv4. */
  readonly ipv6Only?: boolean;
}

/**
 * Begins to listen.
 * @throws SaltbusError `ERR_SALTBUS_BUS_IN_USE` where somebody alive listens, `ERR_SALTBUS_NOT_A_SOCKET`, `ERR_SALTBUS_PATH_TOO_LONG`, `ERR_SALTBUS_PERMISSION` or `ERR_SALTBUS_SYSTEM`
 */
export async function listenSocket(
  endpoint: Endpoint,
  onConnection: (socket: Socket) => void,
  options: ListenOptions,
): Promise<Listener> {
  const { backlog = BACKLOG, keepAliveMs = 0, ipv6Only = false } = options;
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: keepAliveMs > 0, keepAliveInitialDelay: keepAliveMs },
    onConnection,
  );
  if (endpoint.kind === 'tcp') {
    await started(server, endpoint, () =>
      server.listen({ host: endpoint.host, port: endpoint.port, backlog, ipv6Only }),
    );
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : endpoint.port;
    return { endpoint: { ...endpoint, port }, close: () => closed(server) };
  }
  const { path } = endpoint;
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) throw pathTooLong(path);
  makeDirectory(dirname(path));
  await removeStale(endpoint);
  await started(server, endpoint, () => {
    // The file must never be there with a wider mode, not for an instant: bind happens inside listen().
    const umask = process.umask(0o177);
    try {
      server.listen({ path, backlog: BACKLOG });
    } finally {
      process.umask(umask);
    }
  });
  chmodSync(path, options.mode);
  const inode = statSync(path).ino;
  return {
    endpoint,
    close: () => (inodeOf(path) === inode ? closed(server) : closedKeepingFile(server, path)),
  };
}

// Closing a server removes its path, even where the socket of another daemon has taken the place meanwhile: a second
// name keeps that one alive until ours is gone.
async function closedKeepingFile(server: Server, path: string): Promise<void> {
  const kept = `${path}.kept`;
  try {
    linkSync(path, kept);
  } catch {
    await closed(server);
    return;
  }
  await closed(server);
  renameSync(kept, path);
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

// One by one: with `recursive`, Node 20 turns for ever where a directory cannot be made for want of its parent (/proc).
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory, { mode: 0o755 });
  } catch (error) {
    // another daemon may be starting beside us
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw listenError(directory, error as NodeJS.ErrnoException);
  }
}

async function removeStale(endpoint: Endpoint & { readonly kind: 'unix' }): Promise<void> {
  const stat = lstatSync(endpoint.path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new SaltbusError('ERR_SALTBUS_NOT_A_SOCKET', `${endpoint.path} is there and is not a socket`);
  }
  let peer: Socket;
  try {
    peer = await connectSocket(endpoint);
  } catch (error) {
    if (error instanceof SaltbusError && error.code === 'ERR_SALTBUS_NO_BUS') {
      rmSync(endpoint.path, { force: true });
      return;
    }
    throw error;
  }
  peer.destroy();
  throw inUse(endpoint);
}

function inUse(endpoint: Endpoint): SaltbusError {
  return new SaltbusError(
    'ERR_SALTBUS_BUS_IN_USE',
    `Somebody alive already listens on ${endpointName(endpoint)}`,
    endpoint.kind === 'tcp' ? { next: 'Stop what listens there, or choose another port.' } : {},
  );
}

function started(server: Server, endpoint: Endpoint, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? inUse(endpoint) : listenError(endpointName(endpoint), error));
    });
    server.once('listening', () => {
      // Later errors concern one connection that could not be taken; without a listener they would end the process.
      server.on('error', (error) => {
        publish('saltbus:listen:error', { endpoint: endpointName(endpoint), error });
      });
      resolve();
    });
    listen();
  });
}

function listenError(name: string, error: NodeJS.ErrnoException): SaltbusError {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new SaltbusError('ERR_SALTBUS_PERMISSION', `This user may not listen on ${name}`, {
      cause: error,
      next: 'Run as the user that owns the directory, or choose another one with --sock-dir.',
    });
  }
  return new SaltbusError('ERR_SALTBUS_SYSTEM', `Listening on ${name} failed: ${error.message}`, {
    cause: error,
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
