/**
 * The buses that an examination is about, and what the configuration says of each.
 */
import type { Node } from '../bus/bus.ts';
import { busLocations, locationOf, overridesOf } from '../client/locate.ts';
import type { BusLocation, BusSelector } from '../client/locate.ts';
import { busAddress, loadSaltConfig, userSockDir } from '../config/index.ts';
import type { BusAddress, SaltConfig } from '../config/index.ts';
import { SaltbusError } from '../errors.ts';
import type { DoctorSystem } from './system.ts';

/** One bus. */
export interface Subject {
  /** The first part of the ids of its findings. */
  readonly key: 'minion' | 'master' | 'user-minion' | 'user-master';
  readonly node: Node;
  /** For titles: "minion", "this user's own minion". */
  readonly name: string;
  /** Whether the caller asked for this bus: where it is not there, that is an error. */
  readonly asked: boolean;
  /** `undefined` where a socket was named, and where it cannot be read. */
  readonly config: SaltConfig | undefined;
  readonly address: BusAddress | undefined;
  readonly location: BusLocation | undefined;
  /** Why there is no configuration or no address. */
  readonly error: SaltbusError | undefined;
}

const NODES: readonly Node[] = ['minion', 'master'];

/**
 * The buses that a selector means; without any selection, those of Salt and those of this user.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for what contradicts itself
 */
export function subjectsOf(selector: BusSelector, system: DoctorSystem): readonly Subject[] {
  if (selector.path !== undefined) {
    const [location] = busLocations(selector, system.env);
    if (location === undefined) return [];
    const { node } = location;
    return [
      { ...named(node), asked: true, config: undefined, address: undefined, location, error: undefined },
    ];
  }
  // An id names a minion.
  const meant = selector.node ?? (selector.id === undefined ? undefined : 'minion');
  const nodes = meant === undefined ? NODES : [meant];
  const subjects = nodes.map((node) => subjectOf(node, selector, system, meant !== undefined));
  if (selector.configDir !== undefined || selector.sockDir !== undefined) return subjects;
  return [...subjects, ...nodes.map((node) => ownSubject(node, selector, system))];
}

function named(node: Node): Pick<Subject, 'key' | 'node' | 'name'> {
  return { key: node, node, name: node };
}

// Salt's id means nothing for a bus of one's own unless it is said: then the single socket there is taken.
function ownSubject(node: Node, selector: BusSelector, system: DoctorSystem): Subject {
  const subject = subjectOf(node, { ...selector, sockDir: userSockDir(node, system.env) }, system, false);
  return { ...subject, key: `user-${node}`, name: `this user's own ${node}` };
}

function subjectOf(node: Node, selector: BusSelector, system: DoctorSystem, asked: boolean): Subject {
  const { configDir, sockDir } = selector;
  let config: SaltConfig | undefined;
  try {
    config = loadSaltConfig({ node, system, ...(configDir === undefined ? {} : { configDir }) });
    const address = busAddress(config, overridesOf(selector));
    const location = locationOf(address, sockDir === undefined ? config.mainFile : '--sock-dir');
    return { ...named(node), asked, config, address, location, error: undefined };
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    return { ...named(node), asked, config, address: undefined, location: undefined, error };
  }
}
