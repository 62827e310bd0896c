/**
 * The second way of what is fired for the master, beside the local bus: one that is answered. Our own minion has it; who opens
 * the bus brings it along.
 */

/** What is to be known of an event for the master, and how long it is of use. */
export interface ConfirmOptions {
  /**
   * `spooled`: the minion has it on its disk; `accepted`: the master has it on its own. Asked for, it is an error where the
   * minion cannot tell.
   * @defaultValue `spooled` where the minion tells, and nothing where it does not
   */
  readonly wait?: 'spooled' | 'accepted';
  /** How long `accepted` is waited for, in milliseconds; then the answer is `spooled`. @defaultValue without end */
  readonly timeoutMs?: number;
  /** How long the event is of any use, in milliseconds; then the minion gives it up. @defaultValue the limit of the spool */
  readonly ttlMs?: number;
  /** 0 (the most urgent) to 4. @defaultValue 2 */
  readonly priority?: number;
  /** Unique; the same id again is the same event. 16 to 64 of `A-Z a-z 0-9 - _`. @defaultValue a new one */
  readonly id?: string;
}

/**
 * What became of an event for the master: `accepted` by the master, `spooled` on the disk of the minion, or `handed` to a minion
 * that does not tell.
 */
export type FireMasterOutcome = 'accepted' | 'spooled' | 'handed';

/** The way. */
export interface ConfirmedPath {
  /** Whether the daemon of the bus has it, now. */
  isThere(): boolean;
  /** Brings a package, as msgpack. */
  fire(bytes: Uint8Array, options: ConfirmOptions): Promise<Exclude<FireMasterOutcome, 'handed'>>;
  /** Ends after the answers that are owed. Idempotent. */
  close(): Promise<void>;
  /** Ends now. */
  destroy(): void;
}
