/**
 * A minion asks for its pillar.
 */
import type { ExactValue } from '../msgpack/values.ts';
import type { LoadMap } from '../payload/raw-strings.ts';
import { anything, flag, map, nullable, optional, saltenv, text } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** The grains and settings that a pillar is made from. Its reply has a form of its own. */
export interface PillarLoad {
  readonly cmd: '_pillar';
  readonly grains: LoadMap;
  readonly saltenv?: string | null;
  readonly pillarenv?: string | null;
  readonly pillar_override?: LoadMap | null;
  readonly extra_minion_data?: LoadMap | null;
  readonly ver?: string;
  /** Names of external pillars; a minion has no say in that here (CVE-2025-22237). */
  readonly ext?: ExactValue;
  readonly clean_cache?: boolean | null;
}

/** What `_pillar` may carry. */
export const pillarShape: LoadShape<PillarLoad> = {
  cmd: '_pillar',
  fields: {
    grains: map,
    saltenv: optional(nullable(saltenv)),
    pillarenv: optional(nullable(saltenv)),
    pillar_override: optional(nullable(map)),
    extra_minion_data: optional(nullable(map)),
    ver: optional(text(8)),
    ext: optional(anything),
    clean_cache: optional(nullable(flag)),
  },
};
