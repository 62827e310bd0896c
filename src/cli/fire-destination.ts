/**
 * Where `fire` brings events: a bus of this host, or the masters themselves. Each says no more than it knows.
 */
import type { Bus, FireData } from '../bus/bus.ts';
import type { ConfirmOptions } from '../bus/confirmed.ts';
import type { FireMasterOptions, MasterEvent } from '../bus/fire-master.ts';
import { connectTo } from '../client/connect.ts';
import type { ConnectOptions } from '../client/connect.ts';
import { isServedByUs } from '../client/dialect-memory.ts';
import { connectDirect } from '../client/direct.ts';
import type { DirectAnswer, DirectOptions } from '../client/direct.ts';
import type { BusLocation } from '../client/locate.ts';
import { SaltbusError } from '../errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { oneLine } from './terminal.ts';

/** What was done with the events that went well. */
export type FireResult =
  | 'handed to the local bus'
  | 'handed to a real minion, which does not tell'
  | 'spooled'
  | 'accepted by the master';

/** A way for events. */
export interface FireDestination extends AsyncDisposable {
  readonly result: FireResult;
  /** Whether an event is to be awaited before the next is given. */
  readonly oneAtATime: boolean;
  /** Brings one event there. */
  fire(tag: string, data: unknown): Promise<void>;
  /** Brings a list of events to the master. */
  fireList(events: readonly MasterEvent[], options: FireMasterOptions): Promise<void>;
  /** As a person reads it behind "was" or "were": `handed to the minion bus`. */
  outcome(): string;
  /** What JSON output says besides the result and the number of events. */
  facts(): Readonly<Record<string, unknown>>;
  /** The exit code for what did not go well besides: of several masters, one that did not take the events. */
  exitCode(): number;
}

/** What is to be fired on a bus. */
export interface BusDestinationOptions {
  readonly toMaster: boolean;
  /** What is asked of a minion that keeps events and tells what becomes of them. */
  readonly confirm?: ConfirmOptions;
  readonly allowInternalTag: boolean;
}

/**
 * The bus of this host.
 * @throws SaltbusError (rejection) as `connect()`
 */
export async function busDestination(
  connect: ConnectOptions,
  { toMaster, allowInternalTag, confirm = {} }: BusDestinationOptions,
): Promise<FireDestination> {
  const { bus, location } = await connectTo(connect);
  if (toMaster) return masterDestination(bus, location, confirm);
  return {
    result: 'handed to the local bus',
    // all of a group travel in one write
    oneAtATime: false,
    fire: (tag, data) => bus.fire(tag, data as FireData, { allowInternalTag }),
    fireList: () => Promise.reject(new SaltbusError('ERR_SALTBUS_USAGE', 'A list is for a master')),
    outcome: () => `handed to the ${location.node} bus`,
    facts: () => ({ node: location.node }),
    exitCode: () => 0,
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

/** The minion of this host, for its masters: as much as it tells. */
function masterDestination(bus: Bus, location: BusLocation, confirm: ConfirmOptions): FireDestination {
  const count = { accepted: 0, spooled: 0, handed: 0 };
  const isOurs = location.pull.kind === 'unix' && isServedByUs(location.pull.path);
  // of several events, what holds for each of them
  const result = (): FireResult => {
    if (count.handed > 0)
      return isOurs ? 'handed to the local bus' : 'handed to a real minion, which does not tell';
    return count.spooled > 0 || count.accepted === 0 ? 'spooled' : 'accepted by the master';
  };
  const isLate = (): boolean => confirm.wait === 'accepted' && count.spooled > 0;
  return {
    get result() {
      return result();
    },
    oneAtATime: false,
    fire: async (tag, data) => {
      count[await bus.fireMaster(tag, data, confirm)] += 1;
    },
    fireList: async (events, options) => {
      count[await bus.fireMaster(events, { ...options, ...confirm })] += 1;
    },
    outcome: () =>
      isLate() ? `${result()}: the master has not accepted ${some(count.spooled)} in time` : result(),
    facts: () => ({ node: location.node }),
    exitCode: () => (isLate() ? EXIT.notDrained : EXIT.ok),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

function some(count: number): string {
  return count === 1 ? 'it' : `${count} of them`;
}

/**
 * The masters of this host's minion.
 * @throws SaltbusError (rejection) as `connectDirect()`
 */
export async function directDestination(options: DirectOptions): Promise<FireDestination> {
  const direct = await connectDirect(options);
  const { signal } = options;
  const masters = new MasterTally();
  const withSignal = signal === undefined ? {} : { signal };
  return {
    result: 'accepted by the master',
    oneAtATime: true,
    fire: async (tag, data) => {
      masters.add(await direct.fireMaster(tag, data, withSignal));
    },
    fireList: async (events, list) => {
      masters.add(await direct.fireMaster(events, { ...list, ...withSignal }));
    },
    outcome: () => masters.outcome(),
    facts: () => masters.facts(),
    exitCode: () => masters.exitCode(),
    [Symbol.asyncDispose]: () => direct[Symbol.asyncDispose](),
  };
}

/** Of several masters: which took all there was, and which did not; each that did not is said once. */
class MasterTally {
  readonly #accepted = new Set<string>();
  readonly #failed = new Map<string, SaltbusError>();

  add({ accepted, failed }: DirectAnswer): void {
    for (const master of accepted) this.#accepted.add(master);
    for (const { master, error } of failed) {
      if (this.#failed.has(master)) continue;
      this.#failed.set(master, error);
      process.stderr.write(`saltbus: ${oneLine(error.message)} [${error.code}]\n`);
    }
  }

  outcome(): string {
    const all = [...this.#accepted];
    const partly = all.filter((master) => this.#failed.has(master));
    const names = all.map((master) => (partly.includes(master) ? `${master} (not all)` : master));
    return `accepted by the master${all.length === 1 ? '' : 's'} ${names.join(', ')}`;
  }

  facts(): Readonly<Record<string, unknown>> {
    const failed = [...this.#failed].map(([master, { code, message }]) => ({ master, code, message }));
    return { masters: [...this.#accepted], ...(failed.length === 0 ? {} : { failed }) };
  }

  exitCode(): number {
    const [first] = this.#failed.values();
    return first === undefined ? 0 : exitCodeOf(first.code);
  }
}
