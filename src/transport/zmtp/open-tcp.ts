import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { SaltbusError } from '../../errors.ts';
import { aborted } from '../connect.ts';
import { endpointName } from '../endpoint.ts';
import { DEFAULT_KEEPALIVE_MS } from './settings.ts';
import type { TcpOptions, ZmtpTarget } from './settings.ts';

/**
 * Connects to a TCP address, and resolves with the open socket.
 * @param options.connectMs - how long it may take
 * @throws SaltbusError `ERR_SALTBUS_NO_PEER` or `ERR_SALTBUS_ABORTED`
 */
export function openTcp(
  target: ZmtpTarget,
  options: TcpOptions & { readonly connectMs: number; readonly signal: AbortSignal },
): Promise<Socket> {
  const { signal, connectMs, keepAliveMs = DEFAULT_KEEPALIVE_MS } = options;
  const { host, port, localAddress, localPort } = target;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(aborted(signal));
      return;
    }
    const socket = createConnection({
      host,
      port,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined || localPort === 0 ? {} : { localPort }),
      noDelay: true,
      keepAlive: keepAliveMs > 0,
      keepAliveInitialDelay: keepAliveMs,
      allowHalfOpen: true,
    });
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('connect', onConnect);
      socket.off('error', onError);
      signal.removeEventListener('abort', onAbort);
    };
    const giveUp = (error: SaltbusError): void => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onConnect = (): void => {
      settle();
      resolve(socket);
    };
    const onError = (error: Error): void => {
      giveUp(noPeer(target, error));
    };
    const onAbort = (): void => {
      giveUp(aborted(signal));
    };
    const timer = setTimeout(() => {
      giveUp(noPeer(target, `no answer within ${connectMs} ms`));
    }, connectMs);
    socket.once('connect', onConnect);
    socket.once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The error of a connection that could not be made; `why` is an error, or says it. */
export function noPeer(target: ZmtpTarget, why: unknown): SaltbusError {
  const name = endpointName({ kind: 'tcp', host: target.host, port: target.port });
  const reason = why instanceof Error ? why.message : String(why);
  return new SaltbusError('ERR_SALTBUS_NO_PEER', `Connecting to ${name} failed: ${reason}`, {
    cause: why instanceof Error ? why : undefined,
  });
}
