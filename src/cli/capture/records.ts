/**
 * Items of a bus as records of a capture file, and back.
 */
import type { BusItem } from '../../bus/queue.ts';
import type { CaptureRecord, GapRecord, RecordOrigin } from '../../codec/capture/records.ts';
import { dataStart } from '../../codec/event-body.ts';
import { ERRORS, SaltbusError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { readEvent, tagText } from '../../event.ts';

/** Milliseconds with a fraction as whole microseconds. */
export function micros(ms: number): number {
  return Math.round(ms * 1000);
}

/** The record of an item. */
export function recordOf(item: BusItem, origin: Omit<RecordOrigin, 'time'>): CaptureRecord {
  switch (item.kind) {
    case 'event':
      return { kind: 'event', ...origin, time: micros(item.receivedAt), body: bufferOf(item.raw) };
    case 'bad-event': {
      const { code, message } = item.error;
      const hasTag = item.tag !== undefined;
      return {
        kind: 'bad',
        ...origin,
        time: micros(item.receivedAt),
        hasTag,
        code,
        message,
        bytes: bufferOf(item.raw),
      };
    }
    case 'gap': {
      const { reason, dropped } = item;
      const until = micros(item.until);
      return { kind: 'gap', ...origin, time: until, reason, dropped, since: micros(item.since), until };
    }
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The item that a record was made of; `undefined` for the start of a run. */
export function itemOf(record: CaptureRecord): BusItem | undefined {
  const receivedAt = record.time / 1000;
  switch (record.kind) {
    case 'start':
      return undefined;
    case 'event':
      return readEvent(record.body, receivedAt);
    case 'gap':
      return gapOf(record);
    case 'bad': {
      const code: ErrorCode = isErrorCode(record.code) ? record.code : 'ERR_SALTBUS_FRAME';
      return {
        kind: 'bad-event',
        tag: record.hasTag ? tagOf(record.bytes) : undefined,
        error: new SaltbusError(code, record.message),
        raw: record.bytes,
        receivedAt,
      };
    }
  }
}

function gapOf({ reason, dropped, since, until }: GapRecord): BusItem {
  return { kind: 'gap', reason, dropped, since: since / 1000, until: until / 1000 };
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

function tagOf(body: Buffer): string | undefined {
  const dataAt = dataStart(body, 0, body.length);
  return dataAt === -1 ? undefined : tagText(body, 0, dataAt - 2);
}
