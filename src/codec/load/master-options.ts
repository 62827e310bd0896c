/**
 * What a minion wants to know of the configuration of its master.
 */
import { flag, optional } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Settings for states and environments. */
export interface MasterOptionsLoad {
  readonly cmd: '_master_opts';
  readonly env_only?: boolean;
}

/** What `_master_opts` may carry. */
export const masterOptionsShape: LoadShape<MasterOptionsLoad> = {
  cmd: '_master_opts',
  fields: { env_only: optional(flag) },
};
