/**
 * What a request of a minion is made of once the channel has checked and decrypted it, and what is answered to it.
 */
import type { ExactValue } from '../../codec/msgpack/values.ts';

/** The fields of a request, in the order in which the minion sent them. */
export type Load = ReadonlyMap<ExactValue, ExactValue>;

/** An event that is to be fired on the bus of the master; whoever fires it adds the stamp. */
export interface BusEvent {
  readonly tag: string;
  readonly data: Load;
}

/** Why something that a minion asked for was not done; a closed set, so that it can be a label of a counter. */
export type RefusalReason =
  'shape' | 'tag' | 'data' | 'denied' | 'acl' | 'foreign-id' | 'jid' | 'limit' | 'not-served' | 'failed';

/** Something that was asked for and not done. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** The tag, path or jid that was refused, cut to 256 characters; '' where there is none. */
  readonly subject: string;
}

const LONGEST_SUBJECT = 256;

/** Makes a refusal. */
export function refusal(reason: RefusalReason, subject: ExactValue | undefined = ''): Refusal {
  return { reason, subject: typeof subject === 'string' ? subject.slice(0, LONGEST_SUBJECT) : '' };
}

/** Whether a value is a map. */
export function isMap(value: unknown): value is Load {
  return value instanceof Map;
}

/** Whether a value is a list. */
export function isList(value: ExactValue | undefined): value is readonly ExactValue[] {
  return Array.isArray(value);
}

/** The value of a field that is text; `undefined` for everything else. */
export function textField(load: Load, key: string): string | undefined {
  const value = load.get(key);
  return typeof value === 'string' ? value : undefined;
}

/** Whether Python takes a value for true. */
export function isTruthy(value: ExactValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof Uint8Array) return value.length > 0;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'object' && 'value' in value) return value.value !== 0;
  return true;
}

/** A map of a reply or an event, in this order. */
export function mapOf(fields: Readonly<Record<string, ExactValue>>): Load {
  return new Map<ExactValue, ExactValue>(Object.entries(fields));
}

/** Compares text by code points, as Python sorts it. */
export function byCodePoint(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const [a, b] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

// Surrogates stand for characters above all others, and yet below U+E000 to U+FFFF as numbers.
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
