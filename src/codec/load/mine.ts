/**
 * The mine: values that minions leave with the master for each other.
 */
import type { LoadMap } from '../payload/raw-strings.ts';
import { flag, map, optional, text, textOrList } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Values to be kept. */
export interface MineLoad {
  readonly cmd: '_mine';
  readonly data: LoadMap;
  /** Whether they replace all that is kept. */
  readonly clear?: boolean;
}

/** What `_mine` may carry. */
export const mineShape: LoadShape<MineLoad> = {
  cmd: '_mine',
  fields: { data: map, clear: optional(flag) },
};

/** Values of other minions. */
export interface MineGetLoad {
  readonly cmd: '_mine_get';
  readonly tgt: string | readonly string[];
  readonly fun: string | readonly string[];
  readonly tgt_type?: string;
}

/** What `_mine_get` may carry. */
export const mineGetShape: LoadShape<MineGetLoad> = {
  cmd: '_mine_get',
  fields: { tgt: textOrList, fun: textOrList, tgt_type: optional(text(64)) },
};

/** One value to be forgotten. */
export interface MineDeleteLoad {
  readonly cmd: '_mine_delete';
  readonly fun: string;
}

/** What `_mine_delete` may carry. */
export const mineDeleteShape: LoadShape<MineDeleteLoad> = {
  cmd: '_mine_delete',
  fields: { fun: text(256) },
};

/** All of them to be forgotten. */
export interface MineFlushLoad {
  readonly cmd: '_mine_flush';
}

/** What `_mine_flush` may carry. */
export const mineFlushShape: LoadShape<MineFlushLoad> = {
  cmd: '_mine_flush',
  fields: {},
};
