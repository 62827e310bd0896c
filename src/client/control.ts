/**
 * Finds the control socket of our daemon on this host, and connects.
 */
import { controlSocket } from '../config/index.ts';
import { openControl } from '../control/index.ts';
import type { ControlClient, ControlClientOptions } from '../control/index.ts';
import { SaltbusError } from '../errors.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import { busLocations } from './locate.ts';
import type { BusLocation, BusSelector } from './locate.ts';

/** Where the control socket of a bus is: beside its other sockets. There is none beside TCP ports. */
export function controlEndpoint({ pub }: BusLocation): Endpoint | undefined {
  return pub.kind === 'unix' ? { kind: 'unix', path: controlSocket(pub.path) } : undefined;
}

/**
 * Connects to the control socket of the first place where there is one, in the order in which a bus is looked for.
 * @throws SaltbusError as `openControl`, for the best place when there is none at all
 */
export async function connectControl(
  selector: BusSelector,
  options: ControlClientOptions & { readonly env?: NodeJS.ProcessEnv },
): Promise<ControlClient> {
  let first: SaltbusError | undefined;
  for (const location of busLocations(selector, options.env)) {
    const endpoint = controlEndpoint(location);
    try {
      if (endpoint !== undefined) return await openControl(endpoint, options);
    } catch (error) {
      if (!(error instanceof SaltbusError) || error.code !== 'ERR_SALTBUS_NO_CONTROL') throw error;
      first ??= error;
    }
  }
  throw first ?? new SaltbusError('ERR_SALTBUS_NO_CONTROL', 'A bus on TCP ports has no control socket');
}
