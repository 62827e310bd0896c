/**
 * Which records of a capture a replay wants.
 */
import type { BusItem } from '../../bus/queue.ts';
import type { CaptureRecord } from '../../codec/capture/records.ts';
import { compileMatch, guessMode } from '../../match/index.ts';
import { excludedBy } from '../event-options.ts';
import type { TagFlags } from '../event-options.ts';
import { itemOf } from './records.ts';

/** The choice of a user. */
export interface ReplayChoice extends TagFlags {
  readonly count?: number;
  /** Milliseconds after the first record of the file. */
  readonly from?: number;
  readonly to?: number;
}

/** What a record comes to. */
export type Chosen =
  | { readonly kind: 'item'; readonly item: BusItem; readonly time: number }
  /** A run of the capturing program begins. */
  | { readonly kind: 'start'; readonly bus: string; readonly node: CaptureRecord['node'] }
  /** Not wanted. */
  | { readonly kind: 'none' }
  /** Neither this one nor any after it is wanted. */
  | { readonly kind: 'end' };

/**
 * Makes the choice for records in the order of the file.
 * @throws SaltbusError `ERR_SALTBUS_PATTERN`
 */
export function recordChooser(
  pattern: string | undefined,
  flags: ReplayChoice,
): (record: CaptureRecord) => Chosen {
  const match = pattern === undefined ? undefined : compileMatch(pattern, flags.match ?? guessMode(pattern));
  const isExcluded = excludedBy(flags);
  const count = flags.count ?? Infinity;
  let first: number | undefined;
  let seen = 0;
  return (record) => {
    if (seen === count) return { kind: 'end' };
    first ??= record.time;
    if (record.kind === 'start') return { kind: 'start', bus: record.bus, node: record.node };
    const offset = (record.time - first) / 1000;
    // A clock that was set back can bring later records into the span again, so --to does not end the reading.
    if (offset < (flags.from ?? -Infinity) || offset > (flags.to ?? Infinity)) return { kind: 'none' };
    const item = itemOf(record);
    if (item === undefined || !isWanted(item)) return { kind: 'none' };
    if (item.kind === 'event') seen += 1;
    return { kind: 'item', item, time: record.time };
  };

  function isWanted(item: BusItem): boolean {
    if (item.kind === 'gap') return true;
    if (item.tag === undefined) return match === undefined;
    return match?.test(item.tag) !== false && !isExcluded(item.tag);
  }
}
