/**
 * The result of a job. Any further key of a returner or of the function stays in the event.
 */
import type { ExactValue } from '../msgpack/values.ts';
import { isJid } from './names.ts';
import { anything, optional } from './fields.ts';
import type { Field, LoadShape } from './fields.ts';

// The jid becomes part of a tag, and of a path in Salt (CVE-2025-22242).
const returnJid: Field<string> = {
  what: 'job id',
  read: (value) =>
    typeof value === 'string' && (value === 'req' || value === 'nocache' || isJid(value)) ? value : undefined,
};

/** What a function returned. */
export interface JobReturnLoad {
  readonly cmd: '_return';
  /** A job id, `req` for one that the master is to make, or `nocache`. */
  readonly jid: string;
  /** Text, or a list for a job of several functions. */
  readonly fun?: ExactValue;
  readonly fun_args?: ExactValue;
  readonly return: ExactValue;
  readonly retcode?: ExactValue;
  readonly success?: ExactValue;
}

/** What `_return` may carry. */
export const jobReturnShape: LoadShape<JobReturnLoad> = {
  cmd: '_return',
  fields: {
    jid: returnJid,
    fun: optional(anything),
    fun_args: optional(anything),
    return: anything,
    retcode: optional(anything),
    success: optional(anything),
  },
  hasMore: true,
};
