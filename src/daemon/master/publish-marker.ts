/**
 * The socket `publish_pull.ipc` beside the bus: `salt` takes it for the sign that a master runs, and publishes nothing where it is not
 * there (3006.30, 3007.17, 3008.5). In Salt it carries jobs between processes; here nothing comes over it.
 */
import { dirname, join } from 'node:path';
import type { Endpoint } from '../../transport/endpoint.ts';
import { listenSocket } from '../../transport/listen.ts';
import type { Listener } from '../../transport/listen.ts';

const NAME = 'publish_pull.ipc';

/**
 * Opens one beside each pull socket; what connects is closed at once.
 * @returns what closes them
 * @throws SaltbusError `ERR_SALTBUS_BUS_IN_USE` where a master runs, and as the system refuses
 */
export async function openPublishMarkers(
  pairs: readonly { readonly pull: Endpoint }[],
): Promise<() => Promise<void>> {
  const listeners: Listener[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const folders = pairs.flatMap(({ pull }) => (pull.kind === 'unix' ? [dirname(pull.path)] : []));
  try {
    for (const folder of new Set(folders)) {
      const endpoint: Endpoint = { kind: 'unix', path: join(folder, NAME) };
      listeners.push(await listenSocket(endpoint, (socket) => socket.destroy(), { mode: 0o600 }));
    }
    return close;
  } catch (error) {
    await close();
    throw error;
  }
}
