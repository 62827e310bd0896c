/**
 * A minion wants its own key deleted.
 */
import { flag, optional } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** The key of the sender is to be deleted. */
export interface RevokeAuthLoad {
  readonly cmd: 'revoke_auth';
  readonly preserve_minion_cache?: boolean;
}

/** What `revoke_auth` may carry. */
export const revokeAuthShape: LoadShape<RevokeAuthLoad> = {
  cmd: 'revoke_auth',
  fields: { preserve_minion_cache: optional(flag) },
};
