/**
 * What a master serves to minions, made of its settings: made anew when they are read again.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { MasterSettings } from '../../config/index.ts';
import { publish } from '../../diagnostics.ts';
import type { AcceptedEvents } from './accepted.ts';
import { minionCommands } from './commands.ts';
import type { MinionCommand } from './commands.ts';
import { compileEventAcl } from './events/event-acl.ts';
import { FileServer } from './files/file-server.ts';
import type { JobRecords } from './jobs/job-records.ts';
import type { KeyStore } from './keys/index.ts';
import type { Load } from './load.ts';
import { Mine } from './mine/mine.ts';
import type { MinionDirectory } from './minion-directory.ts';
import { MinionMaps } from './pillar/minion-maps.ts';
import { PillarFolder } from './pillar/pillar-folder.ts';
import { SaltCache } from './pillar/salt-cache.ts';
import type { SaltCacheBank } from './pillar/salt-cache.ts';

/** What is kept of minions for as long as the master runs. */
export interface KeptOfMinions {
  readonly grains: MinionMaps;
  /** The pillar that each was last given; never on disk, because it can hold secrets. */
  readonly pillars: MinionMaps;
  readonly mine: MinionMaps;
}

/** Opens what is kept of minions, and reads what was kept before. */
export async function openKept(cachedir: string, line: number): Promise<KeptOfMinions> {
  // `salt-run` writes what it runs there, and fails where the master has not made it (3006.30, 3007.17, 3008.5)
  await mkdir(join(cachedir, 'proc'), { recursive: true, mode: 0o700 });
  const cache = new SaltCache(cachedir, [line < 3008 ? 'minions' : 'banks']);
  const files = (bank: SaltCacheBank): MinionMaps =>
    new MinionMaps(
      {},
      {
        cache,
        bank,
        onProblem: (error) =>
          publish('saltbus:master:problem', { what: `the file of a ${bank} cache`, error }),
      },
    );
  const kept = { grains: files('grains'), pillars: new MinionMaps(), mine: files('mine') };
  await kept.grains.restore();
  await kept.mine.restore();
  return kept;
}

/** What stays the same when settings are read again. */
export interface ServiceParts {
  readonly kept: KeptOfMinions;
  readonly jobs: JobRecords;
  readonly directory: MinionDirectory;
  readonly store: Pick<KeyStore, 'remove' | 'acceptedKey'>;
  readonly newJid: () => string;
  readonly onRevoke: (id: string, options: { readonly keepCache: boolean }) => void;
  readonly accepted: AcceptedEvents | undefined;
}

/**
 * Makes the table of commands.
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` or `ERR_SALTBUS_PATTERN` for settings that make no sense
 */
export async function serviceCommands(
  settings: MasterSettings,
  parts: ServiceParts,
): Promise<ReadonlyMap<string, MinionCommand>> {
  const { kept, jobs, directory, store, newJid, onRevoke } = parts;
  const folder =
    settings.pillarFolder === undefined
      ? undefined
      : await PillarFolder.open({
          folder: settings.pillarFolder,
          onProblem: (error) => publish('saltbus:master:problem', { what: 'a pillar file', error }),
        });
  const pillarOf = async (id: string): Promise<Load> => {
    const pillar = (await folder?.of(id)) ?? new Map();
    kept.pillars.set(id, pillar);
    return pillar;
  };
  return minionCommands({
    files: new FileServer({
      roots: settings.fileRoots,
      hashType: settings.keys.hashType,
      chunkBytes: settings.fileBufferSize,
      followSymlinks: settings.followSymlinks,
      ignoreSymlinks: settings.ignoreSymlinks,
      ignoreGlobs: settings.fileIgnoreGlobs,
      ignoreRegexes: settings.fileIgnoreRegexes,
      listCacheMs: settings.fileListCacheMs,
    }),
    mine: new Mine({
      store: kept.mine,
      resolve: (target, type) => directory.forMine(target, type),
      ...(settings.mineAccess === undefined ? {} : { access: settings.mineAccess }),
    }),
    jobs,
    newJid,
    accepted: parts.accepted,
    events: { acl: compileEventAcl(settings.eventRules), stampSender: settings.stampSender },
    // from YAML: what it can hold, msgpack can say
    masterOptions: settings.forMinions as ReadonlyMap<string, ExactValue>,
    pillarOf,
    grains: settings.minionDataCache ? kept.grains : undefined,
    refreshEvents: settings.minionDataCacheEvents,
    ...(settings.allowMinionKeyRevoke
      ? {
          revokeKey: (id: string, options: { readonly keepCache: boolean }): boolean => {
            if (store.acceptedKey(id) === undefined) return false;
            onRevoke(id, options);
            store.remove('accepted', id);
            return true;
          },
        }
      : {}),
  });
}
