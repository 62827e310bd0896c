/**
 * Resources that a minion speaks for (3008).
 */
import type { LoadMap } from '../payload/raw-strings.ts';
import { map, nullable, optional } from './fields.ts';
import type { LoadShape } from './fields.ts';

/** Ids of resources by type, and their grains. */
export interface RegisterResourcesLoad {
  readonly cmd: '_register_resources';
  readonly resources: LoadMap;
  readonly resource_grains?: LoadMap | null;
}

/** What `_register_resources` may carry. */
export const registerResourcesShape: LoadShape<RegisterResourcesLoad> = {
  cmd: '_register_resources',
  fields: { resources: map, resource_grains: optional(nullable(map)) },
};
