/** A minion of ours in this process, under whatever master: configured by a file, as a user would. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect } from '../../src/client/connect.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { busAddress, loadSaltConfig, minionSettings } from '../../src/config/index.ts';
import { startMinion } from '../../src/daemon/minion/minion.ts';
import type { MinionDaemon, MinionOptions } from '../../src/daemon/minion/minion.ts';
import { DIALECTS } from '../../src/dialect/releases.ts';
import { temporaryFolder } from './own-bus.ts';

/** Where the configuration of such a minion is, and what is in it. */
export interface MinionPlace {
  readonly configDir: string;
  readonly id: string;
}

/** Writes a configuration; waits are short. */
export function minionPlace(
  t: TestContext,
  id: string,
  options: Readonly<Record<string, unknown>>,
): MinionPlace {
  const configDir = temporaryFolder(t);
  const config = {
    id,
    root_dir: configDir,
    sock_dir: join(configDir, 's'),
    pki_dir: join(configDir, 'pki'),
    cachedir: join(configDir, 'c'),
    acceptance_wait_time: 0.2,
    recon_default: 50,
    recon_max: 200,
    ...options,
  };
  mkdirSync(configDir, { recursive: true });
  writeFileSync(join(configDir, 'minion'), JSON.stringify(config));
  return { configDir, id };
}

/** Starts the minion of a configuration; it is ended after the test. */
export async function ownMinion(
  t: TestContext,
  { configDir }: MinionPlace,
  options: Partial<MinionOptions> = {},
): Promise<MinionDaemon> {
  const config = loadSaltConfig({ node: 'minion', configDir });
  const settings = minionSettings(config);
  const { address } = busAddress(config, { id: settings.id });
  if (address.kind !== 'unix') throw new Error('the bus has unix sockets');
  const minion = await startMinion({
    settings,
    version: '0.0.0',
    bus: {
      pairs: [
        {
          pub: { kind: 'unix', path: address.pub },
          pull: { kind: 'unix', path: address.pull },
          dialect: DIALECTS['prefixed-pull'],
        },
      ],
    },
    ...options,
  });
  t.after(() => {
    minion.destroy();
  });
  return minion;
}

/** A client of the bus of such a minion. */
export async function clientOfMinion(t: TestContext, { configDir }: MinionPlace): Promise<Bus> {
  const bus = await connect({ node: 'minion', configDir, dialect: 'prefixed-pull' });
  t.after(() => {
    bus.destroy();
  });
  return bus;
}
