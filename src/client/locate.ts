/**
 * Finds the bus that a program means: said outright, or as Salt finds it, or our own one of this user.
 */
import type { Node } from '../bus/bus.ts';
import { busAddress, loadSaltConfig, realSystem, siblingSocket, userSockDir } from '../config/index.ts';
import type { BusAddress, BusOverrides } from '../config/index.ts';
import { SaltbusError } from '../errors.ts';
import { connectSocket } from '../transport/connect.ts';
import { endpointName } from '../transport/endpoint.ts';
import type { Endpoint } from '../transport/endpoint.ts';

/** How a bus is named by the caller. All of it is optional: without any of it, the bus that is there is taken. */
export interface BusSelector {
  /** Whose bus. @defaultValue the one that is there; the minion's when both are */
  readonly node?: Node;
  /** Salt's configuration directory. @defaultValue as Salt: `SALT_CONFIG_DIR`, or `/etc/salt` */
  readonly configDir?: string;
  /** The directory of the sockets, instead of the one from the configuration. */
  readonly sockDir?: string;
  /** The minion's id, which names its sockets, instead of the one from the configuration. */
  readonly id?: string;
  /** The hash that turns the id into the name of the sockets. @defaultValue from the configuration, or `sha256` */
  readonly hashType?: string;
  /** The path of either socket; the other one stands beside it. */
  readonly path?: string;
}

/** Where a bus is, or would be. */
export interface BusLocation {
  readonly node: Node;
  readonly pub: Endpoint;
  readonly pull: Endpoint;
  /** The id behind the names of a minion's sockets, where it is known. */
  readonly id: string | undefined;
  /** In bytes. */
  readonly maxEventSize: number;
  /** Where the location comes from, for messages: "/etc/salt/minion", "--socket". */
  readonly source: string;
}

/** A location and what the user should be told about how it was found. */
export interface FoundBus {
  readonly location: BusLocation;
  readonly notes: readonly string[];
}

const NODES: readonly Node[] = ['minion', 'master'];
const DEFAULT_MAX_EVENT_SIZE = 1024 * 1024;

/**
 * The places where the bus may be, the best first. Nothing is connected.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for what contradicts itself, `ERR_SALTBUS_CONFIG`, `ERR_SALTBUS_PATH_TOO_LONG`
 */
export function busLocations(
  selector: BusSelector,
  env: NodeJS.ProcessEnv = process.env,
): readonly BusLocation[] {
  if (selector.path !== undefined) return [fromSocket(selector.path, selector.node)];
  const nodes = selector.node === undefined ? NODES : [selector.node];
  if (selector.sockDir !== undefined) {
    const { sockDir } = selector;
    // An id names a minion; without one, the configuration or the files in the directory tell it.
    const meant = selector.node === undefined && selector.id !== undefined ? (['minion'] as const) : nodes;
    return meant.map((node) => fromSockDir(node, sockDir, selector, env));
  }
  const locations = nodes.map((node) => fromConfig(node, selector, env));
  if (selector.configDir !== undefined) return locations;
  return [...locations, ...nodes.map((node) => fromSockDir(node, userSockDir(node, env), selector, env))];
}

/**
 * Finds the bus: of the possible places, the first where somebody listens.
 * @throws SaltbusError as {@link busLocations}, and why the best place cannot be used when none can: `ERR_SALTBUS_NO_BUS`, `ERR_SALTBUS_PERMISSION`, ...
 */
export async function findBus(
  selector: BusSelector,
  options: { readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal } = {},
): Promise<FoundBus> {
  const locations = busLocations(selector, options.env);
  const results = await Promise.all(
    locations.map(async (location) => ({ location, error: await reach(location, options.signal) })),
  );
  const present = results.filter(({ error }) => error === undefined);
  const [found, ...others] = present;
  if (found !== undefined)
    return {
      location: found.location,
      notes: notesOn(
        found.location,
        others.map((other) => other.location),
      ),
    };
  throw whyNone(results);
}

