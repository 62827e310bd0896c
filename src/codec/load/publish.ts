/**
 * A job of a local administrator (`salt`): a clear request, with the secret of the user in `key`.
 */
import type { ExactValue } from '../msgpack/values.ts';
import type { LoadMap } from '../payload/raw-strings.ts';
import { anything, list, map, nullable, optional, text, textOrList } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** A job to be published. */
export interface PublishLoad {
  readonly cmd: 'publish';
  readonly tgt: string | readonly string[];
  readonly fun: string | readonly string[];
  readonly arg: readonly ExactValue[];
  /** A secret. */
  readonly key?: string;
  readonly tgt_type?: string;
  readonly ret?: string;
  /** Empty: the master makes one. */
  readonly jid?: string | null;
  readonly user?: string;
  readonly kwargs?: LoadMap;
  /** For syndics. */
  readonly to?: ExactValue;
  /** A secret. */
  readonly token?: string;
  readonly eauth?: string;
  readonly username?: string;
  /** A secret. */
  readonly password?: string;
}

/** What `publish` may carry. */
export const publishShape: LoadShape<PublishLoad> = {
  cmd: 'publish',
  fields: {
    tgt: textOrList,
    fun: textOrList,
    arg: list,
    key: optional(text(256)),
    tgt_type: optional(text(64)),
    ret: optional(text()),
    jid: optional(nullable(text(64))),
    user: optional(text(256)),
    kwargs: optional(map),
    to: optional(anything),
    token: optional(text(256)),
    eauth: optional(text(256)),
    username: optional(text(256)),
    password: optional(text()),
  },
};
