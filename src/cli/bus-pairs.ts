/**
 * From options of the command line to the pairs of sockets that a bus is served on.
 */
import { busLocations } from '../client/locate.ts';
import type { BusLocation, BusSelector } from '../client/locate.ts';
import type { SocketPair } from '../daemon/bus-server.ts';
import { traitsOfRelease } from '../dialect/releases.ts';
import type { ReleaseTraits } from '../dialect/releases.ts';
import { SaltbusError } from '../errors.ts';

/**
 * What a release is like.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for what is no release
 */
export function traitsFor(release: string): ReleaseTraits {
  const traits = traitsOfRelease(release);
  if (traits === undefined) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `'${release}' is no Salt release that is known`, {
      next: 'Give a release from 3000 on, such as 3006.30, 3007.17 or 3008.5.',
    });
  }
  return traits;
}

/** The pair of sockets at a place, with the modes that a release gives them. */
export function pairOf(location: BusLocation, traits: ReleaseTraits): SocketPair {
  const { pub, pull } = location;
  return {
    pub,
    pull,
    dialect: traits.dialect,
    pubMode: location.node === 'master' ? traits.masterPubMode : 0o600,
  };
}

/**
 * The pair that `--also DIR=RELEASE` asks for.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for what is none
 */
export function alsoPair(text: string, selector: BusSelector): SocketPair {
  const at = text.lastIndexOf('=');
  if (at < 1) {
    throw new SaltbusError('ERR_SALTBUS_USAGE', `'${text}' is no pair of a directory and a release`, {
      next: 'Write it like --also /run/bus-3006=3006.30.',
    });
  }
  const [location] = busLocations({ ...selector, sockDir: text.slice(0, at) });
  if (location === undefined) throw new SaltbusError('ERR_SALTBUS_USAGE', `'${text}' names no place`);
  return pairOf(location, traitsFor(text.slice(at + 1)));
}
