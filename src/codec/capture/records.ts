/**
 * The records of a capture file: what came over a bus, with the time at which it came. `docs/capture-format.md` describes
 * the bytes.
 *
 *     file   = magic version record*
 *     magic  = 0x89 "SBCAP" 0x0d 0x0a      version = unsigned 16 bits
 *     record = kind node framing flags     one byte each
 *              time                        unsigned 64 bits, microseconds since 1970
 *              length                      unsigned 32 bits, of the payload
 *              checksum                    CRC-32 of the sixteen bytes before it and of the payload
 *              payload
 *
 * All numbers are big-endian, as on the wire beside them.
 */
import type { Framing } from '../framing.ts';
import { MAX_FRAME_BYTES } from '../frame-splitter.ts';

/** What a capture file begins with; the high bit and the line ends show a file that was mangled as text. */
export const CAPTURE_MAGIC: Uint8Array = Uint8Array.of(0x89, 0x53, 0x42, 0x43, 0x41, 0x50, 0x0d, 0x0a);
/** The version that is written and read. */
export const CAPTURE_VERSION = 1;
/** Bytes before the first record. */
export const CAPTURE_HEADER_BYTES: number = CAPTURE_MAGIC.length + 2;
/** Bytes of a record before its payload. */
export const RECORD_HEAD_BYTES = 20;
/** Longest payload: the longest frame, and room for why it is no event. */
export const MAX_PAYLOAD_BYTES: number = MAX_FRAME_BYTES + 64 * 1024;
/** Longest text in a record (why bytes are no event, which bus it was), in bytes. */
export const MAX_TEXT_BYTES = 4096;

/** Whose bus a record is from. */
export type CaptureNode = 'minion' | 'master';

/** What stands in each record. */
export interface RecordOrigin {
  /** When it came, in microseconds since 1970. */
  readonly time: number;
  readonly node: CaptureNode;
  /** What the socket spoke; `undefined` where that was not known. */
  readonly framing: Framing | undefined;
}

/** A run of the capturing program begins; what was fired between two runs is not in the file. */
export interface StartRecord extends RecordOrigin {
  readonly kind: 'start';
  /** The name of the publish socket. */
  readonly bus: string;
}

/** An event: its body as it came. */
export interface EventRecord extends RecordOrigin {
  readonly kind: 'event';
  readonly body: Buffer;
}

/** Bytes that came as an event or a frame and are none. */
export interface BadRecord extends RecordOrigin {
  readonly kind: 'bad';
  /** Whether the bytes begin with a tag, as far as could be read. */
  readonly hasTag: boolean;
  /** The code of the error and its message. */
  readonly code: string;
  readonly message: string;
  readonly bytes: Buffer;
}

/** A place where events are missing, or may be. */
export interface GapRecord extends RecordOrigin {
  readonly kind: 'gap';
  readonly reason: 'overflow' | 'reconnect' | 'desync';
  /** How many are missing; `undefined` when that cannot be known. */
  readonly dropped: number | undefined;
  /** Microseconds since 1970. */
  readonly since: number;
  readonly until: number;
}

/** One record of a capture file. */
export type CaptureRecord = StartRecord | EventRecord | BadRecord | GapRecord;

/** Kinds, nodes, framings and reasons by their byte in the file. A byte is never given a new meaning. */
export const KIND_BYTES = { start: 1, event: 2, bad: 3, gap: 4 } as const;
export const NODE_BYTES = { minion: 1, master: 2 } as const;
export const FRAMING_BYTES = { unknown: 0, bare: 1, prefixed: 2 } as const;
export const REASON_BYTES = { overflow: 1, reconnect: 2, desync: 3 } as const;
/** The flag of a bad record whose bytes begin with a tag. */
export const FLAG_HAS_TAG = 1;
/** The count of a gap when it is not known. */
export const UNKNOWN_COUNT: bigint = 2n ** 64n - 1n;
/** Bytes of a gap's payload: reason, count, since, until. */
export const GAP_BYTES = 25;
