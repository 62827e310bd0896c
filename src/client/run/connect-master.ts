/**
 * Finds the master of this host and opens a client of it that can run jobs.
 */
import { loadSaltConfig, runSettings } from '../../config/index.ts';
import type { DialectChoice } from '../../dialect/choice.ts';
import { SaltbusError } from '../../errors.ts';
import { connectTo } from '../connect.ts';
import { MasterClient } from './master-client.ts';

/** How {@link connectMaster} finds the master. */
export interface MasterOptions {
  /** Salt's configuration directory. @defaultValue as Salt: `SALT_CONFIG_DIR`, or `/etc/salt` */
  readonly configDir?: string;
  /** As of `connect()`. @defaultValue `auto` */
  readonly dialect?: string | DialectChoice;
  /** Waits for a master that is not up yet: `true` for as long as it takes, or milliseconds. @defaultValue false */
  readonly wait?: boolean | number;
  /** Ends the attempt when aborted; it does not end the client that came of it. */
  readonly signal?: AbortSignal;
}

/**
 * Connects to the master of this host, a real one or ours, to run jobs. It resolves when its bus is listened to: nothing that comes back
 * for a job can be missed from then on.
 *
 * Whose jobs are taken is up to the master: those of its own user and of root, and of users in its `publisher_acl`.
 * @throws SaltbusError (rejection) as `connect()`, and `ERR_SALTBUS_TIMEOUT` when it takes the connection and nothing comes back
 */
export async function connectMaster(options: MasterOptions = {}): Promise<MasterClient> {
  const { configDir, dialect, wait, signal } = options;
  const at = configDir === undefined ? {} : { configDir };
  const settings = runSettings(loadSaltConfig({ node: 'master', ...at }));
  const { bus } = await connectTo({
    node: 'master',
    ...at,
    ...(dialect === undefined ? {} : { dialect }),
    ...(wait === undefined ? {} : { wait }),
    ...(signal === undefined ? {} : { signal }),
  });
  const subscription = bus.listen({ tag: 'salt/job/', match: 'prefix' });
  try {
    await subscription.ready;
  } catch (error) {
    // who may read and not write is connected by then, and has no way to prove more
    if (!(error instanceof SaltbusError && error.code === 'ERR_SALTBUS_NOT_READY')) {
      bus.destroy();
      throw silent(error);
    }
  }
  return new MasterClient({ settings, bus, subscription });
}

// To whoever runs a job, a bus on which nothing comes back is a master that does not answer.
function silent(error: unknown): unknown {
  if (!(error instanceof SaltbusError && error.code === 'ERR_SALTBUS_DIALECT')) return error;
  return new SaltbusError('ERR_SALTBUS_TIMEOUT', `The master did not answer: ${error.message}`, {
    cause: error,
    next: 'Look whether it hangs; saltbus doctor --node master examines it.',
  });
}
