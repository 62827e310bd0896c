/**
 * A leftover: whether a token is that of a minion.
 */
import { bytes, optional } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Asks whether a token is good. */
export interface VerifyMinionLoad {
  readonly cmd: 'verify_minion';
  readonly token?: Buffer;
}

/** What `verify_minion` may carry. */
export const verifyMinionShape: LoadShape<VerifyMinionLoad> = {
  cmd: 'verify_minion',
  fields: { token: optional(bytes) },
};
