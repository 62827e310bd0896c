/**
 * Sign-in: a clear request, the only one of minions besides `ping`.
 */
import type { LoadMap } from '../payload/raw-strings.ts';
import { bytes, map, optional, text } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** A request to be let in. */
export interface AuthLoad {
  readonly cmd: '_auth';
  /** Not yet held against the rules for ids: that an id is invalid has an answer of its own. */
  readonly id: string;
  readonly nonce: string;
  /** Absent before 3006.9 and 3007.2. */
  readonly enc_algo?: string;
  readonly sig_algo?: string;
  /** Declared by whoever asks; proves nothing. */
  readonly autosign_grains?: LoadMap;
  /** Encrypted for the master, which echoes it, if the minion has a key pinned. */
  readonly token?: Buffer;
  /** PEM. */
  readonly pub: string;
}

/** What `_auth` may carry. */
export const authShape: LoadShape<AuthLoad> = {
  cmd: '_auth',
  fields: {
    id: text(),
    nonce: text(32),
    enc_algo: optional(text(64)),
    sig_algo: optional(text(64)),
    autosign_grains: optional(map),
    token: optional(bytes),
    pub: text(16_384),
  },
};
