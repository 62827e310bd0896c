/**
 * What minions ask of each other through the master, where the option `peer` or `peer_run` lets them.
 */
import type { ExactValue } from '../msgpack/values.ts';
import { anything, jid, optional, text, textOrList } from './fields.ts';
import type { LoadShape } from './fields.ts';

interface PeerJob {
  readonly fun: string | readonly string[];
  readonly arg?: ExactValue;
  readonly tgt: string | readonly string[];
  readonly tgt_type?: string;
  readonly ret?: ExactValue;
  readonly tmo?: ExactValue;
  readonly timeout?: ExactValue;
  readonly form?: string;
  readonly no_parse?: ExactValue;
}

const peerJobFields = {
  fun: textOrList,
  arg: optional(anything),
  tgt: textOrList,
  tgt_type: optional(text(64)),
  ret: optional(anything),
  tmo: optional(anything),
  timeout: optional(anything),
  form: optional(text(64)),
  no_parse: optional(anything),
};

/** A job for other minions. */
export interface MinionPubLoad extends PeerJob {
  readonly cmd: 'minion_pub';
}

/** What `minion_pub` may carry. */
export const minionPubShape: LoadShape<MinionPubLoad> = { cmd: 'minion_pub', fields: peerJobFields };

/** The same, waiting for the returns. */
export interface MinionPublishLoad extends PeerJob {
  readonly cmd: 'minion_publish';
}

/** What `minion_publish` may carry. */
export const minionPublishShape: LoadShape<MinionPublishLoad> = {
  cmd: 'minion_publish',
  fields: peerJobFields,
};

/** A runner function. */
export interface MinionRunnerLoad {
  readonly cmd: 'minion_runner';
  readonly fun: string;
  readonly arg?: ExactValue;
  readonly tmo?: ExactValue;
  readonly no_parse?: ExactValue;
}

/** What `minion_runner` may carry. */
export const minionRunnerShape: LoadShape<MinionRunnerLoad> = {
  cmd: 'minion_runner',
  fields: { fun: text(256), arg: optional(anything), tmo: optional(anything), no_parse: optional(anything) },
};

/** The returns of a job that this minion published (CVE-2025-22242: a real job id). */
export interface PublishedReturnsLoad {
  readonly cmd: 'pub_ret';
  readonly jid: string;
}

/** What `pub_ret` may carry. */
export const publishedReturnsShape: LoadShape<PublishedReturnsLoad> = {
  cmd: 'pub_ret',
  fields: { jid: jid },
};
