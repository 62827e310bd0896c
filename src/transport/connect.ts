/**
 * Opens a connection to a unix or TCP socket, with an error that says what stands in the way.
 */
import { lstatSync } from 'node:fs';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { SaltbusError } from '../errors.ts';
import { backoffDelay } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { MAX_SOCKET_PATH, endpointName } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { ownershipOf } from './ownership.ts';

// The queue of a unix socket is emptied once in a turn of the daemon's loop; one that stays full for so long is stuck.
const FULL_QUEUE_MS = 5000;
const FULL_QUEUE_PAUSE: Backoff = { initialMs: 2, maxMs: 200 };

/**
 * Connects, and resolves with the open socket. While more programs connect to a unix socket than its queue takes, it is
 * tried again, for 5 s at the most.
 * @throws SaltbusError `ERR_SALTBUS_NO_BUS`, `ERR_SALTBUS_PERMISSION`, `ERR_SALTBUS_NOT_A_SOCKET`, `ERR_SALTBUS_PATH_TOO_LONG`, `ERR_SALTBUS_ABORTED`, or `ERR_SALTBUS_SYSTEM`
 */
export async function connectSocket(
  endpoint: Endpoint,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Socket> {
  const { signal } = options;
  if (endpoint.kind === 'unix' && Buffer.byteLength(endpoint.path) > MAX_SOCKET_PATH)
    throw pathTooLong(endpoint.path);
  const begun = performance.now();
  for (let attempt = 0; ; attempt += 1) {
    if (signal?.aborted === true) throw aborted(signal);
    try {
      return await openOnce(endpoint, signal);
    } catch (error) {
      if (!isQueueFull(error) || performance.now() - begun > FULL_QUEUE_MS) throw error;
    }
    await pause(backoffDelay(FULL_QUEUE_PAUSE, attempt, Math.random()), signal);
  }
}

// Linux says EAGAIN where the queue of a unix socket is full.
function isQueueFull(error: unknown): boolean {
  const cause = error instanceof SaltbusError ? error.cause : undefined;
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'EAGAIN';
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

function openOnce(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // A half-open peer is the caller's to judge: the socket is ended by the side that knows that nothing is owed.
    const socket =
      endpoint.kind === 'unix'
        ? createConnection({ path: endpoint.path, allowHalfOpen: true })
        : createConnection({ host: endpoint.host, port: endpoint.port, allowHalfOpen: true, noDelay: true });
    const settle = (): void => {
      socket.off('connect', onConnect);
      socket.off('error', onError);
      signal?.removeEventListener('abort', onAbort);
    };
    const onConnect = (): void => {
      settle();
      resolve(socket);
    };
    const onError = (error: NodeJS.ErrnoException): void => {
      settle();
      reject(connectError(endpoint, error));
    };
    const onAbort = (): void => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(signal === undefined ? new SaltbusError('ERR_SALTBUS_ABORTED', 'aborted') : aborted(signal));
    };
    socket.once('connect', onConnect);
    socket.once('error', onError);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The error of a call whose signal was aborted. */
export function aborted(signal: AbortSignal): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_ABORTED', 'The call was aborted by its signal', {
    cause: signal.reason,
  });
}

/** The error of a unix socket whose path is over the system's limit. */
export function pathTooLong(path: string): SaltbusError {
  return new SaltbusError(
    'ERR_SALTBUS_PATH_TOO_LONG',
    `The socket path has ${Buffer.byteLength(path)} bytes, and the system allows ${MAX_SOCKET_PATH}: ${path}`,
  );
}

function connectError(endpoint: Endpoint, error: NodeJS.ErrnoException): SaltbusError {
  const name = endpointName(endpoint);
  switch (error.code) {
    case 'ENOENT':
      return new SaltbusError('ERR_SALTBUS_NO_BUS', `There is no socket at ${name}`, { cause: error });
    // a daemon that ended with our connection still in its backlog
    case 'ECONNRESET':
    case 'ECONNREFUSED':
      if (endpoint.kind === 'unix' && !isSocket(endpoint.path)) return notASocket(endpoint.path, error);
      return new SaltbusError(
        'ERR_SALTBUS_NO_BUS',
        endpoint.kind === 'unix'
          ? `Nobody listens on ${name}: the file was left by a daemon that is gone`
          : `Nobody listens on ${name}`,
        { cause: error },
      );
    case 'ENOTSOCK':
    case 'EPROTOTYPE':
    case 'ENOTDIR':
      return notASocket(name, error);
    case 'EACCES':
    case 'EPERM':
      return permission(endpoint, error);
    case 'EAGAIN':
      return new SaltbusError(
        'ERR_SALTBUS_NO_BUS',
        `Nobody takes connections on ${name}: more programs wait there than its queue holds`,
        { cause: error, next: 'See whether the daemon is stuck, and try again.' },
      );
    default:
      return new SaltbusError('ERR_SALTBUS_SYSTEM', `Connecting to ${name} failed: ${error.message}`, {
        cause: error,
      });
  }
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return true;
  }
}

function notASocket(path: string, cause: Error): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_NOT_A_SOCKET', `${path} is not a socket`, { cause });
}

function permission(endpoint: Endpoint, cause: Error): SaltbusError {
  const name = endpointName(endpoint);
  const owner = endpoint.kind === 'unix' ? ownershipOf(endpoint.path) : undefined;
  if (owner === undefined) {
    return new SaltbusError('ERR_SALTBUS_PERMISSION', `This user may not open ${name}`, { cause });
  }
  return new SaltbusError(
    'ERR_SALTBUS_PERMISSION',
    `This user may not open ${name} (owner ${owner.user}, group ${owner.group}, mode ${owner.mode})`,
    {
      cause,
      next: owner.groupMayUse
        ? `Run as ${owner.user}, or join the group ${owner.group}.`
        : `Run as ${owner.user} (for example with sudo); the mode lets no group in.`,
    },
  );
}
