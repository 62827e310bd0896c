/**
 * What a daemon does for the programs on its control socket, and within which limits.
 */
import type { SaltbusError } from '../errors.ts';
import type { ControlCommand, ControlCommands, FireRequest } from './messages.ts';

/** Who hears what becomes of an event that a program has fired. Only the first that ends the wait is sent. */
export interface FireReply {
  /** Whose events these are. */
  readonly lane: string;
  /** Whether {@link left} is waited for after {@link spooled}. */
  readonly follows: boolean;
  /** It is kept, and forced to the disk. */
  spooled(): void;
  /** It was not kept. */
  refused(error: SaltbusError): void;
  /** It has left the spool: `sent` means that the master has accepted it. */
  left(how: 'sent' | 'rejected' | 'dropped' | 'expired' | 'removed'): void;
}

/** What a daemon does for programs. */
export type ControlHandlers = {
  readonly [Name in ControlCommand]: (
    request: ControlCommands[Name]['request'],
  ) => Promise<ControlCommands[Name]['answer']> | ControlCommands[Name]['answer'];
} & { readonly fire: (request: FireRequest, reply: FireReply) => void };

/** Limits of a control socket. */
export interface ControlLimits {
  /** Most connections; one more is told so and closed. @defaultValue 1024 */
  readonly maxConnections?: number;
  /** Most bytes of one frame. @defaultValue 16 MiB */
  readonly maxFrameBytes?: number;
  /** Most requests of one connection that are not answered; beyond, it is not read. @defaultValue 8192 */
  readonly maxUnderWay?: number;
  /** Most bytes of requests of one connection that are not answered; beyond, it is not read. @defaultValue 32 MiB */
  readonly maxUnderWayBytes?: number;
  /** How long a program may take to say who it is, in milliseconds. @defaultValue 10 000 */
  readonly helloMs?: number;
  /** How long a frame that has begun may stand still, and answers may not be taken, in milliseconds. @defaultValue 30 000 */
  readonly stallMs?: number;
}

/** What a control server has counted. */
export interface ControlCounters {
  /** Connections open now. */
  open: number;
  accepted: number;
  /** Connections that were one too many. */
  refused: number;
  /** Connections that were cut: no messages of this protocol, too slow, or of another version. */
  cut: number;
  /** Requests that were read. */
  requests: number;
  /** Requests that were answered with an error, because they make no sense. */
  wrong: number;
}
