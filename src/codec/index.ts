/** Bytes to values and back: `import { decodeExact } from 'saltbus/codec'`. */
export { findBody } from './envelope.ts';
export { EventBodyEncoder, TAGEND, dataStart } from './event-body.ts';
export { FrameSplitter, MAX_FRAME_BYTES } from './frame-splitter.ts';
export type { FrameHandler } from './frame-splitter.ts';
export { encodeFrame, framingOf } from './framing.ts';
export type { BodyRange, Framing } from './framing.ts';
export { exactFromJson, exactToJson, readForms } from './json/exact-json.ts';
export { pythonJson } from './json/python-json.ts';
export { decodeExact, decodePlain } from './msgpack/decode.ts';
export type { DecodeNotes } from './msgpack/decode.ts';
export { encode } from './msgpack/encode.ts';
export { MAX_DEPTH, MAX_ENCODE_DEPTH } from './msgpack/limits.ts';
export {
  EXT_DATETIME,
  ExactFloat,
  Ext,
  RawText,
  SaltDateTime,
  VALUE_TRIMMED,
  exactFloat,
  exactNaN,
} from './msgpack/values.ts';
export type { ExactValue, PlainValue } from './msgpack/values.ts';
export { CaptureReader } from './capture/read.ts';
export type { CaptureTail } from './capture/read.ts';
export type {
  BadRecord,
  CaptureNode,
  CaptureRecord,
  EventRecord,
  GapRecord,
  RecordOrigin,
  StartRecord,
} from './capture/records.ts';
export { captureHeader, encodeRecord } from './capture/write.ts';