function notesOn(found: BusLocation, others: readonly BusLocation[]): string[] {
  if (others.length === 0) return [];
  const seen = others.map((other) => `${other.node} (${endpointName(other.pub)})`).join(', ');
  return [
    `using the ${found.node} bus ${endpointName(found.pub)}; also there: ${seen}. Say which with --node`,
  ];
}

// One socket that this user may open is enough: who may read need not be allowed to write.
async function reach(location: BusLocation, signal: AbortSignal | undefined): Promise<unknown> {
  const error = await tryConnect(location.pub, signal);
  if (error instanceof SaltbusError && error.code === 'ERR_SALTBUS_PERMISSION') {
    return (await tryConnect(location.pull, signal)) === undefined ? undefined : error;
  }
  return error;
}

async function tryConnect(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    const socket = await connectSocket(endpoint, signal === undefined ? {} : { signal });
    socket.on('error', () => undefined);
    socket.destroy();
    return undefined;
  } catch (error) {
    return error;
  }
}

function whyNone(results: readonly { readonly location: BusLocation; readonly error: unknown }[]): unknown {
  const telling = results.find(
    ({ error }) => !(error instanceof SaltbusError && error.code === 'ERR_SALTBUS_NO_BUS'),
  );
  if (telling !== undefined) return telling.error;
  const [first] = results;
  if (results.length === 1 && first !== undefined) return first.error;
  const places = results
    .map(({ location }) => `${endpointName(location.pub)} (${location.source})`)
    .join(', ');
  return new SaltbusError('ERR_SALTBUS_NO_BUS', `No event bus was found; looked for ${places}`, {
    cause: first?.error,
  });
}

function fromSocket(path: string, node: Node | undefined): BusLocation {
  const sockets = siblingSocket(path);
  if (node !== undefined && node !== sockets.node) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `${path} is a socket of a ${sockets.node}, not of a ${node}`);
  }
  return {
    node: sockets.node,
    pub: { kind: 'unix', path: sockets.pub },
    pull: { kind: 'unix', path: sockets.pull },
    id: undefined,
    maxEventSize: DEFAULT_MAX_EVENT_SIZE,
    source: '--socket',
  };
}

function fromSockDir(
  node: Node,
  sockDir: string,
  selector: BusSelector,
  env: NodeJS.ProcessEnv,
): BusLocation {
  const source = selector.sockDir === undefined ? "this user's own bus" : '--sock-dir';
  return fromConfig(node, { ...selector, sockDir }, env, source);
}

function fromConfig(node: Node, selector: BusSelector, env: NodeJS.ProcessEnv, source?: string): BusLocation {
  const { configDir } = selector;
  const config = loadSaltConfig({
    node,
    system: realSystem(env),
    ...(configDir === undefined ? {} : { configDir }),
  });
  return locationOf(busAddress(config, overridesOf(selector)), source ?? config.mainFile);
}

/** What a selector says outright, over the configuration. */
export function overridesOf({ sockDir, id, hashType }: BusSelector): BusOverrides {
  return {
    ...(sockDir === undefined ? {} : { sockDir }),
    ...(id === undefined ? {} : { id }),
    ...(hashType === undefined ? {} : { hashType }),
  };
}

/** The location that an address means. */
export function locationOf(address: BusAddress, source: string): BusLocation {
  return {
    node: address.node,
    ...endpointsOf(address.address),
    id: address.id?.value,
    maxEventSize: address.maxEventSize.value,
    source,
  };
}

function endpointsOf(address: BusAddress['address']): { readonly pub: Endpoint; readonly pull: Endpoint } {
  if (address.kind === 'unix') {
    return { pub: { kind: 'unix', path: address.pub }, pull: { kind: 'unix', path: address.pull } };
  }
  const { host, pubPort, pullPort } = address;
  return { pub: { kind: 'tcp', host, port: pubPort }, pull: { kind: 'tcp', host, port: pullPort } };
}
