/**
 * Top files from elsewhere; `_ext_nodes` is the name that old minions use.
 */
import type { LoadMap } from '../payload/raw-strings.ts';
import { map, optional } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Environments and states for this minion. */
export interface MasterTopsLoad {
  readonly cmd: '_master_tops';
  /** The whole configuration of the minion. */
  readonly opts?: LoadMap;
}

/** What `_master_tops` may carry. */
export const masterTopsShape: LoadShape<MasterTopsLoad> = {
  cmd: '_master_tops',
  fields: { opts: optional(map) },
};

/** The same by its old name. */
export interface ExtNodesLoad {
  readonly cmd: '_ext_nodes';
  readonly opts?: LoadMap;
}

/** What `_ext_nodes` may carry. */
export const extNodesShape: LoadShape<ExtNodesLoad> = {
  cmd: '_ext_nodes',
  fields: { opts: optional(map) },
};
