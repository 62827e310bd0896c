/**
 * How items of a subscription are written: one function per form.
 */
import type { Gap } from '../../bus/queue.ts';
import { exactToJson } from '../../codec/json/exact-json.ts';
import { pythonJson } from '../../codec/json/python-json.ts';
import { encodeFrame } from '../../codec/framing.ts';
import type { BadEvent, SaltEvent } from '../../event.ts';
import { showDuration } from '../duration.ts';
import { oneLine, safeJson } from '../terminal.ts';
import type { Paint } from '../terminal.ts';
import { showPretty } from './pretty.ts';

/** The forms of output. */
export type OutputForm = 'pretty' | 'json' | 'yaml' | 'tag' | 'tsv' | 'raw';

/** Writes items in one form; `undefined` from a function means that this form has no place for the item on stdout. */
export interface ItemFormat {
  readonly event: (event: SaltEvent) => string | Uint8Array;
  /** An item that is no event, for stdout. */
  readonly other: (item: Gap | BadEvent) => string | undefined;
}

/** Milliseconds since 1970 as ISO text in UTC. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** One event as a JSON object on one line; `trimmed` is there only when Salt has cut values out of it. */
export function eventJson(event: SaltEvent): string {
  const data = exactToJson(event.exact);
  const trimmed = event.trimmed === 0 ? '' : `,"trimmed":${event.trimmed}`;
  return safeJson(
    `{"tag":${JSON.stringify(event.tag)},"data":${data},"received":"${isoTime(event.receivedAt)}"${trimmed}}`,
  );
}

/** A gap or a bad event as a JSON object on one line. */
export function otherJson(item: Gap | BadEvent): string {
  if (item.kind === 'gap') {
    const { reason, dropped, since, until } = item;
    return JSON.stringify({
      gap: { reason, dropped: dropped ?? null, since: isoTime(since), until: isoTime(until) },
    });
  }
  const { code, message } = item.error;
  const raw = { $bin: Buffer.from(item.raw).toString('base64') };
  return safeJson(
    JSON.stringify({
      error: { code, message },
      tag: item.tag ?? null,
      raw,
      received: isoTime(item.receivedAt),
    }),
  );
}

/** A gap or a bad event as a line for a person. */
export function otherLine(item: Gap | BadEvent): string {
  if (item.kind === 'bad-event') {
    const tag = item.tag === undefined ? '' : ` with tag ${oneLine(item.tag)}`;
    return `-- an event of ${item.raw.length} bytes${tag} cannot be read: ${oneLine(item.error.message)} --`;
  }
  const lasted = showDuration(item.until - item.since);
  switch (item.reason) {
    case 'overflow':
      return `-- gap: ${item.dropped ?? 'some'} events were dropped, output was too slow for ${lasted} --`;
    case 'reconnect':
      return `-- gap: connected again after ${lasted}; what was fired meanwhile was not seen --`;
    case 'desync':
      return `-- gap: the stream made no sense and was opened again; events may be missing --`;
  }
}

/** Makes the writer of a form. */
export function itemFormat(
  form: OutputForm,
  paint: Paint,
  width: number,
  onTerminal: boolean = process.stdout.isTTY,
): ItemFormat {
  const human = (event: (event: SaltEvent) => string): ItemFormat => ({ event, other: () => undefined });
  switch (form) {
    case 'json':
      return { event: (event) => `${eventJson(event)}\n`, other: (item) => `${otherJson(item)}\n` };
    case 'tag':
      return human((event) => `${oneLine(event.tag)}\n`);
    case 'tsv':
      // Salt's own line, byte for byte, but for control characters in a tag: an event is one line of two columns. On a
      // terminal no event may move the cursor.
      return human(
        onTerminal
          ? (event) => `${oneLine(event.tag)}\t${safeJson(pythonJson(event.exact))}\n`
          : (event) => `${oneLine(event.tag)}\t${pythonJson(event.exact)}\n`,
      );
    case 'raw':
      return { event: (event) => encodeFrame(event.raw, 'bare'), other: () => undefined };
    case 'yaml':
      throw new TypeError('YAML is made by yamlFormat()');
    case 'pretty':
      return human((event) => showPretty(event, paint, width));
  }
}
