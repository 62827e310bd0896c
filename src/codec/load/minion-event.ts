/**
 * Events of a minion for the bus of the master: one, or a list. `fire_master` may add any key of its caller (`preload`).
 */
import type { ExactValue } from '../msgpack/values.ts';
import type { LoadMap } from '../payload/raw-strings.ts';
import { anything, list, map, nullable, optional, text } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** One event (`tag` and `data`), or a list of them. */
export interface MinionEventLoad {
  readonly cmd: '_minion_event';
  readonly tag?: string;
  readonly data?: ExactValue;
  readonly events?: readonly ExactValue[] | null;
  readonly pretag?: string | null;
  readonly grains?: LoadMap;
}

/** What `_minion_event` may carry. */
export const minionEventShape: LoadShape<MinionEventLoad> = {
  cmd: '_minion_event',
  fields: {
    tag: optional(text(65_536)),
    data: optional(anything),
    events: optional(nullable(list)),
    pretag: optional(nullable(text(4096))),
    grains: optional(map),
  },
  hasMore: true,
};
