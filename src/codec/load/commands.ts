/**
 * The commands that a request can carry: two closed lists, of which nothing but their members can be reached
 * (CVE-2020-11651). A name is looked up among the keys of a Map, never among the properties of an object.
 */
import type { LoadMap } from '../payload/raw-strings.ts';
import { runnerShape, wheelShape, makeTokenShape, getTokenShape } from './administration.ts';
import type { RunnerLoad, WheelLoad, MakeTokenLoad, GetTokenLoad } from './administration.ts';
import { authShape } from './auth.ts';
import type { AuthLoad } from './auth.ts';
import { eventsShape, helloShape } from './delivery.ts';
import type { EventsLoad, HelloLoad } from './delivery.ts';
import { fileHashShape, fileHashAndStatShape, fileFindShape } from './file-find.ts';
import type { FileHashLoad, FileHashAndStatLoad, FileFindLoad } from './file-find.ts';
import {
  fileEnvsShape,
  fileListShape,
  emptyDirectoriesShape,
  directoryListShape,
  symlinkListShape,
} from './file-list.ts';
import type {
  FileEnvsLoad,
  FileListLoad,
  EmptyDirectoriesLoad,
  DirectoryListLoad,
  SymlinkListLoad,
} from './file-list.ts';
import { fileReceiveShape } from './file-receive.ts';
import type { FileReceiveLoad } from './file-receive.ts';
import { jobReturnShape } from './job-return.ts';
import type { JobReturnLoad } from './job-return.ts';
import { masterOptionsShape } from './master-options.ts';
import type { MasterOptionsLoad } from './master-options.ts';
import { masterTopsShape, extNodesShape } from './master-tops.ts';
import type { MasterTopsLoad, ExtNodesLoad } from './master-tops.ts';
import { mineShape, mineGetShape, mineDeleteShape, mineFlushShape } from './mine.ts';
import type { MineLoad, MineGetLoad, MineDeleteLoad, MineFlushLoad } from './mine.ts';
import { minionEventShape } from './minion-event.ts';
import type { MinionEventLoad } from './minion-event.ts';
import { minionPubShape, minionPublishShape, minionRunnerShape, publishedReturnsShape } from './peer.ts';
import type { MinionPubLoad, MinionPublishLoad, MinionRunnerLoad, PublishedReturnsLoad } from './peer.ts';
import { pillarShape } from './pillar.ts';
import type { PillarLoad } from './pillar.ts';
import { pingShape } from './ping.ts';
import type { PingLoad } from './ping.ts';
import { publishShape } from './publish.ts';
import type { PublishLoad } from './publish.ts';
import { registerResourcesShape } from './register-resources.ts';
import type { RegisterResourcesLoad } from './register-resources.ts';
import { revokeAuthShape } from './revoke-auth.ts';
import type { RevokeAuthLoad } from './revoke-auth.ts';
import { serveFileShape } from './serve-file.ts';
import type { ServeFileLoad } from './serve-file.ts';
import { syndicReturnShape } from './syndic-return.ts';
import type { SyndicReturnLoad } from './syndic-return.ts';
import { verifyMinionShape } from './verify-minion.ts';
import type { VerifyMinionLoad } from './verify-minion.ts';
import { readLoad } from './fields.ts';
import type { LoadShape, ParsedLoad } from './fields.ts';

/** The loads of clear requests. */
export type ClearLoad =
  RunnerLoad | WheelLoad | MakeTokenLoad | GetTokenLoad | AuthLoad | PingLoad | PublishLoad;

/** The loads of encrypted requests, all of them of minions. */
export type MinionLoad =
  | FileHashLoad
  | FileHashAndStatLoad
  | FileFindLoad
  | FileEnvsLoad
  | FileListLoad
  | EmptyDirectoriesLoad
  | DirectoryListLoad
  | SymlinkListLoad
  | FileReceiveLoad
  | JobReturnLoad
  | MasterOptionsLoad
  | MasterTopsLoad
  | ExtNodesLoad
  | MineLoad
  | MineGetLoad
  | MineDeleteLoad
  | MineFlushLoad
  | MinionEventLoad
  | MinionPubLoad
  | MinionPublishLoad
  | MinionRunnerLoad
  | PublishedReturnsLoad
  | PillarLoad
  | RegisterResourcesLoad
  | RevokeAuthLoad
  | ServeFileLoad
  | SyndicReturnLoad
  | VerifyMinionLoad
  | HelloLoad
  | EventsLoad;

// The reader checks each field against its own shape, so the type of the shape can be forgotten here.
type AnyShape<L extends { readonly cmd: string }> = L extends unknown ? LoadShape<L> : never;

function table<L extends { readonly cmd: string }>(
  shapes: readonly AnyShape<L>[],
): ReadonlyMap<unknown, LoadShape<L>> {
  return new Map(shapes.map((shape) => [shape.cmd, shape as LoadShape<L>]));
}

const CLEAR = table<ClearLoad>([
  runnerShape,
  wheelShape,
  makeTokenShape,
  getTokenShape,
  authShape,
  pingShape,
  publishShape,
]);

const OF_MINIONS = table<MinionLoad>([
  fileHashShape,
  fileHashAndStatShape,
  fileFindShape,
  fileEnvsShape,
  fileListShape,
  emptyDirectoriesShape,
  directoryListShape,
  symlinkListShape,
  fileReceiveShape,
  jobReturnShape,
  masterOptionsShape,
  masterTopsShape,
  extNodesShape,
  mineShape,
  mineGetShape,
  mineDeleteShape,
  mineFlushShape,
  minionEventShape,
  minionPubShape,
  minionPublishShape,
  minionRunnerShape,
  publishedReturnsShape,
  pillarShape,
  registerResourcesShape,
  revokeAuthShape,
  serveFileShape,
  syndicReturnShape,
  verifyMinionShape,
  helloShape,
  eventsShape,
]);

// Stand in each encrypted load besides its fields: `sig` with `minion_sign_messages`, which no master can verify as it is sent, and
// `_stamp` in what a process of the minion gave to another one over the minion's own bus (`_mine`, 3006.30, 3007.17, 3008.5).
const COMMON: ReadonlySet<unknown> = new Set(['id', 'ts', 'nonce', 'tok', 'sig', '_stamp']);

/** A typed load, or why there is none: the command is not on the list, or a field does not fit it. */
export type ReadCommand<L> = ParsedLoad<L> | { readonly kind: 'unknown-command' };

/** Reads the load of a clear request. */
export function readClearLoad(map: LoadMap): ReadCommand<ClearLoad> {
  const shape = CLEAR.get(map.get('cmd'));
  return shape === undefined ? { kind: 'unknown-command' } : readLoad(shape, map);
}

/** Reads the load of an encrypted request. */
export function readMinionLoad(map: LoadMap): ReadCommand<MinionLoad> {
  const shape = OF_MINIONS.get(map.get('cmd'));
  return shape === undefined ? { kind: 'unknown-command' } : readLoad(shape, map, COMMON);
}
