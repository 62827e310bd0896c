/**
 * `_pillar`: a minion tells its grains and asks for its pillar.
 */
import { isMap, mapOf } from '../load.ts';
import type { BusEvent, Load } from '../load.ts';
import { deepMerge } from './merge.ts';
import type { MinionMaps } from './minion-maps.ts';

/** What answers a request for pillar. */
export interface PillarParts {
  /** The pillar of an id. @defaultValue an empty one */
  readonly pillarOf?: (id: string) => Load | Promise<Load>;
  /** Where the grains are kept; `undefined` when `minion_data_cache` is off. */
  readonly grains: MinionMaps | undefined;
  /** `minion_data_cache_events`. @defaultValue true, as in Salt */
  readonly refreshEvents?: boolean;
}

/** The pillar, and what is to be fired. */
export interface PillarAnswer {
  readonly pillar: Load;
  readonly events: readonly BusEvent[];
}

/**
 * Answers a request; `undefined` for one without grains.
 *
 * The grains are kept under the verified id and with it as their own, whatever they say (all releases). What the minion
 * lays over its pillar (`pillar_override`) comes back to it as in Salt; sources that it names (`ext`) are not heeded
 * (CVE-2025-22237).
 */
export async function answerPillar(
  load: Load,
  sender: string,
  parts: PillarParts,
): Promise<PillarAnswer | undefined> {
  const grains = load.get('grains');
  if (!isMap(grains)) return undefined;
  const own = (await parts.pillarOf?.(sender)) ?? new Map();
  const override = load.get('pillar_override');
  const pillar = isMap(override) ? deepMerge(own, override) : own;
  const kept = parts.grains?.set(sender, new Map(grains).set('id', sender)) === true;
  const events =
    kept && parts.refreshEvents !== false
      ? [{ tag: `minion/refresh/${sender}`, data: mapOf({ 'Minion data cache refresh': sender }) }]
      : [];
  return { pillar, events };
}
