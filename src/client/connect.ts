/**
 * Finds a bus and opens a client of it: the entry of the library.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_BACKOFF, backoffDelay } from '../transport/backoff.ts';
import { Bus } from '../bus/bus.ts';
import type { BusOptions } from '../bus/bus.ts';
import { userCacheDir } from '../config/index.ts';
import { dialectChoice } from '../dialect/choice.ts';
import type { DialectChoice } from '../dialect/choice.ts';
import { SaltbusError } from '../errors.ts';
import { aborted, connectSocket } from '../transport/connect.ts';
import { endpointName } from '../transport/endpoint.ts';
import { ConfirmedFire } from './confirmed-fire.ts';
import { controlEndpoint } from './control.ts';
import { dialectMemory, forwardsToMaster } from './dialect-memory.ts';
import { findBus } from './locate.ts';
import type { BusLocation, BusSelector, FoundBus } from './locate.ts';

/** How to connect. Everything is optional: beside an installed Salt, `connect()` finds the bus by itself. */
export interface ConnectOptions extends BusSelector {
  /** `auto`, `bare`, `prefixed`, `prefixed-pull`, a Salt release such as `3007.17`, or the framing of each direction. @defaultValue `auto` */
  readonly dialect?: string | DialectChoice;
  /** Ends the attempt when aborted; it does not end the bus that came of it. */
  readonly signal?: AbortSignal;
  /** Waits for a daemon that is not up yet: `true` for as long as it takes, or milliseconds. @defaultValue false */
  readonly wait?: boolean | number;
  /** Largest data of a fired event, in bytes. @defaultValue `max_event_size` from the configuration, or 1 MiB */
  readonly maxEventSize?: number;
  /** Longest frame that is read, in bytes. @defaultValue 100 MiB, as in Salt */
  readonly maxFrameBytes?: number;
  /** Most bytes of fired events that wait to be written. @defaultValue 64 MiB */
  readonly maxOutboxBytes?: number;
  /** How long a fired event waits for a connection, in milliseconds. @defaultValue 5000 */
  readonly fireTimeoutMs?: number;
  /** Told things that a person may want to know, such as that two buses are there and which was taken. */
  readonly onNote?: (note: string) => void;
}

/** A bus that was found and opened, and where it is. */
export interface Connected {
  readonly bus: Bus;
  readonly location: BusLocation;
}

/**
 * Connects to a local event bus. It resolves when somebody listens there; the connection is kept up by itself from then on.
 *
 * @throws SaltbusError (rejection) `ERR_SALTBUS_NO_BUS`, `ERR_SALTBUS_PERMISSION`, `ERR_SALTBUS_CONFIG`, `ERR_SALTBUS_USAGE`, `ERR_SALTBUS_ABORTED`, ...
 */
export async function connect(options: ConnectOptions = {}): Promise<Bus> {
  return (await connectTo(options)).bus;
}

/** As {@link connect}, and says where the bus is. */
export async function connectTo(options: ConnectOptions = {}): Promise<Connected> {
  const choice = choiceOf(options);
  const { location, notes } = await findOrWait(options);
  for (const note of notes) options.onNote?.(note);
  return { bus: openBus(location, { ...options, dialect: choice }), location };
}

function choiceOf({ dialect = 'auto' }: Pick<ConnectOptions, 'dialect'>): DialectChoice {
  return typeof dialect === 'string' ? dialectChoice(dialect) : dialect;
}

/** Options of {@link openBus}. */
export type OpenBusOptions = Pick<
  ConnectOptions,
  'dialect' | 'maxEventSize' | 'maxFrameBytes' | 'maxOutboxBytes' | 'fireTimeoutMs'
>;

/**
 * Makes a client of the bus at a place. Nothing is connected until it is used.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for a dialect that is none
 */
export function openBus(location: BusLocation, options: OpenBusOptions = {}): Bus {
  const busOptions: BusOptions = {
    node: location.node,
    names: { pub: endpointName(location.pub), pull: endpointName(location.pull) },
    openPub: (signal) => connectSocket(location.pub, { signal }),
    openPull: (signal) => connectSocket(location.pull, { signal }),
    dialect: choiceOf(options),
    maxEventSize: options.maxEventSize ?? location.maxEventSize,
    ...(options.maxFrameBytes === undefined ? {} : { maxFrameBytes: options.maxFrameBytes }),
    ...(options.maxOutboxBytes === undefined ? {} : { maxOutboxBytes: options.maxOutboxBytes }),
    ...(options.fireTimeoutMs === undefined ? {} : { fireTimeoutMs: options.fireTimeoutMs }),
    // A TCP port has no identity that outlives its daemon: nothing is remembered of it.
    ...(location.pull.kind === 'unix' ? unixOptions(location.pull.path) : {}),
    ...confirmedWay(location, options),
  };
  return new Bus(busOptions);
}

function confirmedWay(location: BusLocation, options: OpenBusOptions): Pick<BusOptions, 'confirmed'> {
  const endpoint = location.node === 'minion' ? controlEndpoint(location) : undefined;
  if (endpoint === undefined || location.pull.kind !== 'unix') return {};
  const { fireTimeoutMs: timeoutMs } = options;
  const { path: pullPath } = location.pull;
  return {
    confirmed: new ConfirmedFire({ pullPath, endpoint, ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
  };
}

function unixOptions(pullPath: string): Pick<BusOptions, 'memory' | 'forwards'> {
  return {
    memory: dialectMemory(pullPath, userCacheDir(process.env)),
    forwards: () => forwardsToMaster(pullPath),
  };
}

async function findOrWait(options: ConnectOptions): Promise<FoundBus> {
  const { signal, wait = false } = options;
  const deadline = performance.now() + (wait === true ? Infinity : Number(wait));
  for (let attempt = 0; ; attempt += 1) {
    if (signal?.aborted === true) throw aborted(signal);
    try {
      return await findBus(options, signal === undefined ? {} : { signal });
    } catch (error) {
      const left = deadline - performance.now();
      if (!(error instanceof SaltbusError && error.retryable) || left <= 0) throw error;
      // A daemon that is starting is waited for with short steps: nobody is disturbed by them.
      const delay = Math.min(left, backoffDelay({ ...DEFAULT_BACKOFF, maxMs: 1000 }, attempt, Math.random()));
      await sleep(delay, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }
}
