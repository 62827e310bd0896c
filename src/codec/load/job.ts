/**
 * The job in a publication; see the field list in the protocol description.
 */
import type { ExactValue } from '../msgpack/values.ts';
import { list, optional, text, textOrList } from './fields.ts';
import { isPathComponent } from './names.ts';
import type { Field, LoadShape } from './fields.ts';

// `salt --jid` lets its user choose any, so this is looser than what a minion may return under.
const publishedJid: Field<string> = {
  what: 'job id',
  read: (value) => (typeof value === 'string' && isPathComponent(value) ? value : undefined),
};

/** The fields by which a minion decides; further ones are in the whole load. */
export interface JobFields {
  readonly cmd: 'job';
  readonly fun: string | readonly string[];
  readonly arg: readonly ExactValue[];
  readonly tgt: string | readonly string[];
  readonly tgt_type?: string;
  readonly jid: string;
  readonly ret?: string;
  readonly user?: string;
  readonly delimiter?: string;
}

/** What `job` may carry. */
export const jobShape: LoadShape<JobFields> = {
  cmd: 'job',
  fields: {
    fun: textOrList,
    arg: list,
    tgt: textOrList,
    tgt_type: optional(text(64)),
    jid: publishedJid,
    ret: optional(text()),
    user: optional(text(256)),
    delimiter: optional(text(16)),
  },
  hasMore: true,
};
