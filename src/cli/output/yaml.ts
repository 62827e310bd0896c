/**
 * Items as YAML documents. Apart from the other forms, because the YAML library takes time to load.
 *
 * Values that YAML has no plain form for are written as in the JSON form: `{$bin: ...}`, `{$int: ...}` and so on.
 */
import { Scalar, stringify } from 'yaml';
import { exactToJson } from '../../codec/json/exact-json.ts';
import { ExactFloat } from '../../codec/msgpack/values.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { SaltEvent } from '../../event.ts';
import { isoTime, otherJson } from './format.ts';
import type { ItemFormat } from './format.ts';

function document(content: unknown): string {
  return `---\n${stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function yamlTree(value: ExactValue): unknown {
  if (Array.isArray(value)) return (value as readonly ExactValue[]).map(yamlTree);
  if (value instanceof Map) {
    const map = value as ReadonlyMap<ExactValue, ExactValue>;
    const keys = [...map.keys()];
    const plain =
      keys.every((key) => typeof key === 'string') && !(keys.length === 1 && String(keys[0]).startsWith('$'));
    if (plain) return new Map([...map].map(([key, element]) => [key, yamlTree(element)]));
    return { $map: [...map].map(([key, element]) => [yamlTree(key), yamlTree(element)]) };
  }
  if (value instanceof ExactFloat && Number.isFinite(value.value)) {
    const scalar = new Scalar(value.value);
    scalar.minFractionDigits = 1;
    return scalar;
  }
  if (typeof value === 'object' || typeof value === 'bigint')
    return JSON.parse(exactToJson(value)) as unknown;
  return value;
}

/** Writes each item as a YAML document. */
export function yamlFormat(): ItemFormat {
  return {
    event: (event: SaltEvent) =>
      document(
        new Map<string, unknown>([
          ['tag', event.tag],
          ['data', yamlTree(event.exact)],
          ['received', isoTime(event.receivedAt)],
        ]),
      ),
    other: (item) => document(JSON.parse(otherJson(item))),
  };
}
