/**
 * From an event of whatever kind to one whose data has a type.
 */
import { parseTag } from '../tag.ts';
import type { ParsedTag } from '../tag.ts';
import type { KnownData } from './event-data.ts';
import { isObject, mismatchOf, valueOf } from './fields.ts';
import { SHAPES } from './shapes.ts';

interface MultiReturnTag {
  readonly kind: 'job-multi-return';
  readonly jid: string;
  readonly id: string;
}

type KnownKind = keyof KnownData;

/** An event of a kind that is documented, whose data was looked at: the parts of its tag, and the data. */
export type KnownEventOf<Kind extends KnownKind> = Extract<
  ParsedTag | MultiReturnTag,
  { readonly kind: Kind }
> & {
  readonly tag: string;
  readonly data: KnownData[Kind];
};

/** An event that came from another master: by a syndic, or inside of a cluster. */
export type PassedEvent = Extract<ParsedTag, { readonly kind: 'syndic' | 'cluster-event' }> & {
  readonly tag: string;
  readonly data: unknown;
  /** What it is without the part that was put in front of its tag. */
  readonly event: KnownEvent;
};

/** An event that is not documented, or whose data is not what it should be. */
export interface OtherEvent {
  readonly kind: 'other';
  readonly tag: string;
  readonly data: unknown;
  /** Why it is none of the kind that its tag says, `retcode is text`, say; absent where the tag says nothing. */
  readonly mismatch?: string;
}

/** An event whose `kind` tells what its data is. */
export type KnownEvent = { [Kind in KnownKind]: KnownEventOf<Kind> }[KnownKind] | PassedEvent | OtherEvent;

/**
 * Tells what an event is: afterwards `kind` decides the type of `data`.
 *
 * Anybody who can write to a bus can fire anything under any tag, so the data is looked at: where a field is missing or
 * has another type, the event is `other` with a `mismatch`. That it fits does not prove who fired it.
 */
export function narrow(event: { readonly tag: string; readonly data: unknown }): KnownEvent {
  return narrowAs(parseTag(event.tag), event.tag, event.data);
}

function narrowAs(parsed: ParsedTag, tag: string, data: unknown): KnownEvent {
  if (parsed.kind === 'other') return { kind: 'other', tag, data };
  if (parsed.kind === 'syndic' || parsed.kind === 'cluster-event') {
    return { ...parsed, tag, data, event: narrowAs(parsed.inner, parsed.innerTag, data) };
  }
  if (!isObject(data)) {
    return {
      kind: 'other',
      tag,
      data,
      mismatch: data instanceof Map ? 'a key is no text' : 'the data is no map',
    };
  }
  const kind =
    parsed.kind === 'job-return' && Array.isArray(valueOf(data, 'fun')) ? 'job-multi-return' : parsed.kind;
  const mismatch = mismatchOf(SHAPES[kind], data);
  if (mismatch !== undefined) return { kind: 'other', tag, data, mismatch };
  // what the type says of the data was just checked, field by field
  return { ...parsed, kind, tag, data } as KnownEvent;
}
