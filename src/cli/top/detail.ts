/**
 * The lines of one event.
 */
import { otherJson, otherLine } from '../output/format.ts';
import { showPretty } from '../output/pretty.ts';
import { plainPaint } from '../terminal.ts';
import { cellText, wrapToCells } from './cells.ts';
import type { Line } from './lines.ts';
import type { Entry } from './model.ts';

const MOST_LINES = 5000;

interface Made {
  readonly columns: number;
  readonly lines: readonly Line[];
}

// Decoding a mebibyte ten times a second is too much; an entry never changes.
const made = new WeakMap<Entry, Made>();

/** The lines of an entry, wrapped to the width. */
export function detailLines(entry: Entry, columns: number): readonly Line[] {
  const known = made.get(entry);
  if (known?.columns === columns) return known.lines;
  const lines = makeLines(entry, columns);
  made.set(entry, { columns, lines });
  return lines;
}

function makeLines(entry: Entry, columns: number): readonly Line[] {
  const texts = textsOf(entry, columns);
  const lines: Line[] = [];
  for (const [index, text] of texts.entries()) {
    for (const part of wrapToCells(cellText(text), Math.max(1, columns), MOST_LINES)) {
      if (lines.length === MOST_LINES) {
        lines.push([{ text: `${texts.length - index} more lines are not shown`, style: 'warn' }]);
        return lines;
      }
      lines.push([{ text: part, ...(index === 0 ? { style: 'tag' as const } : {}) }]);
    }
  }
  return lines;
}

function textsOf(entry: Entry, columns: number): readonly string[] {
  const { item } = entry;
  if (item === undefined) {
    return [entry.tag ?? '(no tag)', `The event has ${entry.size} bytes: too many to be kept here.`];
  }
  if (item.kind === 'event') return showPretty(item, plainPaint, columns).trimEnd().split('\n');
  return [otherLine(item), otherJson(item)];
}
