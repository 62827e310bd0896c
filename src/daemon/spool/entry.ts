/**
 * What stands in the spool.
 */
import { SaltbusError } from '../../errors.ts';

/** 0 is the most urgent, 4 the least. */
export type Priority = 0 | 1 | 2 | 3 | 4;

/** All of them, the most urgent first. */
export const PRIORITIES: readonly Priority[] = [0, 1, 2, 3, 4];

/** The one of an event whose program says nothing. */
export const DEFAULT_PRIORITY: Priority = 2;

/** One event, which arrives with the id of its minion around it, or a list, whose events arrive flat. */
export type PackageKind = 'single' | 'list';

/** What is to go to the master. */
export interface SpoolEntry {
  /** Made where the event is fired; the same id is the same event. 16 to 64 of `A-Z a-z 0-9 - _`. */
  readonly id: string;
  /** Whose events these are: order holds within a lane and priority. 1 to 128 characters. */
  readonly lane: string;
  readonly priority: Priority;
  readonly kind: PackageKind;
  /** When it is no use any more, in milliseconds since 1970; `undefined` for never. */
  readonly expiresAt: number | undefined;
  /** The package, as msgpack; kept byte for byte. */
  readonly package: Uint8Array;
}

/** An entry as it stands in the spool, without its bytes. */
export interface SpooledInfo {
  readonly id: string;
  readonly lane: string;
  readonly priority: Priority;
  readonly kind: PackageKind;
  /** In milliseconds since 1970. */
  readonly arrivedAt: number;
  readonly expiresAt: number | undefined;
  /** Of the package, in bytes. */
  readonly size: number;
  /** How often it was taken to be sent. */
  readonly tries: number;
  /** `out`: it was taken to be sent, and the answer is awaited. */
  readonly state: 'waiting' | 'out';
}

/** How an entry leaves the spool. */
export type Leaving =
  /** the master has it */
  | 'sent'
  /** the master does not want it */
  | 'rejected'
  /** there was no room, and the policy says that it is the one to go */
  | 'dropped'
  /** it is too old */
  | 'expired'
  /** an operator has taken it out */
  | 'removed';

const ID = /^[A-Za-z0-9_-]{16,64}$/;
const LONGEST_LANE = 128;

/** Whether a text can be the id of an entry. */
function isEntryId(text: string): boolean {
  return ID.test(text);
}

/** Whether a text can name a lane. */
function isLane(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_LANE;
}

/** Whether a number is a priority. */
export function isPriority(value: number): value is Priority {
  return Number.isInteger(value) && value >= 0 && value <= 4;
}

/** Why an entry cannot be spooled; `undefined` for one that can. */
export function checkEntry(entry: SpoolEntry): SaltbusError | undefined {
  const wrong = !isEntryId(entry.id)
    ? 'its id is no text of 16 to 64 letters, digits, - and _'
    : !isLane(entry.lane)
      ? 'its lane is no text of 1 to 128 characters'
      : !isPriority(entry.priority)
        ? 'its priority is none of 0 to 4'
        : undefined;
  return wrong === undefined
    ? undefined
    : new SaltbusError('ERR_SALTBUS_DATA', `The entry cannot be spooled: ${wrong}`, { next: 'Mend it.' });
}
