/**
 * An event for a person: time and tag on a line, the data below, nothing that could move the cursor.
 */
import { exactToJson } from '../../codec/json/exact-json.ts';
import { VALUE_TRIMMED } from '../../codec/msgpack/values.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { SaltEvent } from '../../event.ts';
import { oneLine, safeLines } from '../terminal.ts';
import type { Paint } from '../terminal.ts';

const INDENT = '    ';

/** The lines of an event, with a line feed at the end. */
export function showPretty(event: SaltEvent, paint: Paint, width: number): string {
  const time = localTime(event.receivedAt);
  const data = event.exact;
  const trimmed = event.trimmed === 0 ? '' : `  ${paint.warn(`[${event.trimmed} trimmed by Salt]`)}`;
  const head = `${paint.dim(time)}  ${paint.tag(oneLine(event.tag))}${trimmed}`;
  return `${head}\n${showMap(data, INDENT, paint, width)}\n`;
}

/** Milliseconds since 1970 as the time of day where the reader is. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function isMap(value: ExactValue): value is ReadonlyMap<ExactValue, ExactValue> {
  return value instanceof Map;
}

function showMap(
  map: ReadonlyMap<ExactValue, ExactValue>,
  indent: string,
  paint: Paint,
  width: number,
): string {
  const lines: string[] = [];
  for (const [key, value] of map) {
    const name = typeof key === 'string' ? oneLine(key) : oneLine(exactToJson(key));
    lines.push(
      ...showEntry(
        `${indent}${paint.key(name)}:`,
        indent.length + name.length + 2,
        value,
        indent,
        paint,
        width,
      ),
    );
  }
  return lines.length === 0 ? `${indent}{}` : lines.join('\n');
}

function showEntry(
  head: string,
  headWidth: number,
  value: ExactValue,
  indent: string,
  paint: Paint,
  width: number,
): string[] {
  if (typeof value === 'string') {
    if (value === VALUE_TRIMMED)
      return [`${head} ${paint.warn(value)} (too large for the sender's max_event_size)`];
    if (!value.includes('\n')) return [`${head} ${oneLine(value)}`];
    const inner = `${indent}${INDENT}`;
    const text = value.endsWith('\n') ? value.slice(0, -1) : value;
    return [
      head,
      ...safeLines(text)
        .split('\n')
        .map((line) => inner + line),
    ];
  }
  const json = oneLine(exactToJson(value));
  if (json.length + headWidth <= width) return [`${head} ${json}`];
  if (isMap(value)) return [head, showMap(value, `${indent}${INDENT}`, paint, width)];
  if (Array.isArray(value)) {
    return [
      head,
      ...(value as readonly ExactValue[]).map((element) => showElement(element, indent, paint, width)),
    ];
  }
  return [`${head} ${json}`];
}

function showElement(element: ExactValue, indent: string, paint: Paint, width: number): string {
  const json = oneLine(exactToJson(element));
  const inner = `${indent}${INDENT}`;
  if (!isMap(element) || json.length + inner.length + 2 <= width) return `${inner}- ${json}`;
  const lines = showMap(element, `${inner}  `, paint, width);
  return `${inner}- ${lines.slice(inner.length + 2)}`;
}
