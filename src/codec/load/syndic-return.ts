/**
 * Returns that a syndic has gathered.
 */
import type { ExactValue } from '../msgpack/values.ts';
import { list, optional } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Returns of other minions; the ids in them are not those of the sender. */
export interface SyndicReturnLoad {
  readonly cmd: '_syndic_return';
  readonly load?: readonly ExactValue[];
}

/** What `_syndic_return` may carry. */
export const syndicReturnShape: LoadShape<SyndicReturnLoad> = {
  cmd: '_syndic_return',
  fields: { load: optional(list) },
  hasMore: true,
};
