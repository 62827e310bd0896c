/** The configuration of a master and of a minion under it, as files: for daemons in processes of their own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../../src/testing/real-salt/ports.ts';
import { temporaryFolder } from './own-bus.ts';

/** Where they are, for `-c`. */
export interface DaemonsPlace {
  readonly master: string;
  /** Its id is `web1`. */
  readonly minion: string;
}

/** Writes both; waits are short. */
export async function daemonsPlace(
  t: TestContext,
  more: { readonly minion?: Readonly<Record<string, unknown>> } = {},
): Promise<DaemonsPlace> {
  const root = temporaryFolder(t);
  const publish = await freePort();
  const request = await freePort(publish);
  const dirs = { sock_dir: 's', pki_dir: 'pki', cachedir: 'c', pidfile: 'pid', user: userInfo().username };
  const write = (node: 'master' | 'minion', config: Readonly<Record<string, unknown>>): string => {
    const folder = join(root, node === 'master' ? 'm' : 'n');
    mkdirSync(folder);
    writeFileSync(join(folder, node), JSON.stringify({ root_dir: folder, ...dirs, ...config }));
    return folder;
  };
  return {
    master: write('master', {
      interface: '127.0.0.1',
      auto_accept: true,
      publish_port: publish,
      ret_port: request,
    }),
    minion: write('minion', {
      id: 'web1',
      master: `127.0.0.1:${request}`,
      auth_timeout: 1,
      acceptance_wait_time: 0.05,
      recon_default: 20,
      recon_max: 100,
      ...more.minion,
    }),
  };
}
