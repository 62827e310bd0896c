/**
 * Maps laid over each other, as Salt does with pillar that comes from YAML (`pillar_source_merging_strategy: smart`).
 */
import type { ExactValue } from '../../../codec/msgpack/values.ts';
import { isMap } from '../load.ts';
import type { Load } from '../load.ts';

/** Lays one map over another: maps are merged at every depth, everything else is replaced. The arguments stay as they are. */
export function deepMerge(below: Load, above: Load): Map<ExactValue, ExactValue> {
  const merged = new Map(below);
  for (const [key, value] of above) {
    const under = merged.get(key);
    merged.set(key, isMap(under) && isMap(value) ? deepMerge(under, value) : value);
  }
  return merged;
}
