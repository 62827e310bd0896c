import { SaltbusError } from '../../errors.ts';
import type { Endpoint } from '../endpoint.ts';

/** Kinds of socket that are spoken here, with the kinds that each may talk to. */
export const PARTNERS: Readonly<Record<SocketKind, readonly string[]>> = {
  REQ: ['REP', 'ROUTER'],
  ROUTER: ['REQ', 'DEALER'],
  PUB: ['SUB', 'XSUB'],
  SUB: ['PUB', 'XPUB'],
};

/** A kind of ZeroMQ socket. */
export type SocketKind = 'REQ' | 'ROUTER' | 'PUB' | 'SUB';

/** Our own heartbeats; a peer's are answered in any case. Salt's master: every 10 s, given up after 30 s (3006.27, 3008.2). */
export interface HeartbeatOptions {
  /** How often a PING is sent, in milliseconds. */
  readonly intervalMs: number;
  /** How long after a PING the peer may stay silent, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * For how long the peer may hear nothing from us, told to it in each PING, in milliseconds.
   * @defaultValue 0: the peer judges by itself
   */
  readonly ttlMs?: number;
}

/** Of a TCP connection. */
export interface TcpOptions {
  /**
   * Idle time before the first TCP keepalive probe, in milliseconds; 0 sends none. Interval and number of the probes are
   * the system's: Node has no way to set them.
   * @defaultValue 300 000, as Salt's `tcp_keepalive_idle`
   */
  readonly keepAliveMs?: number;
}

/** A TCP address to connect to. */
export interface ZmtpTarget {
  readonly host: string;
  readonly port: number;
  /** The address to connect from (Salt's `source_address`). */
  readonly localAddress?: string;
  /** The port to connect from; 0 or absent: any. */
  readonly localPort?: number;
}

/** An address to listen on. */
export type ZmtpBinding = Endpoint & { readonly kind: 'tcp' };

/** How long a peer may take for its greeting and READY together: as libzmq 4.3.5, 30 s. */
export const DEFAULT_HANDSHAKE_MS = 30_000;

/** Idle time before TCP keepalive probes, as Salt's `tcp_keepalive_idle`. */
export const DEFAULT_KEEPALIVE_MS = 300_000;

/** How long a graceful close waits for peers to take what was written. */
export const LINGER_MS = 1000;

/**
 * How often a socket looks at its connections, so that each limit on time is kept within a quarter.
 */
export function sweepPeriod(...limitsMs: readonly (number | undefined)[]): number {
  let least = 4000;
  for (const limit of limitsMs) if (limit !== undefined && limit > 0) least = Math.min(least, limit);
  return Math.max(5, Math.floor(least / 4));
}

/**
 * Refuses settings that make no sense.
 * @throws SaltbusError `ERR_SALTBUS_USAGE`
 */
export function checkPositive(values: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0))
      throw new SaltbusError('ERR_SALTBUS_USAGE', `${name} is ${value}, and must be above zero`);
  }
}
