/**
 * Values as Salt's `nested` outputter writes them (the same in 3006.30, 3007.17 and 3008.5): keys in order, text line by line.
 */
import { pythonFloat } from '../../codec/json/python-json.ts';
import { ExactFloat } from '../../codec/msgpack/values.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import { pythonText } from '../../target/index.ts';
import { oneLine } from '../terminal.ts';
import type { Paint } from '../terminal.ts';

/** How it is painted: everything in the colour of a failure, or of what it is. */
export interface NestedLook {
  readonly paint: Paint;
  readonly isFailed: boolean;
}

// what Python's str.splitlines() ends lines at
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const LINE_END = /\r\n|[\n\v\f\r\u001c-\u001e\u0085\u2028\u2029]/;

/** The lines of a value, without a line feed at the end. */
export function nested(value: ExactValue, look: NestedLook): string {
  const lines: string[] = [];
  show(value, 0, '', look, lines);
  return lines.join('\n');
}

function show(value: ExactValue, indent: number, prefix: string, look: NestedLook, lines: string[]): void {
  const { paint, isFailed } = look;
  const pad = ' '.repeat(indent);
  const frame = isFailed ? paint.bad : paint.key;
  if (typeof value === 'string') {
    linesOf(value).forEach((line, index) => {
      const before = index === 0 ? prefix : ' '.repeat(prefix.length);
      lines.push(`${pad}${paint.good(`${before}${plainLine(line)}`)}`);
    });
  } else if (Array.isArray(value)) {
    for (const element of value as readonly ExactValue[]) {
      if (Array.isArray(element) || element instanceof Map) {
        lines.push(`${pad}${(isFailed ? paint.bad : paint.good)('|_')}`);
        show(element, indent + 2, element instanceof Map ? '' : '- ', look, lines);
      } else show(element, indent, '- ', look, lines);
    }
  } else if (value instanceof Map) {
    if (indent > 0) lines.push(`${pad}${frame('----------')}`);
    for (const [key, element] of sorted(value as ReadonlyMap<ExactValue, ExactValue>)) {
      lines.push(`${pad}${frame(`${prefix}${oneLine(key)}`)}:`);
      show(element, indent + 4, '', look, lines);
    }
  } else lines.push(`${pad}${paint.warn(`${prefix}${oneLine(scalar(value))}`)}`);
}

// tabs stay: they stand in what commands print
function plainLine(line: string): string {
  return line.split('\t').map(oneLine).join('\t');
}

function linesOf(text: string): string[] {
  const lines = text.split(LINE_END);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

// By code points, as Python sorts.
function sorted(map: ReadonlyMap<ExactValue, ExactValue>): [string, ExactValue][] {
  const pairs = [...map].map(([key, element]): [string, ExactValue] => [pythonText(key), element]);
  return pairs.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function scalar(value: ExactValue): string {
  if (value instanceof ExactFloat) return pythonFloat(value.value);
  return pythonText(value);
}
